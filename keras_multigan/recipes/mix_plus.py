"""MIX+GAN on artificial data: 3 generators for 3 Gaussians in 64 dimensions, or the paper's 1024.

    multigan train mix_plus
    multigan train mix_plus --num_generators=1 --num_discriminators=1
    multigan train mix_plus --data=network --data_layers=3 --training_samples=10000
"""

import keras

from keras_multigan import metrics, networks, plots
from keras_multigan.data import synthetic
from keras_multigan.models import MixPlusGAN
from keras_multigan.recipes.experiment import FRECHET, Arm, Column, Experiment
from keras_multigan.recipes.recipe import Recipe
from keras_multigan.runs.measures import tvd_of_several
from keras_multigan.runs.options import MOST_NETWORKS, MOST_UNITS, RUN, WEIGHT, Option
from keras_multigan.runs.run import sample_each
from keras_multigan.runs.vectors import VectorTask


def make_networks(options, samples):
    (size,), depth, width = samples.shape, options.layers, options.width
    return {
        "generators": [networks.mlp(size, size, options.generator_layers or depth, width)
                       for _ in range(options.num_generators)],
        "discriminators": [networks.mlp(size, 1, depth, width)
                           for _ in range(options.num_discriminators)],
        "latent_dim": size,
    }


def source(options):
    """The distribution that is learned."""
    if options.data == "network":
        return synthetic.RandomNetwork(options.dimension, options.data_layers, data_seed(options))
    return synthetic.axis_gaussians(options.modes, options.dimension)


def data_seed(options):
    """What fixes the random network and the finite training set: of other draws than the measures'."""
    if options.data_seed == 0:  # as in earlier versions
        return 0
    return (options.seed if options.data_seed is None else options.data_seed), 1, 1


def complete(options):
    source(options)  # raises for modes that the dimension cannot hold
    return options


def training_set(options, source):
    few = options.training_samples
    return source if few is None else source.sample(few, seed=data_seed(options))[0]


def distances(options, source, model):
    n = max(options.frechet_samples, options.judge_samples)
    real, fake = source.sample(n, seed=1)[0], model.sample(n, seed=2)
    judged, compared = slice(options.judge_samples), slice(options.frechet_samples)
    if options.judge_steps is None:
        judge = metrics.judge_accuracy(real[judged], fake[judged], width=options.judge_width)
    else:
        judge = metrics.judge_accuracy(
            lambda n, seed: source.sample(n, seed)[0], lambda n, seed: model.sample(n, seed=seed),
            width=options.judge_width, steps=options.judge_steps, num_samples=options.judge_samples)
    wasserstein = metrics.wasserstein_estimate(
        real[judged], fake[judged], width=options.judge_width, steps=options.wasserstein_steps)
    return {
        "judge_accuracy": judge.accuracy, "tvd_bound": judge.tvd_bound,
        "frechet_distance": metrics.frechet_distance(real[compared], fake[compared]),
        "wasserstein_estimate": wasserstein.distance,
    }


def measure(options, source, model):
    """The distances to the distribution and, as in figure 11, to the training set if that is finite."""
    results = distances(options, source, model)
    if options.training_samples is not None:
        seen = synthetic.FiniteSamples(training_set(options, source))
        results |= {f"train_{name}": value for name, value in distances(options, seen, model).items()}
    results |= {
        "frechet_features": "raw vectors", "mixture_weights": model.mixture_weights.tolist(),
        "frechet_samples": options.frechet_samples, "judge_samples": options.judge_samples,
        "judge_steps": options.judge_steps,
    }
    if options.data == "gaussians":
        shares = metrics.mode_shares(sample_each(model, 5000), source.means)
        results.update(
            mode_shares=shares.tolist(), pairwise_tvd=tvd_of_several(shares),
            least_share_of_own_mode=float(shares.max(axis=1).min()),
            modes_with_a_generator=len(set(shares.argmax(axis=1).tolist())),
        )
    return results


