"""How well clusters agree with classes."""

import numpy as np


def clustering_accuracy(labels, clusters):
    """Returns the share of samples whose cluster stands for their class, at its best.

    Each cluster stands for one class at most and each class has one cluster at most; of all such
    matchings the best one counts (the Hungarian method). Samples of a cluster or a class that is left
    over count as wrong.

    Args:
        labels: integer array `(N,)` of classes, N >= 1.
        clusters: integer array `(N,)`, say the argmax of an encoder's probabilities. Their number may
            differ from that of the classes.

    Returns:
        A float in (0, 1].

    Raises:
        ValueError: arrays of another shape or type, or of different lengths.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(*_checked(labels, clusters))
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


def normalized_mutual_information(labels, clusters):
    """Returns the mutual information of classes and clusters, divided by the mean of their entropies.

    Args:
        labels, clusters: see `clustering_accuracy`.

    Returns:
        A float in [0, 1]: 0 if they are independent, 1 if each determines the other.

    Raises:
        ValueError: see `clustering_accuracy`.
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(*_checked(labels, clusters)))


def _checked(labels, clusters):
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    for name, array in (("labels", labels), ("clusters", clusters)):
        if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
            raise ValueError(
                f"Expected {name} as integers of shape (samples >= 1,). Received: shape {array.shape} "
                f"and type {array.dtype}. One-hot vectors and probabilities become integers with "
                "argmax(-1)."
            )
    if len(labels) != len(clusters):
        raise ValueError("Expected one label and one cluster a sample. "
                         f"Received: {len(labels)} labels and {len(clusters)} clusters.")
    return labels, clusters
