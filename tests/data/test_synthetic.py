"""Synthetic sources: their moments, against what they are defined by."""

import numpy as np
import pytest

from keras_multigan.data import synthetic

pytestmark = pytest.mark.fast

N = 40_000


@pytest.mark.parametrize("source, means", [
    (synthetic.axis_gaussians(3, 5), np.eye(5)[:3]),
    (synthetic.ring(4, radius=3.0), [[3, 0], [0, 3], [-3, 0], [0, -3]]),
    (synthetic.grid(2, spacing=2.0), [[-1, -1], [1, -1], [-1, 1], [1, 1]]),
])
def test_moments_of_mixtures(source, means):
    samples, modes = source.sample(N, seed=1)
    assert samples.shape == (N, source.dimension) and samples.dtype == np.float32
    # Bounds of six standard errors.
    share = np.bincount(modes, minlength=source.num_modes) / N
    np.testing.assert_allclose(share, 1 / source.num_modes, atol=6 * 0.5 / np.sqrt(N))
    for k, mean in enumerate(means):
        own = samples[modes == k]
        error = np.sqrt(source.variance / len(own))
        np.testing.assert_allclose(own.mean(axis=0), mean, atol=6 * error)
        covariance = np.cov(own.T)
        np.testing.assert_allclose(covariance, source.variance * np.eye(source.dimension),
                                   atol=6 * 1.5 * source.variance / np.sqrt(len(own)))


def test_defaults_are_the_papers():
    assert synthetic.axis_gaussians(3, 1024).variance == 0.09
    circle = synthetic.ring()
    assert (circle.num_modes, circle.variance) == (8, 0.02)
    np.testing.assert_allclose(np.linalg.norm(circle.means, axis=1), 2)


def test_an_affine_random_network_is_a_gaussian():
    source = synthetic.RandomNetwork(4, seed=3)
    samples, labels = source.sample(N, seed=0)
    assert labels is None and samples.shape == (N, 4) and samples.dtype == np.float32
    (weights,) = source.weights
    assert np.abs(weights).max() <= np.sqrt(6 / 8)
    expected = weights.T @ weights
    np.testing.assert_allclose(np.cov(samples.T), expected,
                               atol=6 * 1.5 * expected.max() / np.sqrt(N))


def test_a_deep_random_network_against_a_loop():
    source = synthetic.RandomNetwork(3, num_layers=4, seed=5, negative_slope=0.1)
    z = np.random.default_rng(7).standard_normal((6, 3), "float32")
    expected = []
    for x in z.astype("float64"):
        for i, weights in enumerate(source.weights):
            x = np.array([sum(x[a] * float(weights[a, b]) for a in range(3)) for b in range(3)])
            if i < 2:
                x = np.array([v if v > 0 else 0.1 * v for v in x])
        expected.append(x)
    np.testing.assert_allclose(source.sample(6, seed=7)[0], expected, rtol=1e-5, atol=1e-6)


def digits(count=30):
    """Images that tell which they are, and digits all of which occur."""
    values = np.linspace(-1, 1, count, dtype="float32").reshape(count, 1, 1, 1)
    return np.tile(values, (1, 2, 3, 1)), np.arange(count) % 10


def test_stacked_digits_are_the_digits_of_their_mode():
    source = synthetic.StackedDigits(*digits())
    samples, modes = source.sample(N, seed=1)
    assert samples.shape == (N, 2, 3, 3) and samples.dtype == np.float32 and modes.dtype == np.int64
    assert source.dimension == samples[0].size
    np.testing.assert_array_equal(samples, np.broadcast_to(samples[:, :1, :1], samples.shape))
    indices = np.rint((samples[:, 0, 0] + 1) / 2 * 29).astype(int)
    for sample, mode in zip(indices[:300], modes[:300], strict=True):
        assert mode == int("".join(str(i % 10) for i in sample))
    # Every image in every channel as often as any other, channels independent: six standard errors.
    for channel in indices.T:
        np.testing.assert_allclose(np.bincount(channel, minlength=30) / N, 1 / 30,
                                   atol=6 * np.sqrt(1 / 30 / N))
    counts = np.bincount(modes, minlength=source.num_modes)
    assert len(counts) == 1000
    np.testing.assert_allclose(counts, N / 1000, atol=6 * np.sqrt(N / 1000))


def test_a_model_trains_on_stacked_digits():
    import tiny

    from keras_multigan.models import ComMutEGAN

    shape = (2, 3, 3)
    model = ComMutEGAN([tiny.generator(shape=shape)], tiny.critic(shape=shape), latent_dim=tiny.LATENT)
    model.compile(critic_optimizer="adam", generator_optimizer="adam")
    history = model.fit(synthetic.StackedDigits(*digits()), steps_per_epoch=2, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())


@pytest.mark.parametrize("images, labels, message", [
    (np.zeros((4, 2, 2, 3)), np.zeros(4, int), r"gray.*shape \(4, 2, 2, 3\)"),
    (np.zeros((4, 2, 2)), np.zeros(4, int), r"shape \(4, 2, 2\)"),
    (np.zeros((0, 2, 2, 1)), np.zeros(0, int), r"shape \(0, 2, 2, 1\)"),
    (np.zeros((4, 2, 2, 1), "uint8"), np.zeros(4, int), "floating.*type uint8"),
    (np.zeros((4, 2, 2, 1)), np.zeros(3, int), r"4 integers.*shape \(3,\)"),
    (np.zeros((4, 2, 2, 1)), None, r"4 integers.*shape \(\)"),
    (np.zeros((4, 2, 2, 1)), np.array([0, 1, 2, 10]), r"0..9.*values \[ 0  1  2 10\]"),
    (np.zeros((4, 2, 2, 1)), np.array([0, 1, 2, -1]), r"0..9.*values \[-1  0  1  2\]"),
])
def test_digits_that_cannot_be_stacked(images, labels, message):
    with pytest.raises(ValueError, match=message):
        synthetic.StackedDigits(images, labels)


@pytest.mark.parametrize("source", [
    synthetic.ring(), synthetic.RandomNetwork(3), synthetic.StackedDigits(*digits())])
def test_seeds(source):
    first, again, other = (source.sample(5, seed=s)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert source.sample(5, seed=(1, 2))[0].shape == first.shape


@pytest.mark.parametrize("make, message", [
    (lambda: synthetic.axis_gaussians(4, 3), "every mode has an axis. Received: num_modes=4"),
    (lambda: synthetic.axis_gaussians(0, 3), "num_modes=0"),
    (lambda: synthetic.GaussianMixture([1.0], 1.0), r"shape \(1,\)"),
    (lambda: synthetic.GaussianMixture([[np.nan]], 1.0), "finite"),
    (lambda: synthetic.ring(variance=0.0), "Received: 0.0"),
    (lambda: synthetic.RandomNetwork(3, num_layers=1), "num_layers >= 2"),
    (lambda: synthetic.ring().sample(0, seed=0), "Received: 0"),
])
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
