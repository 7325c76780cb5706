"""Trains MMGAN, whose encoder clusters the data.

    python apps/train_mm.py                                  10 clusters, digits
    python apps/train_mm.py --assignment=straight_through
    python apps/train_mm.py --preset=paper                   MNIST

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png,
class_table.png, tensorboard/, checkpoints/, model.keras, and export/ for TF Serving.
"""

import common
import keras
import pipeline
from absl import flags

from keras_multigan import metrics, networks
from keras_multigan.models import MMGAN

PAPER = {
    **common.RUN, **common.IMAGES, "image_size": 28, "batch_size": 64, "epochs": 100,
    "num_components": 10, "latent_dim": 100, "width": 1.0, "alpha": 1.0, "assignment": "soft",
    "learning_rate": 2e-4,
}
PRESETS = {
    "paper": PAPER,
    "quick": {**PAPER, "dataset": "digits", "image_size": 8, "width": 0.5, "epochs": 40,
              "steps_per_epoch": 100},
}


def define_flags():
    common.define_run_flags(PRESETS)
    common.define_image_flags()
    flags.DEFINE_integer("num_components", None, "clusters", lower_bound=1)
    flags.DEFINE_integer("latent_dim", None, "length of a latent vector", lower_bound=1)
    flags.DEFINE_float("width", None, "networks' width, as a part of the slides'", lower_bound=0.0)
    flags.DEFINE_float("alpha", None, "weight of the encoder's likelihood", lower_bound=0.0)
    flags.DEFINE_enum("assignment", None, ["soft", "straight_through"], "of reals to clusters")
    flags.DEFINE_float("learning_rate", None, "Adam's, of both players", lower_bound=0.0)


def complete(options):
    """Checks what can be checked before anything is built."""
    common.check_positive(options, "learning_rate", "width")
    return options


def make(options, image_shape, num_classes, classifier):
    """The compiled model of a run, for images of a shape."""
    up, down = (common.scaled(sizes, options) for sizes in ((256, 512, 1024), (1024, 512, 256)))
    model = MMGAN(
        networks.mlp_generator(options["latent_dim"], image_shape, up),
        networks.mlp_discriminator(image_shape, 1, down),
        networks.mlp_discriminator(image_shape, options["num_components"], down),
        latent_dim=options["latent_dim"], num_components=options["num_components"],
        alpha=options["alpha"], assignment=options["assignment"], seed=options["seed"],
    )
    rate = options["learning_rate"]
    model.compile(**{f"{phase.name}_optimizer": keras.optimizers.Adam(rate, 0.5)
                     for phase in model.phases()})
    return model


def clusters(model, images, test_set, classifier):
    """How well the encoder's clusters are the classes."""
    found = model.cluster(test_set[0])
    return {"clustering_accuracy": metrics.clustering_accuracy(test_set[1], found),
            "normalized_mutual_information": metrics.normalized_mutual_information(test_set[1], found)}


def train(options, output, resume=False):
    """One run, from its options to its results."""
    return pipeline.run_on_images(make, options, output, resume, extra=clusters)


def main(argv):
    pipeline.main("mm", PRESETS, complete, make, train)


if __name__ == "__main__":
    define_flags()
    common.run(main)
