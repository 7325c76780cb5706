"""VEEGAN: a network that reconstructs the noise, on digits; its preset `paper` on CIFAR-10.

    multigan train veegan
    multigan train veegan --latent_dim=8
"""

import keras
from keras import layers

from keras_multigan import networks
from keras_multigan.models import VEEGAN
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs.options import MOST_NOISE, MOST_UNITS, Option


def make_networks(options, samples):
    return {
        "generator": networks.dcgan_generator(options.latent_dim, samples.shape, options.filters),
        "discriminator": discriminator_of_pairs(options, samples.shape),
        "reconstructor": networks.dcgan_discriminator(
            samples.shape, options.filters, negative_slope=0.2, dropout=0, outputs=options.latent_dim),
    }


def discriminator_of_pairs(options, shape):
    """Features of the image beside the noise, a hidden layer, a score."""
    units = 8 * options.filters
    images, noise = keras.Input(shape, name="images"), keras.Input((options.latent_dim,), name="noise")
    features = networks.dcgan_discriminator(shape, options.filters, negative_slope=0.2, dropout=0,
                                            outputs=units)(images)
    x = layers.Concatenate()([layers.LeakyReLU(0.2)(features), noise])
    x = layers.LeakyReLU(0.2)(layers.Dense(units)(x))
    return keras.Model([images, noise], layers.Dense(1, dtype="float32")(x), name="pair_discriminator")


def arena(kit):
    return {"generator": kit.generator(), "latent_dim": kit.latent_dim,
            "discriminator": kit.discriminator(beside=kit.latent_dim),
            "reconstructor": kit.discriminator(outputs=kit.latent_dim)}


RECIPE = Recipe(
    "veegan", "VEEGAN: a network that reconstructs the noise keeps modes from being dropped", VEEGAN,
    make_networks,
    arguments={"latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE)},
    settings={
        "filters": Option(64, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"dataset": "cifar10", "batch_size": 64, "epochs": 100},
        "quick": {"dataset": "digits", "image_size": 16, "filters": 16, "latent_dim": 16,
                  "batch_size": 64, "epochs": 40, "steps_per_epoch": 50, "learning_rate": 5e-4},
    },
    arena=arena,
)
