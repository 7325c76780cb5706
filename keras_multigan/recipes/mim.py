"""MIM-GAN: 3 generators on digits; the paper's configuration on MNIST.

    multigan train mim
    multigan train mim --mutual_information_weight=0     without what keeps them apart
"""

from keras_multigan import networks
from keras_multigan.models import MIMGAN
from keras_multigan.recipes.experiment import FRECHET, SCORE, TVD, Arm, Column, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, MOST_UNITS, WEIGHT, Option


def make_networks(options, samples):
    return {
        "generators": [networks.dcgan_generator(options.latent_dim, samples.shape, options.filters)
                       for _ in range(options.num_generators)],
        "discriminator": networks.dcgan_discriminator(samples.shape, options.filters),
        "classifier": samples.classifier,
    }


INFORMATION = Column("mutual information at the end", "mutual_information", ".4f")
EXPERIMENTS = {
    # Table 1. Of tables 2 and 3 the FIDs contradict all other sources.
    "weights": Experiment(
        "With and without the mutual information (MNIST score, table 1)",
        "The paper's 7.958 is MIM-GAN's MNIST score; MGAN has 6.618 there, WGAN 6.006. It states no "
        "lambda. The overlap is the mean over pairs in the last epoch, in nats.",
        [Arm("without", {"mutual_information_weight": 0.0}),
         Arm("overlap", {}, {"classifier_score": 7.958}),
         Arm("paired", {"mutual_information": "paired"})],
        (SCORE, TVD, FRECHET, INFORMATION),
    ),
    "convergence": Experiment(
        "Mutual information against epochs, two generators (figure 6)",
        "The paper's figure has no numbers; the text says that it converges at epoch 24 of 200. "
        "curves.png is its counterpart. In nats; it states no lambda.",
        [Arm("overlap", {"num_generators": 2}),
         Arm("paired", {"num_generators": 2, "mutual_information": "paired"}),
         Arm("without", {"num_generators": 2, "mutual_information_weight": 0.0})],
        (INFORMATION, TVD, SCORE, FRECHET),
        curves=(Column("mutual information", "mutual_information", ".4f"),),
    ),
}

def arena(kit):
    return {"generators": kit.generators(), "discriminator": kit.discriminator(),
            "classifier": kit.classifier, "latent_dim": kit.latent_dim}


RECIPE = Recipe(
    "mim", "MIM-GAN: little mutual information between generators", MIMGAN, make_networks,
    arguments={
        "latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE),
        "mutual_information_weight": Option(help="lambda", **WEIGHT),
        "mutual_information": Option(help="what it is between", choices=("overlap", "paired")),
        "saturating": Option(help="generators minimise log(1 - D), as the paper prints it"),
    },
    settings={
        "num_generators": Option(10, "number of generators", least=1, most=MOST_NETWORKS,
                                 aliases=("n_generators",)),
        "filters": Option(64, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"image_size": 28, "batch_size": 64, "epochs": 200},
        # The paper states no weight. With 1 a generator was left with one to three classes here.
        "quick": {"dataset": "digits", "image_size": 16, "num_generators": 3, "filters": 16,
                  "batch_size": 50, "epochs": 40, "steps_per_epoch": 50, "learning_rate": 5e-4,
                  "mutual_information_weight": 0.1},
    },
    experiments=EXPERIMENTS, arena=arena,
)
