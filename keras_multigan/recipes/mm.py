"""MMGAN, whose encoder clusters the data: 10 clusters, on digits or MNIST.

    multigan train mm
    multigan train mm --assignment=straight_through
"""

from keras_multigan import metrics, networks
from keras_multigan.models import MMGAN
from keras_multigan.recipes.experiment import FRECHET, SCORE, Arm, Column, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe, scaled
from keras_multigan.runs.images import ImageTask
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, WEIGHT, Option


def make_networks(options, samples):
    up, down = (scaled(sizes, options.width) for sizes in ((256, 512, 1024), (1024, 512, 256)))
    return {
        "generator": networks.mlp_generator(options.latent_dim, samples.shape, up),
        "critic": networks.mlp_discriminator(samples.shape, 1, down),
        "encoder": networks.mlp_discriminator(samples.shape, options.num_components, down),
    }


def measure(options, model, images, test_set, classifier):
    """How well the encoder's clusters are the classes."""
    if test_set[1] is None:
        return {}
    found = model.cluster(test_set[0])
    return {"clustering_accuracy": metrics.clustering_accuracy(test_set[1], found),
            "normalized_mutual_information": metrics.normalized_mutual_information(test_set[1], found)}


EXPERIMENTS = {
    "clusters": Experiment(
        "The encoder's clusters, and a plain relativistic GAN",
        "The slides print no number. One component is the plain GAN; random clusters of 360 "
        "images have an accuracy of about .17, since they are matched to the classes.",
        [Arm("soft", {}), Arm("straight-through", {"assignment": "straight_through"}),
         Arm("one-component", {"num_components": 1})],
        (Column("clustering accuracy", "clustering_accuracy", ".3f"), FRECHET,
         Column("NMI", "normalized_mutual_information", ".3f"), SCORE),
    ),
}

def arena(kit):
    return {"generator": kit.generator(), "critic": kit.discriminator(),
            "encoder": kit.discriminator(kit.num_generators), "latent_dim": kit.latent_dim,
            "num_components": kit.num_generators}


RECIPE = Recipe(
    "mm", "MMGAN: an encoder that clusters the data", MMGAN, make_networks,
    arguments={
        "num_components": Option(10, "clusters", least=1, most=MOST_NETWORKS),
        "latent_dim": Option(100, "length of a latent vector", least=1, most=MOST_NOISE),
        "alpha": Option(help="weight of the encoder's likelihood", **WEIGHT),
        "assignment": Option(help="of reals to clusters", choices=("soft", "straight_through")),
    },
    settings={
        "width": Option(1.0, "networks' width, as a part of the slides'", above=0, most=64),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"image_size": 28, "batch_size": 64, "epochs": 100},
        "quick": {"dataset": "digits", "image_size": 8, "batch_size": 64, "width": 0.5, "epochs": 40,
                  "steps_per_epoch": 100},
    },
    task=ImageTask(measure=measure),
    rows=(("clustering_accuracy", "clustering accuracy", ".4f"),
          ("normalized_mutual_information", "normalised mutual inf.", ".4f")),
    experiments=EXPERIMENTS, arena=arena,
)
