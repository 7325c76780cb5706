"""Separate measures of quality and variety: precision and recall, density and coverage."""

from typing import NamedTuple

import numpy as np

from keras_multigan.metrics import _vectors


class PrecisionRecall(NamedTuple):
    """Result of `precision_recall`.

    Attributes:
        precision: fraction of generated samples within the real manifold, in [0, 1].
        recall: fraction of real samples within the generated manifold, in [0, 1].
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Result of `density_coverage`.

    Attributes:
        density: mean number of balls of real samples that contain a generated sample, divided by k. It
            is about 1 for equal distributions and can exceed 1.
        coverage: fraction of balls of real samples that contain a generated sample, in [0, 1].
    """

    density: float
    coverage: float


def precision_recall(real: np.ndarray, generated: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Returns improved precision and recall of generated samples.

    Source: Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models"
    (2019). The manifold of a set is the union of closed balls around its samples. The radius of a ball
    is the distance from the sample to its k-th nearest neighbour in the set.

    Both depend on the numbers of samples. Compare only measurements with equal numbers.

    Args:
        real: array (N, F) of features, finite, N > k: vectors themselves, or features of images
            (`extract_features`).
        generated: array (M, F) of features, finite, M > k.
        k: rank of the nearest neighbour that determines the radius, at least 1.

    Returns:
        A `PrecisionRecall` (precision, recall).

    Raises:
        ValueError: k < 1, a wrong rank, different F, too few samples, or values that are not finite.
    """
    real, generated = _checked(real, generated, k, generated_minimum=k + 1)
    precision = (_balls_around(generated, real, k)[0] > 0).mean()
    recall = (_balls_around(real, generated, k)[0] > 0).mean()
    return PrecisionRecall(float(precision), float(recall))


def per_sample(real: np.ndarray, generated: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays whose means are precision, recall, density and coverage, by name.

    Precision and density have an entry per generated sample, recall and coverage one per real sample.
    Arguments and errors are those of `precision_recall` and `density_coverage`, with their k.
    """
    real, generated = _checked(real, generated, 5, generated_minimum=6)
    balls, hit = _balls_around(generated, real, 5)
    return {"precision": _balls_around(generated, real, 3)[0] > 0,
            "recall": _balls_around(real, generated, 3)[0] > 0,
            "density": balls / 5, "coverage": hit}


def density_coverage(real: np.ndarray, generated: np.ndarray, k: int = 5) -> DensityCoverage:
    """Returns density and coverage, which are less sensitive to outliers than precision and recall.

    Source: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models" (2020). The
    balls are those of `precision_recall`, around the real samples only.

    Args:
        real: array (N, F) of features, finite, N > k.
        generated: array (M, F) of features, finite, M >= 1.
        k: rank of the nearest neighbour that determines the radius, at least 1.

    Returns:
        A `DensityCoverage` (density, coverage).

    Raises:
        ValueError: k < 1, a wrong rank, different F, too few samples, or values that are not finite.
    """
    real, generated = _checked(real, generated, k, generated_minimum=1)
    balls, hit = _balls_around(generated, real, k)
    return DensityCoverage(float(balls.mean() / k), float(hit.mean()))


def _checked(real, generated, k, generated_minimum):
    if k < 1:
        raise ValueError(f"Expected k >= 1, the rank of a nearest neighbour. Received: {k}")
    real = _vectors.vectors(real, "real", minimum=k + 1)
    generated = _vectors.vectors(generated, "generated", minimum=generated_minimum)
    return _vectors.pair(real, generated, ("real", "generated"), minimum=1)


def _balls_around(points, centres, k):
    """Returns the number of balls around each point, and whether each ball contains a point."""
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    radii = NearestNeighbors(n_neighbors=k).fit(centres).kneighbors()[0][:, -1]
    balls, hit = [], np.zeros(len(centres), bool)
    for distances in pairwise_distances_chunked(points, centres):
        inside = distances <= radii
        balls.append(inside.sum(axis=1))
        hit |= inside.any(axis=0)
    return np.concatenate(balls), hit
