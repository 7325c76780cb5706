"""mode_coverage and mode_shares, by hand."""

import numpy as np
import pytest

from keras_multigan import metrics
from keras_multigan.data import synthetic

pytestmark = pytest.mark.fast

MEANS = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]


def test_coverage_by_hand():
    # Distances 0, 2.9, 3.1 and 2.5 to mode 0, 0, 1 and 2, with standard deviation 1.
    samples = [[0, 0], [0, -2.9], [13.1, 0], [1.5, 12.0]]
    third = np.log(3)
    assert metrics.mode_coverage(samples, MEANS, 1.0) == (
        2, 0.75, pytest.approx(third + 2 / 3 * np.log(2 / 3) + np.log(1 / 3) / 3))
    assert metrics.mode_coverage(samples, MEANS, 0.5) == (1, 0.25, pytest.approx(third))
    assert metrics.mode_coverage(samples, MEANS, 0.5, num_deviations=7)[:2] == (3, 1.0)
    coverage = metrics.mode_coverage([[5.0, 5.0]], MEANS, 1.0)
    assert coverage == (0, 0.0, pytest.approx(third))
    assert type(coverage.modes) is int and type(coverage.high_quality) is float


def test_a_source_covers_itself():
    source = synthetic.ring()
    samples, modes = source.sample(20_000, seed=0)
    coverage = metrics.mode_coverage(samples, source.means, source.variance**0.5)
    assert coverage.modes == 8
    expected = 1 - np.exp(-4.5)  # in the plane, a squared radius is exponential
    assert coverage.high_quality == pytest.approx(expected, abs=6 * 0.11 / 20_000**0.5)
    half = metrics.mode_coverage(samples[modes < 4], source.means, source.variance**0.5)
    assert half.modes == 4


def test_counts_of_modes():
    even = metrics.count_modes(np.repeat(np.arange(1000), 26), 1000)
    assert even.modes == 1000 and even.reverse_kl == pytest.approx(0, abs=1e-9)
    half = metrics.count_modes(np.arange(500), 1000)
    assert half == (500, pytest.approx(np.log(2)))
    drawn = metrics.count_modes(np.random.default_rng(0).integers(1000, size=26_000), 1000)
    assert 0.015 < drawn.reverse_kl < 0.024 and drawn.modes == 1000
    for modes in ([0.5], [[0]], [3], [-1]):
        with pytest.raises(ValueError, match=r"integers \(N,\) in 0..2"):
            metrics.count_modes(np.array(modes), 3)


def test_shares_by_hand():
    samples = [
        np.array([[1.0, 1.0], [9.0, 1.0], [-3.0, 2.0], [0.0, 4.0]]),
        np.array([[1.0, 9.0]]),
    ]
    shares = metrics.mode_shares(samples, MEANS)
    np.testing.assert_array_equal(shares, [[0.75, 0.25, 0], [0, 0, 1]])
    assert metrics.pairwise_tvd(shares) == 1.0


@pytest.mark.parametrize("samples, means, arguments, message", [
    (np.zeros(2), MEANS, (1.0,), r"samples of shape"),
    (np.zeros((0, 2)), MEANS, (1.0,), r"samples >= 1"),
    (np.zeros((3, 3)), MEANS, (1.0,), "samples and means of one dimension"),
    (np.full((3, 2), np.nan), MEANS, (1.0,), "finite samples"),
    (np.zeros((3, 2)), [0.0, 1.0], (1.0,), "means of shape"),
    (np.zeros((3, 2)), MEANS, (0.0,), "standard_deviation > 0"),
    (np.zeros((3, 2)), MEANS, (float("nan"),), "Received: nan"),
])
def test_errors(samples, means, arguments, message):
    with pytest.raises(ValueError, match=message):
        metrics.mode_coverage(samples, means, *arguments)


def test_errors_of_shares():
    with pytest.raises(ValueError, match="at least one generator"):
        metrics.mode_shares([], MEANS)
    with pytest.raises(ValueError, match=r"samples_by_generator\[1\]"):
        metrics.mode_shares([np.zeros((1, 2)), np.zeros(2)], MEANS)
