"""wasserstein_estimate against distances that are known."""

import numpy as np
import pytest

from keras_multigan import metrics

pytestmark = pytest.mark.fast

SMALL = dict(width=32, steps=100, batch_size=128, learning_rate=1e-2)


def gaussians(shift, num_samples=2000, dimension=1):
    """Two standard normal samples, one shifted along the diagonal: W1 is the shift."""
    x = np.random.default_rng(0).normal(size=(2, num_samples, dimension)).astype("float32")
    return x[0] + np.float32(shift / dimension**0.5), x[1]


@pytest.mark.parametrize("shift, dimension", [(-4, 1), (3, 4)])
def test_shifted_gaussians(shift, dimension):
    estimate = metrics.wasserstein_estimate(*gaussians(shift, dimension=dimension), **SMALL)
    distance = abs(shift)
    # 0.2 is more than four standard errors of the means of 1,000 samples.
    assert 0.7 * distance < estimate.distance < distance + 0.2
    # At the penalty's best, the slope is 1 + distance / (2 * 10).
    assert estimate.score_gap == pytest.approx(distance * (1 + distance / 20), abs=0.4)
    assert 1 < estimate.lipschitz < 1.7
    assert estimate.distance == pytest.approx(estimate.score_gap / estimate.lipschitz)
    assert all(type(number) is float for number in estimate)


def test_equal_distributions_and_a_seed():
    first, again = (metrics.wasserstein_estimate(*gaussians(0), **SMALL, seed=3) for _ in range(2))
    assert abs(first.distance) < 0.2
    assert first == again


def test_two_points():
    # The gap is an integral of slopes between the points: the distance is at most 3, if k is the
    # steepest of them.
    real, fake = np.full((200, 3), 2.0), np.full((200, 3), [2.0, 2.0, -1.0])
    estimate = metrics.wasserstein_estimate(real, fake, **SMALL)
    assert 2.4 < estimate.distance < 3.05
    assert estimate.score_gap == pytest.approx(3 * (1 + 3 / 20), abs=0.1)


@pytest.mark.parametrize("real, fake, options, message", [
    (np.zeros((100, 2)), np.zeros((100, 3)), {}, "one dimension"),
    (np.zeros((99, 2)), np.zeros((100, 2)), {}, "samples >= 100"),
    (np.zeros((100, 2, 1)), np.zeros((100, 2)), {}, "real of shape"),
    (np.zeros((100, 2)), np.full((100, 2), np.inf), {}, "finite fake"),
    (np.zeros((100, 2)), np.ones((100, 2)), dict(steps=1, width=2, learning_rate=0.0),
     "gradient norm of 0.0. Change learning_rate, 0.0"),
])
def test_errors(real, fake, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.wasserstein_estimate(real, fake, **options)
