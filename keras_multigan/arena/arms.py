"""What takes part in an arena: the methods of the registry, and the arms of experiments."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from keras_multigan.recipes import RECIPES, find


class Arm(NamedTuple):
    """A model on the networks of a kit.

    Attributes:
        name, title: what tables call it, and what it is.
        model: the class.
        arguments: function (`networks.Kit`, number of epochs) -> the class's arguments.
        batches: real samples of an update, in the protocol's batches.
    """

    name: str
    title: str
    model: type[keras.Model]
    arguments: Callable
    batches: int = 1


_LARGER = ("gan", "gan_large", "r3gan", "one_large_critic6", "several_critic6",
           "several_constant_critic6", "mix_large_pair")
_ONE_AND_SEVERAL = ("one", "one_large", "one_labels", "several", "several_constant",
                    "several_linear", "several_sudden")
# What an experiment runs: methods and arms of recipes.
EXPERIMENTS = {
    "several_against_one": (
        *_ONE_AND_SEVERAL, *(f"{name}_critic6" for name in _ONE_AND_SEVERAL),
        "gan", "gan_large", "r3gan", "r3gan_large", "d2gan", "mgan", "mim", "mix_plus", "p2",
        "mix"),
    "critic_updates": tuple(
        f"{name}{critic}" for critic in ("_critic1", "", "_critic6", "_critic12")
        for name in ("one", "one_large", "several", "several_constant")),
    "number_of_generators": (
        "one_critic6", "several_2_critic6", "several_critic6", "several_10_critic6",
        *(f"several_constant{n}_critic6" for n in ("_2", "_3", "_4", "", "_10")),
        "mix_pair", "mix_2", "mix", "mix_10"),
    "weights": ("several_critic6", *(f"several_weight_{weight}_critic6" for weight in (1, 5)),
                "several_constant_critic6", "several_weight_20_critic6"),
    "larger_batches": (*_LARGER, *(f"{name}_batch5" for name in _LARGER), "mix"),
    "r3gan_losses": tuple(
        f"{name}{batch}" for batch in ("", "_batch5")
        for name in ("r3gan", "r3gan_large", "several_r3gan", "several_linear_r3gan")),
    "mix_parts": ("mix_pair", "mix_large_pair", "mix_one_generator", "mix_one_discriminator", "mix"),
}
# With these others are compared, if they take part.
BASELINES = ("gan", "gan_large", "r3gan", "r3gan_large", "d2gan", "one", "one_large", "one_critic6",
             "one_large_critic6", "mix_large_pair", "gan_batch5", "gan_large_batch5", "r3gan_batch5",
             "r3gan_large_batch5", "one_large_critic6_batch5", "mix_large_pair_batch5")
_ARMS = {name: Arm(name, arm.title, recipe.model, arm.arguments, arm.batches)
         for recipe in RECIPES.values() for name, arm in recipe.arena_arms.items()}


def of(name: str) -> Arm:
    """The arm of an experiment, or a method of the registry, by its name.

    Raises:
        ValueError: there is none, or its recipe has no networks for the arena.
    """
    if name in _ARMS:
        return _ARMS[name]
    recipe = find(name)
    if recipe.arena is None:
        raise ValueError("--methods is expected to name methods with networks for the arena. Received: "
                         f"{recipe.name}. Give its recipe `arena`.")
    return Arm(recipe.name, recipe.title, recipe.model, lambda kit, epochs: recipe.arena(kit))


def names() -> list[str]:
    """Of all arms, in the order of tables: the registry's methods, then those of experiments."""
    methods = [name for name, recipe in RECIPES.items() if recipe.arena is not None]
    experiments = (name for experiment in EXPERIMENTS.values() for name in experiment)
    return list(dict.fromkeys([*methods, *experiments]))


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
