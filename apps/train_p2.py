"""Trains P2GAN.

    python apps/train_p2.py                          8 generators, one after the other, on a ring of 8
    python apps/train_p2.py --preset=constraints     digits 3 and 8, pushed away from 3
    python apps/train_p2.py --preset=images          8x8 digits, residual networks
    python apps/train_p2.py --preset=paper           the ring, as far as the paper states it
    python apps/train_p2.py --preset=images_paper    CIFAR-10 as in the paper

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png, tensorboard/,
checkpoints/, model.keras, and export/ for TF Serving; on the ring evolution.png, too, on images
class_table.png.
"""

import pathlib

import common
import keras
import measures
import numpy as np
import pipeline
from absl import flags

from keras_multigan import data, metrics, networks, plots
from keras_multigan.data import synthetic
from keras_multigan.models import P2GAN, p2

# The paper's epoch of endless data is one update; an epoch is 100 of them here.
RING = {
    **common.RUN, **common.IMAGES, "dataset": "ring", "classes": None, "auxiliary_class": None,
    "batch_size": 512, "generator_batch_size": 64, "epochs": 150, "steps_per_epoch": 100, "growth": 10,
    "n_generators": 8, "latent_dim": 256, "networks": "mlp", "width": 128, "share": True,
    "learning_rate": 1e-3, "push_weight": 0.05, "push": "all", "pull": "mixture", "divergence": "js",
    "regularizer_weight": 0.0, "auxiliary_pull": 0.1, "auxiliary_push": 0.01,
}
CIFAR10 = {
    **RING, "dataset": "cifar10", "image_size": 32, "batch_size": 64, "generator_batch_size": None,
    "epochs": 150, "steps_per_epoch": None, "n_generators": 5, "latent_dim": 128,
    "networks": "resnet", "learning_rate": 2e-4, "push_weight": 0.01, "regularizer_weight": 2.0,
    "inception": "tfgan",
}
PRESETS = {
    # At this learning rate 0.05 in all, not for each of the seven others, leaves modes out.
    "quick": {**RING, "epochs": 100, "push_weight": 0.35},
    "paper": RING,
    "constraints": {**RING, "dataset": "digits", "classes": "8,3",
                    "auxiliary_class": 3, "n_generators": 2, "growth": None, "push_weight": 0.01,
                    "image_size": 8, "batch_size": 64, "generator_batch_size": None, "epochs": 20},
    "images": {**CIFAR10, "dataset": "digits", "image_size": 8, "inception": "none", "width": 16,
               "latent_dim": 32, "learning_rate": 1e-3, "epochs": 150, "steps_per_epoch": 14},
    "images_paper": CIFAR10,
}


def define_flags():
    common.define_run_flags(PRESETS)
    common.define_image_flags()
    flags.DEFINE_string("classes", None, "of an image set, as 8,3 (default: all)")
    flags.DEFINE_integer("auxiliary_class", None, "half of this class becomes an auxiliary source, "
                         "which pulls the last generator and pushes the others")
    flags.DEFINE_integer("n_generators", None, "number of generators", lower_bound=1)
    flags.DEFINE_integer("growth", None, "epochs after which the next generator joins; 0: all at once",
                         lower_bound=0)
    flags.DEFINE_integer("generator_batch_size", None, "samples of each generator an update; 0: as "
                         "many as real ones", lower_bound=0)
    flags.DEFINE_integer("latent_dim", None, "length of a noise vector", lower_bound=1)
    flags.DEFINE_enum("networks", None, ["mlp", "resnet"], "with hidden layers, or residual blocks")
    flags.DEFINE_integer("width", None, "units or channels of the hidden layers", lower_bound=1)
    flags.DEFINE_bool("share", None, "generators share all but the first layer, discriminators all but "
                      "the last")
    flags.DEFINE_float("learning_rate", None, "Adam's, of both players", lower_bound=0.0)
    flags.DEFINE_float("push_weight", None, "of all pushes of a generator by others", lower_bound=0.0)
    flags.DEFINE_enum("push", None, ["all", "earlier"], "which other generators push")
    flags.DEFINE_enum("pull", None, ["mixture", "each"], "a pulling discriminator for all, or each")
    flags.DEFINE_enum("divergence", None, ["js", "kl", "reverse_kl", "pearson"], "of pull and push")
    flags.DEFINE_float("regularizer_weight", None, "gamma of Roth's regulariser", lower_bound=0.0)
    flags.DEFINE_float("auxiliary_pull", None, "force on the last generator", lower_bound=0.0)
    flags.DEFINE_float("auxiliary_push", None, "force on the others", lower_bound=0.0)


def complete(options):
    """Fills in what depends on other options, and checks what can be checked without data."""
    common.check_positive(options, "learning_rate")
    options = {**options, "dimension": 2 if options["dataset"] == "ring" else None}
    images_only = {name for name in ("classes", "auxiliary_class") if options[name] is not None}
    if options["dimension"] and images_only:
        raise ValueError(f"--{images_only.pop()} is expected to be left out with --dataset=ring.")
    if options["auxiliary_class"] is not None and options["n_generators"] < 2:
        raise ValueError("--auxiliary_class expects --n_generators of at least 2, one that the class "
                         f"pulls and one that it pushes. Received: {options['n_generators']}")
    if options["auxiliary_class"] is not None and options["classes"] is not None and str(
            options["auxiliary_class"]) not in common.class_names(options["classes"]):
        raise ValueError("--auxiliary_class is expected to be one of --classes. Received: "
                         f"{options['auxiliary_class']} and {options['classes']}")
    if options["dimension"] and options["networks"] == "resnet":
        raise ValueError("--networks=resnet expects images. Received: --dataset=ring")
    return options


