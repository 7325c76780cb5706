"""Everything a method needs besides its model: options, presets, networks, measures, experiments."""

from keras_multigan.recipes.recipe import Recipe as Recipe
from keras_multigan.recipes.registry import RECIPES as RECIPES
from keras_multigan.recipes.registry import find as find
from keras_multigan.runs.options import Option as Option
