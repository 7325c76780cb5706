"""wasserstein_estimate against distances that are known."""

import keras
import numpy as np
import pytest

from keras_multigan import metrics, networks


def gaussians(distance, num_samples=2000, dimension=2, seed=0):
    """Two standard normal samples, one shifted along the diagonal: W1 is the shift."""
    x = np.random.default_rng(seed).normal(size=(2, num_samples, dimension)).astype("float32")
    return x[0] + np.float32(distance / dimension**0.5), x[1]


def small_critic(dimension=2):
    keras.utils.set_random_seed(1)
    return networks.mlp(dimension, 1, num_layers=4, width=32)


def test_shifted_gaussians():
    estimate = metrics.wasserstein_estimate(*gaussians(4.0), small_critic(), steps=200)
    assert 1.5 < estimate.distance < 4.2  # 0.2: 4.5 standard errors of the means of 1,000 samples
    assert 3 < estimate.score_gap == pytest.approx(estimate.distance * estimate.lipschitz)
    assert 1 < estimate.lipschitz < 3
    assert all(type(number) is float for number in estimate)


def test_equal_distributions():
    estimate = metrics.wasserstein_estimate(*gaussians(0.0), small_critic(), steps=200)
    assert abs(estimate.distance) < 0.2


def test_two_points():
    # The gap is an integral of slopes between the points, so the distance is at most 3 where k is
    # the steepest; the penalty makes the slope 1 + 3 / (2 * 10) everywhere.
    real, fake = np.full((100, 3), 2.0), np.full((100, 3), [2.0, 2.0, -1.0])
    estimate = metrics.wasserstein_estimate(real, fake, small_critic(3), steps=200, batch_size=32)
    assert 2.4 < estimate.distance < 3.05
    assert 1 < estimate.lipschitz < 1.6


def linear_critic(slope):
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    critic.set_weights([np.array([[slope], [0.0]]), np.array([7.0])])
    return critic


def test_an_untrained_linear_critic_by_hand():
    x = np.random.default_rng(1).normal(size=(2, 2500, 2))
    real, fake = np.concatenate([x[0], x[0]]) + [3, 0], np.concatenate([x[1], x[1]])
    estimate = metrics.wasserstein_estimate(real, fake, linear_critic(5.0), steps=1, learning_rate=0.0)
    assert estimate.lipschitz == pytest.approx(5, rel=1e-6)
    assert estimate.distance == pytest.approx(estimate.score_gap / 5, rel=1e-6)
    assert estimate.distance == pytest.approx(3, abs=6 * (2 / 2500) ** 0.5)
    reverse = metrics.wasserstein_estimate(fake, real, linear_critic(5.0), steps=1, learning_rate=0.0)
    assert reverse.distance == pytest.approx(-3, abs=6 * (2 / 2500) ** 0.5)


def test_a_seed_repeats_whatever_keras_drew_before():
    real, fake = gaussians(1.0, num_samples=100)
    first, again = (metrics.wasserstein_estimate(real, fake, steps=3, batch_size=8, seed=1)
                    for _ in range(2))
    assert first == again


@pytest.mark.parametrize("real, fake, options, message", [
    (np.zeros((100, 2)), np.zeros((100, 3)), {}, "one dimension"),
    (np.zeros((99, 2)), np.zeros((100, 2)), {}, "samples >= 100"),
    (np.zeros((100, 2, 1)), np.zeros((100, 2)), {}, "real of shape"),
    (np.zeros((100, 2)), np.full((100, 2), np.inf), {}, "finite fake"),
    (np.zeros((100, 2)), np.ones((100, 2)), dict(critic=networks.mlp(2, 3, width=4)), "one score"),
    (np.zeros((100, 2)), np.ones((100, 2)), dict(critic=linear_critic(0.0), learning_rate=0.0),
     "Lower learning_rate"),
])
def test_errors(real, fake, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.wasserstein_estimate(real, fake, steps=1, **options)
