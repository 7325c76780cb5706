"""mnist_frechet_distance and mnist_score: TF-GAN's numbers, and the choice of the classifier."""

import copy
import importlib.util
import json
import os
import pickle
import socket
import subprocess
import sys
import urllib.error

import keras
import numpy as np
import pytest

from keras_multigan import metrics
from keras_multigan.metrics import _tfgan, mnist

pytestmark = pytest.mark.fast

tf = pytest.importorskip("tensorflow")
hub = pytest.importorskip("tensorflow_hub")


def tiny_classifier(seed=0, name="tiny"):
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(10, kernel_initializer=keras.initializers.RandomNormal(0, 1, seed)),
        ],
        name=name,
    )


def digits(num_images, size=32, seed=0):
    images = np.random.default_rng(seed).uniform(-1, 1, (num_images, size, size, 1))
    return images.astype("float32")


@pytest.fixture(autouse=True)
def no_memory():
    """Forgets, before and after a test, whether TF-Hub was reached and what was loaded."""
    for cached in (mnist._tfhub_classifier_loads, mnist.shipped_classifier):
        cached.cache_clear()
    yield
    for cached in (mnist._tfhub_classifier_loads, mnist.shipped_classifier):
        cached.cache_clear()


@pytest.fixture
def offline(monkeypatch):
    """TF-Hub cannot be reached. The list holds the handle and socket timeout of every attempt."""
    attempts = []

    def load(handle):
        attempts.append((handle, socket.getdefaulttimeout()))
        raise urllib.error.URLError("no network in this test")

    monkeypatch.setattr(hub, "load", load)
    return attempts


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A tiny classifier where the checkout's would be, and none in the package."""
    classifier = tiny_classifier(seed=7)
    classifier.save(tmp_path / "checkout.keras")
    paths = (tmp_path / "package.keras", tmp_path / "checkout.keras")
    monkeypatch.setattr(mnist, "_shipped_paths", lambda: paths)
    return classifier


def own_frechet_distance(real, generated, classifier):
    return metrics.frechet_distance(
        metrics.classifier_logits(real, classifier),
        metrics.classifier_logits(generated, classifier),
    )


def own_score(images, classifier):
    return metrics.classifier_score(metrics.classifier_logits(images, classifier))


@pytest.mark.parametrize("num_batches", [1, 4])
def test_given_classifier(num_batches):
    real, generated, classifier = digits(40, seed=1), digits(60, seed=2), tiny_classifier()
    distance = metrics.mnist_frechet_distance(real, generated, classifier, num_batches)
    assert distance == pytest.approx(own_frechet_distance(real, generated, classifier), rel=1e-3)
    score = metrics.mnist_score(real, classifier, num_batches)
    assert score == pytest.approx(own_score(real, classifier), rel=1e-3)
    assert distance.classifier == score.classifier == "tiny"
    assert type(distance) is type(score) is metrics.Measurement


def test_is_tfgans_number():
    real, generated, classifier = digits(40, seed=1), digits(40, seed=2), tiny_classifier()
    kernel, bias = classifier.get_weights()

    def classifier_fn(images):
        pooled = tf.nn.avg_pool2d(images, 4, 4, "VALID")
        return tf.reshape(pooled, (len(images), -1)) @ kernel + bias

    tfgan = _tfgan.tfgan()
    expected = float(tfgan.eval.frechet_classifier_distance(real, generated, classifier_fn))
    distance = metrics.mnist_frechet_distance(real, generated, classifier)
    assert distance == pytest.approx(expected, rel=1e-3)
    expected = float(tfgan.eval.classifier_score(real, classifier_fn))
    assert metrics.mnist_score(real, classifier) == pytest.approx(expected, rel=1e-3)


def test_identical_images_have_distance_zero():
    images = digits(50)
    assert abs(metrics.mnist_frechet_distance(images, images, tiny_classifier())) < 1e-4


def test_any_size_is_resized_to_the_classifiers():
    small, classifier = digits(30, size=28), tiny_classifier()
    score = metrics.mnist_score(small, classifier)
    assert score == pytest.approx(own_score(small, classifier), rel=1e-3)
    distance = metrics.mnist_frechet_distance(small, digits(30, seed=3), classifier)
    expected = own_frechet_distance(small, digits(30, seed=3), classifier)
    assert distance == pytest.approx(expected, rel=1e-3)


def test_tensors_are_images_too():
    images, classifier = digits(10), tiny_classifier()
    tensor = keras.ops.convert_to_tensor(images)
    assert metrics.mnist_score(tensor, classifier) == metrics.mnist_score(images, classifier)


def test_tfhub_reachable(monkeypatch):
    kernel = np.random.default_rng(0).normal(size=(28 * 28, 10)).astype("float32") / 10

    def classifier_fn(images):
        images.shape.assert_is_compatible_with([None, 28, 28, 1])
        return tf.reshape(images, (-1, 28 * 28)) @ kernel

    monkeypatch.setattr(
        hub, "load", lambda handle: {_tfgan.mnist_util().MNIST_MODULE: classifier_fn}[handle]
    )
    real, generated = digits(40, size=28, seed=1), digits(60, size=28, seed=2)
    logits_real, logits_generated = (x.reshape(-1, 28 * 28) @ kernel for x in (real, generated))
    for num_batches in (1, 2):
        distance = metrics.mnist_frechet_distance(real, generated, num_batches=num_batches)
        expected = metrics.frechet_distance(logits_real, logits_generated)
        assert distance == pytest.approx(expected, rel=1e-3)
        score = metrics.mnist_score(real, num_batches=num_batches)
        assert score == pytest.approx(metrics.classifier_score(logits_real), rel=1e-3)
    assert distance.classifier == score.classifier == "TF-GAN mnist logits (TF-Hub)"
    # 32 x 32 images come down to 28 x 28; a given classifier still comes first.
    assert metrics.mnist_score(digits(10)).classifier == "TF-GAN mnist logits (TF-Hub)"
    assert metrics.mnist_score(digits(10), tiny_classifier()).classifier == "tiny"
    with pytest.raises(ValueError, match="1 channel"):
        metrics.mnist_score(np.zeros((4, 28, 28, 3), "float32"))


