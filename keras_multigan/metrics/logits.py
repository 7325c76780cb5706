"""A classifier's logits for many images, computed in batches."""

import keras
import numpy as np


def classifier_logits(images: np.ndarray, classifier: keras.Model, batch_size: int = 500) -> np.ndarray:
    """Returns a classifier's logits for images, which are resized to the classifier's input size.

    Resizing is bilinear with antialiasing (`keras.ops.image.resize`).

    Args:
        images: floating array (N, H, W, C), N >= 1, in the range that the classifier was trained on
            ([-1, 1] for the shipped one).
        classifier: Keras model that maps images (N, h, w, C) to logits (N, K). If its input size is
            None, images are not resized.
        batch_size: images per batch.

    Returns:
        NumPy array (N, K), float64.

    Raises:
        ValueError: images are not of rank 4 or are empty, their channels are not those of the
            classifier, batch_size < 1, or the classifier does not take images or does not return logits
            (N, K).
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


def to_numpy(array) -> np.ndarray:
    """Returns a NumPy array, list or tensor of the backend as a NumPy array."""
    return keras.ops.convert_to_numpy(array) if keras.ops.is_tensor(array) else np.asarray(array)


def check_images(images: np.ndarray, name: str = "images") -> None:
    """Raises ValueError unless `images` has the shape (N, H, W, C) with N >= 1."""
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"Expected {name} of shape (samples >= 1, height, width, channels), received shape "
            f"{images.shape}. Grayscale images need one channel: images[..., None]."
        )


def resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns float32 NumPy images (N, *size, C); images of that size are returned unchanged."""
    images = np.asarray(images, "float32")
    if tuple(size) == images.shape[1:3]:
        return images
    resized = keras.ops.image.resize(
        images, size, interpolation="bilinear", antialias=True, data_format="channels_last"
    )
    return keras.ops.convert_to_numpy(resized)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the log softmax over the last axis, finite for all finite logits."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def _input_size(images, classifier):
    """Returns the (height, width) that the classifier takes for these images."""
    shape = getattr(classifier, "input_shape", None)
    if shape is None:  # A subclassed model can lack a shape. Images are not resized.
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
