"""Support size and near copies, by hand."""

import numpy as np
import pytest

from keras_multigan import metrics

pytestmark = pytest.mark.fast


def line(*points):
    return np.array(points, "float32")[:, None]


def test_support_size_by_hand():
    # Six pairs; 0 and 0.5, 0.5 and 1 are duplicates.
    assert metrics.support_size(line(0, 0.5, 1, 9), 0.5) == 3
    assert metrics.support_size(line(0, 1, 9), 0.5) == 3  # no duplicate: the number of pairs


@pytest.mark.parametrize("k", [1, 3, 50])
def test_support_size_of_repeated_samples(k):
    points = np.random.default_rng(0).normal(size=(k, 20))
    found = metrics.support_size(points[np.arange(1000) % k], 1e-3)
    assert found == pytest.approx(k, rel=0.06)  # (1 - 1/1000) k / (1 - k/1000)


@pytest.mark.parametrize("middle", [0.0, 1000.0])
def test_support_size_of_equal_samples(middle):
    points = np.repeat(np.random.default_rng(0).normal(size=(200, 64)), 3, axis=0)
    assert metrics.support_size(points + middle, 0.0) == pytest.approx(299.5)


def test_near_copies_by_hand():
    training = line(0, 2, 10)  # nearest others: 2, 2, 8
    assert metrics.near_copies(line(0, 1.5, 4.5, 17, 18.5), training).tolist() == [
        True, True, False, True, False]


def test_near_copies_of_twins():
    """A training sample that is there twice is at distance 0 from its nearest other one, and its copies
    are copies."""
    assert metrics.near_copies(line(0, 0.1), line(0, 0, 5)).tolist() == [True, False]


def test_nearest_distances():
    assert metrics.nearest_distances(line(0, 2, 10)).tolist() == [2, 2, 8]


@pytest.mark.parametrize("call", [
    lambda: metrics.support_size(line(0, 1), -1), lambda: metrics.support_size(line(0, 1), np.nan),
    lambda: metrics.support_size(line(0), 1), lambda: metrics.near_copies(line(0), line(1)),
    lambda: metrics.near_copies(line(0), np.zeros((3, 2))), lambda: metrics.nearest_distances(line(0))])
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match="Received"):
        call()
