"""TF-GAN's MNIST measures. Each result names the classifier that it was measured with."""

import functools
import socket

import keras
import numpy as np
from absl import logging

from keras_multigan import shipped
from keras_multigan.metrics import _tfgan
from keras_multigan.metrics.logits import check_images, classifier_logits, resize, to_numpy

TFHUB_CLASSIFIER = "TF-GAN mnist logits (TF-Hub)"
SHIPPED_CLASSIFIER = "keras_multigan MNIST classifier (shipped)"
_TFHUB_SIZE = (28, 28)
_TFHUB_TIMEOUT_SECONDS = 5
_BATCH_SIZE = 500


class Measurement(float):
    """A float whose attribute `classifier` names the classifier that it was measured with.

    It prints, formats and computes as a float. Only its repr shows the classifier.

    Args:
        value: the number.
        classifier: name of the classifier.
    """

    def __new__(cls, value: float, classifier: str):
        measurement = super().__new__(cls, value)
        measurement.classifier = classifier
        return measurement

    def __repr__(self):
        return f"Measurement({float(self)!r}, classifier={self.classifier!r})"

    __str__ = float.__repr__

    def __getnewargs__(self):  # for copy and pickle
        return float(self), self.classifier


def mnist_frechet_distance(
    real: np.ndarray, generated: np.ndarray, classifier: keras.Model | None = None, num_batches: int = 1
) -> Measurement:
    """Returns the Frechet distance between the classifier's logits for real and for generated digits.

    With TF-GAN's TF-Hub classifier, the number is that of
    `tensorflow_gan.examples.mnist.util.mnist_frechet_distance`. With any other classifier, it is that
    of `tfgan.eval.frechet_classifier_distance` (TF-GAN 2.1). Distances of different classifiers are not
    comparable. The result's attribute `classifier` names the classifier.

    Each set of images is resized on its own (bilinear, antialiased) to the classifier's input size:
    28 x 28 for TF-Hub's, 32 x 32 for the shipped one.

    Args:
        real: float32 array (N, H, W, C) in [-1, 1], N >= 2. C is 1, unless `classifier` takes another
            number of channels.
        generated: float32 array (M, H', W', C) in [-1, 1], M >= 2.
        classifier: Keras model that maps images to logits (N, K). None uses TF-GAN's classifier from
            TF-Hub, if it is cached (in the folder TFHUB_CACHE_DIR of the environment) or can be
            downloaded, which is tried once per process. Otherwise None uses `shipped_classifier()`,
            with a logged warning.
        num_batches: number of equal batches that TF-GAN splits each set of images into; it has to
            divide N and M. Keras classifiers get at most 500 images at a time for any num_batches. With
            TF-Hub's classifier, use 10 or more for 10,000 images to save memory.

    Returns:
        A `Measurement`, a float with the attribute `classifier`.

    Raises:
        ValueError: wrong ranks, values outside [-1, 1] or NaN, fewer than 2 images, sizes that
            `num_batches` does not divide, or images that `classifier_logits` does not accept.
        FileNotFoundError: neither TF-Hub's nor the shipped classifier is available.
        ImportError: tensorflow-gan is not installed.
    """
    images = [_checked_images(real, "real", 2), _checked_images(generated, "generated", 2)]
    return _measure(
        images, classifier, num_batches, "mnist_frechet_distance", "frechet_classifier_distance"
    )


def mnist_score(
    images: np.ndarray, classifier: keras.Model | None = None, num_batches: int = 1
) -> Measurement:
    """Returns the MNIST score exp(mean KL(p(y|x) || p(y))) of images under a digit classifier.

    With TF-GAN's TF-Hub classifier, the number is that of
    `tensorflow_gan.examples.mnist.util.mnist_score`. With any other classifier, it is that of
    `tfgan.eval.classifier_score` (TF-GAN 2.1). Both apply the softmax to the classifier's output, so a
    classifier has to return logits.

    Args:
        images: float32 array (N, H, W, C) in [-1, 1], N >= 1, resized as in `mnist_frechet_distance`.
        classifier: see `mnist_frechet_distance`.
        num_batches: see `mnist_frechet_distance`; it has to divide N.

    Returns:
        A `Measurement` in [1, K], a float with the attribute `classifier`.

    Raises:
        ValueError: see `mnist_frechet_distance`; one image is enough here.
        FileNotFoundError: neither TF-Hub's nor the shipped classifier is available.
        ImportError: tensorflow-gan is not installed.
    """
    images = [_checked_images(images, "images", 1)]
    return _measure(images, classifier, num_batches, "mnist_score", "classifier_score")


