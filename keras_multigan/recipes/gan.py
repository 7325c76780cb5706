"""One generator against one discriminator: GAN and its rivals, on digits; the papers' settings.

    multigan train gan                                 DCGAN, the loss that does not saturate
    multigan train gan --discriminator_learning_rate=8e-4 --generator_learning_rate=2e-4    two rates
    multigan train saturating_gan                      Goodfellow's first loss
    multigan train lsgan                               least squares
    multigan train fgan --adversarial_loss=pearson     f-divergences
    multigan train wgan                                Wasserstein, clipped weights
    multigan train wgan_gp                             Wasserstein, gradient penalty
    multigan train sngan                               hinge, spectral normalisation
    multigan train ragan                               relativistic: against the mean
    multigan train rpgan                               relativistic: in pairs
    multigan train pacgan --pack=4                     a discriminator that sees several samples
    multigan train r3gan                               pairs, with two zero-centred penalties

All have the same flags and differ in their defaults.
"""

import dataclasses

from keras_multigan import networks
from keras_multigan.losses.adversarial import ADVERSARIAL, RELATIVISTIC
from keras_multigan.models import GAN
from keras_multigan.recipes.recipe import PENALTY_ON_VECTORS, ArenaArm, Recipe
from keras_multigan.runs.options import MOST_NOISE, MOST_UNITS, WEIGHT, Option

RATE = {"kind": float, "above": 0, "most": 10}
ARGUMENTS = {
    "latent_dim": Option(100, "length of a noise vector", least=1, most=MOST_NOISE),
    "adversarial_loss": Option(help="the game", choices=(*ADVERSARIAL, *RELATIVISTIC)),
    "gp_weight": Option(help="of WGAN-GP's gradient penalty", **WEIGHT),
    "r1_weight": Option(help="of the zero-centred penalty on real samples", **WEIGHT),
    "r2_weight": Option(help="of the zero-centred penalty on generated samples", **WEIGHT),
    "clip": Option(help="largest size of a weight of the discriminator (default: any)", kind=float,
                   above=0, most=1000),
    "pack": Option(help="samples that the discriminator sees at once", least=1, most=100),
    "discriminator_updates": Option(help="discriminator updates per step", least=1, most=100),
}
SETTINGS = {
    "filters": Option(64, "channels of the networks' maps next to the image", least=1, most=MOST_UNITS),
    "normalization": Option("batch", "of the discriminator",
                            choices=("none", "batch", "layer", "spectral", "weight")),
    "orthonormal_weight": Option(0.0, "of a penalty that makes the discriminator's kernels orthonormal",
                                 **WEIGHT),
    "generator_learning_rate": Option(help="default: the paper's", **RATE),
    "discriminator_learning_rate": Option(help="default: the paper's", **RATE),
}
QUICK = {"dataset": "digits", "image_size": 16, "filters": 16, "batch_size": 64, "epochs": 40,
         "steps_per_epoch": 50, "generator_learning_rate": 5e-4, "discriminator_learning_rate": 5e-4}
FEWER_STEPS = {"steps_per_epoch": 20}  # of five discriminator updates each
CIFAR10 = {"dataset": "cifar10", "batch_size": 64, "epochs": 100, "steps_per_epoch": 1000}
# Of the relativistic GANs' authors.
_STABLE = CIFAR10 | {"batch_size": 32, "normalization": "spectral", "latent_dim": 128}
# DCGAN's other data, LSUN's bedrooms, have no test images.
FACES = {"dataset": "celeb_a", "image_size": 64, "filters": 128, "batch_size": 128, "epochs": 25}


def make_networks(options, samples):
    normalization = None if options.normalization == "none" else options.normalization
    height, width, channels = samples.shape
    return {
        "generator": networks.dcgan_generator(options.latent_dim, samples.shape, options.filters),
        "discriminator": networks.dcgan_discriminator(
            (height, width, options.pack * channels), options.filters, negative_slope=0.2, dropout=0,
            normalization=normalization, orthonormal_weight=options.orthonormal_weight),
    }


def complete(options):
    penalties = {name: weight for name in ("gp_weight", "r1_weight", "r2_weight")
                 if (weight := getattr(options, name))}
    if penalties and options.normalization == "batch":
        raise ValueError("--normalization is expected to be none, layer, spectral or weight with a "
                         "penalty on the gradients of samples, which batch normalization would mix. "
                         f"Received: batch with {penalties}.")
    if options.pack > 1 and "color" in (getattr(options, "augment", None) or ""):
        raise ValueError("--augment is expected to be without color if the discriminator sees several "
                         "samples at once, whose colours it would mix. Received: "
                         f"{options.augment} with --pack={options.pack}.")
    return options


