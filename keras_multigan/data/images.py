"""Image data sets as NumPy arrays in [-1, 1]: embedded digits, tfds by name, local files."""

from pathlib import Path

import numpy as np

from keras_multigan.data import files, synthetic, tfds_images

_SPLITS = ("train", "test", "validation", "unlabelled")
_CHUNK = 512  # images converted at a time, so that memory holds little besides the result


def load_images(name, split, image_size=32, data_dir=None, label=None):
    """Loads one split of an image data set.

    The papers' data sets: "mnist"; "cifar10", 32x32 as it is; "stl10", of which P2GAN takes the split
    "unlabelled" at image_size=48; "imagenet_resized/32x32" and "/64x64", whose second split is
    "validation"; "celeb_a" (218x178), which becomes the central 178x178 pixels, resized.

    Args:
        name: "digits" (scikit-learn's 1,797 scans of 8x8, which need no network; a fixed stratified
            split of 1,437 and 360), or the name of a tfds data set with images, such as "mnist",
            "fashion_mnist", "cifar10" or "mnist:3.0.1". After "stacked_" follows the name of gray
            digits: "stacked_mnist" is `synthetic.StackedDigits` of the split's images, 128,000 fixed
            samples for "train" and 26,000 otherwise.
        split: "train" or "test"; or "validation" or "unlabelled" of a tfds data set that has it.
        image_size: height and width of the result; images that are not square are cropped to their
            central square, then all are resized bilinearly (antialiased when they shrink). None keeps
            the native size.
        data_dir: where the data lie; None asks tfds' default folder, then downloads. Looked for in a
            folder, the first found is taken:
            a prepared tfds folder (<name>/<version>/dataset_info.json);
            <name>.npz;
            IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-...; plain or .gz);
            a single .npz file. Or data_dir is an .npz file itself. An npz file has the arrays
            x_train, y_train, x_test, y_test; x is (N, H, W) or (N, H, W, C), uint8 in 0..255 or
            floating in [-1, 1]. IDX and npz files do not say which data set they are.
        label: which integer or boolean feature of a tfds data set to return as labels, such as
            "Black_Hair" of "celeb_a"; or a list of M of them; None for "label" where there is one.

    Returns:
        (images, labels): images float32 (N, image_size, image_size, C) in [-1, 1], contiguous (4 bytes
        a value: 32 GB for the train split of "celeb_a" at 128); labels int64 (N,), or (N, M) for a
        list, or None for a split "unlabelled" or a data set without an integer "label". Their order is
        the source's: fixed, but tfds has shuffled what IDX and npz files hold in the published order.

    Raises:
        ValueError: an argument is wrong (also an unknown data set), or data are damaged or have a
            wrong shape, type or range.
        FileNotFoundError: there are no data in data_dir, or they could not be downloaded.
        ImportError: a tfds data set is asked for without tensorflow and tensorflow-datasets.
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
                f"{images.shape[1:]} and {chunk.shape[1:]}. Give an image_size to resize them to."
            )
        images[start : start + len(chunk)] = chunk
        if labels is not None:
            labels[start : start + len(chunk)] = chunk_labels
        start += len(chunk)
    return images, labels


def check_images(images, what="images"):
    """Raises ValueError unless `images` can be trained on.

    Args:
        images: must be a NumPy array, floating, (N, H, W, C), not empty, finite and within [-1, 1]
            (with a tolerance of 1e-3).
        what: how the message calls them.
    """
    if not isinstance(images, np.ndarray) or images.ndim != 4:
        raise ValueError(
            f"Expected {what} as a NumPy array of shape (N, height, width, channels). Received: "
            f"{type(images).__name__} of shape {getattr(images, 'shape', None)}. Convert with "
            "numpy.asarray and reshape; gray images have one channel: images[..., None]."
        )
    if images.size == 0:
        raise ValueError(
            f"Expected at least one of {what}. Received: shape {images.shape}. Check the source."
        )
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"Expected {what} to be floating numbers in [-1, 1]. Received: {images.dtype}. For uint8 "
            "in 0..255, divide by 127.5 and subtract 1."
        )
    low, high = images.min(), images.max()
    if not (low >= -1.001 and high <= 1.001):  # written so that NaN, which min hands on, fails too
        raise ValueError(
            f"Expected {what} to be finite and in [-1, 1]. Received: values from {low} to {high}. "
            "For values in 0..255, divide by 127.5 and subtract 1; remove NaN and infinity."
        )


def check_vectors(vectors):
    """Raises ValueError unless `vectors` is a floating, finite NumPy array (N, d) that is not empty."""
    if (not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.size == 0
            or not np.issubdtype(vectors.dtype, np.floating)):
        raise ValueError(
            "Expected samples as a floating NumPy array (N, d), as the generators give them. Received: "
            f"{type(vectors).__name__} of shape {getattr(vectors, 'shape', None)} and type "
            f"{getattr(vectors, 'dtype', None)}."
        )
    if not np.isfinite(vectors).all():
        raise ValueError("Expected finite samples. Received: NaN or infinite values. Remove them.")


def _open(name, split, data_dir, label):
    """Returns the number of images and an iterator over (images, labels or None) of a few each."""
    if name == "digits":
        if data_dir is not None:
            raise ValueError(
                "Expected no data_dir for 'digits', which ships with scikit-learn. "
                f"Received: data_dir={str(data_dir)!r}. Leave it out, or name another data set."
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
        f"({files.idx_names('images', split)[0]} and {files.idx_names('labels', split)[0]}, plain or "
        f".gz), {base}.npz or a single .npz file. Received: {len(npz)} .npz files and none of the "
        "others. Put the data there or give their folder."
    )


def _check_plain(split, label):
    if split not in ("train", "test") or label is not None:
        raise ValueError(
            "Expected split to be 'train' or 'test', and label None, for digits, .npz and IDX files. "
            f"Received: split={split!r}, label={label!r}. Name a tfds data set, prepared in data_dir "
            "if that is given."
        )


def _chunks(images, labels):
    starts = range(0, len(images), _CHUNK)
    return len(images), ((images[i : i + _CHUNK], labels[i : i + _CHUNK]) for i in starts)


def _scale(images):
    """uint8 to float32 in [-1, 1]; floating images are in [-1, 1] already."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 127.5 - 1
    return images.astype(np.float32)


def _resize(images, size):
    if size is None or images.shape[1:3] == (size, size):
        return np.clip(images, -1, 1)
    import keras  # here, because with the TensorFlow backend Keras imports TensorFlow

    resized = keras.ops.image.resize(
        images,
        (size, size),
        interpolation="bilinear",
        antialias=size < min(images.shape[1:3]),  # ten times slower, and only shrinking needs it
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
        if images.min() >= 0:  # they would train, but on half the range: rather ask than guess
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
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras has CIFAR's
        labels = labels[:, 0]
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"Expected one integer label an image, shape ({len(images)},). Received: {labels.dtype} "
            f"labels of shape {labels.shape} in {path}. Give images and labels of the same split; "
            "one-hot labels become integers with argmax(-1)."
        )
    return images, labels
