"""What images and vectors have to be for training and measuring."""

import numpy as np


def check_images(images: np.ndarray, what: str = "images") -> None:
    """Raises ValueError unless `images` are valid training images.

    Args:
        images: has to be a floating NumPy array (N, H, W, C), not empty, finite and within [-1, 1] up
            to a tolerance of 1e-3.
        what: name of the images in the error message.
    """
    if not isinstance(images, np.ndarray) or images.ndim != 4:
        raise ValueError(
            f"Expected {what} as a NumPy array of shape (N, height, width, channels). Received: "
            f"{type(images).__name__} of shape {getattr(images, 'shape', None)}. Convert with "
            "numpy.asarray and reshape. Grayscale images need one channel: images[..., None]."
        )
    if images.size == 0:
        raise ValueError(
            f"Expected {what} not to be empty. Received: shape {images.shape}. Check the data."
        )
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"Expected {what} to be floating-point in [-1, 1]. Received: {images.dtype}. For "
            + ("16 bits in 0..65535, divide by 32767.5 and subtract 1."
               if images.dtype == np.uint16 else "uint8 in 0..255, divide by 127.5 and subtract 1.")
        )
    low, high = images.min(), images.max()
    if not (low >= -1.001 and high <= 1.001):  # `not`, so that NaN fails too
        raise ValueError(
            f"Expected {what} to be finite and in [-1, 1]. Received: values from {low} to {high}. "
            "For values in 0..255, divide by 127.5 and subtract 1. Remove NaN and infinity."
        )


def check_vectors(vectors: np.ndarray) -> None:
    """Raises ValueError unless `vectors` is a floating, finite, non-empty NumPy array (N, d)."""
    if (not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.size == 0
            or not np.issubdtype(vectors.dtype, np.floating)):
        raise ValueError(
            "Expected samples as a floating NumPy array (N, d), as the generators return them. "
            f"Received: {type(vectors).__name__} of shape {getattr(vectors, 'shape', None)} and type "
            f"{getattr(vectors, 'dtype', None)}. Convert with numpy.asarray and reshape."
        )
    if not np.isfinite(vectors).all():
        raise ValueError("Expected finite samples. Received: NaN or infinite values. Remove them.")
