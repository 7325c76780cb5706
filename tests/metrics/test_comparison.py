"""compare: the exact permutation test by brute force, and what it refuses."""

import itertools

import numpy as np
import pytest

from keras_multigan.metrics import compare

pytestmark = pytest.mark.fast


def by_brute_force(a, b):
    pooled, n = np.array([*a, *b]), len(a)
    masks = [np.isin(np.arange(len(pooled)), chosen)
             for chosen in itertools.combinations(range(len(pooled)), n)]
    differences = np.array([pooled[mask].mean() - pooled[~mask].mean() for mask in masks])
    observed = np.mean(a) - np.mean(b)
    sides = (differences >= observed - 1e-12).mean(), (differences <= observed + 1e-12).mean()
    return min(1, 2 * min(sides))


@pytest.mark.parametrize("a, b", [
    ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), ([1, 6, 2, 7, 3], [4, 8, 5, 9, 10]), ([1, 4], [2, 3, 7]),
    ([0.5, 1.5, 2.5], [0.75, 1.25, 2.75]),
    # Arrangements with equal means, which differ by rounding: p is 18/252, not 10/252.
    (np.array([253, 257, 252, 256, 256]) / 360, np.array([252, 252, 252, 250, 253]) / 360)])
def test_against_all_arrangements(a, b):
    found = compare(a, b)
    assert found.p_value == pytest.approx(by_brute_force(a, b))
    assert compare(b, a).p_value == pytest.approx(found.p_value)
    assert (found.median_a, found.range_a) == (np.median(a), (min(a), max(a)))
    assert (found.median_b, found.range_b) == (np.median(b), (min(b), max(b)))
    assert found.difference == pytest.approx(np.mean(a) - np.mean(b))


def test_the_least_p():
    assert compare(range(5), range(10, 15)).p_value == pytest.approx(2 / 252)
    assert compare([1, 2, 3], [4, 5, 6]).p_value == pytest.approx(0.1)
    assert compare([1, 2, 3], [1, 2, 3]).p_value == 1


@pytest.mark.parametrize("a", [[1], [], [1, np.nan], [[1, 2]]])
def test_wrong_values(a):
    with pytest.raises(ValueError, match="at least two seeds for a. Received"):
        compare(a, [1, 2])
    with pytest.raises(ValueError, match="at least two seeds for b. Received"):
        compare([1, 2], a)
