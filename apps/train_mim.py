"""Trains MIM-GAN.

    python apps/train_mim.py                                 3 generators on digits
    python apps/train_mim.py --mutual_information_weight=0   without what keeps them apart
    python apps/train_mim.py --preset=paper                  the paper's configuration, MNIST

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png,
class_table.png, tensorboard/, checkpoints/, model.keras, and export/ for TF Serving.
"""

import common
import keras
import pipeline
from absl import flags

from keras_multigan import networks
from keras_multigan.models import MIMGAN

PAPER = {
    **common.RUN, **common.IMAGES, "image_size": 28, "batch_size": 64, "epochs": 200,
    "n_generators": 10, "latent_dim": 100, "filters": 64, "learning_rate": 2e-4,
    "mutual_information_weight": 1.0, "mutual_information": "overlap", "saturating": False,
}
PRESETS = {
    "paper": PAPER,
    # The paper states no weight; with 1 a generator was left with one to three classes here.
    "quick": {**PAPER, "dataset": "digits", "image_size": 16, "n_generators": 3, "filters": 16,
              "batch_size": 50, "epochs": 40, "steps_per_epoch": 50, "learning_rate": 5e-4,
              "mutual_information_weight": 0.1},
}


def define_flags():
    common.define_run_flags(PRESETS)
    common.define_image_flags()
    flags.DEFINE_integer("n_generators", None, "number of generators", lower_bound=1)
    flags.DEFINE_integer("latent_dim", None, "length of a noise vector", lower_bound=1)
    flags.DEFINE_integer("filters", None, "channels of the networks' maps next to the image",
                         lower_bound=1)
    flags.DEFINE_float("learning_rate", None, "Adam's, of both players", lower_bound=0.0)
    flags.DEFINE_float("mutual_information_weight", None, "lambda", lower_bound=0.0)
    flags.DEFINE_enum("mutual_information", None, ["overlap", "paired"], "what it is between")
    flags.DEFINE_bool("saturating", None, "generators minimise log(1 - D), as the paper prints it")


def complete(options):
    """Checks what can be checked before anything is built."""
    common.check_positive(options, "learning_rate")
    return options


def make(options, image_shape, num_classes, classifier):
    """The compiled model of a run, for images of a shape."""
    filters = options["filters"]
    model = MIMGAN(
        [networks.dcgan_generator(options["latent_dim"], image_shape, filters)
         for _ in range(options["n_generators"])],
        networks.dcgan_discriminator(image_shape, filters), classifier,
        latent_dim=options["latent_dim"], saturating=options["saturating"], seed=options["seed"],
        mutual_information_weight=options["mutual_information_weight"],
        mutual_information=options["mutual_information"],
    )
    adam = dict(learning_rate=options["learning_rate"], beta_1=0.5)
    model.compile(discriminator_optimizer=keras.optimizers.Adam(**adam),
                  generator_optimizer=keras.optimizers.Adam(**adam))
    return model


def train(options, output, resume=False):
    """One run, from its options to its results."""
    return pipeline.run_on_images(make, options, output, resume)


def main(argv):
    pipeline.main("mim", PRESETS, complete, make, train)


if __name__ == "__main__":
    define_flags()
    common.run(main)
