"""Files of arrays: .npz, .npy, HDF5, and CSV of pixels. docs/data.md states the rules."""

import contextlib
import dataclasses
import os
import pathlib
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

from keras_multigan.data import csv_pixels, labels
from keras_multigan.data.checks import check_images

SUFFIXES = (".npz", ".npy", ".h5", ".hdf5", ".csv")

_WHOLE = (("images", "labels"), ("x", "y"), ("arr_0", "arr_1"))  # names if no split is made
_FIX = ("Write it with numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...), or with "
        "images=... and labels=... to have a test set split off. Labels may be left out.")


@dataclasses.dataclass(frozen=True)
class Arrays:
    """One split of a file, and what the rest of the file says about it.

    Attributes:
        images: (N, H, W, C), uint8, bool or floating; rows of a whole file until `rows` selects them.
        top: the value of white if black is 0; None if black is -1 and white 1.
        labels: of the split as `labels.plain` gives them, or None.
        train_labels: the same of the training split; None if there is none.
        rows: which images are of the split; None for all.
        note: what was done, "" if nothing.
    """

    images: np.ndarray
    top: float | None
    labels: np.ndarray | None
    train_labels: np.ndarray | None
    rows: np.ndarray | None = None
    note: str = ""


def read(path: str | os.PathLike, split: str) -> Arrays:
    """Reads one split of a file.

    Args:
        path: of an .npz, .npy, .h5, .hdf5 or .csv file. A file of another name is read as .npz.
        split: "train" or "test".

    Raises:
        ValueError: the file is damaged, holds Python objects, lacks the split's images, or its arrays
            have a wrong shape, type or range.
    """
    path = pathlib.Path(path)
    kind = path.suffix.lower() if path.suffix.lower() in SUFFIXES else ".npz"
    names = [f"x_{split}", f"y_{split}", "y_train"]
    try:
        with _opened(path, kind) as stored:
            present = list(stored)
            split_made = not any(f"x_{name}" in present for name in ("train", "test"))
            if split_made:
                names = next(([*pair, pair[1]] for pair in _WHOLE if pair[0] in present), names)
            images, its_labels, train_labels = (stored[n] if n in present else None for n in names)
            ranges = [] if images is None else [_range(images)]
            other = {"train": "x_test", "test": "x_train"}[split]
            if ranges and images.dtype.kind == "f" and ranges[0][0] >= 0 and other in present:
                others = stored[other]  # the splits have one range
                ranges += [_range(others)] if others.dtype.kind == "f" else []
    except PermissionError:
        raise
    except Exception as error:  # of damaged files NumPy, zipfile and h5py raise many types
        raise ValueError(
            f"Expected an {kind} file with the arrays x_{split} and y_{split}. Received: {path}, which "
            f"cannot be read: {_reason(error)}. {_FIX}"
        ) from error
    if images is None:
        missing = [name for name in names[:2] if name not in present]
        raise ValueError(
            f"Expected an {kind} file with the arrays {names[0]} and {names[1]}. Received: {path} "
            f"without {', '.join(missing)}; it has {labels.listed(present) or 'nothing'}. {_FIX}"
        )
    images, top = _checked(images, path), _top(ranges, path)
    if not split_made:
        return _named(images, top, its_labels, train_labels, path)
    return _split(images, top, its_labels, split, path)


def check(
    images: np.ndarray, its_labels: np.ndarray, train_labels: np.ndarray | None, path: str | os.PathLike
) -> Arrays:
    """The same of images, labels and labels of the training split that were read elsewhere."""
    return _named(_checked(images, path), _top([_range(images)], path), its_labels, train_labels, path)


def is_npz(path: str | os.PathLike) -> bool:
    """Whether a file of any name is a zip of nothing but .npy files."""
    try:
        with zipfile.ZipFile(path) as file:
            return bool(file.namelist()) and all(name.endswith(".npy") for name in file.namelist())
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):  # damaged, or no zip
        return False


def _named(images, top, its_labels, train_labels, path):
    if its_labels is None:
        train_labels = None
    else:
        its_labels = labels.plain(its_labels, len(images), path)
    if train_labels is not None:
        train_labels = labels.plain(train_labels, len(np.atleast_1d(train_labels)), path)
    return Arrays(images, top, its_labels, train_labels, note=_note(top, images))


