"""Measures of a trained model. They know no model: arrays (and a classifier) in, numbers out."""

from keras_multigan.metrics.classifier_score import classifier_score
from keras_multigan.metrics.diversity import class_probabilities, pairwise_tvd
from keras_multigan.metrics.frechet import frechet_distance
from keras_multigan.metrics.logits import classifier_logits
from keras_multigan.metrics.mnist import (
    Measurement,
    mnist_frechet_distance,
    mnist_score,
    shipped_classifier,
)

__all__ = [
    "Measurement",
    "class_probabilities",
    "classifier_logits",
    "classifier_score",
    "frechet_distance",
    "mnist_frechet_distance",
    "mnist_score",
    "pairwise_tvd",
    "shipped_classifier",
]
