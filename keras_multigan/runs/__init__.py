"""A run from its options to its results. This room knows no single method."""

from keras_multigan.runs.options import IMAGES as IMAGES
from keras_multigan.runs.options import Option as Option
from keras_multigan.runs.options import RunOptions as RunOptions
from keras_multigan.runs.run import Run as Run
