"""Image data sets as NumPy arrays in [-1, 1]: scikit-learn's digits, tfds data sets, local files."""

import os
from pathlib import Path

import numpy as np

from keras_multigan.data import files, synthetic, tfds_images

_SPLITS = ("train", "test", "validation", "unlabelled")
_CHUNK = 512  # images per conversion step; limits the memory needed besides the result


def load_images(
    name: str,
    split: str,
    image_size: int | None = 32,
    data_dir: str | os.PathLike | None = None,
    label: str | list[str] | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads one split of an image data set.

    The papers use these data sets:

    - "mnist";
    - "cifar10", at its native 32x32;
    - "stl10", of which P2GAN uses the split "unlabelled" at image_size=48;
    - "imagenet_resized/32x32" and "imagenet_resized/64x64", with the splits "train" and "validation";
    - "celeb_a" (218x178 pixels), whose central 178x178 pixels are resized.

    If `data_dir` is a folder, the first of these that exists is used:

    1. a prepared tfds folder (<name>/<version>/dataset_info.json);
    2. <name>.npz;
    3. IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-...), uncompressed or as .gz;
    4. a single .npz file.

    An npz file holds the arrays x_train, y_train, x_test and y_test. The images x are (N, H, W) or
    (N, H, W, C), either uint8 in 0..255 or floating in [-1, 1]. IDX and npz files do not say which data
    set they hold, so `name` is not checked against them.

    Args:
        name: name of the data set. "digits" is scikit-learn's 1,797 images of 8x8 pixels in a fixed
            stratified split of 1,437 and 360; it needs no network. Other names are those of tfds data
            sets with images, such as "mnist", "fashion_mnist", "cifar10" or "mnist:3.0.1". The prefix
            "stacked_" before the name of grayscale digits, as in "stacked_mnist", stacks the split's
            images with `synthetic.StackedDigits`: 128,000 fixed samples for "train" and 26,000
            otherwise.
        split: "train" or "test"; or "validation" or "unlabelled" if the tfds data set has it.
        image_size: height and width of the result. Images that are not square are first cropped to
            their central square. Resizing is bilinear, and antialiased if images shrink. None keeps the
            native size.
        data_dir: folder with the data, or an .npz file. None uses the default folder of tfds, and
            downloads the data if they are not there.
        label: name of the integer or boolean tfds feature to return as labels, such as "Black_Hair" of
            "celeb_a"; or a list of M names; or None for the feature "label", if there is one.

    Returns:
        The images and the labels. Images are float32 (N, image_size, image_size, C) in [-1, 1],
        contiguous, at 4 bytes per value (32 GB for the train split of "celeb_a" at 128). Labels are
        int64 (N,), or (N, M) if `label` is a list, or None if the split is "unlabelled" or the data set
        has no integer feature "label". The order is fixed: IDX and npz files keep the published order,
        tfds shuffles the data when it prepares them.

    Raises:
        ValueError: an argument is wrong or names an unknown data set; or the data are damaged or have a
            wrong shape, type or range.
        FileNotFoundError: there are no data in data_dir, or they could not be downloaded.
        ImportError: a tfds data set needs tensorflow and tensorflow-datasets.
    """
    if split not in _SPLITS:
        raise ValueError(f"Expected split to be one of {_SPLITS}. Received: {split!r}.")
    if image_size is not None and not (
        isinstance(image_size, (int, np.integer)) and image_size >= 1
    ):
        raise ValueError(
            "Expected image_size to be an integer of at least 1, or None for the native size. "
            f"Received: {image_size!r}."
        )
    if not isinstance(name, str) or not name:
        raise ValueError(
            f"Expected the name of a data set, such as 'digits' or 'mnist'. Received: {name!r}."
        )
    if name.startswith("stacked_"):
        digits = load_images(name.removeprefix("stacked_"), split, image_size, data_dir, label)
        return synthetic.StackedDigits(*digits).sample(128_000 if split == "train" else 26_000, seed=0)
    count, chunks = _open(name, split, data_dir, label)
    images, labels, start = None, None, 0
    for chunk, chunk_labels in chunks:
        chunk = _resize(_scale(chunk), image_size)
        if images is None:
            images = np.empty((count, *chunk.shape[1:]), np.float32)
            labels = None if chunk_labels is None else np.empty(
                (count, *chunk_labels.shape[1:]), np.int64
            )
        if chunk.shape[1:] != images.shape[1:]:
            raise ValueError(
                f"Expected images of one size and number of channels in {name!r}. Received: "
                f"{images.shape[1:]} and {chunk.shape[1:]}. Give an image_size for all of them."
            )
        images[start : start + len(chunk)] = chunk
        if labels is not None:
            labels[start : start + len(chunk)] = chunk_labels
        start += len(chunk)
    return images, labels


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
            f"Expected {what} to be floating-point in [-1, 1]. Received: {images.dtype}. For uint8 "
            "in 0..255, divide by 127.5 and subtract 1."
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


def _open(name, split, data_dir, label):
    """Returns the number of images, and an iterator over chunks (images, labels or None)."""
    if name == "digits":
        if data_dir is not None:
            raise ValueError(
                "Expected no data_dir for 'digits', which ships with scikit-learn. "
                f"Received: data_dir={str(data_dir)!r}. Omit data_dir, or name another data set."
            )
        _check_plain(split, label)
        return _chunks(*_digits(split))
    if data_dir is None:
        return tfds_images.open_split(name, split, None, _CHUNK, label)
    path = Path(data_dir).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            "Expected data_dir to be an existing folder or .npz file. "
            f"Received: {str(data_dir)!r}, which does not exist."
        )
    base = name.split("/")[0].split(":")[0]
    if tfds_images.prepared(path, base):
        return tfds_images.open_split(name, split, path, _CHUNK, label)
    _check_plain(split, label)
    npz = sorted(path.glob("*.npz"))
    if path.is_file():
        return _chunks(*_checked(*files.read_npz(path, split), path))
    if path / f"{base}.npz" in npz:
        return _chunks(*_checked(*files.read_npz(path / f"{base}.npz", split), path))
    if files.has_idx(path):
        return _chunks(*_checked(*files.read_idx(path, split), path))
    if len(npz) == 1:
        return _chunks(*_checked(*files.read_npz(npz[0], split), npz[0]))
    raise FileNotFoundError(
        f"Found no data for {name!r} in data_dir={str(data_dir)!r}. Expected one of: a prepared tfds "
        f"folder ({base}/<version>/dataset_info.json), IDX files "
        f"({files.idx_names('images', split)[0]} and {files.idx_names('labels', split)[0]}, "
        f"uncompressed or as .gz), {base}.npz or a single .npz file. Received: {len(npz)} .npz files "
        "and none of the others. Put the data there or give their folder."
    )


def _check_plain(split, label):
    if split not in ("train", "test") or label is not None:
        raise ValueError(
            "Expected split to be 'train' or 'test', and label None, for digits, .npz and IDX files. "
            f"Received: split={split!r}, label={label!r}. Other splits and labels need a tfds data "
            "set. If data_dir is given, it has to be prepared there."
        )


def _chunks(images, labels):
    starts = range(0, len(images), _CHUNK)
    return len(images), ((images[i : i + _CHUNK], labels[i : i + _CHUNK]) for i in starts)


def _scale(images):
    """Returns float32 images in [-1, 1]; floating images are in that range already."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 127.5 - 1
    return images.astype(np.float32)


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