def variant(name: str, title: str, paper: dict, quick: dict | None = None,
            on_vectors: dict | None = None, arena_arms: dict | None = None, **defaults) -> Recipe:
    """The recipe of a member of the family.

    Args:
        paper, quick: options of the two presets; `quick` beside `QUICK`.
        on_vectors: arguments of `GAN` in the arena if samples are vectors.
        arena_arms: as in `Recipe`.
        **defaults: options that differ from the family's.
    """
    def of_variant(options):
        return {key: dataclasses.replace(option, default=defaults.get(key, option.default))
                for key, option in options.items()}

    def arena(kit):
        normalization = defaults.get("normalization", "batch")
        return {
            "generator": kit.generator(), "latent_dim": kit.latent_dim,
            "discriminator": kit.discriminator(
                pack=defaults.get("pack", 1),
                normalization=None if normalization in ("none", "batch") else normalization),
            **{key: value for key, value in defaults.items()
               if key in ARGUMENTS and key != "latent_dim"},
            **(on_vectors or {} if len(kit.shape) == 1 else {}),
        }

    return Recipe(name, title, GAN, make_networks, of_variant(ARGUMENTS), of_variant(SETTINGS),
                  presets={"paper": paper, "quick": {**QUICK, **(quick or {})}},
                  complete=complete, arena=arena, arena_arms=arena_arms or {})


def _small(name, title):
    """An arm: the method as it is in the arena."""
    return ArenaArm(title, lambda kit, epochs: _of(name).arena(kit))


def _large(name, title):
    """An arm: one generator with the parameters of all."""
    return ArenaArm(f"{title} with the parameters of all", lambda kit, epochs: {
        **_of(name).arena(kit), "generator": kit.large_generator()})


def _of(name):
    return next(recipe for recipe in RECIPES if recipe.name == name)


_SMALL, _LARGE = _small("gan", "a plain GAN"), _large("gan", "a plain GAN")
_R3GAN_LARGE = _large("r3gan", "R3GAN")
RECIPES = (
    variant("gan", "GAN: one generator, the loss that does not saturate (DCGAN)", FACES,
            arena_arms={"gan_large": _LARGE, "gan_batch5": _SMALL.with_batches(5),
                        "gan_large_batch5": _LARGE.with_batches(5)}),
    variant("saturating_gan", "GAN with the generator's loss of the minimax game",
            {"image_size": 28, "batch_size": 100, "epochs": 100}, adversarial_loss="saturating"),
    variant("lsgan", "LSGAN: least squares", FACES | {"batch_size": 64},
            adversarial_loss="least_squares"),
    variant("fgan", "f-GAN: a bound of an f-divergence",
            {"image_size": 28, "batch_size": 4096, "epochs": 100}, adversarial_loss="kl"),
    variant("wgan", "WGAN: Wasserstein distance, clipped weights", FACES | {"batch_size": 64},
            FEWER_STEPS | {"clip": 0.05}, adversarial_loss="wasserstein", clip=0.01,
            discriminator_updates=5),
    variant("wgan_gp", "WGAN-GP: Wasserstein distance, gradient penalty",
            CIFAR10 | {"filters": 128, "latent_dim": 128, "normalization": "none", "epochs": 200},
            FEWER_STEPS,
            adversarial_loss="wasserstein", gp_weight=10.0, discriminator_updates=5,
            normalization="layer", on_vectors=PENALTY_ON_VECTORS),
    variant("sngan", "SN-GAN: hinge loss, spectral normalisation", CIFAR10, FEWER_STEPS,
            adversarial_loss="hinge", discriminator_updates=5, normalization="spectral",
            latent_dim=128),
    variant("ragan", "RaGAN: real samples against the mean of generated ones, and the reverse",
            _STABLE, adversarial_loss="relativistic_average"),
    variant("rpgan", "Relativistic GAN of pairs", _STABLE, adversarial_loss="relativistic_pairing"),
    variant("pacgan", "PacGAN: the discriminator sees several samples at once",
            FACES | {"batch_size": 64, "filters": 64}, pack=2),
    variant("r3gan", "R3GAN: relativistic pairs, zero-centred penalties",
            # The authors' weights fall from 0.05 to 0.005.
            CIFAR10 | {"batch_size": 512, "r1_weight": 0.05, "r2_weight": 0.05},
            adversarial_loss="relativistic_pairing", r1_weight=1.0, r2_weight=1.0,
            normalization="none", arena_arms={
                "r3gan_large": _R3GAN_LARGE, "r3gan_large_batch5": _R3GAN_LARGE.with_batches(5),
                "r3gan_batch5": _small("r3gan", "R3GAN").with_batches(5)}),
)
