"""Measures of Gaussian mixtures, by samplers whose results are known."""

import numpy as np
import pytest
import samplers

from keras_multigan.arena import mixtures
from keras_multigan.data import synthetic


@pytest.mark.parametrize("name, modes, radius", [("ring", 8, 1.0), ("grid", 25, 4 * 2**0.5)])
def test_plane(name, modes, radius, tmp_path):
    protocol, found = samplers.loaded(name, tmp_path)
    assert np.linalg.norm(found.aid.means, axis=1).max() == pytest.approx(radius)
    assert found.num_classes == modes == len(np.unique(found.labels))
    perfect = protocol.measure(samplers.Sampler(found.aid), found)
    assert perfect["modes"] == modes and perfect["reverse_kl"] < 0.02
    # 1 - e^-4.5 = .98889 with a standard deviation of .0021
    assert perfect["high_quality"] == pytest.approx(0.98889, abs=0.0125)
    # The truncated chi's; without the means of modes a hundredth less.
    assert perfect["spread"] == pytest.approx(0.974, abs=0.05)
    points = synthetic.GaussianMixture(found.aid.means + 0.5 * found.aid.variance**0.5,
                                       1e-4 * found.aid.variance)
    collapsed = protocol.measure(samplers.Sampler(points), found)
    assert collapsed["high_quality"] == 1.0 and collapsed["spread"] < 0.02
    half = protocol.measure(samplers.Sampler(found.aid, modes // 2), found)
    assert half["modes"] == modes // 2
    assert half["reverse_kl"] == pytest.approx(np.log(modes / (modes // 2)), abs=0.02)
    blurred = synthetic.GaussianMixture(found.aid.means, 25 * found.aid.variance)
    assert protocol.measure(samplers.Sampler(blurred), found)["high_quality"] < 0.25
    far = synthetic.GaussianMixture(found.aid.means + 1000, found.aid.variance)
    assert protocol.measure(samplers.Sampler(far), found)["spread"] is None
    assert "pairwise_tvd" not in perfect
    apart = protocol.measure(samplers.Sampler(found.aid, num_generators=3), found)
    assert apart["pairwise_tvd"] == pytest.approx(1, abs=0.01)


def test_space(tmp_path):
    protocol, found = samplers.loaded("gaussians", tmp_path)
    inner = synthetic.GaussianMixture(found.aid.means.mean(axis=0, keepdims=True), found.aid.variance)
    perfect, half, middle = (mixtures.measure_space(model, found, 2500) for model in (
        samplers.Sampler(found.aid), samplers.Sampler(found.aid, 4), samplers.Sampler(inner)))
    assert {m.key for m in protocol.measures} - {"pairwise_tvd"} <= perfect.keys()
    assert perfect["modes"] == 8 and half["modes"] < 8
    assert perfect["coverage"] > 0.9 and perfect["reverse_kl"] < 0.01 < 0.2 < half["reverse_kl"]
    # In the middle of all modes, too, which all of them overlap.
    for wrong in (half, middle):
        assert wrong["frechet_distance"] > 2 * perfect["frechet_distance"]
        assert wrong["coverage"] < 0.75
        assert wrong["judge_accuracy"] > 0.55 > perfect["judge_accuracy"]


def test_the_classifier_tells_the_modes_apart(tmp_path):
    protocol, found = samplers.loaded("ring", tmp_path, 50_000)
    network = mixtures._mode_classifier(found)
    logits = network.predict(found.aid.means.astype("float32"), verbose=0)
    np.testing.assert_array_equal(logits.argmax(axis=1), np.arange(8))
