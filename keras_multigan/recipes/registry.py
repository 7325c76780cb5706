"""All methods: every file of this folder has a `RECIPE`, or a family of them, `RECIPES`, under their
names."""

import importlib
import pkgutil

from keras_multigan import recipes
from keras_multigan.recipes.recipe import Recipe

_OTHERS = {"recipe", "experiment", "registry"}


def _of_file(name):
    module = importlib.import_module(f"keras_multigan.recipes.{name}")
    return getattr(module, "RECIPES", None) or [module.RECIPE]


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for _, name, _ in pkgutil.iter_modules(recipes.__path__)
    if name not in _OTHERS for recipe in _of_file(name)}


def find(name: str) -> Recipe:
    """The recipe of a name; hyphens count as underscores.

    Raises:
        ValueError: there is none; lists all.
    """
    if (known := name.replace("-", "_")) not in RECIPES:
        raise ValueError(f"Expected a method: {', '.join(RECIPES)}. Received: {name!r}.")
    return RECIPES[known]
