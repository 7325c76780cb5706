"""Inception's outputs: the real architecture once, a small stand-in otherwise."""

import urllib.error

import keras
import numpy as np
import pytest
from keras import layers

from keras_multigan import metrics
from keras_multigan.metrics import _tfgan, inception

pytestmark = pytest.mark.fast


def images(count=5, size=32, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3)).astype("float32")


def stand_in(weights, classifier_activation):
    """Has the inputs, outputs and layer names of keras.applications.InceptionV3 that are used."""
    assert classifier_activation is None
    x = inputs = keras.Input((299, 299, 3))
    x = layers.Flatten()(layers.AveragePooling2D(100)(x))
    x = layers.Dense(2048, activation="relu", name="avg_pool")(x)
    model = keras.Model(inputs, layers.Dense(1000, name="predictions")(x))
    if weights not in (None, "imagenet"):
        model.load_weights(weights)
    return model


@pytest.fixture(autouse=True)
def no_memory():
    for cached in (inception._keras_network, inception._tfgan_network):
        cached.cache_clear()
    yield
    for cached in (inception._keras_network, inception._tfgan_network):
        cached.cache_clear()


@pytest.fixture
def small(monkeypatch):
    """Every network that was built in place of InceptionV3."""
    built = []

    def build(**kwargs):
        built.append(stand_in(**kwargs))
        return built[-1]

    monkeypatch.setattr(keras.applications, "InceptionV3", build)
    return built


@pytest.mark.tensorflow  # where building the network takes seconds
def test_keras_inception(monkeypatch):
    monkeypatch.setattr(inception, "inference", lambda network: network)
    network = inception._keras_network(None)
    assert network.input_shape == (None, 299, 299, 3)
    assert [tensor.shape[1] for tensor in network.layers[-1].input] == [2048, 1000]
    assert network.get_layer("avg_pool").input.shape == (None, 8, 8, 2048)
    assert network.get_layer("predictions").activation is keras.activations.linear


def test_outputs(small):
    x = images(5, size=40)
    outputs = metrics.inception_outputs(x, weights=None, batch_size=2)
    resized = keras.ops.image.resize(x, (299, 299), antialias=True, data_format="channels_last")
    dense = small[0].get_layer("avg_pool")
    np.testing.assert_allclose(
        outputs.features,
        keras.ops.convert_to_numpy(dense(layers.Flatten()(layers.AveragePooling2D(100)(resized)))),
        rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs.logits, keras.ops.convert_to_numpy(small[0](resized)),
                               rtol=1e-4, atol=1e-5)
    again = metrics.inception_outputs(x[:2], weights=None)
    np.testing.assert_allclose(again.features, outputs.features[:2], rtol=1e-5, atol=1e-6)
    assert len(small) == 1  # the random network, too, is one and the same for all images


@pytest.mark.filterwarnings("ignore:.* has fewer samples:UserWarning")
def test_distance_and_score_name_their_network(small):
    real, generated = (metrics.inception_outputs(images(6, seed=s), weights=None) for s in (1, 2))
    distance = metrics.frechet_inception_distance(real, generated)
    assert distance == metrics.frechet_distance(real.features, generated.features) > 0
    score = metrics.inception_score(generated)
    assert score == metrics.classifier_score(generated.logits) > 1
    assert distance.classifier == score.classifier == real.network
    with pytest.raises(ValueError, match="of one network. Received: .*InceptionV3.* and 'TF-GAN"):
        metrics.frechet_inception_distance(real, generated._replace(network="TF-GAN"))


def test_weights_from_a_file(small, tmp_path):
    path = tmp_path / "inception.weights.h5"
    keras.utils.set_random_seed(5)
    stand_in(None, None).save_weights(path)
    other = metrics.inception_outputs(images(), weights=None)
    outputs = metrics.inception_outputs(images(), weights=path)
    assert str(path) in outputs.network
    assert not np.allclose(outputs.features, other.features)
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(small[1].get_weights()[0], stand_in(None, None).get_weights()[0])
    with pytest.raises(FileNotFoundError, match="missing.h5, which is not there"):
        metrics.inception_outputs(images(), weights=tmp_path / "missing.h5")


