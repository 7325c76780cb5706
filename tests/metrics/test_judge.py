"""judge_accuracy against the best classifier there is."""

import numpy as np
import pytest

from keras_multigan import metrics
from keras_multigan.data import synthetic

pytestmark = pytest.mark.fast


def gaussians(distance, num_samples=4000, dimension=4):
    x = np.random.default_rng(0).normal(size=(2, num_samples, dimension)).astype("float32")
    return x[0] + np.float32(distance / dimension**0.5), x[1]


@pytest.mark.parametrize("distance, best", [(0.0, 0.5), (1.0, 0.6915), (6.0, 0.9987)])
def test_shifted_gaussians(distance, best):
    judgement = metrics.judge_accuracy(*gaussians(distance), width=64)
    # Six standard errors of 4,000 test samples upwards; a Judge may be worse than the best, a little.
    assert best - 0.08 < judgement.accuracy < best + 6 * 0.5 / 4000**0.5
    assert judgement.tvd_bound == max(2 * judgement.accuracy - 1, 0)
    assert type(judgement.accuracy) is type(judgement.tvd_bound) is float


def test_a_boundary_that_is_no_plane():
    # A disc in a ring: no linear classifier does better than guess.
    angle, radius = np.random.default_rng(1).uniform(size=(2, 4000))
    x = np.stack([np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle)], axis=1) * radius[:, None]
    inside = radius < 0.5
    assert metrics.judge_accuracy(x[inside], 1.5 * x[~inside], width=64).accuracy > 0.95


def test_sizes_are_balanced_and_scales_do_not_matter():
    real, fake = gaussians(0.0)
    # With all 4,000 against 400, "real" would be right 10 times in 11.
    assert metrics.judge_accuracy(real, fake[:400], width=16).accuracy < 0.5 + 6 * 0.5 / 400**0.5
    real, fake = gaussians(2.0)
    scale = np.array([1e-4, 1, 1, 1e4])
    judgements = [metrics.judge_accuracy(real * s + 5 * s, fake * s + 5 * s, width=16)
                  for s in (np.ones(4), scale)]
    assert judgements[0].accuracy == pytest.approx(judgements[1].accuracy, abs=0.03)


def test_seeds():
    real, fake = gaussians(1.0, num_samples=500)
    first, again, other = (metrics.judge_accuracy(real, fake, width=16, seed=s) for s in (1, 1, 2))
    assert first == again != other


def shifted(distance, dimension=4):
    """A function that draws Gaussians."""
    def draw(count, seed):
        noise = np.random.default_rng(seed).normal(size=(count, dimension))
        return noise.astype("float32") + np.float32(distance / dimension**0.5)

    return draw


def test_endless_samples():
    asked = []

    def real(count, seed):
        asked.append((count, seed))
        return 100 * shifted(1.0)(count, seed)

    def fake(count, seed):
        return 100 * shifted(0.0)(count, seed)

    def judge():
        return metrics.judge_accuracy(real, fake, width=32, steps=64, num_samples=4000, seed=3)

    judgement = judge()
    assert 0.6915 - 0.08 < judgement.accuracy < 0.6915 + 6 * 0.5 / 8000**0.5
    assert judgement.tvd_bound == pytest.approx(2 * judgement.accuracy - 1)
    counts, seeds = zip(*asked, strict=True)
    # The first draw is for the scale; the test has one of its own.
    assert counts[-1] == 4000 and seeds[-1] not in seeds[:-1]
    assert 256 * len({*seeds[:-1]}) * 16 >= 64 * 256
    assert judge() == judgement


def test_a_memorised_training_set_is_told_apart():
    """Of few rows, drawn without end, the Judge learns each."""
    few = synthetic.FiniteSamples(shifted(0.0)(10, 1))
    judged = metrics.judge_accuracy(lambda n, seed: few.sample(n, seed)[0], shifted(0.0), width=64,
                                    steps=200, num_samples=1000)
    assert judged.accuracy > 0.75


def test_functions_and_arrays():
    draw, array = shifted(0.0), shifted(0.0)(100, 1)
    with pytest.raises(TypeError, match="two functions or two arrays. Received: function and ndarray"):
        metrics.judge_accuracy(draw, array)
    with pytest.raises(ValueError, match="None beside arrays. Received: 7 and None"):
        metrics.judge_accuracy(array, array, steps=7)
    with pytest.raises(ValueError, match="real and fake of one dimension"):
        metrics.judge_accuracy(draw, shifted(0.0, dimension=3))


@pytest.mark.parametrize("real, fake, message", [
    (np.zeros((100, 2)), np.zeros((100, 3)), "real and fake of one dimension"),
    (np.zeros((99, 2)), np.zeros((100, 2)), r"real of shape \(samples >= 100"),
    (np.zeros((100, 2)), np.zeros((10, 2)), r"fake of shape \(samples >= 100"),
    (np.zeros((100, 4, 4, 1)), np.zeros((100, 16)), "Flatten"),
    (np.full((100, 2), np.nan), np.zeros((100, 2)), "finite real"),
])
def test_errors(real, fake, message):
    with pytest.raises(ValueError, match=message):
        metrics.judge_accuracy(real, fake)
