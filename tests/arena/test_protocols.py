"""The protocols' measures, by samplers whose results are known."""

import functools

import numpy as np
import pytest

from keras_multigan.arena import protocols
from keras_multigan.data import synthetic


class Sampler:
    """A model in place of a trained one: samples of a source, of some of its modes only."""

    mixture_weights = None

    def __init__(self, source, modes=None, num_generators=1):
        self.source, self.modes, self.num_generators = source, modes, num_generators

    def sample(self, num_samples, generator=None, seed=None):
        samples, modes = self.source.sample(20 * num_samples, seed=seed)
        kept = np.ones(len(modes), bool) if self.modes is None else modes < self.modes
        if generator is not None and self.num_generators > 1:  # each has a mode of its own
            kept = modes == generator
        return samples[kept][:num_samples]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """loaded(name, number of samples) -> a protocol, and its data without most of the samples."""
    return functools.partial(load, tmp_path_factory.mktemp("data"))


def load(folder, name, few=2000):
    protocol = protocols.PROTOCOLS[name]
    found = protocol.load(folder, None, 0.0)
    return protocol, found._replace(samples=found.samples[:few], labels=found.labels[:few])


@pytest.mark.parametrize("name, modes, radius", [("ring", 8, 1.0), ("grid", 25, 4 * 2**0.5)])
def test_plane(loaded, name, modes, radius):
    protocol, found = loaded(name)
    assert np.linalg.norm(found.aid.means, axis=1).max() == pytest.approx(radius)
    assert found.num_classes == modes == len(np.unique(found.labels))
    perfect = protocol.measure(Sampler(found.aid), found)
    assert perfect["modes"] == modes and perfect["reverse_kl"] < 0.02
    # 1 - e^-4.5 = .98889 with a standard deviation of .0021
    assert perfect["high_quality"] == pytest.approx(0.98889, abs=0.0125)
    # The truncated chi's; without the means of modes a hundredth less.
    assert perfect["spread"] == pytest.approx(0.974, abs=0.05)
    points = synthetic.GaussianMixture(found.aid.means + 0.5 * found.aid.variance**0.5,
                                       1e-4 * found.aid.variance)
    collapsed = protocol.measure(Sampler(points), found)
    assert collapsed["high_quality"] == 1.0 and collapsed["spread"] < 0.02
    half = protocol.measure(Sampler(found.aid, modes // 2), found)
    assert half["modes"] == modes // 2
    assert half["reverse_kl"] == pytest.approx(np.log(modes / (modes // 2)), abs=0.02)
    blurred = synthetic.GaussianMixture(found.aid.means, 25 * found.aid.variance)
    assert protocol.measure(Sampler(blurred), found)["high_quality"] < 0.25
    far = synthetic.GaussianMixture(found.aid.means + 1000, found.aid.variance)
    assert protocol.measure(Sampler(far), found)["spread"] is None
    assert "pairwise_tvd" not in perfect
    apart = protocol.measure(Sampler(found.aid, num_generators=3), found)
    assert apart["pairwise_tvd"] == pytest.approx(1, abs=0.01)


def test_space(loaded):
    protocol, found = loaded("gaussians")
    inner = synthetic.GaussianMixture(found.aid.means.mean(axis=0, keepdims=True), found.aid.variance)
    perfect, half, middle = (protocols.measure_space(model, found, 2500) for model in (
        Sampler(found.aid), Sampler(found.aid, 4), Sampler(inner)))
    assert {m.key for m in protocol.measures} - {"pairwise_tvd"} <= perfect.keys()
    assert perfect["modes"] == 8 and half["modes"] < 8
    assert perfect["coverage"] > 0.9 and perfect["reverse_kl"] < 0.01 < 0.2 < half["reverse_kl"]
    # In the middle of all modes, too, which all of them overlap.
    for wrong in (half, middle):
        assert wrong["frechet_distance"] > 2 * perfect["frechet_distance"]
        assert wrong["coverage"] < 0.75
        assert wrong["judge_accuracy"] > 0.55 > perfect["judge_accuracy"]


def test_stacked_digits(loaded):
    protocol, found = loaded("stacked_digits")
    assert found.samples.shape[1:] == (16, 16, 3)
    assert found.num_classes == 10  # of the first channel
    source = synthetic.StackedDigits(found.aid.train.floats(), found.aid.train.labels)
    all_modes = protocols.measure_stacked(Sampler(source), found, 2000)
    half = protocols.measure_stacked(Sampler(source, 500), found, 2000)
    # 2,000 even draws meet 865 of 1,000 modes, with a standard deviation of 9.
    assert 800 < all_modes["modes"] < 930 and 450 < half["modes"] < 530
    assert half["reverse_kl"] > all_modes["reverse_kl"] + 0.4
    noise = np.random.default_rng(0).uniform(-1, 1, (500, 16, 16, 3)).astype("float32")
    noise = protocols.measure_stacked(Images(noise), found, 500)
    assert noise["precision"] < 0.5 < 0.7 < half["precision"]
    assert noise["frechet_distance"] > 10 * all_modes["frechet_distance"]


class Images:
    """The images of an array, whatever the seed."""

    mixture_weights, num_generators = None, 1

    def __init__(self, images):
        self.images = images

    def sample(self, num_samples, generator=None, seed=None):
        return np.resize(self.images, (num_samples, *self.images.shape[1:]))


class Parts:
    """A generator for each tuple of classes, of which it draws training images."""

    mixture_weights, num_generators = None, 2

    def __init__(self, found, classes):
        self.images = [found.samples[np.isin(found.labels, list(own))] for own in classes]

    def sample(self, num_samples, generator=None, seed=None):
        return np.resize(self.images[generator], (num_samples, *self.images[0].shape[1:]))


def test_digits(loaded):
    """Test images against few training images repeated and noise: numbers alone, in right order."""
    protocol, found = loaded("digits", 1437)
    noise = np.random.default_rng(0).uniform(-1, 1, (400, 16, 16, 1)).astype("float32")
    test, few, noise = (protocols.measure_images(Images(x), found, 360) for x in (
        found.aid.test.floats(), found.samples[:20], noise))
    assert {m.key for m in protocol.measures} - {"pairwise_tvd"} == (
        {m.key for m in protocol.measures} & test.keys())
    apart = [protocols.measure_images(Parts(found, classes), found, 360)["pairwise_tvd"]
             for classes in (((0, 1, 2), (3, 4, 5)), (range(10), range(10)))]
    assert apart[0] > 0.95 and apart[1] < 0.2
    assert all(isinstance(value, (int, float, str)) for value in test.values() if value is not None)
    tracked = protocol.track(found)(Images(found.aid.test.floats()))
    assert tracked.keys() == {"coverage", "frechet_distance"} and tracked["coverage"] > 0.5
    for name in ("coverage", "precision", "memorized_equivalent"):
        assert test[name] > noise[name]
    assert test["coverage"] > few["coverage"]
    assert test["frechet_distance"] < few["frechet_distance"] < noise["frechet_distance"]


def test_images_are_read_once(tmp_path, monkeypatch):
    folder = tmp_path / "arena"
    protocol, found = load(folder, "digits", 1437)
    monkeypatch.setattr(protocols.data, "load_image_set", None)
    again = load(folder, "digits", 1437)[1]
    np.testing.assert_array_equal(again.samples, found.samples)
    np.testing.assert_array_equal(again.labels, found.labels)
    assert again.samples.shape == (1437, 16, 16, 1) and len(again.aid.test) == 360


def test_features_of_real_images_are_computed_once(tmp_path, monkeypatch):
    found = load(tmp_path, "digits", 1437)[1]
    test = Images(found.aid.test.floats())
    first = protocols.measure_images(test, found, 360)
    embed, counts = type(found.aid.embedding).__call__, []

    def counted(self, images):
        counts.append(len(images))
        return embed(self, images)

    monkeypatch.setattr(type(found.aid.embedding), "__call__", counted)
    assert protocols.measure_images(test, found, 360) == first
    assert sum(counts) == 360
    fewer = found._replace(samples=found.samples[:100], labels=found.labels[:100])
    assert protocols.measure_images(test, fewer, 360) != first  # the file has those of other images
    assert sum(counts) == 360 + 100 + 360 + 360


@pytest.mark.parametrize("name", ["digits", "stacked_digits"])
def test_a_part_of_the_training_images_stands_in_for_the_test_images(tmp_path, name):
    protocol = protocols.PROTOCOLS[name]
    whole, part = (protocol.load(tmp_path, None, share).aid for share in (0.0, 0.2))
    assert [len(x) for x in (part.train, part.test, whole.test)] == [1149, 288, 360]
    both = [np.concatenate([x.images.reshape(len(x), -1) for x in sets])
            for sets in ((part.train, part.test), (whole.train,))]
    np.testing.assert_array_equal(*(rows[np.lexsort(rows.T)] for rows in both))


def test_the_classifier_tells_the_modes_apart(loaded):
    protocol, found = loaded("ring", 50_000)
    network = protocols._mode_classifier(found)
    logits = network.predict(found.aid.means.astype("float32"), verbose=0)
    np.testing.assert_array_equal(logits.argmax(axis=1), np.arange(8))


def test_unknown_protocol():
    with pytest.raises(ValueError, match="--protocol.*ring, grid.*Received: circle"):
        protocols.find("circle")
