"""ComMutE-GAN: 5 generators on digits, minutes on 2 CPU cores; the paper's configuration on MNIST.

    multigan train commute
    multigan train commute --preset=paper --tvd_weight=sudden_death:20:20
"""

from keras_multigan import callbacks, networks, schedules
from keras_multigan.models import ComMutEGAN
from keras_multigan.models.commute import ADVERSARIAL_LOSSES
from keras_multigan.recipes.experiment import INDEPENDENT, SCORE, TVD, Arm, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, PENALTY_ON_VECTORS, ArenaArm, Recipe
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, WEIGHT, Option

GENERATORS = {
    "small": networks.commute_generator,
    "deep": networks.commute_deep_generator,
    "residual": networks.commute_residual_generator,
}


def make_networks(options, samples):
    def scaled(filters, width=options.width):
        return max(4, round(filters * width / 4) * 4)

    width = options.width * options.generator_width
    others = {} if width == 1.0 else {"filters": scaled(256, width)}
    if options.generator != "residual":  # which has none
        others["dropout"] = options.generator_dropout
    return {
        "generators": [GENERATORS[options.generator](options.latent_dim, samples.shape,
                                                     normalization=options.normalization, **others)
                       for _ in range(options.num_generators)],
        "critic": networks.commute_critic(samples.shape, scaled(64), options.critic_dropout),
        "classifier": samples.classifier,
    }


