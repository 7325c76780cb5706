"""Measures of how well clusters agree with classes."""

import numpy as np


def clustering_accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Returns the fraction of samples whose cluster is matched to their class.

    Clusters and classes are matched one to one, so that the accuracy is as large as possible (the
    Hungarian method). Samples of a cluster or class without a match count as wrong.

    Args:
        labels: integer array (N,) of classes, N >= 1.
        clusters: integer array (N,), for example the argmax of an encoder's probabilities. The number
            of clusters may differ from the number of classes.

    Returns:
        A float in (0, 1].

    Raises:
        ValueError: wrong shapes, types that are not integer, or different lengths.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(*_checked(labels, clusters))
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


def normalized_mutual_information(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Returns the mutual information of classes and clusters, divided by the mean of their entropies.

    Args:
        labels: integer array (N,) of classes, N >= 1.
        clusters: integer array (N,). The number of clusters may differ from the number of classes.

    Returns:
        A float in [0, 1]. It is 0 if they are independent, and 1 if each determines the other.

    Raises:
        ValueError: wrong shapes, types that are not integer, or different lengths.
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(*_checked(labels, clusters)))


def _checked(labels, clusters):
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    for name, array in (("labels", labels), ("clusters", clusters)):
        if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
            raise ValueError(
                f"Expected {name} as integers of shape (samples >= 1,). Received: shape {array.shape} "
                f"and type {array.dtype}. Convert one-hot vectors and probabilities to integers with "
                "argmax(-1)."
            )
    if len(labels) != len(clusters):
        raise ValueError("Expected one label and one cluster per sample. "
                         f"Received: {len(labels)} labels and {len(clusters)} clusters.")
    return labels, clusters
