"""Quality and variety apart: precision and recall, density and coverage, of feature vectors."""

from typing import NamedTuple

import numpy as np

from keras_multigan.metrics import _vectors


class PrecisionRecall(NamedTuple):
    """What `precision_recall` returns.

    Attributes:
        precision: share of generated samples within the real manifold, in [0, 1].
        recall: share of real samples within the generated manifold, in [0, 1].
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """What `density_coverage` returns.

    Attributes:
        density: mean number of real balls around a generated sample, divided by k; about 1 for equal
            distributions, and not bounded by it.
        coverage: share of real balls with a generated sample in them, in [0, 1].
    """

    density: float
    coverage: float


def precision_recall(real, generated, k=3):
    """Improved precision and recall of generated samples.

    Source: Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative
    Models" (2019). The manifold of a set is the union of balls around its samples, each as large
    as the distance to the sample's k-th nearest neighbour in the set, the boundary included.

    Both depend on the numbers of samples: compare only measurements with equal ones.

    Args:
        real: `(N, F)` array of features, finite, N > k; vectors themselves, or what a network makes
            of images (`extract_features`).
        generated: `(M, F)` array of features, finite, M > k.
        k: which nearest neighbour, at least 1.

    Returns:
        A `PrecisionRecall`: (precision, recall).

    Raises:
        ValueError: k < 1, a wrong rank, different F, too few samples, or values that are not finite.
    """
    real, generated = _checked(real, generated, k, generated_minimum=k + 1)
    precision = (_balls_around(generated, real, k)[0] > 0).mean()
    recall = (_balls_around(real, generated, k)[0] > 0).mean()
    return PrecisionRecall(float(precision), float(recall))


def density_coverage(real, generated, k=5):
    """Density and coverage of generated samples, which outliers disturb less than precision and recall.

    Source: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models" (2020), with
    the balls of `precision_recall` around the real samples only.

    Args:
        real: `(N, F)` array of features, finite, N > k.
        generated: `(M, F)` array of features, finite, M >= 1.
        k: which nearest neighbour, at least 1.

    Returns:
        A `DensityCoverage`: (density, coverage).

    Raises:
        ValueError: as in `precision_recall`.
    """
    real, generated = _checked(real, generated, k, generated_minimum=1)
    balls, hit = _balls_around(generated, real, k)
    return DensityCoverage(float(balls.mean() / k), float(hit.mean()))


def _checked(real, generated, k, generated_minimum):
    if k < 1:
        raise ValueError(f"Expected k >= 1, the number of a neighbour. Received: {k}")
    real = _vectors.vectors(real, "real", minimum=k + 1)
    generated = _vectors.vectors(generated, "generated", minimum=generated_minimum)
    return _vectors.pair(real, generated, ("real", "generated"), minimum=1)


def _balls_around(points, centres, k):
    """(number of balls of `centres` around each point, whether each ball has a point in it)."""
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    radii = NearestNeighbors(n_neighbors=k).fit(centres).kneighbors()[0][:, -1]
    balls, hit = [], np.zeros(len(centres), bool)
    for distances in pairwise_distances_chunked(points, centres):
        inside = distances <= radii
        balls.append(inside.sum(axis=1))
        hit |= inside.any(axis=0)
    return np.concatenate(balls), hit
