"""Trains MIX+GAN on artificial data.

    python apps/train_mix_plus.py                            3 generators, 3 Gaussians in 64 dimensions
    python apps/train_mix_plus.py --n_generators=1 --n_discriminators=1
    python apps/train_mix_plus.py --data=network --data_layers=3 --training_samples=10000
    python apps/train_mix_plus.py --preset=paper             1024 dimensions, 100,000 steps

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png, tensorboard/,
checkpoints/, model.keras, and export/ for TF Serving.
"""

import pathlib

import common
import keras
import measures
import pipeline
from absl import flags

from keras_multigan import metrics, networks, plots
from keras_multigan.data import synthetic
from keras_multigan.models import MixPlusGAN

PAPER = {
    **common.RUN, "epochs": 100, "steps_per_epoch": 1000, "batch_size": 256,
    "data": "gaussians", "modes": 3, "dimension": 1024, "data_layers": 2, "training_samples": None,
    "n_generators": 3, "n_discriminators": 3, "base": "wasserstein", "entropy_weight": 1.0,
    "n_critic": 5, "layers": 5, "generator_layers": None, "width": 1024,
    "generator_learning_rate": 1e-5, "discriminator_learning_rate": 1e-4,
    "frechet_samples": 50_000, "judge_samples": 25_600, "judge_width": 1024,
    "wasserstein_steps": 100_000,
}
PRESETS = {
    "paper": PAPER,
    "quick": {**PAPER, "dimension": 64, "width": 96, "batch_size": 128, "epochs": 30,
              "steps_per_epoch": 100, "generator_learning_rate": 1e-4,
              "discriminator_learning_rate": 1e-3, "judge_width": 256, "wasserstein_steps": 500},
}


def define_flags():
    common.define_run_flags(PRESETS)
    flags.DEFINE_enum("data", None, ["gaussians", "network"], "what is learned")
    flags.DEFINE_integer("modes", None, "Gaussians, each around an axis' unit vector", lower_bound=1)
    flags.DEFINE_integer("dimension", None, "of data and noise", lower_bound=2)
    flags.DEFINE_integer("data_layers", None, "layers of --data=network", lower_bound=2)
    flags.DEFINE_integer("training_samples", None, "a finite training set (default: endless draws)",
                         lower_bound=1)
    flags.DEFINE_integer("n_generators", None, "number of generators", lower_bound=1)
    flags.DEFINE_integer("n_discriminators", None, "number of discriminators", lower_bound=1)
    flags.DEFINE_enum("base", None, ["wasserstein", "vanilla"], "adversarial loss")
    flags.DEFINE_float("entropy_weight", None, "of the mixture weights' regulariser", lower_bound=0.0)
    flags.DEFINE_integer("n_critic", None, "discriminator updates a step", lower_bound=1)
    flags.DEFINE_integer("layers", None, "of all networks, as the paper counts them", lower_bound=2)
    flags.DEFINE_integer("generator_layers", None, "of the generators (default: --layers)",
                         lower_bound=2)
    flags.DEFINE_integer("width", None, "of their hidden layers", lower_bound=1)
    flags.DEFINE_float("generator_learning_rate", None, "Adam's", lower_bound=0.0)
    flags.DEFINE_float("discriminator_learning_rate", None, "Adam's", lower_bound=0.0)
    flags.DEFINE_integer("frechet_samples", None, "vectors of the Frechet distance", lower_bound=2)
    flags.DEFINE_integer("judge_samples", None, "vectors of Judge and Wasserstein estimate",
                         lower_bound=100)
    flags.DEFINE_integer("judge_width", None, "of the hidden layers of Judge and estimating critic",
                         lower_bound=1)
    flags.DEFINE_integer("wasserstein_steps", None, "updates of the estimating critic", lower_bound=1)


def complete(options):
    """Checks what can be checked before anything is built."""
    common.check_positive(options, "generator_learning_rate", "discriminator_learning_rate")
    make_source(options)
    return options


def make_source(options):
    """The distribution that is learned."""
    if options["data"] == "network":
        return synthetic.RandomNetwork(options["dimension"], options["data_layers"])
    return synthetic.axis_gaussians(options["modes"], options["dimension"])


def make(options, shape, num_classes=None, classifier=None):
    """The compiled model of a run, for vectors (d,)."""
    depth, width = options["layers"], options["width"]
    model = MixPlusGAN(
        [networks.mlp(*shape, *shape, options["generator_layers"] or depth, width)
         for _ in range(options["n_generators"])],
        [networks.mlp(*shape, 1, depth, width) for _ in range(options["n_discriminators"])],
        latent_dim=shape[0], base=options["base"], entropy_weight=options["entropy_weight"],
        n_critic=options["n_critic"], seed=options["seed"],
    )
    model.compile(**{
        f"{player}_optimizer": keras.optimizers.Adam(options[f"{player}_learning_rate"], 0.5, 0.9)
        for player in ("generator", "discriminator")
    })
    return model


def train(options, output, resume=False):
    """One run, from its options to its results."""
    source = make_source(options)
    samples, few = source, options["training_samples"]
    if few is not None:
        samples = source.sample(few, seed=0)[0]

    def measure(model):
        n = max(options["frechet_samples"], options["judge_samples"])
        real, fake = source.sample(n, seed=1)[0], model.sample(n, seed=2)
        judged = slice(options["judge_samples"])
        judge = metrics.judge_accuracy(real[judged], fake[judged], width=options["judge_width"])
        wasserstein = metrics.wasserstein_estimate(
            real[judged], fake[judged], width=options["judge_width"],
            steps=options["wasserstein_steps"])
        results = {
            "judge_accuracy": judge.accuracy, "tvd_bound": judge.tvd_bound,
            "frechet_distance": metrics.frechet_distance(
                real[: options["frechet_samples"]], fake[: options["frechet_samples"]]),
            "frechet_features": "raw vectors",
            "wasserstein_estimate": wasserstein.distance,
            "mixture_weights": model.mixture_weights.tolist(),
            "frechet_samples": options["frechet_samples"], "judge_samples": options["judge_samples"],
        }
        if options["data"] == "gaussians":
            shares = metrics.mode_shares(measures.sample_each(model, 5000), source.means)
            results.update(
                mode_shares=shares.tolist(), pairwise_tvd=metrics.pairwise_tvd(shares),
                least_share_of_own_mode=float(shares.max(axis=1).min()),
                modes_with_a_generator=len(set(shares.argmax(axis=1).tolist())),
            )
        return results

    def picture(model, epoch):
        samples, real = measures.sample_each(model, 300), source.sample(1000, seed=3)[0]
        path = pathlib.Path(output) / "samples.png"
        if options["dimension"] == 2:
            return plots.save_scatter(samples, real, path)
        weights = keras.ops.convert_to_numpy(model.discriminator_weights.shares())

        def critics(x):  # what the generators see
            return sum(w * d(x, training=False)
                       for w, d in zip(weights, model.discriminators, strict=True))

        return plots.save_projection(samples, real, critics, path,
                                     means=getattr(source, "means", None))

    return pipeline.run_on_vectors(make, samples, options, output, resume, measure=measure,
                                   picture=picture)


def main(argv):
    pipeline.main("mix-plus", PRESETS, complete, make, train)


if __name__ == "__main__":
    define_flags()
    common.run(main)
