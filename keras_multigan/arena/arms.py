"""What takes part in an arena: the methods of the registry, and the arms of experiments."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from keras_multigan import models, schedules
from keras_multigan.recipes import RECIPES, find


class Arm(NamedTuple):
    """A model on the networks of a kit.

    Attributes:
        name, title: what tables call it, and what it is.
        model: the class.
        arguments: function (`networks.Kit`, number of epochs) -> the class's arguments.
    """

    name: str
    title: str
    model: type[keras.Model]
    arguments: Callable


def _commute(name, title, several=True, weight=None, large=False):
    """ComMutE-GAN with all generators of the kit, or with one; `weight` is a function of the number of
    epochs, None is no term."""

    def arguments(kit, epochs):
        one = kit.large_generator if large else kit.generator
        return {"generators": kit.generators() if several else [one()], "critic": kit.discriminator(),
                "latent_dim": kit.latent_dim, "tvd_weight": 0.0 if weight is None else weight(epochs),
                "classifier": None if weight is None else kit.classifier}

    return Arm(name, title, models.ComMutEGAN, arguments)


def _labelled(kit, epochs):
    classes = kit.num_classes
    return {"generator": kit.generator(kit.latent_dim + classes), "num_classes": classes,
            "discriminator": kit.discriminator(1 + classes), "latent_dim": kit.latent_dim,
            "adversarial_loss": "wasserstein", "gp_weight": 10.0, "discriminator_updates": 3,
            "classify_fakes": False, "generator_class_weight": 0.1}


def _large_gan(kit, epochs):
    return RECIPES["gan"].arena(kit) | {"generator": kit.large_generator()}


# The paper's schedules, 20 to 5 over its 70 epochs and 20 for 20 of them, in parts of the run.
_ARMS = {
    "several_against_one": (
        _commute("one", "one generator", several=False),
        _commute("one_large", "one generator with the parameters of all", several=False, large=True),
        Arm("gan_large", "a plain GAN with the parameters of all", models.GAN, _large_gan),
        Arm("one_labels", "one generator that is told the class (AC-GAN with WGAN-GP)", models.ACGAN,
            _labelled),
        _commute("several", "several generators without a term"),
        _commute("several_constant", "constant weight 12.2", weight=lambda epochs: 12.2),
        _commute("several_linear", "weight 20 that falls to 5",
                 weight=lambda epochs: schedules.linear_decay(20, 5, epochs)),
        _commute("several_sudden", "weight 20 for two sevenths of the run, then 0",
                 weight=lambda epochs: schedules.sudden_death(20, max(1, round(epochs * 2 / 7)))),
    ),
}
# Trained beside the arms: rivals with several generators, and the GAN that most of them extend.
_BESIDE = {"several_against_one": ("gan", "mgan", "mim", "p2", "mix")}
# With these others are compared, if they take part.
BASELINES = ("gan", "one", "one_large", "gan_large")
EXPERIMENTS = {name: tuple(arm.name for arm in arms) + _BESIDE[name] for name, arms in _ARMS.items()}


def of(name: str) -> Arm:
    """The arm of an experiment, or a method of the registry, by its name.

    Raises:
        ValueError: there is none, or its recipe has no networks for the arena.
    """
    for arm in (arm for arms in _ARMS.values() for arm in arms):
        if arm.name == name:
            return arm
    recipe = find(name)
    if recipe.arena is None:
        raise ValueError("--methods is expected to name methods with networks for the arena. Received: "
                         f"{recipe.name}. Give its recipe `arena`.")
    return Arm(recipe.name, recipe.title, recipe.model, lambda kit, epochs: recipe.arena(kit))


def names() -> list[str]:
    """Of all arms, in the order of tables: the registry's methods, then those of experiments."""
    methods = [name for name, recipe in RECIPES.items() if recipe.arena is not None]
    return methods + [arm.name for arms in _ARMS.values() for arm in arms]


def chosen(given: Sequence[str]) -> list[str]:
    """The names that `given` means, in the order of `names`.

    Args:
        given: "all" for all methods of the registry, an experiment for its arms, methods and arms.

    Raises:
        ValueError: none, or one that is unknown or does not take part.
    """
    if tuple(given) == ("all",):
        return [name for name in names() if name in RECIPES]
    wanted = {of(name).name for word in given
              for name in EXPERIMENTS.get(word.strip(), (word.strip(),))}
    if not wanted:
        raise ValueError("--methods is expected to be all, or names such as gan,mix. Received: none.")
    return [name for name in names() if name in wanted]
