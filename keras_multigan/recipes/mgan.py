"""MGAN: 5 generators that share layers, on digits; the authors' configuration on CIFAR-10.

    multigan train mgan
    multigan train mgan --diversity_weight=0     the classifier does not push
    multigan train mgan --noshare                generators without common layers
"""

from keras_multigan import networks
from keras_multigan.models import MGAN
from keras_multigan.recipes.experiment import FID, FRECHET, SCORE, TVD, Arm, Column, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, MOST_UNITS, WEIGHT, Option


def make_networks(options, samples):
    n, size = options.num_generators, (options.latent_dim, samples.shape, options.filters)
    return {
        "generators": networks.dcgan_generators(n, *size) if options.share else [
            networks.dcgan_generator(*size) for _ in range(n)],
        "discriminator": networks.dcgan_discriminator(samples.shape, options.filters, 0.2, 0.0,
                                                      outputs=1 + n),
    }


EXPERIMENTS = {
    "diversity": Experiment(
        "The classifier's weight",
        "The paper shows pictures for several weights. On CIFAR-10 it has FID 26.7 with beta = 0.01, "
        "and an Inception score of 8.33, of which users of the published code got about 7.0.",
        [Arm("none", {"diversity_weight": 0.0}), Arm("0.01", {}, {"fid_train": 26.7}),
         Arm("0.1", {"diversity_weight": 0.1})],
        (FID, FRECHET, TVD, SCORE, Column("classifier's accuracy", "classifier_accuracy", ".3f")),
    ),
}
RECIPE = Recipe(
    "mgan", "MGAN: a classifier tells generators that share layers apart", MGAN, make_networks,
    arguments={
        "latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE),
        "diversity_weight": Option(help="beta, of the classifier's loss in the generators'", **WEIGHT),
        "generator_batch_size": Option(help="samples of each generator per update (default: together "
                                       "as many as real ones)", kind=int, least=1, most=10**5),
    },
    settings={
        "num_generators": Option(10, "number of generators", least=1, most=MOST_NETWORKS),
        "share": Option(True, "generators share all but the first layer"),
        "filters": Option(128, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"dataset": "cifar10", "batch_size": 64, "generator_batch_size": 12, "epochs": 500,
                  "inception": "tfgan"},
        "quick": {"dataset": "digits", "image_size": 16, "num_generators": 5, "filters": 16,
                  "batch_size": 50, "epochs": 60, "steps_per_epoch": 50, "learning_rate": 5e-4},
    },
    experiments=EXPERIMENTS,
    arena=lambda kit: {
        "generators": kit.joint_generators("first"), "latent_dim": kit.latent_dim,
        "discriminator": kit.discriminator(1 + kit.num_generators),
        # The paper's, on vectors and on images.
        "diversity_weight": 0.125 if len(kit.shape) == 1 else 0.01},
)
