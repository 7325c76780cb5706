"""Measures of images, by samplers whose results are known."""

import numpy as np
import samplers

from keras_multigan.arena import images
from keras_multigan.data import synthetic


class Parts:
    """A generator for each tuple of classes, of which it draws training images."""

    mixture_weights, num_generators = None, 2

    def __init__(self, found, classes):
        self.images = [found.samples[np.isin(found.labels, list(own))] for own in classes]

    def sample(self, num_samples, generator=None, seed=None):
        return np.resize(self.images[generator], (num_samples, *self.images[0].shape[1:]))


def test_digits(tmp_path):
    """Test images against few training images repeated and noise: numbers alone, in right order."""
    protocol, found = samplers.loaded("digits", tmp_path, 1437)
    noise = np.random.default_rng(0).uniform(-1, 1, (400, 16, 16, 1)).astype("float32")
    test, few, noise = (images.measure_images(samplers.Images(x), found, 360) for x in (
        found.aid.test.floats(), found.samples[:20], noise))
    assert {m.key for m in protocol.measures} - {"pairwise_tvd"} == (
        {m.key for m in protocol.measures} & test.keys())
    apart = [images.measure_images(Parts(found, classes), found, 360)["pairwise_tvd"]
             for classes in (((0, 1, 2), (3, 4, 5)), (range(10), range(10)))]
    assert apart[0] > 0.95 and apart[1] < 0.2
    assert all(isinstance(value, (int, float, str)) for value in test.values() if value is not None)
    tracked = protocol.track(found)(samplers.Images(found.aid.test.floats()))
    assert tracked.keys() == {"coverage", "frechet_distance"} and tracked["coverage"] > 0.5
    for name in ("coverage", "precision", "memorized_equivalent"):
        assert test[name] > noise[name]
    assert test["coverage"] > few["coverage"]
    assert test["frechet_distance"] < few["frechet_distance"] < noise["frechet_distance"]


def test_images_are_read_once(tmp_path, monkeypatch):
    folder = tmp_path / "arena"
    protocol, found = samplers.loaded("digits", folder, 1437)
    monkeypatch.setattr(images.data, "load_image_set", None)
    again = samplers.loaded("digits", folder, 1437)[1]
    np.testing.assert_array_equal(again.samples, found.samples)
    np.testing.assert_array_equal(again.labels, found.labels)
    assert again.samples.shape == (1437, 16, 16, 1) and len(again.aid.test) == 360


def test_features_of_real_images_are_computed_once(tmp_path, monkeypatch):
    found = samplers.loaded("digits", tmp_path, 1437)[1]
    test = samplers.Images(found.aid.test.floats())
    first = images.measure_images(test, found, 360)
    embed, counts = type(found.aid.embedding).__call__, []

    def counted(self, images):
        counts.append(len(images))
        return embed(self, images)

    monkeypatch.setattr(type(found.aid.embedding), "__call__", counted)
    assert images.measure_images(test, found, 360) == first
    assert sum(counts) == 360
    fewer = found._replace(samples=found.samples[:100], labels=found.labels[:100])
    assert images.measure_images(test, fewer, 360) != first  # the file has those of other images
    assert sum(counts) == 360 + 100 + 360 + 360


def test_stacked_digits(tmp_path):
    protocol, found = samplers.loaded("stacked_digits", tmp_path)
    assert found.samples.shape[1:] == (16, 16, 3)
    assert found.num_classes == 10  # of the first channel
    source = synthetic.StackedDigits(found.aid.train.floats(), found.aid.train.labels)
    all_modes = images.measure_stacked(samplers.Sampler(source), found, 2000)
    half = images.measure_stacked(samplers.Sampler(source, 500), found, 2000)
    # 2,000 even draws meet 865 of 1,000 modes, with a standard deviation of 9.
    assert 800 < all_modes["modes"] < 930 and 450 < half["modes"] < 530
    assert half["reverse_kl"] > all_modes["reverse_kl"] + 0.4
    noise = np.random.default_rng(0).uniform(-1, 1, (500, 16, 16, 3)).astype("float32")
    noise = images.measure_stacked(samplers.Images(noise), found, 500)
    assert noise["precision"] < 0.5 < 0.7 < half["precision"]
    assert noise["frechet_distance"] > 10 * all_modes["frechet_distance"]