def _split(images, top, its_labels, split, path):
    if its_labels is not None:
        its_labels = labels.plain(its_labels, len(images), path)
    is_test = labels.fixed_split(its_labels, len(images))
    (rows,) = np.nonzero(is_test == (split == "test"))
    if not len(rows):
        raise ValueError("Expected at least 2 images, to split off a test set. Received: "
                         f"{len(images)} in {path}. Add images.")
    train_labels = None
    if its_labels is not None:
        its_labels, train_labels = its_labels[rows], its_labels[~is_test]
    made = f"no test images, so a fixed sixth is the test set ({is_test.sum()} of {len(is_test)})"
    return Arrays(images, top, its_labels, train_labels, rows,
                  "; ".join(filter(None, [made, _note(top, images)])))


def _note(top, images):
    is_scaled = images.dtype.kind == "f" and top is not None
    return f"floats from 0 to {top} scaled to [-1, 1]" if is_scaled else ""


@contextlib.contextmanager
def _opened(path, kind) -> Iterator[Mapping[str, np.ndarray]]:
    if kind == ".npy":
        yield {"images": np.load(path, mmap_mode="r", allow_pickle=False)}
    elif kind == ".npz":
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it holds a single array, which is an .npy file")
        with file:
            yield file
    elif kind == ".csv":
        yield csv_pixels.read(path)
    else:
        import h5py  # Keras depends on it

        with h5py.File(path, "r") as file:
            yield _DataSets(
                {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)})


class _DataSets(dict):
    """HDF5 data sets by name, which are read when they are asked for."""

    def __getitem__(self, name):
        import h5py

        stored = super().__getitem__(name)
        if h5py.check_string_dtype(stored.dtype):
            return np.array(stored.asstr()[()], str)
        if stored.dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which are not loaded")
        return stored[()]


def _reason(error):
    """An error of NumPy's in words that do not lead to unsafe settings."""
    text = str(error) or type(error).__name__
    if "Object arrays" in text or "Python objects in dtype" in text:
        return "an array holds Python objects, which are not loaded"
    return "it is not in the format of NumPy's files" if "pickle" in text else text


def _checked(images, path):
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.size == 0:
        raise ValueError(
            "Expected images of shape (N, height, width) or (N, height, width, channels), with at "
            f"least one image. Received: shape {images.shape} in {path}. Reshape them, channels last, "
            "and save them again."
        )
    if images.shape[1] <= 4 < images.shape[3] and images.shape[1] != images.shape[2]:
        raise ValueError(
            f"Expected channels last, (N, height, width, channels). Received: shape {images.shape} in "
            f"{path}, as if they were first. Use numpy.moveaxis(images, 1, -1) and save them again."
        )
    if images.dtype.kind == "f":
        return images
    if images.dtype not in (np.uint8, np.bool_):
        raise ValueError(
            "Expected uint8 images in 0..255, or floating ones in [-1, 1], [0, 1] or [0, 255]. "
            f"Received: {images.dtype} in {path}. Convert them to uint8."
        )
    return images


def _range(images):
    """(least, largest value) of floats; what these types may have, of others."""
    if images.size == 0 or images.dtype.kind != "f":
        return (0, 1) if images.dtype == np.bool_ else (0, 255)
    return float(images.min()), float(images.max())


def _top(ranges, path):
    """`Arrays.top` of images that have these ranges."""
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    if not (np.isfinite([r for pair in ranges for r in pair]).all()):
        raise ValueError(f"Expected finite images. Received: values from {low} to {high} in {path}. "
                         "Remove NaN and infinity.")
    if low < 0:
        check_images(np.array([low, high]).reshape(1, 1, 1, 2), f"images in {path}")
        return None
    if high <= 1.001:
        return 1
    if 2 < high <= 255:
        return 255
    raise ValueError(
        "Expected floating images in [-1, 1], or without a negative value in [0, 1] or [0, 255]. "
        f"Received: values from {low} to {high} in {path}. Scale them to [-1, 1]."
    )