def picture(run, source, model, epoch):
    samples, real = sample_each(model, 300), source.sample(1000, seed=3)[0]
    path = run.output / "samples.png"
    if run.options.dimension == 2:
        return plots.save_scatter(samples, real, path)
    weights = keras.ops.convert_to_numpy(model.discriminator_weights.shares())

    def critics(x):  # what the generators see
        return sum(w * d(x, training=False) for w, d in zip(weights, model.discriminators, strict=True))

    return plots.save_projection(samples, real, critics, path, means=getattr(source, "means", None))


def _pairs(n, label=None, **others):
    return Arm(label or f"{n}G{n}D", {"num_generators": n, "num_discriminators": n, **others})


COLUMNS = (
    Column("Judge accuracy", "judge_accuracy", ".4f"), FRECHET,
    Column("Wasserstein estimate", "wasserstein_estimate", ".4f"), Column("TVD", "pairwise_tvd", ".4f"),
    Column("least share on one mode", "least_share_of_own_mode", ".3f"),
    Column("modes with a generator", "modes_with_a_generator", "g"),
)
EXPERIMENTS = {
    "mixtures": Experiment(
        "Bigger mixtures are closer to the data, each generator takes a mode",
        "The paper shows figures, no numbers: Judge accuracy, Frechet distance and Wasserstein "
        "estimate fall with the size of the mixture.",
        [Arm(f"{n}G{n}D", _pairs(n).options, x=n) for n in (1, 2, 3)],
        COLUMNS, axis="generators and discriminators",
    ),
    "modes": Experiment(
        "As many pairs as Gaussians, and more (figures 4 to 7)",
        "samples.png in each run's folder is the counterpart of the paper's figure: with as many "
        "generators as Gaussians each takes about one; of ten each draws a small part.",
        [_pairs(2, "2-modes", modes=2), _pairs(3, "3-modes"), _pairs(4, "4-modes", modes=4),
         _pairs(10)],
        COLUMNS,
    ),
    "depth": Experiment(
        "Depth of a single pair (figure 8)",
        "The paper finds no clear gain; which depths it tried is only in its figure.",
        [_pairs(1, f"{depth}-layers", layers=depth) for depth in (3, 5, 7, 9)],
        COLUMNS[:3],
    ),
    "width": Experiment(
        "Width of a single pair (figure 9)",
        "The paper finds no clear gain; which widths it tried is only in its figure.",
        [_pairs(1, f"{times}-times", width={"times": times}) for times in (1, 2, 4)],
        COLUMNS[:3],
    ),
    "size_of_a_pair": Experiment(
        "Depth or width of a single pair helps less than a mixture",
        "All others have one generator and one discriminator.",
        [_pairs(1), _pairs(1, "deeper", layers=7), _pairs(1, "wider", width={"times": 2}), _pairs(3)],
        COLUMNS,
    ),
    "random_network": Experiment(
        "Data from a random network of two layers, generators of more (figure 10)",
        "The data are a Gaussian, of which an affine map, a generator of two layers, is enough. The "
        "discriminators have five.",
        [_pairs(n, f"layers{depth}-{n}G{n}D", data="network", generator_layers=depth)
         for depth in (2, 3, 5) for n in (1, 3)],
        COLUMNS[:3],
    ),
    "network_depth": Experiment(
        "Data from random networks of growing depth (not in the paper)",
        "With two layers the data are a Gaussian.",
        [_pairs(n, f"layers{depth}-{n}G{n}D", data="network", data_layers=depth)
         for depth in (2, 3, 5) for n in (1, 3)],
        COLUMNS[:3],
    ),
    "training_set_size": Experiment(
        "A finite training set (figure 11)",
        "Measured against fresh samples of the same distribution and against the training set, of "
        "which the Judge draws rows without end.",
        [_pairs(n, f"{size or 'endless'}-{n}G{n}D", training_samples=size)
         for size in (1000, 10_000, None) for n in (1, 3)],
        (*COLUMNS[:3], Column("Judge accuracy, training set", "train_judge_accuracy", ".4f"),
         Column("Frechet distance, training set", "train_frechet_distance", ".3f")),
    ),
}

