"""Inception's features and logits, for the Frechet inception distance and the inception score."""

import functools
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from keras_multigan.data.images import check_images
from keras_multigan.metrics import _tfgan
from keras_multigan.metrics.classifier_score import classifier_score
from keras_multigan.metrics.frechet import frechet_distance
from keras_multigan.metrics.logits import resize, to_numpy
from keras_multigan.metrics.mnist import Measurement
from keras_multigan.training import inference

_SIZE = (299, 299)
_NUM_FEATURES = 2048
_WEIGHTS_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"


class InceptionOutputs(NamedTuple):
    """Result of `inception_outputs`.

    Attributes:
        features: float32 array (N, 2048), the output of Inception's last pooling layer.
        logits: float32 array (N, 1000), or (N, 1008) for TF-GAN's network.
        network: name of the implementation and its weights.
    """

    features: np.ndarray
    logits: np.ndarray
    network: str


def inception_outputs(
    images: np.ndarray, weights: str | os.PathLike | None = "imagenet", batch_size: int = 100
) -> InceptionOutputs:
    """Computes Inception's features and logits in one pass.

    There are two implementations. Their numbers must not be compared with each other:

    - InceptionV3 of keras.applications, trained separately on ImageNet. TF-GAN and most papers (TTUR's
      code, the original inception score) use an older network, a frozen graph. Distances and scores are
      therefore not exactly comparable with those of papers.
    - TF-GAN's own graph, from TF-Hub. Its numbers are comparable with those of TF-GAN.

    Images are resized to 299 x 299, bilinear, with antialiasing if they shrink.

    Args:
        images: floating array (N, H, W, 3) in [-1, 1], N >= 1.
        weights: "imagenet" for the weights of keras.applications, which are downloaded once; the path
            of a file of such weights, for a machine without internet access; "tfgan" for TF-GAN's
            graph, which TF-Hub downloads once (to `TFHUB_CACHE_DIR`); or None for the network of
            keras.applications with random weights.
        batch_size: images per batch.

    Returns:
        An `InceptionOutputs` (features, logits, network).

    Raises:
        ValueError: wrong rank, channels, type or range of the images.
        FileNotFoundError: the weights are missing and cannot be downloaded.
        ImportError: weights="tfgan", and tensorflow-gan is not installed.
    """
    images = to_numpy(images)
    check_images(images)
    if images.shape[3] != 3:
        raise ValueError(
            f"Expected images with the 3 channels that Inception takes. Received: shape "
            f"{images.shape}. Convert grayscale images with numpy.repeat(images, 3, axis=-1)."
        )
    if weights == "tfgan":
        network, name = _tfgan_network(), "TF-GAN Inception (TF-Hub)"
    else:
        network = _keras_network(weights if weights is None else str(weights))
        name = f"keras.applications InceptionV3 ({weights or 'random'} weights)"
    outputs = extract_features(images, lambda batch: network(resize(batch, _SIZE)), batch_size)
    return InceptionOutputs(outputs[:, :_NUM_FEATURES], outputs[:, _NUM_FEATURES:], name)


def frechet_inception_distance(real: InceptionOutputs, generated: InceptionOutputs) -> Measurement:
    """Returns the Frechet inception distance (FID): `frechet_distance` of Inception's features.

    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium" (2017).

    Args:
        real: `inception_outputs` of at least 2 real images. They can be computed once and reused.
        generated: `inception_outputs` of at least 2 generated images.

    Returns:
        A `Measurement`, a float whose attribute `classifier` names the network.

    Raises:
        ValueError: outputs of two different networks, or features that `frechet_distance` does not
            accept.

    Warns:
        UserWarning: fewer than 2,048 images.
    """
    if real.network != generated.network:
        raise ValueError(
            "Expected real and generated outputs of one network. Received: those of "
            f"{real.network!r} and {generated.network!r}. Compute both with the same weights."
        )
    return Measurement(frechet_distance(real.features, generated.features), real.network)


