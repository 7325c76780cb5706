"""Images in chunks, from whatever has them, as one array of the right size."""

from collections.abc import Iterable, Iterator

import numpy as np

from keras_multigan.data.arrays import Arrays
from keras_multigan.data.image_set import floats

SIZE = 512  # images per conversion step; limits the memory needed besides the result


def of_arrays(
    found: Arrays, labels: np.ndarray | None
) -> tuple[int, Iterator[tuple[np.ndarray, np.ndarray | None]]]:
    """Returns the number of images, and an iterator over chunks (images, labels or None).

    Args:
        found: whose images and rows count.
        labels: (N,) of its rows, or None.
    """
    rows = np.arange(len(found.images)) if found.rows is None else found.rows

    def chunks():
        for i in range(0, len(rows), SIZE):
            part = slice(i, i + SIZE)
            yield found.images[part if found.rows is None else rows[part]], (
                None if labels is None else labels[part])

    return len(rows), chunks()


def collect(
    name: str, count: int, chunks: Iterable, top: float | None, image_size: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Puts chunks together.

    Args:
        name: of the data set, for messages.
        count: number N of images.
        chunks: tuples of images, uint8, bool or floating (B, H, W, C), and labels (B, ...) or None.
        top: the value of white if black is 0; None if images are in [-1, 1].
        image_size: height and width of the result, or None for the native size.

    Returns:
        Images (N, image_size, image_size, C), uint8 if all have been and keep their size, otherwise
        float32 in [-1, 1]; and labels, int64 (N, ...), or None.

    Raises:
        ValueError: images differ in size.
    """
    images, labels, start = None, None, 0
    for chunk, chunk_labels in chunks:
        keeps_size = image_size is None or chunk.shape[1:3] == (image_size, image_size)
        if chunk.dtype != np.uint8 or not keeps_size:
            chunk = _resize(_scale(chunk, top), image_size)
        if images is None:
            images = np.empty((count, *chunk.shape[1:]), chunk.dtype)
            labels = None if chunk_labels is None else np.empty(
                (count, *chunk_labels.shape[1:]), np.int64
            )
        if chunk.shape[1:] != images.shape[1:]:
            raise ValueError(
                f"Expected images of one size and number of channels in {name!r}. Received: "
                f"{images.shape[1:]} and {chunk.shape[1:]}. Give an image_size for all of them."
            )
        if chunk.dtype != images.dtype:  # only some of the images had the right size
            images, chunk = floats(images), floats(chunk)
        images[start : start + len(chunk)] = chunk
        if labels is not None:
            labels[start : start + len(chunk)] = chunk_labels
        start += len(chunk)
    return images, labels


def _scale(images, top):
    """Returns float32 images in [-1, 1] of images whose white is `top`; None if they are scaled."""
    images = images.astype(np.float32)
    return images if top is None else images / (top / 2) - 1


def _resize(images, size):
    if size is None or images.shape[1:3] == (size, size):
        return np.clip(images, -1, 1)
    import keras  # importing this module must not import TensorFlow

    resized = keras.ops.image.resize(
        images,
        (size, size),
        interpolation="bilinear",
        antialias=size < min(images.shape[1:3]),  # ten times slower; needed only to shrink
        crop_to_aspect_ratio=True,
        data_format="channels_last",
    )
    return np.clip(keras.ops.convert_to_numpy(resized), -1, 1)