def arena(kit):
    """Every generator makes a batch for each discriminator, so that n of each would cost n^2."""
    return {"generators": kit.generators(), "latent_dim": kit.latent_dim,
            "discriminators": [kit.discriminator() for _ in range(2)]}


RECIPE = Recipe(
    "mix_plus", "MIX+GAN: mixtures of generators and discriminators, learned weights", MixPlusGAN,
    make_networks,
    arguments={
        "adversarial_loss": Option(help="the game", choices=("wasserstein", "vanilla"),
                                   aliases=("base",)),
        "entropy_weight": Option(help="of the mixture weights' regulariser", **WEIGHT),
        "discriminator_updates": Option(help="discriminator updates per step", least=1, most=100,
                                        aliases=("n_critic",)),
    },
    settings={
        "data": Option("gaussians", "what is learned", choices=("gaussians", "network")),
        "modes": Option(3, "Gaussians, each around an axis' unit vector", least=1, most=MOST_UNITS),
        "dimension": Option(1024, "of data and noise", least=2, most=MOST_UNITS),
        "data_layers": Option(2, "layers of --data=network", least=2, most=100),
        "training_samples": Option(help="a finite training set (default: endless draws)", kind=int,
                                   least=1, most=10**7),
        "data_seed": Option(0, "what fixes the random network and the finite training set (default of "
                            "the presets: the run's seed)", least=0, most=2**32 - 1, later=True),
        "num_generators": Option(3, "number of generators", least=1, most=MOST_NETWORKS,
                                 aliases=("n_generators",)),
        "num_discriminators": Option(3, "number of discriminators", least=1, most=MOST_NETWORKS,
                                     aliases=("n_discriminators",)),
        "layers": Option(5, "of all networks, as the paper counts them", least=2, most=100),
        "generator_layers": Option(help="of the generators (default: --layers)", kind=int, least=2,
                                   most=100),
        "width": Option(1024, "of their hidden layers", least=1, most=MOST_UNITS),
        "generator_learning_rate": Option(help="default: the paper's", kind=float, above=0, most=10),
        "discriminator_learning_rate": Option(help="default: the paper's", kind=float, above=0,
                                              most=10),
        "frechet_samples": Option(50_000, "vectors of the Frechet distance", least=2, most=10**7),
        "judge_samples": Option(25_600, "vectors of Judge and Wasserstein estimate", least=100,
                                most=10**7),
        "judge_steps": Option(help="updates of the Judge, each on new vectors (default: it learns from "
                              "half of --judge_samples)", kind=int, least=1, most=10**7, later=True),
        "judge_width": Option(1024, "of the hidden layers of Judge and estimating critic", least=1,
                              most=MOST_UNITS),
        "wasserstein_steps": Option(100_000, "updates of the estimating critic", least=1, most=10**7),
    },
    presets={
        "paper": {"epochs": 100, "steps_per_epoch": 1000, "batch_size": 256, "data_seed": None,
                  "judge_steps": 100_000},
        "quick": {"dimension": 64, "width": 96, "batch_size": 128, "epochs": 30,
                  "steps_per_epoch": 100, "generator_learning_rate": 1e-4,
                  "discriminator_learning_rate": 1e-3, "judge_width": 256, "wasserstein_steps": 500,
                  "data_seed": None, "judge_steps": 1000},
    },
    common=RUN, complete=complete,
    task=VectorTask(source, measure, picture, training_set),
    rows=(("judge_accuracy", "Judge accuracy", ".4f"), ("tvd_bound", "  TVD at least", ".4f"),
          ("wasserstein_estimate", "Wasserstein estimate", ".4f"),
          ("train_judge_accuracy", "to the training set: Judge accuracy", ".4f"),
          ("train_frechet_distance", "  Frechet distance", ".3f"),
          ("train_wasserstein_estimate", "  Wasserstein estimate", ".4f"),
          ("mixture_weights", "mixture weights", ".3f"),
          ("least_share_of_own_mode", "least share on one mode", ".4f")),
    experiments=EXPERIMENTS, arena=arena,
)