def complete(options):
    n, m = options.num_generators, options.batch_size
    schedules.parse(options.tvd_weight)
    if options.epochs is None:
        options = options.replace(epochs=250 if options.until_converged else 70)
    if m is None:
        # The paper's rule: 500, or 504 for n = 3, 6, 7, 8, 9.
        sizes = (500, 504) if options.preset == "paper" else (100,)
        unit = n * (options.devices or 1)
        fitting = [size for size in sizes if size % unit == 0]
        return options.replace(batch_size=fitting[0] if fitting else -(-sizes[0] // unit) * unit)
    if m % n:
        raise ValueError(
            f"--batch_size is expected to be a multiple of the {n} generators. Received: {m}. "
            f"Use {m // n * n or n} or {(m // n + 1) * n}."
        )
    return options


def stops(options, history):
    """The paper's end of a run: the objective has converged."""
    if not options.until_converged:
        return []
    return [callbacks.ConvergenceStop(history=[row["critic_loss"] for row in history])]


def resolve(options, overrides, preset):
    if preset != "paper":
        options["until_converged"] = False
    if "batch_size" in overrides:
        n = options["num_generators"]
        options["batch_size"] = -(-overrides["batch_size"] // n) * n
    epochs = options["epochs"] or (250 if options["until_converged"] else 70)
    options["tvd_weight"] = str(options["tvd_weight"]).format(
        epochs=epochs, two_sevenths=max(1, round(epochs * 2 / 7)))
    return options


def _arm(label, n, weight, paper=None, x=None, **others):
    """The paper's values: Frechet distance, TVD."""
    return Arm(label, {"num_generators": n, "tvd_weight": f"constant:{weight}", **others},
               dict(zip(("frechet_distance", "pairwise_tvd"), paper or ())), x)


def _reading(label, **others):
    return _arm(label, 5, 12.2, **{"n_critic": 3, "normalization": "after", **others})


_DROPOUT = {"critic_dropout": "all", "generator_dropout": True}
_NO_DROPOUT = {"critic_dropout": "none", "generator_dropout": False}


def _dropout(label, options):
    return Arm(label, {"dataset": "mnist", **_DROPOUT, **options})


SHORT = {"dataset": "digits", "width": 0.25, "learning_rate": 5e-4, "n_critic": 1, "epochs": 20,
         "steps_per_epoch": 50}
SCALES = {"quick": "short", "paper": "paper"}
EXPERIMENTS = {
    "batch_concatenation": Experiment(
        "Batch concatenation without and with the TVD loss (tables 1-3)",
        "The generators' order is arbitrary: compare how the classes are shared out. The paper's "
        "class tables have a TVD (equation 7) of 0.884, 0.981 and 0.839, less than it prints.",
        [_arm("n2-gamma0", 2, 0, (4.738, 0.9832), until_converged=True),
         _arm("n2-gamma5", 2, 5, (3.602, 0.9965), until_converged=True),
         _arm("n4-gamma0", 4, 0, (2.9439, 0.9633), until_converged=True)],
        class_tables={
            "n2-gamma0": [
                [0.00, 27.23, 13.23, 0.63, 18.91, 0.00, 0.00, 22.46, 0.32, 17.23],
                [19.15, 0.01, 8.94, 19.75, 0.06, 17.19, 18.35, 0.29, 14.93, 1.31]],
            "n2-gamma5": [
                [18.98, 21.77, 0.47, 0.03, 18.96, 0.00, 0.13, 19.47, 0.49, 19.69],
                [0.51, 0.04, 21.25, 19.79, 0.16, 17.90, 23.48, 0.01, 16.82, 0.05]],
            "n4-gamma0": [
                [0.02, 0.15, 0.04, 13.00, 6.91, 4.92, 36.91, 0.11, 33.14, 4.79],
                [38.99, 0.00, 11.32, 22.84, 0.01, 24.13, 0.03, 0.00, 2.33, 0.33],
                [0.15, 45.49, 15.88, 0.14, 31.99, 0.68, 2.65, 0.86, 0.84, 1.31],
                [0.36, 0.29, 22.05, 2.46, 0.72, 0.95, 0.00, 41.96, 1.94, 29.24]]},
        presets=SCALES,
    ),
    "gamma_sweep": Experiment(
        "Weight of the TVD loss, 5 generators (figure 3)",
        "The paper prints no number of this sweep, only that about 12.2 is best.",
        [_arm(f"gamma{weight}", 5, weight, x=weight)
         for weight in (0, 5, 10, 11, 12, 13, 14, 15, 20)],
        axis="weight of the TVD loss (gamma)", presets=SCALES,
    ),
    "schedules": Experiment(
        "Schedules of the TVD loss's weight, 5 generators (sections 5.2.2 and 5.2.3)",
        "The constant weight is the paper's best, to compare with; it prints no number for it.",
        # At the paper's 70 epochs these are linear:20:5:70 and sudden_death:20:20.
        [_arm("constant", 5, 12.2),
         _arm("linear-decay", 5, 0, (3.5379, 0.9999), tvd_weight="linear:20:5:{epochs}"),
         _arm("sudden-death", 5, 0, (2.6685, 0.9998), tvd_weight="sudden_death:20:{two_sevenths}")],
        presets=SCALES,
    ),
    "n_sweep": Experiment(
        "Number of generators (figure 4)",
        'The paper prints only n = 1 ("FID ~ 4.25"). Of the others it says that n = 3, 6, 7, 9 are '
        "much worse and that n = 4 and 5 are best.",
        [_arm(f"n{n}", n, 12.2, (4.25,) if n == 1 else (), n, until_converged=True)
         for n in range(1, 11)],
        axis="number of generators", presets=SCALES,
    ),
    "model_size": Experiment(
        "Small generators against one large one (section 5.1.1)",
        "The paper calls its distances averages, and says that its residual run did not converge. "
        "Its generators have 3,642,640 (4 x 910,660), 69,657,924 and 3,882,049 parameters.",
        [_arm("4-small", 4, 12.5, (2.6,)), _arm("1-deep", 1, 0, (5.56,), generator="deep"),
         _arm("1-residual", 1, 0, (23.42,), generator="residual")],
        class_tables={}, presets=SCALES,
    ),
    "readings": Experiment(
        "Readings of the paper's text, and of the example that its networks are like",
        "The paper compares none. The first run has its text's order of batch normalisation and "
        "activation, its dropout in every block of the critic, a real batch for each critic update. "
        "The last one has all of that as keras.io's WGAN-GP example, but keeps the critic's layer "
        "normalisation, which is not there. With one real batch for all critic updates of a step, one "
        "pass over the data has three times the updates.",
        [_reading("text"), _reading("before", normalization="before"),
         _reading("middle-dropout", critic_dropout="middle"),
         _reading("one-batch", fresh_batches=False),
         _reading("keras-io", normalization="before", critic_dropout="middle", fresh_batches=False,
                  generator_dropout=False)],
        presets=SCALES,
    ),
    "five_against_one": Experiment(
        "Five generators against one, small and large, on an independent network",
        "Not in the paper. The one generator has a fifth of the parameters of five, about as many as "
        "five small ones together, and no TVD term. The large one has the parameters of five. Without "
        "the term no label is in the loss.",
        [Arm("five", {}), Arm("five-small", {"generator_width": 0.25}),
         Arm("one", {"num_generators": 1}),
         Arm("one-large", {"num_generators": 1, "generator_width": 2.9}),
         Arm("five-no-term", {"tvd_weight": "constant:0"}),
         Arm("five-small-no-term", {"generator_width": 0.25, "tvd_weight": "constant:0"}),
         Arm("five-critic-dropout", {"critic_dropout": "all"})],
        columns=(*INDEPENDENT, SCORE, TVD),
    ),
    "dropout": Experiment(
        "Where the dropout of the paper's networks belongs, on MNIST and an independent network",
        "Not in the paper. Recall tells whether a generator draws more than a few prototypes.",
        [_dropout("both", {}), _dropout("generators", {"critic_dropout": "none"}),
         _dropout("critic", {"generator_dropout": False}), _dropout("none", _NO_DROPOUT),
         _dropout("none-one-generator", {"num_generators": 1, **_NO_DROPOUT})],
        columns=(*INDEPENDENT, SCORE, TVD),
    ),
}


def arena(kit, generators=None):
    """`generators` are the kit's, if None."""
    return {"generators": kit.generators() if generators is None else generators,
            "critic": kit.discriminator(), "classifier": kit.classifier, "latent_dim": kit.latent_dim,
            **(PENALTY_ON_VECTORS if len(kit.shape) == 1 else {})}


def _in_arena(title, updates, weight=None, generators=lambda kit: kit.generators(), **others):
    """`weight` is a function of the number of epochs; None is no term."""

    def arguments(kit, epochs):
        return arena(kit, generators(kit)) | {
            "n_critic": updates, "classifier": None if weight is None else kit.classifier,
            "tvd_weight": 0.0 if weight is None else weight(epochs), **others}

    return ArenaArm(f"{title}; critic updates per step: {updates}", arguments)


def _arms(updates, name=""):
    return {
        f"one{name}": _in_arena("one generator", updates, None, lambda kit: [kit.generator()]),
        f"one_large{name}": _in_arena("one generator with the parameters of all", updates, None,
                                      lambda kit: [kit.large_generator()]),
        f"several{name}": _in_arena("several generators without a term", updates),
        f"several_constant{name}": _in_arena("constant weight 12.2", updates, lambda epochs: 12.2),
    }


def _linear(updates, title="weight 20 that falls to 5", **others):
    return _in_arena(title, updates, lambda epochs: schedules.linear_decay(20, 5, epochs), **others)


def _schedules(updates, name=""):
    """The paper's, 20 to 5 over its 70 epochs and 20 for 20 of them, in parts of the run."""
    return {
        f"several_linear{name}": _linear(updates),
        f"several_sudden{name}": _in_arena(
            "weight 20 for two sevenths of the run, then 0", updates,
            lambda epochs: schedules.sudden_death(20, max(1, round(epochs * 2 / 7)))),
    }


def _sweeps(updates, name):
    """Other numbers of generators, figure 4, and other weights, figure 3."""
    return {
        **{f"several_{n}{name}": _in_arena(f"{n} generators without a term", updates,
                                           generators=_number(n)) for n in (2, 10)},
        **{f"several_constant_{n}{name}": _in_arena(
            f"{n} generators, constant weight 12.2", updates, lambda epochs: 12.2, _number(n))
            for n in (2, 3, 4, 10)},
        **{f"several_weight_{weight}{name}": _in_arena(
            f"constant weight {weight}", updates, lambda epochs, weight=weight: float(weight))
            for weight in (1, 5, 20)},
    }


def _number(n):
    return lambda kit: kit.with_generators(n).generators()


ARENA_ARMS = {**_arms(3), **_schedules(3), **_arms(1, "_critic1"), **_arms(6, "_critic6"),
              **_schedules(6, "_critic6"), **_arms(12, "_critic12"), **_sweeps(6, "_critic6")}
# As the arm `r3gan`, with several generators.
_R3GAN = {"adversarial_loss": "relativistic_pairing", "gp_weight": 0.0, "r1_weight": 1.0,
          "r2_weight": 1.0}
ARENA_ARMS["several_r3gan"] = _in_arena(
    "several generators without a term, R3GAN's losses", 1, **_R3GAN)
ARENA_ARMS["several_linear_r3gan"] = _linear(
    1, "weight 20 that falls to 5, R3GAN's losses", **_R3GAN)
for _name in ("one_large_critic6", "several_critic6", "several_constant_critic6", "several_r3gan",
              "several_linear_r3gan"):
    ARENA_ARMS[f"{_name}_batch5"] = ARENA_ARMS[_name].with_batches(5)
RECIPE = Recipe(
    "commute", "ComMutE-GAN: a classifier keeps the generators' classes apart", ComMutEGAN,
    make_networks,
    arguments={
        "latent_dim": Option(128, "length of a noise vector", least=1, most=MOST_NOISE),
        "tvd_weight": Option("constant:12.2", "weight of the TVD term by epoch: constant:12.2, "
                             "linear:20:5:70 or sudden_death:20:20", aliases=("tvd_schedule",)),
        "n_critic": Option(help="critic updates per step", least=1, most=100),
        "adversarial_loss": Option(help="the paper's, or that of R3GAN, with --gp_weight=0 "
                                   "--r1_weight=1 --r2_weight=1", choices=ADVERSARIAL_LOSSES,
                                   later=True),
        "gp_weight": Option(help="weight of the gradient penalty", **WEIGHT),
        "r1_weight": Option(help="of the zero-centred penalty on real images", later=True, **WEIGHT),
        "r2_weight": Option(help="of the zero-centred penalty on generated images", later=True,
                            **WEIGHT),
        "generator_batch_size": Option(help="images of each generator in its update (default: "
                                       "batch_size / num_generators)", kind=int, least=1, most=10**5),
        "fresh_batches": Option(help="each critic update has real images of its own (Algorithm 1); if "
                                "not, a step has one real batch (keras.io)"),
    },
    settings={
        "num_generators": Option(5, "number of generators", least=1, most=MOST_NETWORKS,
                                 aliases=("n_generators",)),
        "generator": Option("small", "generator network", choices=tuple(GENERATORS)),
        "normalization": Option("before", "where the generators' batch normalisation is: before the "
                                "activation, or after it (appendix B)", choices=("before", "after"),
                                later=True),
        "generator_dropout": Option(True, "dropout in the generators' last block (appendix B)",
                                    later=True),
        "critic_dropout": Option("all", "blocks of the critic with dropout: all (appendix B), middle, "
                                 "and less before the last layer (keras.io), or none",
                                 choices=("all", "middle", "none"), later=True),
        "width": Option(1.0, "networks' width, as a part of the paper's", above=0, most=64),
        "generator_width": Option(1.0, "the generators' width, as a part of what --width makes it",
                                  above=0, most=64, later=True),
        "learning_rate": LEARNING_RATE,
        "until_converged": Option(False, "stop when critic_loss moves less than 0.01 for 5 epochs in a "
                                  "row; 250 epochs at most unless --epochs says"),
    },
    presets={
        # Settled on a fifth of the training digits, with seeds 100 and 101. With dropout each generator
        # draws a few prototypes.
        "quick": SHORT | _NO_DROPOUT | {
            "image_size": 16, "steps_per_epoch": 200, "tvd_weight": "constant:3", "ema": 0.998},
        "short": SHORT,  # quick in version 0.1
        # As the paper's text has it. Layer sizes and Adam's settings are those of keras.io's WGAN-GP
        # example, which differs in much else: see the experiment "readings".
        "paper": {"normalization": "after", "classifier": "paper"},
    },
    complete=complete, stops=stops, experiments=EXPERIMENTS, resolve=resolve, arena=arena,
    arena_arms=ARENA_ARMS,
)
