"""Trains GM-GAN.

    python apps/train_gm.py                     a learned mixture of 10 Gaussians, digits
    python apps/train_gm.py --nodynamic         a fixed one
    python apps/train_gm.py --num_components=1 --nodynamic --nosupervised    a plain GAN
    python apps/train_gm.py --preset=paper      the slides' best, MNIST

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png,
class_table.png, tensorboard/, checkpoints/, model.keras, and export/ for TF Serving.
"""

import common
import keras
import numpy as np
import pipeline
from absl import flags

from keras_multigan import metrics, networks
from keras_multigan.models import GMGAN

PAPER = {
    **common.RUN, **common.IMAGES, "image_size": 28, "batch_size": 64, "epochs": 100,
    "num_components": 10, "latent_dim": 100, "width": 1.0, "dynamic": True, "supervised": True,
    "base": "sigmoid", "center_range": 1.0, "scale": None, "learning_rate": 2e-4,
}
PRESETS = {
    "paper": PAPER,
    "quick": {**PAPER, "dataset": "digits", "image_size": 8, "width": 0.5, "epochs": 40,
              "steps_per_epoch": 100},
}


def define_flags():
    common.define_run_flags(PRESETS)
    common.define_image_flags()
    flags.DEFINE_integer("num_components", None, "Gaussians of the latent mixture", lower_bound=1)
    flags.DEFINE_integer("latent_dim", None, "length of a latent vector", lower_bound=1)
    flags.DEFINE_float("width", None, "networks' width, as a part of the slides'", lower_bound=0.0)
    flags.DEFINE_bool("dynamic", None, "means and scales are learned")
    flags.DEFINE_bool("supervised", None, "the discriminator learns the labels")
    flags.DEFINE_enum("base", None, ["sigmoid", "wasserstein"], "adversarial loss")
    flags.DEFINE_float("center_range", None, "the first means are from [-c, c]", lower_bound=0.0)
    flags.DEFINE_float("scale", None, "first standard deviation (default: 1.4 dynamic, 1 static)",
                       lower_bound=0.0)
    flags.DEFINE_float("learning_rate", None, "Adam's, of both players", lower_bound=0.0)


def complete(options):
    """Checks what can be checked before anything is built."""
    common.check_positive(options, "learning_rate", "width")
    return options


def make(options, image_shape, num_classes, classifier):
    """The compiled model of a run, for images of a shape."""
    count, latent_dim = options["num_components"], options["latent_dim"]
    up, down = (common.scaled(sizes, options) for sizes in ((256, 512, 1024), (1024, 512, 256)))
    outputs = 1
    if options["base"] == "sigmoid":
        outputs = num_classes if options["supervised"] else count
    model = GMGAN(
        networks.mlp_generator(latent_dim, image_shape, up),
        networks.mlp_discriminator(image_shape, outputs, down),
        latent_dim=latent_dim, num_components=count, dynamic=options["dynamic"],
        supervised=options["supervised"], base=options["base"],
        center_range=options["center_range"], scale=options["scale"], seed=options["seed"],
    )
    rate, beta = options["learning_rate"], 0.9 if options["base"] == "wasserstein" else 0.999
    model.compile(discriminator_optimizer=keras.optimizers.Adam(rate, 0.5, beta),
                  generator_optimizer=keras.optimizers.Adam(rate, 0.5, beta))
    return model


def mixture_results(model, images, test_set, classifier):
    """Precision, recall and coverage on the classifier's logits, of as many generated as real images,
    and how far training has moved the mixture."""
    samples = test_set[0], np.concatenate(images)
    count = min(map(len, samples))
    real, fake = (metrics.classifier_logits(np.random.default_rng(0).permutation(x)[:count], classifier)
                  for x in samples)
    found = metrics.precision_recall(real, fake)
    first = type(model.latent).from_config(model.latent.get_config())
    moved = [float(np.abs(now - then).mean()) for now, then in
             zip(model.latent.get_weights(), first.get_weights(), strict=True)]
    return {"precision": found.precision, "recall": found.recall,
            "coverage": metrics.density_coverage(real, fake).coverage,
            "moved_means": moved[0], "moved_log_scales": moved[1]}


def train(options, output, resume=False):
    """One run, from its options to its results."""
    return pipeline.run_on_images(make, options, output, resume, extra=mixture_results)


def main(argv):
    pipeline.main("gm", PRESETS, complete, make, train)


if __name__ == "__main__":
    define_flags()
    common.run(main)
