"""AdaGAN: 4 generators, one after the other, on digits; 10 on MNIST.

    multigan train adagan
    multigan train adagan --bagging     every round on all of the data
"""

from keras_multigan import networks
from keras_multigan.models import AdaGAN
from keras_multigan.recipes.experiment import FRECHET, SCORE, TVD, Arm, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs.images import ImageTask
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, MOST_UNITS, Option

ARGUMENTS = {
    "latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE),
    "epochs_per_round": Option(help="epochs of a generator (default: all share the epochs)", kind=int,
                               least=1, most=10**6),
    "ratio_updates": Option(help="updates of a network that weighs the data (default: 10 passes)",
                            kind=int, least=1, most=10**7),
    "ratio_learning_rate": Option(8e-4, "learning rate of such a network", above=0, most=10),
}
SETTINGS = {
    "num_generators": Option(10, "number of generators, each with a round", least=1,
                             most=MOST_NETWORKS),
    "filters": Option(64, "channels of the networks' maps next to the image", least=1, most=MOST_UNITS),
    "learning_rate": LEARNING_RATE,
}
QUICK = {"dataset": "digits", "image_size": 16, "num_generators": 4, "filters": 16, "batch_size": 50,
         "epochs": 80, "steps_per_epoch": 50, "learning_rate": 5e-4}


def make_networks(options, samples):
    return {
        "generators": [networks.dcgan_generator(options.latent_dim, samples.shape, options.filters)
                       for _ in range(options.num_generators)],
        "discriminator": networks.dcgan_discriminator(samples.shape, options.filters, 0.2, 0.0),
    }


def complete(options):
    if options.stream:
        raise ValueError("--stream is expected to be left out: every image gets a weight, and all must "
                         f"be in memory. Received: {options.stream}")
    if options.epochs_per_round is not None:
        return options
    if options.epochs < options.num_generators:
        raise ValueError("--epochs is expected to be at least --num_generators, each of which has a "
                         f"round of epochs. Received: {options.epochs} and {options.num_generators}")
    return options.replace(epochs_per_round=options.epochs // options.num_generators)


def training_set(options, image_set):
    return image_set.floats(), None


def arena(kit):
    return {"generators": kit.generators(), "discriminator": kit.discriminator(),
            "latent_dim": kit.latent_dim}


RECIPE = Recipe(
    "adagan", "AdaGAN: every generator is trained on what those before it miss", AdaGAN, make_networks,
    arguments={
        **ARGUMENTS,
        "round_share": Option(help="share of a new generator in the mixture (default: equal shares)",
                              kind=float, above=0, below=1),
        "bagging": Option(help="all images keep equal weights"),
    },
    settings=SETTINGS,
    # The paper says neither how long nor at which rates it trains on MNIST.
    presets={"paper": {"image_size": 28, "batch_size": 64, "epochs": 200}, "quick": QUICK},
    complete=complete, task=ImageTask(training_set=training_set),
    experiments={
        "bagging": Experiment(
            "Weighted data against bagging",
            "The paper's figures for both are on Gaussians and on three digits side by side. With "
            "equal weights the rounds differ by chance alone.",
            [Arm("boosting", {}), Arm("bagging", {"bagging": True})], (FRECHET, TVD, SCORE)),
    },
    arena=arena,
)
