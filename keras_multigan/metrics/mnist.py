"""TF-GAN's MNIST measures, on the best classifier at hand, which the result always names."""

import functools
import pathlib
import socket

import keras
import numpy as np
from absl import logging

from keras_multigan.metrics import _tfgan
from keras_multigan.metrics.logits import check_images, classifier_logits, resize, to_numpy

TFHUB_CLASSIFIER = "TF-GAN mnist logits (TF-Hub)"
SHIPPED_CLASSIFIER = "keras_multigan MNIST classifier (shipped)"
_TFHUB_SIZE = (28, 28)
_TFHUB_TIMEOUT_SECONDS = 5
_BATCH_SIZE = 500


class Measurement(float):
    """A float that says which classifier measured it, in its attribute `classifier` (a string).

    It prints, formats and computes as a float; only its repr shows the classifier.
    """

    def __new__(cls, value, classifier):
        measurement = super().__new__(cls, value)
        measurement.classifier = classifier
        return measurement

    def __repr__(self):
        return f"Measurement({float(self)!r}, classifier={self.classifier!r})"

    __str__ = float.__repr__

    def __getnewargs__(self):  # For copy and pickle.
        return float(self), self.classifier


def mnist_frechet_distance(real, generated, classifier=None, num_batches=1):
    """Returns the Frechet distance between real and generated digits, on a classifier's logits.

    The number is TF-GAN 2.1's: `tensorflow_gan.examples.mnist.util.mnist_frechet_distance` with
    its TF-Hub classifier, `tfgan.eval.frechet_classifier_distance` with any other. Distances on
    different classifiers cannot be compared: see the result's `classifier`.

    Each set of images is resized on its own (bilinear, antialiased) to what the classifier takes:
    28 x 28 for TF-Hub's, 32 x 32 for the shipped one.

    Args:
        real: `(N, H, W, C)` float32 array in [-1, 1], N >= 2; C = 1 unless `classifier` says other.
        generated: `(M, H', W', C)` float32 array in [-1, 1], M >= 2.
        classifier: a Keras model from images to `(N, K)` logits. None: TF-GAN's from TF-Hub if it
            is cached (in the environment's `TFHUB_CACHE_DIR`) or can be fetched, which is tried
            once a process; else, with a logged warning, `shipped_classifier()`.
        num_batches: as in TF-GAN, how many equal batches each set of images is split into; it must
            divide N and M. Keras classifiers see at most 500 images at a time whatever it is; with
            TF-Hub's, give 10 or more for 10,000 images to save memory.

    Returns:
        A `Measurement`: a float with the attribute `classifier`.

    Raises:
        ValueError: wrong ranks, values outside [-1, 1] or NaN, fewer than 2 images, sizes that
            `num_batches` does not divide, or what `classifier_logits` raises.
        FileNotFoundError: neither TF-Hub's classifier nor a shipped one is there.
        ImportError: tensorflow-gan is missing.
    """
    images = [_checked_images(real, "real", 2), _checked_images(generated, "generated", 2)]
    return _measure(
        images, classifier, num_batches, "mnist_frechet_distance", "frechet_classifier_distance"
    )


def mnist_score(images, classifier=None, num_batches=1):
    """Returns the MNIST score of images: exp(mean KL(p(y|x) || p(y))) under a digit classifier.

    The number is TF-GAN 2.1's: `tensorflow_gan.examples.mnist.util.mnist_score` with its TF-Hub
    classifier, `tfgan.eval.classifier_score` with any other. Both take the softmax of the
    classifier's logits, so a classifier must give logits.

    Args:
        images: `(N, H, W, C)` float32 array in [-1, 1], N >= 1, resized as in
            `mnist_frechet_distance`.
        classifier: see `mnist_frechet_distance`.
        num_batches: see `mnist_frechet_distance`; it must divide N.

    Returns:
        A `Measurement` in [1, K]: a float with the attribute `classifier`.

    Raises:
        ValueError, FileNotFoundError, ImportError: see `mnist_frechet_distance`.
    """
    images = [_checked_images(images, "images", 1)]
    return _measure(images, classifier, num_batches, "mnist_score", "classifier_score")


@functools.cache
def shipped_classifier():
    """Returns the MNIST classifier that comes with keras_multigan, loaded once a process.

    It maps `(N, 32, 32, 1)` images in [-1, 1] to `(N, 10)` logits. It is looked for in the
    installed package (`keras_multigan/shipped/classifier.keras`), then in a checkout
    (`savedmodels/mnist_classifier/classifier.keras`).

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
        + ", found neither. Make one with `python apps/train_classifier.py --dataset=mnist`, or "
        "give a classifier."
    )


def _shipped_paths():
    package = pathlib.Path(__file__).resolve().parents[1]
    return (
        package / "shipped" / "classifier.keras",
        package.parent / "savedmodels" / "mnist_classifier" / "classifier.keras",
    )


def _measure(images, classifier, num_batches, tfhub_measure, tfgan_measure):
    """Calls one of TF-GAN's measures, named for TF-Hub's classifier and for any, on the images."""
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
    """Says whether TF-GAN's classifier is cached or can be fetched; tries only once a process."""
    util = _tfgan.mnist_util()
    timeout = socket.getdefaulttimeout()
    # TF-Hub gives its requests no timeout of their own.
    socket.setdefaulttimeout(_TFHUB_TIMEOUT_SECONDS)
    try:
        util.tfhub.load(util.MNIST_MODULE)
    # Network, proxy, archive, cache folder, file format: whatever it is, there is a fallback.
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
    """Returns what TF-GAN calls with a tensor of images: float32 logits, on any Keras backend."""
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
    if not (low >= -1.001 and high <= 1.001):  # Written so that NaN, too, is outside.
        raise ValueError(
            f"Expected {name} with values in [-1, 1], received values from {low:.6g} to "
            f"{high:.6g}. Scale uint8 pixels with x / 127.5 - 1."
        )
    return images
