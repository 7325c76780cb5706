"""Which modes of a known mixture the samples reach."""

from typing import NamedTuple

import numpy as np

from keras_multigan.metrics import _vectors


class ModeCoverage(NamedTuple):
    """What `mode_coverage` returns.

    Attributes:
        modes: number of modes that are nearest to at least one high-quality sample.
        high_quality: share of high-quality samples.
    """

    modes: int
    high_quality: float


def mode_coverage(samples, means, standard_deviation, *, num_deviations=3.0):
    """Counts the modes that samples cover, and the samples that lie near a mode.

    Source: VEEGAN (Srivastava et al., 2017), section 4.1, after Metz et al. (2017): a sample is of high
    quality if it is within 3 standard deviations of the nearest mean, and a mode is covered if its
    mean is the nearest one to a high-quality sample.

    The definition is for the plane, where it holds for 98.9 % of a Gaussian. In d dimensions samples
    lie about sqrt(d) standard deviations from the mean: widen `num_deviations` to what holds for real
    samples, or project the samples first.

    Args:
        samples: `(N, d)` array, N >= 1, finite.
        means: `(K, d)` array, the centres of the modes.
        standard_deviation: of every mode along an axis, > 0; for a `data.synthetic` source the square
            root of its `variance`.
        num_deviations: how many of them make high quality, > 0.

    Returns:
        A `ModeCoverage`: (modes, high_quality).

    Raises:
        ValueError: wrong ranks, different d, values that are not finite, or numbers not > 0.
    """
    radius = standard_deviation * num_deviations
    if not (standard_deviation > 0 and num_deviations > 0 and np.isfinite(radius)):
        raise ValueError(
            "Expected finite standard_deviation > 0 and num_deviations > 0. Received: "
            f"{standard_deviation} and {num_deviations}"
        )
    nearest, distances = _nearest(samples, means, "samples")
    good = distances <= radius
    return ModeCoverage(len(np.unique(nearest[good])), float(good.mean()))


def mode_shares(samples_by_generator, means):
    """Says how the samples of each generator are divided among the modes.

    Args:
        samples_by_generator: n arrays `(N_i, d)`, finite, N_i >= 1.
        means: `(K, d)` array, the centres of the modes.

    Returns:
        `(n, K)` float64 NumPy array: row i has the shares of generator i's samples that are nearest to
        each mode, and sums to 1. `pairwise_tvd` takes it, too.

    Raises:
        ValueError: no generator, wrong ranks, different d, or values that are not finite.
    """
    if len(samples_by_generator) == 0:
        raise ValueError("Expected the samples of at least one generator. Received: none.")
    nearest = [_nearest(samples, means, f"samples_by_generator[{i}]")[0]
               for i, samples in enumerate(samples_by_generator)]
    return np.stack([np.bincount(modes, minlength=len(means)) / len(modes) for modes in nearest])


def _nearest(samples, means, name):
    """The number of the nearest mean (N,) and the distance to it (N,), of each sample."""
    from scipy.spatial.distance import cdist

    distances = cdist(*_vectors.pair(samples, means, (name, "means"), minimum=1))
    nearest = distances.argmin(axis=1)
    return nearest, distances[np.arange(len(nearest)), nearest]
