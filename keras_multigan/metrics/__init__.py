"""Measures of trained models, as functions of arrays and networks.

They do not depend on the models of this package.
"""

from keras_multigan.metrics.classifier_score import classifier_score
from keras_multigan.metrics.clustering import clustering_accuracy, normalized_mutual_information
from keras_multigan.metrics.comparison import Comparison, compare
from keras_multigan.metrics.diversity import class_probabilities, pairwise_tvd
from keras_multigan.metrics.embedding import (
    EmbeddedMeasures,
    Embedding,
    against,
    digits_embedding,
    embedded_measures,
    mnist_embedding,
    random_embedding,
)
from keras_multigan.metrics.frechet import frechet_distance
from keras_multigan.metrics.inception import (
    InceptionOutputs,
    extract_features,
    frechet_inception_distance,
    inception_outputs,
    inception_score,
)
from keras_multigan.metrics.judge import Judgement, judge_accuracy
from keras_multigan.metrics.logits import classifier_logits
from keras_multigan.metrics.mnist import (
    Measurement,
    mnist_frechet_distance,
    mnist_score,
    shipped_classifier,
)
from keras_multigan.metrics.modes import (
    ModeCount,
    ModeCoverage,
    count_modes,
    mode_coverage,
    mode_shares,
)
from keras_multigan.metrics.precision_recall import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from keras_multigan.metrics.reference import Reference
from keras_multigan.metrics.support import near_copies, nearest_distances, support_size
from keras_multigan.metrics.wasserstein import WassersteinEstimate, wasserstein_estimate

__all__ = [
    "Comparison",
    "DensityCoverage",
    "EmbeddedMeasures",
    "Embedding",
    "InceptionOutputs",
    "Judgement",
    "Measurement",
    "ModeCount",
    "ModeCoverage",
    "PrecisionRecall",
    "Reference",
    "WassersteinEstimate",
    "against",
    "class_probabilities",
    "classifier_logits",
    "classifier_score",
    "clustering_accuracy",
    "compare",
    "count_modes",
    "density_coverage",
    "digits_embedding",
    "embedded_measures",
    "extract_features",
    "frechet_distance",
    "frechet_inception_distance",
    "inception_outputs",
    "inception_score",
    "judge_accuracy",
    "mnist_embedding",
    "mnist_frechet_distance",
    "mnist_score",
    "mode_coverage",
    "mode_shares",
    "near_copies",
    "nearest_distances",
    "normalized_mutual_information",
    "pairwise_tvd",
    "precision_recall",
    "random_embedding",
    "shipped_classifier",
    "support_size",
    "wasserstein_estimate",
]