def _digits(split):
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images[..., None] / 8 - 1).astype(np.float32)  # 0..16 to [-1, 1]
    x_train, x_test, y_train, y_test = train_test_split(
        images, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    return (x_train, y_train) if split == "train" else (x_test, y_test)


def _checked(images, labels, path):
    """Checks whole arrays from a file; returns images (N, H, W, C) and labels (N,)."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.size == 0 or images.shape[-1] > 4:
        raise ValueError(
            "Expected images of shape (N, height, width) or (N, height, width, channels), with 1 to 4 "
            f"channels and at least one image. Received: shape {images.shape} in {path}. Reshape "
            "them, channels last, and save them again."
        )
    if np.issubdtype(images.dtype, np.floating):
        check_images(images, f"images in {path}")
        if images.min() >= 0:  # [0, 1] would train on half of the range without an error
            raise ValueError(
                "Expected uint8 images in 0..255, or floating ones in [-1, 1]. Received: floating "
                f"images without a negative value in {path}, as if in [0, 1]. Multiply by 2 and "
                "subtract 1."
            )
    elif images.dtype != np.uint8:
        raise ValueError(
            "Expected uint8 images in 0..255, or floating ones in [-1, 1]. Received: "
            f"{images.dtype} in {path}. Convert them to uint8."
        )
    if labels.ndim == 2 and labels.shape[1] == 1:  # keras.datasets.cifar10 has such labels
        labels = labels[:, 0]
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"Expected one integer label per image, shape ({len(images)},). Received: {labels.dtype} "
            f"labels of shape {labels.shape} in {path}. Give images and labels of the same split; "
            "convert one-hot labels to integers with argmax(-1)."
        )
    return images, labels
