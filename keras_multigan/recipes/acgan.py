"""AC-GAN: one generator of all classes, on digits; the paper's settings on CIFAR-10.

    multigan train acgan
    multigan train acgan --generator_class_weight=0     the classifier does not lead the generator
    multigan train acgan --preset=wgan_gp_paper         WGAN-GP with labels, on CIFAR-10
"""

import numpy as np

from keras_multigan import metrics, networks
from keras_multigan.losses.adversarial import ADVERSARIAL, RELATIVISTIC
from keras_multigan.models import ACGAN
from keras_multigan.recipes.experiment import FID, FRECHET, SCORE, Arm, Column, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, PENALTY_ON_VECTORS, ArenaArm, Recipe
from keras_multigan.runs.images import ImageTask
from keras_multigan.runs.options import MOST_NOISE, MOST_UNITS, WEIGHT, Option

WGAN_GP = {"adversarial_loss": "wasserstein", "gp_weight": 10.0, "discriminator_updates": 5,
           "classify_fakes": False, "generator_class_weight": 0.1, "normalization": "none",
           "dropout": 0.0}


def make_networks(options, samples):
    if samples.num_classes is None:
        raise ValueError("AC-GAN expects a data set with labels of several classes. Received: none. "
                         "multigan train gan needs no labels.")
    normalization = None if options.normalization == "none" else options.normalization
    return {
        "generator": networks.dcgan_generator(options.latent_dim + samples.num_classes, samples.shape,
                                              options.filters),
        "discriminator": networks.dcgan_discriminator(
            samples.shape, options.filters, 0.2, options.dropout, normalization,
            outputs=1 + samples.num_classes),
        "num_classes": samples.num_classes,
    }


def complete(options):
    if options.gp_weight and options.normalization == "batch":
        raise ValueError("--normalization is expected to be none, layer, spectral or weight with "
                         "--gp_weight, for batch normalization would mix samples. Received: batch with "
                         f"--gp_weight={options.gp_weight}.")
    return options


def measure(options, model, images, test_set, classifier):
    """The share of each class's images that the run's classifier, which is in no loss, finds to be of
    that class; over all, and the least one."""
    if classifier is None:
        return {}
    shares = [float((metrics.classifier_logits(x, classifier).argmax(axis=1) == k).mean())
              for k, x in enumerate(images)]
    return {"class_accuracy": float(np.mean(shares)), "least_class_accuracy": min(shares)}


COLUMNS = (FID, FRECHET, SCORE, Column("class accuracy", "class_accuracy", ".3f"),
           Column("of the worst class", "least_class_accuracy", ".3f"),
           Column("Inception score", "inception_score", ".2f"))
EXPERIMENTS = {
    "games": Experiment(
        "AC-GAN, the same without a classifier, and WGAN-GP with labels",
        "The papers print Inception scores on CIFAR-10. WGAN-GP's are of residual networks, here they "
        "have DCGAN's form. Class accuracy is by a classifier of real images that is in no loss.",
        [Arm("none", {"discriminator_class_weight": 0.0, "generator_class_weight": 0.0}),
         Arm("acgan", {}, {"inception_score": 8.25}),
         Arm("wgan-gp", WGAN_GP, {"inception_score": 8.42})],
        COLUMNS,
    ),
}


def _one_labels(updates):
    """WGAN-GP with labels, with the updates of ComMutE-GAN's arms."""
    return ArenaArm(
        "one generator that is told the class (AC-GAN with WGAN-GP); "
        f"critic updates per step: {updates}",
        lambda kit, epochs: RECIPE.arena(kit) | {
            "adversarial_loss": "wasserstein", "gp_weight": 10.0, "discriminator_updates": updates,
            "classify_fakes": False, "generator_class_weight": 0.1,
            **(PENALTY_ON_VECTORS if len(kit.shape) == 1 else {})})


RECIPE = Recipe(
    "acgan", "AC-GAN: one network of all classes, a discriminator that names them", ACGAN,
    make_networks,
    arguments={
        "latent_dim": Option(100, "length of a noise vector, without the class", least=1,
                             most=MOST_NOISE),
        "adversarial_loss": Option(help="the game", choices=(*ADVERSARIAL, *RELATIVISTIC)),
        "discriminator_class_weight": Option(help="of the classifier's loss in the discriminator's",
                                             **WEIGHT),
        "generator_class_weight": Option(help="of the classifier's loss in the generator's", **WEIGHT),
        "classify_fakes": Option(help="the classifier learns from generated samples, too"),
        "gp_weight": Option(help="of WGAN-GP's gradient penalty", **WEIGHT),
        "discriminator_updates": Option(help="discriminator updates per step", least=1, most=100),
    },
    settings={
        "filters": Option(96, "channels of the networks' maps next to the image", least=1,
                          most=MOST_UNITS),
        "normalization": Option("batch", "of the discriminator",
                                choices=("none", "batch", "layer", "spectral", "weight")),
        "dropout": Option(0.5, "dropout rate of the discriminator", least=0, below=1),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"dataset": "cifar10", "batch_size": 100, "epochs": 100, "inception": "tfgan"},
        "wgan_gp_paper": {"dataset": "cifar10", "batch_size": 64, "epochs": 100,
                          "steps_per_epoch": 1000, "latent_dim": 128, "filters": 128,
                          "inception": "tfgan", **WGAN_GP},
        "quick": {"dataset": "digits", "image_size": 16, "filters": 16, "batch_size": 64, "epochs": 40,
                  "steps_per_epoch": 50, "learning_rate": 5e-4},
    },
    complete=complete, task=ImageTask(measure=measure),
    rows=(("class_accuracy", "class accuracy", ".3f"),
          ("least_class_accuracy", "  of the worst class", ".3f")),
    experiments=EXPERIMENTS,
    arena=lambda kit: {
        "generator": kit.generator(latent_dim=kit.latent_dim + kit.num_classes),
        "discriminator": kit.discriminator(1 + kit.num_classes),
        "latent_dim": kit.latent_dim, "num_classes": kit.num_classes},
    arena_arms={"one_labels": _one_labels(3), "one_labels_critic6": _one_labels(6)},
)
