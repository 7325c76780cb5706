"""DMGAN-PL: 5 generators with learned shares, on digits; 10 on MNIST.

    multigan train dmgan_pl
    multigan train dmgan_pl --entropy_decay=1     the shares stay equal
"""

import keras

from keras_multigan import networks
from keras_multigan.models import DMGANPL
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs.images import ImageTask
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, MOST_UNITS, WEIGHT, Option


def make_networks(options, samples):
    n = options.num_generators
    critic = networks.dcgan_discriminator(samples.shape, options.filters, 0.2, 0.0, normalization=None)
    return {
        "generators": [networks.dcgan_generator(options.latent_dim, samples.shape, options.filters)
                       for _ in range(n)],
        "discriminator": keras.Model(critic.inputs, [critic.output, critic.layers[-1].input],
                                     name=critic.name),
        "encoder": encoder(critic.layers[-1].input.shape[1], n),
    }


def encoder(features, num_generators):
    """The authors' Q, without its batch normalisation."""
    return networks.mlp(features, num_generators, 3, 128)


def arena(kit):
    discriminator = kit.discriminator(features=True)
    return {"generators": kit.generators(), "discriminator": discriminator,
            "encoder": encoder(discriminator.output_shape[1][1], kit.num_generators),
            "latent_dim": kit.latent_dim}


def measure(options, model, images, test_set, classifier):
    return {"mixture_weights": model.mixture_weights.tolist()}


RECIPE = Recipe(
    "dmgan_pl", "DMGAN-PL: generators with learned shares, told apart by an encoder", DMGANPL,
    make_networks,
    arguments={
        "latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE),
        "gp_weight": Option(help="of the one-sided gradient penalty", **WEIGHT),
        "entropy_weight": Option(help="of the shares' entropy at first", **WEIGHT),
        "entropy_decay": Option(help="factor of this weight per step", least=0, most=1),
        "discriminator_updates": Option(help="critic updates per step", least=1, most=100),
    },
    settings={
        "num_generators": Option(10, "number of generators", least=1, most=MOST_NETWORKS),
        "filters": Option(64, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "learning_rate": LEARNING_RATE,
        "prior_learning_rate": Option(None, "learning rate of the shares (default: the paper's)", float,
                                      above=0, most=10),
    },
    presets={
        # As many epochs as the code's 500,000 updates of all players.
        "paper": {"image_size": 28, "batch_size": 32, "epochs": 222},
        "quick": {"dataset": "digits", "image_size": 16, "num_generators": 5, "filters": 16,
                  "batch_size": 32, "epochs": 30, "steps_per_epoch": 50, "discriminator_updates": 3,
                  "learning_rate": 5e-4, "entropy_decay": 0.99},
    },
    task=ImageTask(measure=measure),
    rows=(("mixture_weights", "mixture weights", ".3f"),),
    arena=arena,
)
