"""MIX-GAN: 5 generators with 2 digits each; 10G10D on CIFAR-10.

    multigan train mix
    multigan train mix --num_generators=1 --num_discriminators=1
    multigan train mix --nosupervised                           without labels
"""

from absl import logging

from keras_multigan import networks
from keras_multigan.models import MIXGAN, partition_classes
from keras_multigan.recipes.experiment import FID, FRECHET, SCORE, TVD, Arm, Column, Experiment
from keras_multigan.recipes.recipe import LEARNING_RATE, ArenaArm, Recipe
from keras_multigan.runs.options import MOST_NETWORKS, MOST_NOISE, MOST_UNITS, WEIGHT, Option


def make_networks(options, samples):
    if options.supervised and samples.num_classes is None:
        raise ValueError("--supervised expects a data set with labels of several classes. Received: "
                         "none. Use --nosupervised.")
    n, size = options.num_generators, (options.latent_dim, samples.shape, options.filters)
    num_classes = samples.num_classes if options.supervised else None
    shares = partition_classes(num_classes, n) if options.supervised else [None] * n
    if options.supervised and num_classes % n:
        logging.warning("%d classes over %d generators: they make %s.", num_classes, n, shares)
    return {
        "generators": [networks.biggan_generator(*size, classes=classes) for classes in shares],
        "discriminators": [networks.biggan_discriminator(samples.shape, options.filters, num_classes)
                           for _ in range(options.num_discriminators)],
        # With labels one coordinate more picks the class.
        "latent_dim": options.latent_dim + (1 if options.supervised else 0),
        "num_classes": num_classes,
    }


def resolve(options, overrides, preset):
    parts = options["num_discriminators"]
    return {**options, "batch_size": -(-options["batch_size"] // parts) * parts}


def _pairs(n, paper=(), **others):
    """The paper's values: Inception score, FIDs of training and test images."""
    return Arm(f"{n}G{n}D", {"num_generators": n, "num_discriminators": n, **others},
               dict(zip(("inception_score", "fid_train", "fid_test"), paper)))


COLUMNS = (FID, FRECHET, TVD, SCORE, Column("FID, test images", "fid_test", ".2f"),
           Column("Inception score", "inception_score", ".2f"))
EXPERIMENTS = {
    "supervised": Experiment(
        "Mixtures with labels against one pair",
        "The paper's, on CIFAR-10, are Inception scores and FIDs. Frechet distance and classifier "
        "score are on a classifier's logits.",
        [_pairs(1, (9.61, 4.57, 6.66)), _pairs(2, (9.83, 4.46, 6.23)), _pairs(5, (9.98, 3.95, 5.78)),
         _pairs(10, (10.21, 3.60, 5.52))],
        COLUMNS,
    ),
    "unsupervised": Experiment(
        "Mixtures without labels against one pair",
        "The paper's are of step 60,000, after which they degrade: at its scale give --epochs=60.",
        [_pairs(1, supervised=False), _pairs(5, supervised=False),
         _pairs(10, (9.67, 8.17, 10.26), supervised=False)],
        COLUMNS,
    ),
}


def arena(kit, generators=None, discriminators=None):
    """Without labels. The networks are the kit's, if None."""
    n = kit.num_generators
    return {"generators": kit.generators() if generators is None else generators,
            "latent_dim": kit.latent_dim,
            "discriminators": [kit.discriminator(features=True) for _ in range(n)]
            if discriminators is None else discriminators}


ARENA_ARMS = {
    "mix_pair": ArenaArm(
        "one generator against one discriminator",
        lambda kit, epochs: arena(kit, [kit.generator()], [kit.discriminator(features=True)])),
    "mix_large_pair": ArenaArm(
        "one pair with the parameters of all",
        lambda kit, epochs: arena(kit, [kit.large_generator()],
                                  [kit.discriminator(features=True, large=True)])),
    "mix_one_generator": ArenaArm("one generator against all discriminators",
                                  lambda kit, epochs: arena(kit, [kit.generator()])),
    "mix_one_discriminator": ArenaArm(
        "all generators against one discriminator",
        lambda kit, epochs: arena(kit, discriminators=[kit.discriminator(features=True)])),
    **{f"mix_{n}": ArenaArm(f"{n} generators against {n} discriminators",
                            lambda kit, epochs, n=n: arena(kit.with_generators(n))) for n in (2, 10)},
}
# As many samples per update as those of five pairs together.
ARENA_ARMS["mix_large_pair_batch5"] = ARENA_ARMS["mix_large_pair"].with_batches(5)
RECIPE = Recipe(
    "mix", "MIX-GAN: generators share the classes, discriminators share the batches", MIXGAN,
    make_networks,
    arguments={
        "latent_dim": Option(80, "length of z, a multiple of 4", least=4, most=MOST_NOISE),
        "feature_matching_weight": Option(help="default: 0.05 with labels, 0 without", kind=float,
                                          **WEIGHT),
        "discriminator_updates": Option(help="discriminator updates per step", least=1, most=100,
                                        aliases=("n_critic",)),
        "ema": Option(help="decay of the averaged generators", least=0, below=1),
    },
    settings={
        "num_generators": Option(10, "number of generators", least=1, most=MOST_NETWORKS,
                                 aliases=("n_generators",)),
        "num_discriminators": Option(10, "number of discriminators", least=1, most=MOST_NETWORKS,
                                     aliases=("n_discriminators",)),
        "supervised": Option(True, "generators share the classes, multi-hinge loss; else hinge"),
        "filters": Option(256, "channels of the blocks", least=1, most=MOST_UNITS),
        "learning_rate": LEARNING_RATE,
    },
    presets={
        "paper": {"dataset": "cifar10", "batch_size": 50, "epochs": 100, "steps_per_epoch": 1000,
                  "inception": "tfgan"},
        "quick": {"dataset": "digits", "image_size": 8, "batch_size": 50, "num_generators": 5,
                  "num_discriminators": 5, "latent_dim": 20, "filters": 16, "discriminator_updates": 2,
                  "ema": 0.99, "epochs": 60, "steps_per_epoch": 50},
    },
    experiments=EXPERIMENTS, resolve=resolve, arena=arena,
    arena_arms=ARENA_ARMS,
)
