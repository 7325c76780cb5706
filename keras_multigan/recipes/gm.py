"""GM-GAN: a learned mixture of 10 Gaussians on digits; the slides' best on MNIST.

    multigan train gm
    multigan train gm --nodynamic                                              a fixed mixture
    multigan train gm --num_components=1 --nodynamic --nosupervised --scale=1  a plain GAN
"""

import numpy as np

from keras_multigan import metrics, networks
from keras_multigan.models import GMGAN
from keras_multigan.recipes.experiment import FID, FRECHET, SCORE, Arm, Column, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe, scaled
from keras_multigan.runs.images import ImageTask
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, Option


def make_networks(options, samples):
    if options.supervised and samples.num_classes is None:
        raise ValueError("--supervised expects a data set with labels of several classes. Received: "
                         "none. Use --nosupervised.")
    outputs = 1
    if options.adversarial_loss == "sigmoid":
        outputs = samples.num_classes if options.supervised else options.num_components
    return {
        "generator": networks.mlp_generator(options.latent_dim, samples.shape,
                                            scaled((256, 512, 1024), options.width)),
        "discriminator": networks.mlp_discriminator(samples.shape, outputs,
                                                    scaled((1024, 512, 256), options.width)),
    }


def measure(options, model, images, test_set, classifier):
    """Precision, recall and coverage on the classifier's logits, of as many generated as real images,
    and how far training has moved the mixture."""
    results = {}
    if classifier is not None and len(test_set[0]) > 6:  # neighbours need some
        samples = test_set[0], np.concatenate(images)
        count = min(map(len, samples))
        real, fake = (metrics.classifier_logits(
            np.random.default_rng(0).permutation(x)[:count], classifier) for x in samples)
        found = metrics.precision_recall(real, fake)
        results = {"precision": found.precision, "recall": found.recall,
                   "coverage": metrics.density_coverage(real, fake).coverage}
    first = type(model.latent).from_config(model.latent.get_config())
    moved = [float(np.abs(now - then).mean()) for now, then in
             zip(model.latent.get_weights(), first.get_weights(), strict=True)]
    return {**results, "moved_means": moved[0], "moved_log_scales": moved[1]}


COLUMNS = (
    FID, FRECHET, Column("recall", "recall", ".3f"), Column("precision", "precision", ".3f"),
    Column("coverage", "coverage", ".3f"), SCORE,
)
EXPERIMENTS = {
    "variants": Experiment(
        "Dynamic and static mixtures against a plain GAN",
        "The slides' distances are FIDs, here with --inception; the Frechet distance is on classifier "
        "logits. As theirs, the dynamic mixture has K = 10 and d = 100, the plain GAN d = 200, the "
        "static ones K = 11 and 10. A few outliers make recall large; coverage counts balls around "
        "the real images alone.",
        [Arm("plain", {"num_components": 1, "dynamic": False, "supervised": False, "scale": 1.0,
                       "latent_dim": 200}, {"fid_train": 27.73, "precision": 0.52, "recall": 0.2}),
         Arm("static", {"dynamic": False, "num_components": 11, "latent_dim": 200},
             {"fid_train": 258.6}),
         Arm("static-wgan", {"dynamic": False, "supervised": False, "adversarial_loss": "wasserstein",
                             "latent_dim": 200}, {"fid_train": 110.47}),
         Arm("dynamic", {}, {"fid_train": 15.67, "precision": 0.55, "recall": 0.29}),
         Arm("dynamic-unsupervised", {"supervised": False})],
        (*COLUMNS, Column("means moved by", "moved_means", ".3f")),
    ),
    "sigma": Experiment(
        "Deviation of the static mixture with WGAN-GP",
        "The slides show a figure for several values and print the best one's FID, of sigma 1. Their "
        "covariance is sigma I; here sigma is the deviation.",
        [Arm(f"sigma{sigma}", {"dynamic": False, "supervised": False, "latent_dim": 200,
                               "adversarial_loss": "wasserstein", "scale": sigma},
             {"fid_train": 110.47} if sigma == 1 else {}, x=sigma)
         for sigma in (0.25, 0.5, 1.0, 1.4, 2.0)],
        COLUMNS, axis="sigma",
    ),
}

def arena(kit):
    return {"generator": kit.generator(), "discriminator": kit.discriminator(kit.num_generators),
            "latent_dim": kit.latent_dim, "num_components": kit.num_generators, "supervised": False}


RECIPE = Recipe(
    "gm", "GM-GAN: one network on a fixed or learned mixture of Gaussians", GMGAN, make_networks,
    arguments={
        "num_components": Option(10, "Gaussians of the latent mixture", least=1, most=MOST_NETWORKS),
        "latent_dim": Option(100, "length of a latent vector", least=1, most=MOST_NOISE),
        "dynamic": Option(help="means and scales are learned"),
        "supervised": Option(help="the discriminator learns the labels"),
        "adversarial_loss": Option(help="the game", choices=("sigmoid", "wasserstein"),
                                   aliases=("base",)),
        "center_range": Option(help="the first means are from [-c, c]", least=0, most=1000),
        "scale": Option(help="first standard deviation (default: 1.4 dynamic, 1 static)", kind=float,
                        above=0, most=1000),
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
    rows=(("precision", "precision", ".3f"), ("recall", "recall", ".3f"),
          ("coverage", "  coverage", ".3f")),
    experiments=EXPERIMENTS, arena=arena,
)
