"""P2GAN: 8 generators, one after the other, on a ring of 8 Gaussians; constraints; images.

    multigan train p2
    multigan train p2 --preset=constraints      digits 3 and 8, pushed away from 3
    multigan train p2 --preset=images           8x8 digits, residual networks
    multigan train p2 --preset=paper            the ring, as far as the paper states it
    multigan train p2 --preset=images_paper     CIFAR-10 as in the paper
    multigan train p2 --preset=stl10_paper      its other data sets: STL-10, ImageNet, CelebA's hair
    multigan train p2 --preset=imagenet_paper
    multigan train p2 --preset=hair_paper
"""

import math
import zipfile

import numpy as np
from absl import logging

from keras_multigan import data, metrics, networks, plots
from keras_multigan.data import synthetic
from keras_multigan.models import P2GAN, p2
from keras_multigan.recipes.experiment import FID, FRECHET, SCORE, TVD, Arm, Column, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, Recipe
from keras_multigan.runs import files
from keras_multigan.runs.images import ImageTask, class_names, of_classes
from keras_multigan.runs.measures import tvd_of_several
from keras_multigan.runs.options import IMAGES, MOST_NETWORKS, MOST_NOISE, MOST_UNITS, WEIGHT, Option
from keras_multigan.runs.run import sample_each
from keras_multigan.runs.vectors import VectorTask, frames_every

BODIES = {
    "mlp": (lambda shape, width: (width,), networks.p2_mlp_body, networks.p2_mlp_trunk),
    "resnet": (networks.resnet_map, networks.resnet_body, networks.resnet_trunk),
    "cnn": (networks.dcgan_map, networks.dcgan_body, networks.dcgan_trunk),
}


def make_networks(options, samples):
    n, width, share = options.num_generators, options.width, options.share
    auxiliary = [] if options.auxiliary_class is None else [
        [-options.auxiliary_push] * (n - 1) + [options.auxiliary_pull]]
    first, body, trunk = BODIES[options.networks]
    pull, push = (
        networks.p2_discriminators(len(side.weights), lambda: trunk(samples.shape, width), share)
        if len(side.weights) else None
        for side in p2.forces(n, options.push, options.pull, auxiliary))
    return {
        "generators": networks.p2_generators(
            n, options.latent_dim, math.prod(first(samples.shape, width)),
            lambda: body(samples.shape, width), share),
        "pull_discriminator": pull, "push_discriminator": push, "auxiliary": auxiliary,
        "growth": options.growth or None,
        "generator_batch_size": options.generator_batch_size or None,
    }


def complete(options):
    ring, auxiliary = options.dataset == "ring", options.auxiliary_class
    images_only = ["classes", "auxiliary_class", *(name for name in IMAGES if name != "dataset")]
    images_only = [name for name in images_only
                   if getattr(options, name) != (IMAGES[name].default if name in IMAGES else None)]
    if ring and images_only:
        name = images_only[0]
        raise ValueError(f"--{name} is expected to be left out with --dataset=ring. Received: "
                         f"{getattr(options, name)}. Leave it out, or give another --dataset.")
    if ring and options.networks != "mlp":
        raise ValueError(f"--networks={options.networks} expects images. Received: --dataset=ring. "
                         "Give another --dataset, or --networks=mlp.")
    if auxiliary is not None and options.num_generators < 2:
        raise ValueError("--auxiliary_class expects --num_generators of at least 2, one that the class "
                         f"pulls and one that it pushes. Received: {options.num_generators}")
    if None not in (auxiliary, options.classes) and str(auxiliary) not in class_names(options.classes):
        raise ValueError("--auxiliary_class is expected to be one of --classes. Received: "
                         f"{auxiliary} and {options.classes}")
    return options


def select(options, labels):
    """Which samples are of the chosen classes."""
    if options.auxiliary_class is not None:
        of_classes(labels, str(options.auxiliary_class))  # it must be there
    if options.classes is None:
        return slice(None)
    return of_classes(labels, options.classes)


