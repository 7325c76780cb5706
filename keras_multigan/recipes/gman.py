"""GMAN: 3 discriminators on digits, with a learned weight of the hardest; 5 on MNIST.

    multigan train gman
    multigan train gman --sharpness=0      the mean of all discriminators
    multigan train gman --sharpness=1000   the hardest one alone
"""

import numpy as np

from keras_multigan import networks
from keras_multigan.models import GMAN
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, MOST_UNITS, WEIGHT, Option


def make_networks(options, samples):
    return {
        "generator": networks.dcgan_generator(options.latent_dim, samples.shape, options.filters),
        # Every second one is less deep.
        "discriminators": [
            networks.dcgan_discriminator(samples.shape, options.filters, negative_slope=0.2,
                                         dropout=dropout, fewer_blocks=k % 2)
            for k, dropout in enumerate(dropouts(options.num_discriminators))],
    }


def dropouts(count):
    """The rates of the discriminators, from 0.4 to 0.6."""
    return np.linspace(0.4, 0.6, count).tolist()


RECIPE = Recipe(
    "gman", "GMAN: several discriminators, the generator hears more of the hardest", GMAN,
    make_networks,
    arguments={
        "latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE),
        "sharpness": Option(help="lambda of the softmax over the discriminators; 0: the mean (default: "
                            "it is learned)", kind=float, **WEIGHT),
        "sharpness_weight": Option(help="what the generator gains from a larger lambda", **WEIGHT),
    },
    settings={
        "num_discriminators": Option(5, "number of discriminators", least=1, most=MOST_NETWORKS),
        "filters": Option(64, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"image_size": 32, "batch_size": 100, "epochs": 25},
        "quick": {"dataset": "digits", "image_size": 16, "num_discriminators": 3, "filters": 16,
                  "batch_size": 64, "epochs": 40, "steps_per_epoch": 50, "learning_rate": 5e-4},
    },
    arena=lambda kit: {"generator": kit.generator(), "latent_dim": kit.latent_dim,
                       "discriminators": [kit.discriminator(dropout=rate) for rate in dropouts(3)]},
)
