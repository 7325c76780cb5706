"""All methods, one line each."""

import importlib

from keras_multigan.recipes.recipe import Recipe

_NAMES = (
    "commute",
    "mix_plus",
    "mix",
    "mim",
    "gm",
    "mm",
    "p2",
)
RECIPES: dict[str, Recipe] = {
    name: importlib.import_module(f"keras_multigan.recipes.{name}").RECIPE for name in _NAMES}


def find(name: str) -> Recipe:
    """The recipe of a name; hyphens count as underscores.

    Raises:
        ValueError: there is none; lists all.
    """
    if (known := name.replace("-", "_")) not in RECIPES:
        raise ValueError(f"Expected a method: {', '.join(RECIPES)}. Received: {name!r}.")
    return RECIPES[known]