def with_auxiliary_class(options, image_set):
    """What `fit` gets: all images. With --auxiliary_class half of every class, and of the other halves
    that class as a source of its own."""
    if options.auxiliary_class is None:
        return image_set.without_labels(), None
    labels = image_set.labels
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    kept = np.sort(np.concatenate([r[: len(r) // 2] for r in rows]))
    source = np.flatnonzero(labels == options.auxiliary_class)
    return data.with_auxiliary(image_set.floats(kept),
                               image_set.floats(source[len(source) // 2 :]))


def outside(options, model, images, test_set, classifier):
    auxiliary = options.auxiliary_class
    if auxiliary is None or classifier is None:
        return {}
    table = metrics.class_probabilities(images, classifier)
    return {"first_outside_auxiliary_class": float(1 - table[0, auxiliary])}


def measure_ring(options, source, model):
    samples = sample_each(model, 10_000 // model.num_generators)
    coverage = metrics.mode_coverage(np.concatenate(samples), source.means, source.variance**0.5)
    shares = metrics.mode_shares(samples, source.means)
    return {
        "modes_covered": coverage.modes, "high_quality": coverage.high_quality,
        "mode_shares": shares.tolist(), "pairwise_tvd": tvd_of_several(shares),
        "least_share_of_own_mode": float(shares.max(axis=1).min()),
        "frechet_distance": metrics.frechet_distance(
            source.sample(10_000, seed=4)[0], np.concatenate(samples)),
        "frechet_features": "raw vectors",
    }


def picture_ring(run, source, model, epoch):
    """A scatter plot and, for evolution.png at the end, the samples of the epoch."""
    real, frames = source.sample(2000, seed=3)[0], run.output / "frames"
    samples = sample_each(model, 200)
    plots.save_scatter(samples, real, run.output / "samples.png")
    if epoch is not None:
        with files.replacing(frames / f"epoch-{epoch + 1:05d}.npz") as partial:
            np.savez(partial, *samples)
        return
    every = frames_every(run.options.epochs)
    taken = {int(path.stem.removeprefix("epoch-")) for path in frames.glob("epoch-*.npz")}
    expected = range(every, run.options.epochs + 1, every)
    if len(taken) < len(expected):  # else a run that was trained on, with others of its first part
        taken |= {*expected}
    found = {epoch: _read_frame(frames / f"epoch-{epoch:05d}.npz", samples)
             for epoch in sorted(taken) if epoch <= run.options.epochs}
    found = {epoch: frame for epoch, frame in found.items() if frame}
    if epochs := list(found):
        chosen = [epochs[i] for i in np.unique(np.linspace(0, len(epochs) - 1, 8).astype(int))]
        plots.save_evolution([found[epoch] for epoch in chosen], real, run.output / "evolution.png",
                             [f"epoch {epoch}" for epoch in chosen])


def _read_frame(path, like):
    """The samples of an epoch, at most as many arrays as `like` and of their shapes; None with a
    warning if they cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            frame = list(file.values())
        if not frame or len(frame) > len(like) or any(f.shape != like[0].shape for f in frame):
            raise ValueError(f"it has arrays of {[f.shape for f in frame]}")
        return frame
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        logging.warning("evolution.png is without %s, which cannot be read (%s).", path,
                        files.short(error))
        return None


RING = VectorTask(lambda options: synthetic.ring(), measure_ring, picture_ring)
PICTURES = ImageTask(select, with_auxiliary_class, outside)

CONSTRAINT_ARMS = [
    Arm("push", {}), Arm("no-push", {"push_weight": 0.0, "auxiliary_push": 0.0}),
    Arm("no-source", {"push_weight": 0.0, "auxiliary_push": 0.0, "auxiliary_pull": 0.0})]
CONSTRAINT_COLUMNS = (
    Column("first generator outside the class", "first_outside_auxiliary_class", ".3f"),
    FRECHET, TVD, SCORE)
CNN = {"networks": "cnn", "regularizer_weight": 0.0}
EXPERIMENTS = {
    "ring": Experiment(
        "Eight generators on a ring of eight Gaussians (figure 1)",
        "The paper's figure shows each generator on a mode of its own, all modes taken. evolution.png "
        "in the run's folder is its counterpart.",
        [Arm("growing", {}), Arm("no-push", {"push_weight": 0.0}), Arm("one", {"num_generators": 1})],
        (Column("modes covered", "modes_covered", "g"),
         Column("least share on one mode", "least_share_of_own_mode", ".3f"),
         Column("high-quality samples", "high_quality", ".3f"), FRECHET),
    ),
    "constraints": Experiment(
        "Two classes, pushed away from one of them (section 3.2)",
        "The first generator is to avoid the auxiliary class. The paper shows pictures, no numbers. "
        "Without push the auxiliary source still pulls the second generator; without source no force "
        "is left but that of the data.",
        CONSTRAINT_ARMS, CONSTRAINT_COLUMNS,
        presets={"quick": "constraints", "paper": "constraints"},
    ),
    "hair": Experiment(
        "Blond and black hair, pushed away from black (section 3.2, figure 5)",
        "The paper shows pictures, no numbers. It has 12,000 women of either hair and 11,000 others "
        "with black hair as the auxiliary source; here half of either class are the data, and the "
        "other half of those with black hair the source. At the small scale these are digits.",
        CONSTRAINT_ARMS, CONSTRAINT_COLUMNS,
        presets={"quick": "constraints", "paper": "hair_paper"},
    ),
    "fid_by_epoch": Experiment(
        "FID against epochs, one generator and five (figure 3)",
        "The paper's FID of one generator rises after 60 of 150 epochs, that of five keeps falling; it "
        "prints no number. curves.png is its counterpart, with --inception; without, the distance to "
        "training images on the independent embedding.",
        [Arm("1", {"num_generators": 1, "growth": None}),
         Arm("5", {"num_generators": 5, "growth": 10})],
        (FID, FRECHET, TVD, SCORE),
        presets={"quick": "images", "paper": "images_paper"},
        curves=(Column("FID, training images", "fid", ".2f"),
                Column("Frechet distance, training images", "train_frechet_distance", ".2f")),
    ),
    "networks": Experiment(
        "Residual networks and the standard CNN on CIFAR-10 (table 2)",
        "The paper's FIDs. It describes the CNN as DCGAN's, without sizes. It regularises residual "
        "networks only.",
        [Arm("resnet", {}, {"fid_train": 20.1}), Arm("cnn", CNN, {"fid_train": 25.2})],
        (FID, FRECHET, TVD, SCORE),
        presets={"quick": "images", "paper": "images_paper"},
    ),
    "stl10": Experiment(
        "Residual networks and the standard CNN on STL-10 (table 2)",
        "The paper's FIDs, at 48x48. When a generator joins it does not say; at the small scale these "
        "are digits.",
        [Arm("resnet", {}, {"fid_train": 38.2}), Arm("cnn", CNN, {"fid_train": 53.3})],
        (FID, FRECHET, TVD, SCORE),
        presets={"quick": "images", "paper": "stl10_paper"},
    ),
    "imagenet": Experiment(
        "ImageNet at 32x32 (section 3.1)",
        "The paper's FID. When a generator joins it does not say; at the small scale these are digits.",
        [Arm("resnet", {}, {"fid_train": 18.1})],
        (FID, FRECHET, TVD, SCORE),
        presets={"quick": "images", "paper": "imagenet_paper"},
    ),
    "generators": Experiment(
        "The number of generators on images (table 1)",
        "The paper's FIDs are on CIFAR-10; the Frechet distance is on a classifier's logits. A "
        "generator joins after every so many of 150 epochs.",
        [Arm(f"{k}", {"num_generators": k, "growth": growth}, {"fid_train": fid}, x=k)
         for k, growth, fid in ((1, None, 26.7), (3, 15, 25.7), (5, 10, 20.1), (10, 5, 23.1),
                                (15, 3, 23.5))],
        (FID, FRECHET, TVD, SCORE, Column("generators at the end", "active_generators", "g")),
        axis="generators", presets={"quick": "images", "paper": "images_paper"},
    ),
}
# The paper's epoch of endless data is taken as one update; an epoch is 100 of them here. It gives no
# batch size for the ring, and its rate, the model's default, for images.
_RING = {"dataset": "ring", "batch_size": 512, "generator_batch_size": 64, "epochs": 150,
         "steps_per_epoch": 100, "growth": 10}
_CIFAR10 = {"dataset": "cifar10", "batch_size": 64, "epochs": 150, "growth": 10, "num_generators": 5,
            "latent_dim": 128, "networks": "resnet", "push_weight": 0.01, "regularizer_weight": 2.0,
            "inception": "tfgan", "fid_every": 5}
# The paper has 10 generators, and of CIFAR-10 a new one every 5 of 150 epochs; this is as often.
_TEN = {**_CIFAR10, "num_generators": 10}

def arena(kit):
    pulls, pushes = p2.forces(kit.num_generators)
    return {"generators": kit.joint_generators("first"), "latent_dim": kit.latent_dim,
            "pull_discriminator": kit.discriminator(len(pulls.weights)),
            "push_discriminator": kit.discriminator(len(pushes.weights))}


RECIPE = Recipe(
    "p2", "P2GAN: generators that the data pull and others push, one after the other", P2GAN,
    make_networks,
    arguments={
        "latent_dim": Option(256, "length of a noise vector", least=1, most=MOST_NOISE),
        "push_weight": Option(help="of all pushes of a generator by others", **WEIGHT),
        "push": Option(help="which other generators push", choices=("all", "earlier")),
        "pull": Option(help="one pulling discriminator for all, or one per generator",
                       choices=("mixture", "each")),
        "adversarial_loss": Option(help="the divergence of pull and push", aliases=("divergence",),
                                   choices=("js", "kl", "reverse_kl", "pearson")),
        "growth": Option(help="epochs after which the next generator joins; 0: all at once", kind=int,
                         least=0, most=10**6),
        "generator_batch_size": Option(help="samples of each generator per update; 0: as many as real "
                                       "ones", kind=int, least=0, most=10**5),
        "regularizer_weight": Option(help="gamma of Roth's regulariser", **WEIGHT),
    },
    settings={
        "classes": Option(help="of an image set, such as 8,3 (default: all)", kind=str),
        "auxiliary_class": Option(help="half of this class becomes an auxiliary source, which pulls "
                                  "the last generator and pushes the others", kind=int, least=0,
                                  most=10**4),
        "num_generators": Option(8, "number of generators", least=1, most=MOST_NETWORKS,
                                 aliases=("n_generators",)),
        "networks": Option("mlp", "with hidden layers, or residual blocks", choices=tuple(BODIES)),
        "width": Option(128, "units or channels of the hidden layers", least=1, most=MOST_UNITS),
        "share": Option(True, "generators share all but the first layer, discriminators all but the "
                        "last"),
        "learning_rate": LEARNING_RATE,
        "auxiliary_pull": Option(0.1, "force on the last generator", **WEIGHT),
        "auxiliary_push": Option(0.01, "force on the others", **WEIGHT),
    },
    presets={
        # At this learning rate 0.05 in all, not for each of the seven others, leaves modes out.
        "quick": {**_RING, "epochs": 100, "push_weight": 0.35, "learning_rate": 1e-3},
        "paper": _RING,
        "constraints": {"dataset": "digits", "classes": "8,3", "auxiliary_class": 3,
                        "num_generators": 2, "push_weight": 0.01, "image_size": 8, "batch_size": 64,
                        "epochs": 20, "steps_per_epoch": 100, "learning_rate": 1e-3},
        "images": {**_CIFAR10, "dataset": "digits", "image_size": 8, "inception": "none",
                   "fid_every": None, "width": 16, "latent_dim": 32, "learning_rate": 1e-3,
                   "steps_per_epoch": 14},
        "images_paper": _CIFAR10,
        "stl10_paper": {**_TEN, "dataset": "stl10", "train_split": "unlabelled", "image_size": 48,
                        "epochs": 100, "growth": 3},
        "imagenet_paper": {**_TEN, "dataset": "imagenet_resized/32x32", "epochs": 50, "growth": 2},
        # Of Male, Black_Hair, Blond_Hair: women with black and with blond hair.
        "hair_paper": {"dataset": "celeb_a", "label": "Male,Black_Hair,Blond_Hair", "classes": "2,1",
                       "auxiliary_class": 2, "num_generators": 2, "growth": None, "push_weight": 0.01,
                       "image_size": 64, "batch_size": 64, "epochs": 100, "latent_dim": 128, **CNN},
    },
    complete=complete, task=lambda options: RING if options.dataset == "ring" else PICTURES,
    rows=(("modes_covered", "modes covered", "d"),
          ("least_share_of_own_mode", "  least share on one", ".4f"),
          ("high_quality", "high-quality samples", ".4f"),
          ("first_outside_auxiliary_class", "first generator outside", ".4f")),
    experiments=EXPERIMENTS, arena=arena,
)
