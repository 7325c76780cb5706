"""Measures of which modes of a known mixture the samples cover."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_multigan.metrics import _vectors


class ModeCoverage(NamedTuple):
    """Result of `mode_coverage`.

    Attributes:
        modes: number of modes that are nearest to at least one high-quality sample.
        high_quality: fraction of high-quality samples.
        reverse_kl: Kullback-Leibler divergence, in nats, of the shares of the modes in the high-quality
            samples from equal ones. log K, the most there can be, if there are no such samples.
    """

    modes: int
    high_quality: float
    reverse_kl: float


class ModeCount(NamedTuple):
    """Result of `count_modes`.

    Attributes:
        modes: number of modes with a sample at least.
        reverse_kl: Kullback-Leibler divergence, in nats, of the modes' shares from equal ones.
    """

    modes: int
    reverse_kl: float


def count_modes(modes: np.ndarray, num_modes: int) -> ModeCount:
    """Counts the modes of samples, such as those that a classifier reads of stacked digits.

    Source: Metz et al. (2017), section 3.3.3. The divergence sum_k p_k log(K p_k) is biased upwards by
    about (K - 1) / 2N for N samples: .019 for 26,000 of 1,000 modes.

    Args:
        modes: integer array (N,) of each sample's mode, in 0..num_modes-1.
        num_modes: K, at least 1.

    Returns:
        A `ModeCount` (modes, reverse_kl). Without samples the divergence is log K, its largest value.

    Raises:
        ValueError: `modes` is not such an array, or num_modes < 1.
    """
    modes = np.asarray(modes)
    if (num_modes < 1 or modes.ndim != 1 or modes.dtype.kind not in "iu"
            or modes.size and not 0 <= modes.min() <= modes.max() < num_modes):
        raise ValueError(f"modes are expected to be integers (N,) in 0..{num_modes - 1}. Received: "
                         f"shape {modes.shape}, type {modes.dtype}, values {np.unique(modes)[:20]}.")
    counts = np.bincount(modes, minlength=num_modes)
    shares = counts[counts > 0] / max(len(modes), 1)
    entropy = -(shares * np.log(shares)).sum()
    return ModeCount(int((counts > 0).sum()), float(max(np.log(num_modes) - entropy, 0.0)))


def mode_coverage(
    samples: np.ndarray, means: np.ndarray, standard_deviation: float, *, num_deviations: float = 3.0
) -> ModeCoverage:
    """Counts the modes that samples cover, and the samples that are near a mode.

    Source: VEEGAN (Srivastava et al., 2017), section 4.1, after Metz et al. (2017). A sample is of high
    quality if it is within 3 standard deviations of the nearest mean. A mode is covered if its mean is
    the nearest one of a high-quality sample.

    The definition is for the plane, where 98.9 % of the samples of a Gaussian are of high quality. In d
    dimensions samples are about sqrt(d) standard deviations from the mean. Increase `num_deviations`
    until real samples are of high quality, or project the samples first.

    Args:
        samples: array (N, d), N >= 1, finite.
        means: array (K, d), the centres of the modes.
        standard_deviation: standard deviation of each mode along an axis, > 0. For a source of
            `data.synthetic`, it is the square root of its `variance`.
        num_deviations: largest distance of a high-quality sample in standard deviations, > 0.

    Returns:
        A `ModeCoverage` (modes, high_quality, reverse_kl).

    Raises:
        ValueError: wrong ranks, different d, values that are not finite, or standard_deviation or
            num_deviations not > 0.
    """
    radius = standard_deviation * num_deviations
    if not (standard_deviation > 0 and num_deviations > 0 and np.isfinite(radius)):
        raise ValueError(
            "Expected finite standard_deviation > 0 and num_deviations > 0. Received: "
            f"{standard_deviation} and {num_deviations}"
        )
    nearest, distances = _nearest(samples, means, "samples")
    good = distances <= radius
    counted = count_modes(nearest[good], len(means))
    return ModeCoverage(counted.modes, float(good.mean()), counted.reverse_kl)


def mode_shares(samples_by_generator: Sequence[np.ndarray], means: np.ndarray) -> np.ndarray:
    """Returns the fraction of each generator's samples that belongs to each mode.

    Args:
        samples_by_generator: n arrays (N_i, d), finite, N_i >= 1.
        means: array (K, d), the centres of the modes.

    Returns:
        NumPy array (n, K), float64. Entry (i, k) is the fraction of generator i's samples whose nearest
        mean is that of mode k. Rows sum to 1. `pairwise_tvd` accepts this array.

    Raises:
        ValueError: no generator, wrong ranks, different d, or values that are not finite.
    """
    if len(samples_by_generator) == 0:
        raise ValueError("Expected the samples of at least one generator. Received: none.")
    nearest = [_nearest(samples, means, f"samples_by_generator[{i}]")[0]
               for i, samples in enumerate(samples_by_generator)]
    return np.stack([np.bincount(modes, minlength=len(means)) / len(modes) for modes in nearest])


def _nearest(samples, means, name):
    """Returns, for each sample, the index of the nearest mean (N,) and the distance to it (N,)."""
    from scipy.spatial.distance import cdist

    distances = cdist(*_vectors.pair(samples, means, (name, "means"), minimum=1))
    nearest = distances.argmin(axis=1)
    return nearest, distances[np.arange(len(nearest)), nearest]