def inception_score(outputs: InceptionOutputs) -> Measurement:
    """Returns the inception score: `classifier_score` of Inception's logits.

    Source: Salimans et al., "Improved Techniques for Training GANs" (2016).

    The score is computed from all images at once, as in TF-GAN. Papers give the mean over 10 splits of
    5,000 images. This is slightly smaller, since the score grows with the number of images.

    Args:
        outputs: `inception_outputs` of generated images.

    Returns:
        A `Measurement` in [1, K], a float whose attribute `classifier` names the network.

    Raises:
        ValueError: logits that `classifier_score` does not accept.
    """
    return Measurement(classifier_score(outputs.logits), outputs.network)


def extract_features(
    images: np.ndarray, extractor: keras.Model | Callable, batch_size: int = 100
) -> np.ndarray:
    """Returns the features of images by any extractor, for `frechet_distance` or `precision_recall`.

    Args:
        images: array (N, H, W, C), N >= 1, in the size and range that the extractor expects. Images are
            not resized.
        extractor: Keras model or function that maps a NumPy batch (B, H, W, C) to features (B, F).
        batch_size: images per batch.

    Returns:
        NumPy array (N, F), float32.

    Raises:
        ValueError: images are not of rank 4 or are empty, batch_size < 1, or the extractor does not
            return an array of shape (B, F).
    """
    images = to_numpy(images)
    if images.ndim != 4 or len(images) == 0 or batch_size < 1:
        raise ValueError(
            "Expected images of shape (samples >= 1, height, width, channels) and batch_size >= 1. "
            f"Received: shape {images.shape} and {batch_size}."
        )
    if isinstance(extractor, keras.Model):
        extractor = inference(extractor)
    features = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        output = extractor(batch)
        shape = tuple(getattr(output, "shape", ()))
        if len(shape) != 2 or shape[0] != len(batch):
            raise ValueError(
                f"Expected an extractor that returns features of shape ({len(batch)}, F). Received: "
                f"{type(output).__name__} of shape {shape}. Flatten or pool what it returns."
            )
        features.append(to_numpy(output).astype("float32"))
    return np.concatenate(features)


@functools.cache
def _keras_network(weights):
    """Returns a function of images (N, 299, 299, 3) to the concatenation of features and logits."""
    if weights not in ("imagenet", None) and not (
            pathlib.Path(weights).is_file() and weights.endswith((".h5", ".keras"))):
        raise FileNotFoundError(
            "weights is expected to be 'imagenet', 'tfgan', None or the path of an .h5 or .keras file. "
            f"Received: {weights}, which is not there or another file. Correct the path."
        )
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # the measure stays exact in bfloat16 runs
    try:
        network = keras.applications.InceptionV3(weights=weights, classifier_activation=None)
        features = network.get_layer("avg_pool").output
        both = keras.layers.Concatenate()([features, network.output])
    except Exception as error:
        if weights is None:
            raise
        if weights != "imagenet":
            raise ValueError(
                "weights is expected to be a file of keras.applications.InceptionV3's weights, such as "
                f"{_WEIGHTS_FILE}. Received: {weights}, which cannot be loaded ({error}). Give another."
            ) from error
        raise FileNotFoundError(
            f"The weights of keras.applications.InceptionV3 could not be downloaded ({error}). "
            f"Download {_WEIGHTS_FILE} elsewhere (`keras.applications.InceptionV3()` leaves it in "
            "~/.keras/models), and pass weights=<its path>."
        ) from error
    finally:
        keras.config.set_dtype_policy(policy)
    return inference(keras.Model(network.input, both))


@functools.cache
def _tfgan_network():
    """Returns the same kind of function as `_keras_network`, with TF-GAN's graph."""
    metrics = _tfgan.tfgan().eval
    import tensorflow as tf
    import tensorflow_hub

    try:
        network = tensorflow_hub.load(metrics.INCEPTION_TFHUB)
    # Network, proxy, archive, cache folder or file format: the advice is the same for all errors.
    except Exception as error:
        raise FileNotFoundError(
            f"TF-GAN's Inception could not be loaded from {metrics.INCEPTION_TFHUB} ({error}). Fill "
            "the folder of the environment variable TFHUB_CACHE_DIR on a machine with internet, or "
            "use weights='imagenet'."
        ) from error

    def outputs(images):
        found = network(tf.constant(images))
        parts = [found[metrics.INCEPTION_FINAL_POOL], found[metrics.INCEPTION_OUTPUT]]
        return np.concatenate([part.numpy().reshape(len(images), -1) for part in parts], axis=1)

    return outputs
