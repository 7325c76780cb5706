"""Inception's features and logits, for the Frechet inception distance and the inception score."""

import functools
import pathlib
from typing import NamedTuple

import keras
import numpy as np

from keras_multigan.data.images import check_images
from keras_multigan.metrics import _tfgan
from keras_multigan.metrics.classifier_score import classifier_score
from keras_multigan.metrics.frechet import frechet_distance
from keras_multigan.metrics.logits import resize, to_numpy
from keras_multigan.metrics.mnist import Measurement
from keras_multigan.training import load_engine

_SIZE = (299, 299)
_NUM_FEATURES = 2048
_WEIGHTS_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"


class InceptionOutputs(NamedTuple):
    """What `inception_outputs` returns.

    Attributes:
        features: float32 array (N, 2048), what Inception pools last.
        logits: float32 array (N, 1000), or (N, 1008) of TF-GAN's network.
        network: names the implementation and its weights.
    """

    features: np.ndarray
    logits: np.ndarray
    network: str


def inception_outputs(images, weights="imagenet", batch_size=100):
    """Computes Inception's features and logits, in one pass.

    Two implementations are on offer, and their numbers must not be compared with each other:

    - keras.applications' InceptionV3, trained anew on ImageNet. TF-GAN and most papers (TTUR's code,
      the original inception score) have an older network, a frozen graph: distances and scores do
      not compare with papers digit by digit.
    - TF-GAN's own graph, from TF-Hub, which does compare with what was measured by TF-GAN.

    Images are resized to 299 x 299, bilinear, with antialiasing where they shrink.

    Args:
        images: `(N, H, W, 3)` floating array in [-1, 1], N >= 1.
        weights: "imagenet", which keras.applications downloads once; a file of such weights for a
            machine without internet; "tfgan" for TF-GAN's graph, which TF-Hub downloads once (to
            `TFHUB_CACHE_DIR`); or None for keras.applications' network with random weights.
        batch_size: images that go through the network at a time.

    Returns:
        `InceptionOutputs`: (features, logits, network).

    Raises:
        ValueError: wrong rank, channels, type or range of the images.
        FileNotFoundError: the weights are not there and cannot be downloaded.
        ImportError: "tfgan" without tensorflow-gan.
    """
    images = to_numpy(images)
    check_images(images)
    if images.shape[3] != 3:
        raise ValueError(
            f"Expected images with the 3 channels that Inception takes. Received: shape "
            f"{images.shape}. Gray images become colour ones with numpy.repeat(images, 3, axis=-1)."
        )
    if weights == "tfgan":
        network, name = _tfgan_network(), "TF-GAN Inception (TF-Hub)"
    else:
        network = _keras_network(weights if weights is None else str(weights))
        name = f"keras.applications InceptionV3 ({weights or 'random'} weights)"
    outputs = extract_features(images, lambda batch: network(resize(batch, _SIZE)), batch_size)
    return InceptionOutputs(outputs[:, :_NUM_FEATURES], outputs[:, _NUM_FEATURES:], name)


def frechet_inception_distance(real, generated):
    """Returns the Frechet inception distance (Heusel et al., 2017): `frechet_distance` of features.

    Args:
        real: `inception_outputs` of real images, at least 2. Compute them once, and keep them.
        generated: `inception_outputs` of generated images, at least 2.

    Returns:
        A `Measurement`: a float that names the network in its attribute `classifier`.

    Raises:
        ValueError: outputs of two different networks, or what `frechet_distance` raises.

    Warns:
        UserWarning: fewer than 2,048 images.
    """
    if real.network != generated.network:
        raise ValueError(
            "Expected real and generated outputs of one network. Received: those of "
            f"{real.network!r} and {generated.network!r}. Compute both with the same weights."
        )
    return Measurement(frechet_distance(real.features, generated.features), real.network)


def inception_score(outputs):
    """Returns the inception score (Salimans et al., 2016): `classifier_score` of the logits.

    Of all images at once, as TF-GAN has it. Papers give the mean over 10 splits of 5,000 images:
    a little less, since the score grows with the number of images.

    Args:
        outputs: `inception_outputs` of generated images.

    Returns:
        A `Measurement` in [1, K]: a float that names the network in its attribute `classifier`.

    Raises:
        ValueError: what `classifier_score` raises.
    """
    return Measurement(classifier_score(outputs.logits), outputs.network)


def extract_features(images, extractor, batch_size=100):
    """Returns the features of images by any extractor, for `frechet_distance` or `precision_recall`.

    Args:
        images: `(N, H, W, C)` array, N >= 1, as the extractor takes them: they are not resized.
        extractor: Keras model, or any function of a NumPy batch `(B, H, W, C)`, to `(B, F)`.
        batch_size: images that go through the extractor at a time.

    Returns:
        `(N, F)` float32 NumPy array.

    Raises:
        ValueError: images of another rank, none, batch_size < 1, or an extractor that does not return
            `(B, F)`.
    """
    images = to_numpy(images)
    if images.ndim != 4 or len(images) == 0 or batch_size < 1:
        raise ValueError(
            "Expected images of shape (samples >= 1, height, width, channels) and batch_size >= 1. "
            f"Received: shape {images.shape} and {batch_size}."
        )
    if isinstance(extractor, keras.Model):
        extractor = load_engine().inference(extractor)
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
    """A function of (N, 299, 299, 3) images to features and logits, side by side."""
    if weights not in ("imagenet", None) and not pathlib.Path(weights).is_file():
        raise FileNotFoundError(
            "weights is expected to be 'imagenet', 'tfgan', None or the path of a file. "
            f"Received: {weights}, which is not there."
        )
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # Training in bfloat16 must not make the measure coarser.
    try:
        network = keras.applications.InceptionV3(weights=weights, classifier_activation=None)
        features = network.get_layer("avg_pool").output
        both = keras.layers.Concatenate()([features, network.output])
    except Exception as error:
        if weights != "imagenet":
            raise
        raise FileNotFoundError(
            f"The weights of keras.applications.InceptionV3 could not be downloaded ({error}). "
            f"Download {_WEIGHTS_FILE} elsewhere (`keras.applications.InceptionV3()` leaves it in "
            "~/.keras/models), and pass weights=<its path>."
        ) from error
    finally:
        keras.config.set_dtype_policy(policy)
    return load_engine().inference(keras.Model(network.input, both))


@functools.cache
def _tfgan_network():
    """As `_keras_network`, of TF-GAN's graph."""
    metrics = _tfgan.tfgan().eval
    import tensorflow as tf
    import tensorflow_hub

    try:
        network = tensorflow_hub.load(metrics.INCEPTION_TFHUB)
    # Network, proxy, archive, cache folder, file format: whatever it is, the way out is the same.
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