def make(options, shape, num_classes=None, classifier=None):
    """The compiled model of a run, for vectors (d,) or images."""
    n, width, share = (options[name] for name in ("n_generators", "width", "share"))
    auxiliary = [] if options["auxiliary_class"] is None else [
        [-options["auxiliary_push"]] * (n - 1) + [options["auxiliary_pull"]]]
    sides = p2.forces(n, options["push"], options["pull"], auxiliary)
    units, body, trunk = {
        "mlp": (width, networks.p2_mlp_body, networks.p2_mlp_trunk),
        "resnet": (16 * width, networks.resnet_body, networks.resnet_trunk),
    }[options["networks"]]
    discriminators = [
        networks.p2_discriminators(len(side.weights), lambda: trunk(shape, width), share)
        if len(side.weights) else None for side in sides]
    model = P2GAN(
        networks.p2_generators(n, options["latent_dim"], units, lambda: body(shape, width), share),
        *discriminators,
        latent_dim=options["latent_dim"], push_weight=options["push_weight"], push=options["push"],
        pull=options["pull"], divergence=options["divergence"], growth=options["growth"] or None,
        auxiliary=auxiliary, generator_batch_size=options["generator_batch_size"] or None,
        regularizer_weight=options["regularizer_weight"], seed=options["seed"],
    )
    adam = dict(learning_rate=options["learning_rate"], beta_1=0.5)
    model.compile(discriminator_optimizer=keras.optimizers.Adam(**adam),
                  generator_optimizer=keras.optimizers.Adam(**adam))
    return model


def selected(labels, options):
    """Which samples are of the chosen classes."""
    if options["auxiliary_class"] is not None:
        common.of_classes(labels, str(options["auxiliary_class"]))  # it must be there
    if options["classes"] is None:
        return np.ones(len(labels), bool)
    return common.of_classes(labels, options["classes"])


def with_auxiliary_class(images, labels, options):
    """What `fit` gets: all images; with --auxiliary_class half of every class, and of the other halves
    that class as a source of its own."""
    if options["auxiliary_class"] is None:
        return images, None
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    kept = np.sort(np.concatenate([r[: len(r) // 2] for r in rows]))
    source = np.flatnonzero(labels == options["auxiliary_class"])
    return data.with_auxiliary(images[kept], images[source[len(source) // 2 :]])


def train(options, output, resume=False):
    """One run, from its options to its results."""
    if options["dimension"]:
        return train_on_ring(options, output, resume)

    def outside(model, images, test_set, classifier):
        auxiliary = options["auxiliary_class"]
        if auxiliary is None:
            return {}
        table = metrics.class_probabilities(images, classifier)
        return {"first_outside_auxiliary_class": float(1 - table[0, auxiliary])}

    return pipeline.run_on_images(
        make, options, output, resume, extra=outside,
        select=lambda labels: selected(labels, options),
        training_set=lambda images, labels: with_auxiliary_class(images, labels, options))


def train_on_ring(options, output, resume):
    source = synthetic.ring()
    real = source.sample(2000, seed=3)[0]
    frames = pathlib.Path(output) / "frames"

    def measure(model):
        samples = measures.sample_each(model, 10_000 // model.num_generators)
        coverage = metrics.mode_coverage(np.concatenate(samples), source.means, source.variance**0.5)
        shares = metrics.mode_shares(samples, source.means)
        return {
            "modes_covered": coverage.modes, "high_quality": coverage.high_quality,
            "mode_shares": shares.tolist(), "pairwise_tvd": metrics.pairwise_tvd(shares),
            "least_share_of_own_mode": float(shares.max(axis=1).min()),
            "frechet_distance": metrics.frechet_distance(
                source.sample(10_000, seed=4)[0], np.concatenate(samples)),
            "frechet_features": "raw vectors",
        }

    def picture(model, epoch):
        plots.save_scatter(measures.sample_each(model, 200), real, pathlib.Path(output) / "samples.png")
        if epoch is not None:
            with common.replacing(frames / f"epoch-{epoch + 1:05d}.npz") as partial:
                np.savez(partial, *measures.sample_each(model, 200))
            return
        found = sorted(frames.glob("epoch-*.npz"))
        if found:
            chosen = [found[i] for i in np.unique(np.linspace(0, len(found) - 1, 8).astype(int))]
            plots.save_evolution([list(np.load(path).values()) for path in chosen], real,
                                 pathlib.Path(output) / "evolution.png",
                                 [f"epoch {int(path.stem[6:])}" for path in chosen])

    return pipeline.run_on_vectors(make, source, options, output, resume, measure=measure,
                                   picture=picture)


def main(argv):
    pipeline.main("p2", PRESETS, complete, make, train)


if __name__ == "__main__":
    define_flags()
    common.run(main)