def test_tfhub_unreachable(monkeypatch, offline, shipped):
    warnings = []
    monkeypatch.setattr(mnist.logging, "warning", lambda text, *args: warnings.append(text % args))
    real, generated = digits(40, seed=1), digits(40, seed=2)
    distance = metrics.mnist_frechet_distance(real, generated)
    score = metrics.mnist_score(real)
    assert distance == pytest.approx(own_frechet_distance(real, generated, shipped), rel=1e-3)
    assert score == pytest.approx(own_score(real, shipped), rel=1e-3)
    assert distance.classifier == score.classifier == "keras_multigan MNIST classifier (shipped)"
    # One attempt a process, with a short timeout that is then taken back, and one warning.
    assert offline == [(_tfgan.mnist_util().MNIST_MODULE, 5)]
    assert socket.getdefaulttimeout() is None
    assert len(warnings) == 1
    assert "no network in this test" in warnings[0]


def test_a_given_classifier_needs_no_tfhub(offline):
    metrics.mnist_score(digits(4), tiny_classifier())
    assert not offline


def test_package_comes_before_checkout(shipped):
    assert mnist.shipped_classifier().name == "tiny"
    mnist.shipped_classifier.cache_clear()
    tiny_classifier(name="packaged").save(mnist._shipped_paths()[0])
    assert mnist.shipped_classifier().name == "packaged"
    assert mnist.shipped_classifier() is mnist.shipped_classifier()


def test_no_classifier_anywhere(monkeypatch, offline, tmp_path):
    paths = (tmp_path / "a.keras", tmp_path / "b.keras")
    monkeypatch.setattr(mnist, "_shipped_paths", lambda: paths)
    with pytest.raises(
        FileNotFoundError, match="multigan classifier --dataset=mnist"
    ) as error:
        metrics.mnist_score(digits(4))
    assert all(str(path) in str(error.value) for path in paths)


def test_shipped_paths():
    package, checkout = mnist._shipped_paths()
    assert package.parts[-4:] == (
        "keras_multigan", "savedmodels", "mnist_classifier", "classifier.keras")
    assert checkout.parts[-3:] == ("savedmodels", "mnist_classifier", "classifier.keras")
    assert checkout.parents[2] == package.parents[3]


def test_shipped_file():
    if not any(path.is_file() for path in mnist._shipped_paths()):
        pytest.skip("the shipped MNIST classifier is missing (`multigan classifier` trains it)")
    classifier = metrics.shipped_classifier()
    assert classifier.input_shape == (None, 32, 32, 1)
    assert metrics.classifier_logits(digits(3), classifier).shape == (3, 10)


@pytest.mark.parametrize(
    ("images", "num_batches", "message"),
    [
        (np.zeros((4, 32, 32)), 1, "of shape"),
        (np.zeros((0, 32, 32, 1)), 1, "samples >= 1"),
        (np.zeros((4, 32, 32, 3)), 1, "1 channel"),
        (np.full((4, 32, 32, 1), 255, "uint8"), 1, r"x / 127.5 - 1"),
        (np.full((4, 32, 32, 1), np.nan), 1, r"\[-1, 1\], received values from nan"),
        (np.zeros((10, 32, 32, 1)), 3, "num_batches=3 and 10 images"),
        (np.zeros((10, 32, 32, 1)), 0, "num_batches >= 1"),
    ],
)
def test_errors(images, num_batches, message):
    classifier = tiny_classifier()
    with pytest.raises(ValueError, match=message):
        metrics.mnist_score(images, classifier, num_batches)
    with pytest.raises(ValueError, match=message):
        metrics.mnist_frechet_distance(digits(30), images, classifier, num_batches)


def test_a_distance_needs_two_images():
    with pytest.raises(ValueError, match="at least 2 images in real"):
        metrics.mnist_frechet_distance(digits(1), digits(4), tiny_classifier())
    assert metrics.mnist_score(digits(1), tiny_classifier()) == pytest.approx(1.0)


def test_tfgan_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_gan", None)
    with pytest.raises(ImportError, match="pip install .*tensorflow-gan"):
        metrics.mnist_score(digits(4), tiny_classifier())
    assert not hasattr(tf, "estimator")


def test_measurement_is_a_float_that_names_its_classifier():
    measurement = metrics.Measurement(2.5, "tiny")
    assert isinstance(measurement, float)
    assert measurement == 2.5
    assert repr(measurement) == "Measurement(2.5, classifier='tiny')"
    assert str(measurement) == "2.5"
    assert f"{measurement:.2f}" == "2.50"
    assert json.dumps({"x": measurement}) == '{"x": 2.5}'
    for copied in (copy.deepcopy(measurement), pickle.loads(pickle.dumps(measurement))):
        assert (copied, copied.classifier) == (2.5, "tiny")


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_import_needs_neither_tensorflow_nor_scipy():
    code = (
        "import sys, keras; before = set(sys.modules); import keras_multigan.metrics;"
        "new = set(sys.modules) - before;"
        "assert not new & {'tensorflow', 'tensorflow_gan', 'tensorflow_hub', 'scipy'}, new;"
        "assert 'tensorflow' not in sys.modules"
    )
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": os.pathsep.join([str(mnist._shipped_paths()[0].parents[3]), *sys.path]),
    }
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
