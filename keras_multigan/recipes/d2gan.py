"""D2GAN: two discriminators of opposite favour, on digits; the paper's settings on CIFAR-10.

    multigan train d2gan
    multigan train d2gan --alpha=1 --beta=1
"""

from keras_multigan import networks
from keras_multigan.models import D2GAN
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs.options import MOST_NOISE, MOST_UNITS, WEIGHT, Option


def make_networks(options, samples):
    return {
        "generator": networks.dcgan_generator(options.latent_dim, samples.shape, options.filters),
        "discriminators": [networks.dcgan_discriminator(samples.shape, options.filters,
                                                        negative_slope=0.2, dropout=0)
                           for _ in range(2)],
    }


def arena(kit):
    return {"generator": kit.generator(), "latent_dim": kit.latent_dim,
            "discriminators": [kit.discriminator() for _ in range(2)],
            **({"alpha": 1.0, "beta": 1.0} if len(kit.shape) == 1 else {})}  # as on the paper's ring


RECIPE = Recipe(
    "d2gan", "D2GAN: two discriminators, one favours the data, one the generator", D2GAN, make_networks,
    arguments={
        "latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE),
        "alpha": Option(help="weight of the first discriminator's logarithm", **WEIGHT),
        "beta": Option(help="weight of the second discriminator's logarithm", **WEIGHT),
    },
    settings={
        "filters": Option(64, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"dataset": "cifar10", "batch_size": 64, "epochs": 250},
        "quick": {"dataset": "digits", "image_size": 16, "filters": 16, "batch_size": 64, "epochs": 40,
                  "steps_per_epoch": 50, "learning_rate": 5e-4},
    },
    arena=arena,
)
