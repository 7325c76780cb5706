"""Trains ComMutE-GAN.

    python apps/train_commute.py                     5 generators on digits, minutes on 2 CPU cores
    python apps/train_commute.py --preset=paper      the paper's configuration, MNIST
    python apps/train_commute.py --resume --output=runs/commute-quick

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png,
class_table.png, tensorboard/, checkpoints/, model.keras, and export/ for TF Serving.
"""

import common
import keras
import pipeline
from absl import flags

from keras_multigan import networks, schedules
from keras_multigan.models import ComMutEGAN

GENERATORS = {
    "small": networks.commute_generator,
    "deep": networks.commute_deep_generator,
    "residual": networks.commute_residual_generator,
}
# What a preset leaves None is derived in `complete`.
PAPER = {
    **common.RUN, **common.IMAGES,
    "n_generators": 5, "generator": "small", "width": 1.0, "latent_dim": 128,
    "tvd_schedule": "constant:12.2", "n_critic": 3, "gp_weight": 10.0,
    "generator_batch_size": None, "learning_rate": 2e-4, "until_converged": False,
}
PRESETS = {
    "paper": PAPER,
    "quick": {**PAPER, "dataset": "digits", "width": 0.25, "learning_rate": 5e-4,
              "n_critic": 1, "epochs": 20, "steps_per_epoch": 50},
}


def define_flags():
    common.define_run_flags(PRESETS)
    common.define_image_flags()
    flags.DEFINE_integer("n_generators", None, "number of generators")
    flags.DEFINE_enum("generator", None, list(GENERATORS), "generator network")
    flags.DEFINE_float("width", None, "networks' width, as a part of the paper's", lower_bound=0.0)
    flags.DEFINE_integer("latent_dim", None, "length of a noise vector", lower_bound=1)
    flags.DEFINE_string("tvd_schedule", None,
                        "constant:12.2, linear:20:5:70 or sudden_death:20:20 (by epoch)")
    flags.DEFINE_integer("n_critic", None, "critic updates a step", lower_bound=1)
    flags.DEFINE_float("gp_weight", None, "weight of the gradient penalty", lower_bound=0.0)
    flags.DEFINE_integer("generator_batch_size", None, "images of each generator in its update "
                         "(default: batch_size / n_generators)", lower_bound=1)
    flags.DEFINE_float("learning_rate", None, "Adam's, of both players", lower_bound=0.0)
    flags.DEFINE_bool("until_converged", None, "stop when critic_loss moves less than 0.01 for 5 "
                      "epochs in a row; 250 epochs at most unless --epochs says")


def complete(options):
    """Fills in what depends on other options, and checks what can be checked without data."""
    n = options["n_generators"]
    if n < 1:
        raise ValueError(f"--n_generators is expected to be >= 1. Received: {n}")
    schedules.parse(options["tvd_schedule"])
    common.check_positive(options, "learning_rate", "width")
    options = dict(options)
    if options["epochs"] is None:
        options["epochs"] = 250 if options["until_converged"] else 70
    if options["batch_size"] is None:
        # The paper's rule: 500, or 504 for n = 3, 6, 7, 8, 9.
        sizes = (500, 504) if options["preset"] == "paper" else (100,)
        unit = n * (options["devices"] or 1)
        fitting = [size for size in sizes if size % unit == 0]
        options["batch_size"] = fitting[0] if fitting else -(-sizes[0] // unit) * unit
    if options["batch_size"] < 1 or options["batch_size"] % n:
        m = options["batch_size"]
        raise ValueError(
            f"--batch_size is expected to be a multiple of the {n} generators. Received: {m}. "
            f"Use {m // n * n or n} or {(m // n + 1) * n}."
        )
    return options


def make(options, image_shape, num_classes, classifier):
    """The compiled model of a run, for images of a shape."""

    def scaled(filters):
        return max(4, round(filters * options["width"] / 4) * 4)

    width = {} if options["width"] == 1.0 else {"filters": scaled(256)}
    generators = [GENERATORS[options["generator"]](options["latent_dim"], image_shape, **width)
                  for _ in range(options["n_generators"])]
    model = ComMutEGAN(
        generators, networks.commute_critic(image_shape, filters=scaled(64)), classifier,
        latent_dim=options["latent_dim"], tvd_weight=options["tvd_schedule"],
        n_critic=options["n_critic"], gp_weight=options["gp_weight"], seed=options["seed"],
        generator_batch_size=options["generator_batch_size"],
    )
    adam = dict(learning_rate=options["learning_rate"], beta_1=0.5, beta_2=0.9)
    model.compile(critic_optimizer=keras.optimizers.Adam(**adam),
                  generator_optimizer=keras.optimizers.Adam(**adam))
    return model


def train(options, output, resume=False):
    """One run, from its options to its results; see `pipeline.run_on_images`."""
    return pipeline.run_on_images(make, options, output, resume)


def main(argv):
    pipeline.main("commute", PRESETS, complete, make, train)


if __name__ == "__main__":
    define_flags()
    common.run(main)
