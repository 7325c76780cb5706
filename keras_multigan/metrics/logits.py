"""A classifier's logits for many images, in batches."""

import keras
import numpy as np


def classifier_logits(images, classifier, batch_size=500):
    """Returns a classifier's logits for images, resized to what the classifier takes.

    Resizing is `keras.ops.image.resize`, bilinear with antialiasing, as in the data loader.

    Args:
        images: `(N, H, W, C)` array of floats in the range that the classifier was trained on
            ([-1, 1] for the shipped one), N >= 1.
        classifier: a Keras model from `(N, h, w, C)` images to `(N, K)` logits. Where its input
            size is None, images are not resized.
        batch_size: how many images go through the classifier at a time.

    Returns:
        `(N, K)` float64 NumPy array.

    Raises:
        ValueError: images are not of rank 4 or empty, their channels are not the classifier's, or
            the classifier takes no images or returns no `(N, K)` logits.
    """
    images = to_numpy(images)
    check_images(images)
    if batch_size < 1:
        raise ValueError(f"Expected batch_size >= 1, received {batch_size}.")
    size = _input_size(images, classifier)
    logits = []
    for start in range(0, len(images), batch_size):
        batch = resize(images[start : start + batch_size], size)
        logits.append(_logits(classifier, batch))
    return np.concatenate(logits).astype(np.float64)


def to_numpy(array):
    """Returns a NumPy array for NumPy arrays, lists and the backend's tensors."""
    return keras.ops.convert_to_numpy(array) if keras.ops.is_tensor(array) else np.asarray(array)


def check_images(images, name="images"):
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"Expected {name} of shape (samples >= 1, height, width, channels), received shape "
            f"{images.shape}."
        )


def resize(images, size):
    """Returns `(N, *size, C)` float32 NumPy images; the given ones where they have that size."""
    images = np.asarray(images, "float32")
    if tuple(size) == images.shape[1:3]:
        return images
    resized = keras.ops.image.resize(
        images, size, interpolation="bilinear", antialias=True, data_format="channels_last"
    )
    return keras.ops.convert_to_numpy(resized)


def log_softmax(logits):
    """Returns log softmax over the last axis, finite for finite logits however large."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def _input_size(images, classifier):
    """Returns the (height, width) that the classifier wants of these images."""
    shape = getattr(classifier, "input_shape", None)
    if shape is None:  # A subclassed model that declares no shape: it gets the images as they are.
        return images.shape[1:3]
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "Expected a classifier with one input of shape (None, height, width, channels), "
            f"received '{classifier.name}' with input shape {shape}."
        )
    if shape[3] not in (None, images.shape[3]):
        raise ValueError(
            f"Expected images with the {shape[3]} channel(s) that the classifier "
            f"'{classifier.name}' takes, received shape {images.shape}. Convert the images or use "
            "a classifier for their channels."
        )
    return tuple(
        given if wanted is None else wanted
        for wanted, given in zip(shape[1:3], images.shape[1:3], strict=True)
    )


def _logits(classifier, batch):
    output = classifier(keras.ops.convert_to_tensor(batch), training=False)
    shape = tuple(getattr(output, "shape", ()))
    if len(shape) != 2 or shape[0] != len(batch):
        raise ValueError(
            f"Expected a classifier that returns logits of shape ({len(batch)}, classes), received "
            f"{type(output).__name__} of shape {shape}. End it with one Dense layer."
        )
    return keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
