"""All methods: every file of this folder that has a `RECIPE`, under the recipe's name."""

import importlib
import pkgutil

from keras_multigan import recipes
from keras_multigan.recipes.recipe import Recipe

_OTHERS = {"recipe", "experiment", "registry"}
RECIPES: dict[str, Recipe] = {
    name: importlib.import_module(f"keras_multigan.recipes.{name}").RECIPE
    for _, name, _ in pkgutil.iter_modules(recipes.__path__) if name not in _OTHERS}


def find(name: str) -> Recipe:
    """The recipe of a name; hyphens count as underscores.

    Raises:
        ValueError: there is none; lists all.
    """
    if (known := name.replace("-", "_")) not in RECIPES:
        raise ValueError(f"Expected a method: {', '.join(RECIPES)}. Received: {name!r}.")
    return RECIPES[known]