@functools.cache
def shipped_classifier() -> keras.Model:
    """Returns the MNIST classifier that is installed with keras_multigan, loaded once per process.

    It maps images (N, 32, 32, 1) in [-1, 1] to logits (N, 10). It is looked for in the installed
    package, then in a checkout, there as `savedmodels/mnist_classifier/classifier.keras`.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    paths = _shipped_paths()
    for path in paths:
        if path.is_file():
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    raise FileNotFoundError(
        "Expected the shipped MNIST classifier at "
        + " or at ".join(str(path) for path in paths)
        + ", found neither. Train one with `multigan classifier --dataset=mnist`, or pass a "
        "classifier."
    )


def _shipped_paths():
    return shipped.paths("mnist_classifier", "classifier.keras")


def _measure(images, classifier, num_batches, tfhub_measure, tfgan_measure):
    """Computes a measure of TF-GAN, given its names for TF-Hub's classifier and for other ones."""
    for array in images:
        if num_batches < 1 or len(array) % num_batches:
            raise ValueError(
                "Expected num_batches >= 1 that divides the number of images, received "
                f"num_batches={num_batches} and {len(array)} images. Change num_batches or drop "
                "some images."
            )
    if classifier is None and _tfhub_classifier_loads():
        if any(array.shape[3] != 1 for array in images):
            raise ValueError(
                f"Expected images with the 1 channel that the classifier '{TFHUB_CLASSIFIER}' "
                f"takes, received shapes {[array.shape for array in images]}."
            )
        measure = getattr(_tfgan.mnist_util(), tfhub_measure)
        images = [_resize_all(array, _TFHUB_SIZE) for array in images]
        value = measure(*_to_tensors(images), num_batches=num_batches)
        return Measurement(value, TFHUB_CLASSIFIER)

    if classifier is None:
        classifier, name = shipped_classifier(), SHIPPED_CLASSIFIER
    else:
        name = classifier.name
    measure = getattr(_tfgan.tfgan().eval, tfgan_measure)
    value = measure(*_to_tensors(images), _classifier_fn(classifier), num_batches=num_batches)
    return Measurement(value, name)


@functools.cache
def _tfhub_classifier_loads():
    """Returns whether TF-GAN's classifier is cached or can be downloaded."""
    util = _tfgan.mnist_util()
    timeout = socket.getdefaulttimeout()
    # TF-Hub sets no timeout for its requests.
    socket.setdefaulttimeout(_TFHUB_TIMEOUT_SECONDS)
    try:
        util.tfhub.load(util.MNIST_MODULE)
    # Network, proxy, archive, cache folder or file format: all errors have the same fallback.
    except Exception as error:  # noqa: BLE001
        logging.warning(
            "%s cannot be loaded (%s: %s). MNIST measures use the shipped classifier instead; "
            "their numbers cannot be compared with those of TF-GAN's classifier.",
            util.MNIST_MODULE,
            type(error).__name__,
            error,
        )
        return False
    finally:
        socket.setdefaulttimeout(timeout)
    return True


def _classifier_fn(classifier):
    """Returns the function of images to float32 logits that TF-GAN calls, for any Keras backend."""
    import tensorflow as tf

    def logits(images):
        # TF-GAN's map_fn requires outputs of the dtype of its inputs.
        return tf.constant(classifier_logits(images.numpy(), classifier, _BATCH_SIZE), tf.float32)

    return logits


def _resize_all(images, size):
    batches = range(0, len(images), _BATCH_SIZE)
    return np.concatenate([resize(images[i : i + _BATCH_SIZE], size) for i in batches])


def _to_tensors(arrays):
    import tensorflow as tf

    return [tf.constant(array) for array in arrays]


def _checked_images(images, name, min_samples):
    images = to_numpy(images).astype("float32", copy=False)
    check_images(images, name)
    if len(images) < min_samples:
        raise ValueError(f"Expected at least {min_samples} images in {name}, received 1.")
    low, high = images.min(), images.max()
    if not (low >= -1.001 and high <= 1.001):  # `not`, so that NaN is outside, too
        raise ValueError(
            f"Expected {name} with values in [-1, 1], received values from {low:.6g} to "
            f"{high:.6g}. Scale uint8 pixels with x / 127.5 - 1."
        )
    return images