def test_no_internet(monkeypatch):
    def build(**kwargs):
        raise Exception("URL fetch failure")  # as keras.utils.get_file

    monkeypatch.setattr(keras.applications, "InceptionV3", build)
    with pytest.raises(FileNotFoundError, match=r"URL fetch failure.*kernels\.h5 .* pass weights="):
        metrics.inception_outputs(images())
    with pytest.raises(Exception, match="^URL fetch failure"):
        metrics.inception_outputs(images(), weights=None)


def test_float32_in_any_precision(small):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        metrics.inception_outputs(images(2), weights=None)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(policy)
    assert {layer.compute_dtype for layer in small[0].layers} == {"float32"}


def test_tfgans_inception(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    hub = pytest.importorskip("tensorflow_hub")
    handle = _tfgan.tfgan().eval.INCEPTION_TFHUB

    def graph(batch):
        assert tuple(batch.shape[1:]) == (299, 299, 3)
        first = tf.reshape(batch[:, 0, 0, 0], (-1, 1, 1, 1))
        return {"logits": 2 * tf.ones((1, 1008)) * first[:, 0, 0],
                "pool_3": tf.ones((1, 1, 1, 2048)) * first}

    monkeypatch.setattr(hub, "load", lambda name: {handle: graph}[name])
    x = images(3, size=299)
    outputs = metrics.inception_outputs(x, weights="tfgan")
    assert outputs.network == "TF-GAN Inception (TF-Hub)"
    np.testing.assert_allclose(outputs.features, np.repeat(x[:, 0, 0, :1], 2048, axis=1))
    np.testing.assert_allclose(outputs.logits, np.repeat(2 * x[:, 0, 0, :1], 1008, axis=1))
    inception._tfgan_network.cache_clear()

    def unreachable(name):
        raise urllib.error.URLError("no network in this test")

    monkeypatch.setattr(hub, "load", unreachable)
    with pytest.raises(FileNotFoundError, match="no network in this test.*TFHUB_CACHE_DIR"):
        metrics.inception_outputs(images(3), weights="tfgan")


@pytest.mark.parametrize("x, message", [
    (np.zeros((2, 8, 8, 1), "float32"), "3 channels .* numpy.repeat"),
    (np.zeros((8, 8, 3), "float32"), r"\(N, height, width, channels\)"),
    (np.zeros((2, 8, 8, 3), "uint8"), "divide by 127.5"),
    (np.full((2, 8, 8, 3), 2.0), r"in \[-1, 1\]"),
])
def test_bad_images(x, message):
    with pytest.raises(ValueError, match=message):
        metrics.inception_outputs(x)


def test_any_extractor():
    x = images(5, size=4)
    network = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dropout(0.5),
                                layers.Dense(3, use_bias=False)])
    (kernel,) = network.get_weights()
    expected = x.reshape(5, -1) @ kernel
    found = metrics.extract_features(x, network, batch_size=2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32

    sizes = []

    def function(batch):
        sizes.append(len(batch))
        return batch.reshape(len(batch), -1) @ kernel

    np.testing.assert_allclose(metrics.extract_features(x, function, 2), expected, rtol=1e-4, atol=1e-5)
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("x, extractor, batch_size, message", [
    (images(), lambda batch: batch, 2, r"shape \(2, F\). Received: ndarray of shape \(2, 32, 32, 3\)"),
    (images(), lambda batch: batch[0, 0], 2, r"of shape \(32, 3\)"),
    (images(), lambda batch: None, 2, "NoneType of shape"),
    (images()[0], lambda batch: batch, 2, "samples >= 1"),
    (images(0), lambda batch: batch, 2, "samples >= 1"),
    (images(), lambda batch: batch, 0, "batch_size >= 1"),
])
def test_bad_extractors(x, extractor, batch_size, message):
    with pytest.raises(ValueError, match=message):
        metrics.extract_features(x, extractor, batch_size)
