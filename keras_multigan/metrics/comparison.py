"""Two arms of an experiment over random seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Comparison(NamedTuple):
    """Result of `compare`.

    Attributes:
        median_a, median_b: of each arm.
        range_a, range_b: (least, largest) of each arm.
        difference: the mean of a less the mean of b.
        p_value: two-sided, in (0, 1]. With five runs against five it is at least 2/252, with three
            against three at least 2/20.
    """

    median_a: float
    range_a: tuple[float, float]
    median_b: float
    range_b: tuple[float, float]
    difference: float
    p_value: float


def compare(a: Sequence[float], b: Sequence[float]) -> Comparison:
    """Compares one measure of two arms, each with one value per seed.

    The p-value is that of a permutation test of the difference of means, twice the lesser side
    (SciPy's `permutation_test`). It is exact up to 10,000 arrangements, else of as many random ones.

    Args:
        a, b: the arms' values, finite, two at least of each.

    Raises:
        ValueError: too few values, or some that are not finite.
    """
    from scipy.stats import permutation_test

    a, b = (np.asarray(values, "float64") for values in (a, b))
    for name, values in (("a", a), ("b", b)):
        if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
            raise ValueError(f"Expected finite values of at least two seeds for {name}. Received: "
                             f"{values.tolist()}. Train more seeds, or leave the arm out.")
    spread = np.ptp(np.concatenate([a, b])) or 1.0

    def difference(x, y, axis=-1):  # rounded, for arrangements that are alike but for rounding are ties
        return np.round((x.mean(axis=axis) - y.mean(axis=axis)) / spread, 9)

    found = permutation_test((a, b), difference, vectorized=True, n_resamples=10_000,
                             rng=np.random.default_rng(0))
    (of_a, range_a), (of_b, range_b) = (
        (float(np.median(x)), (float(x.min()), float(x.max()))) for x in (a, b))
    return Comparison(of_a, range_a, of_b, range_b, float(a.mean() - b.mean()), float(found.pvalue))
