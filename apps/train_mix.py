"""Trains MIX-GAN.

    python apps/train_mix.py                                   5 generators, 2 digits each
    python apps/train_mix.py --n_generators=1 --n_discriminators=1
    python apps/train_mix.py --nosupervised                    without labels
    python apps/train_mix.py --preset=paper                    10G10D on CIFAR-10

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png,
class_table.png, tensorboard/, checkpoints/, model.keras, and export/ for TF Serving.
"""

import common
import keras
import pipeline
from absl import flags, logging

from keras_multigan import networks
from keras_multigan.models import MIXGAN, partition_classes

PAPER = {
    **common.RUN, **common.IMAGES, "dataset": "cifar10", "batch_size": 50, "epochs": 100,
    "steps_per_epoch": 1000, "n_generators": 10, "n_discriminators": 10, "supervised": True,
    "latent_dim": 80, "filters": 256, "feature_matching_weight": None, "n_critic": 4,
    "ema": 0.9999, "learning_rate": 2e-4, "inception": "tfgan",
}
PRESETS = {
    "paper": PAPER,
    "quick": {**PAPER, "dataset": "digits", "image_size": 8, "inception": "none", "n_generators": 5,
              "n_discriminators": 5, "latent_dim": 20, "filters": 16, "n_critic": 2, "ema": 0.99,
              "epochs": 60, "steps_per_epoch": 50},
}


def define_flags():
    common.define_run_flags(PRESETS)
    common.define_image_flags()
    flags.DEFINE_integer("n_generators", None, "number of generators", lower_bound=1)
    flags.DEFINE_integer("n_discriminators", None, "number of discriminators", lower_bound=1)
    flags.DEFINE_bool("supervised", None, "generators share the classes, multi-hinge loss; else hinge")
    flags.DEFINE_integer("latent_dim", None, "length of z, a multiple of 4", lower_bound=4)
    flags.DEFINE_integer("filters", None, "channels of the blocks", lower_bound=1)
    flags.DEFINE_float("feature_matching_weight", None, "default: 0.05 with labels, 0 without",
                       lower_bound=0.0)
    flags.DEFINE_integer("n_critic", None, "discriminator updates a step", lower_bound=1)
    flags.DEFINE_float("ema", None, "decay of the averaged generators", lower_bound=0.0)
    flags.DEFINE_float("learning_rate", None, "Adam's, of both players", lower_bound=0.0)


def complete(options):
    """Checks what can be checked before anything is built."""
    common.check_positive(options, "learning_rate")
    return options


def make(options, image_shape, num_classes, classifier):
    """The compiled model of a run, for images of a shape."""
    n, size = options["n_generators"], (options["latent_dim"], image_shape, options["filters"])
    supervised = options["supervised"]
    shares = partition_classes(num_classes, n) if supervised else [None] * n
    if supervised and num_classes % n:
        logging.warning("%d classes over %d generators: they make %s.", num_classes, n, shares)
    num_classes = num_classes if supervised else None
    model = MIXGAN(
        [networks.biggan_generator(*size, classes=classes) for classes in shares],
        [networks.biggan_discriminator(image_shape, options["filters"], num_classes)
         for _ in range(options["n_discriminators"])],
        latent_dim=options["latent_dim"] + (1 if supervised else 0), num_classes=num_classes,
        feature_matching_weight=options["feature_matching_weight"], n_critic=options["n_critic"],
        ema=options["ema"], seed=options["seed"],
    )
    adam = dict(learning_rate=options["learning_rate"], beta_1=0.0, beta_2=0.9)
    model.compile(discriminator_optimizer=keras.optimizers.Adam(**adam),
                  generator_optimizer=keras.optimizers.Adam(**adam))
    return model


def train(options, output, resume=False):
    """One run, from its options to its results."""
    return pipeline.run_on_images(make, options, output, resume)


def main(argv):
    pipeline.main("mix", PRESETS, complete, make, train)


if __name__ == "__main__":
    define_flags()
    common.run(main)
