"""CSV files with an image per line, such as Kaggle's MNIST and FER."""

import csv
import math
import os

import numpy as np

_LABELS = ("label", "labels", "class", "target", "emotion", "y")
_USAGES = ("usage", "split")
_LINES = 4096  # that are read at a time


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a file of pixels in 0..255 or floats.

    The header may name a column of labels: "label", "class", "target", "emotion" or "y". It names
    either a column "pixels", which has the values of an image between spaces, or a column per value. A
    column "usage" or "split" sorts the lines: those that begin with "train" are of the training set,
    those that begin with "test" or "private" of the test set, and others are left out. Without a
    header, the first column has labels if the number of the other columns is that of an image.

    Args:
        path: of the file.

    Returns:
        "images", uint8 or float32 (N, S, S) or (N, S, S, 3), and "labels" (N,) of numbers or strings,
        if there are any; or "x_train", "y_train", "x_test" and "y_test", if there is a usage.

    Raises:
        ValueError: a line or value is no number, or the number of values is not that of a square image.
    """
    csv.field_size_limit(2**28)  # a column "pixels" holds an image
    with open(path, newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file), [])
        names = [name.strip().lower() for name in header]
        label = next((names.index(name) for name in _LABELS if name in names), None)
        usage = next((names.index(name) for name in _USAGES if name in names), None)
        if all(map(_is_number, names)) and names:
            file.seek(0)
            label = None if _shape(len(names)) else 0
        pixels = [i for i in range(len(names)) if i not in (label, usage)]
        if "pixels" in names:
            images, its_labels, usages = _packed(file, names.index("pixels"), label, usage)
        else:
            images, its_labels, usages = _columns(file, pixels, label, usage)
    if images is None:
        raise ValueError("it has no line of pixels")
    shape = _shape(images.shape[1])
    if shape is None:
        raise ValueError(f"its {images.shape[1]} values per line are not those of a square image with "
                         "1 or 3 channels")
    images = images.reshape(-1, *shape)
    if usages is None:
        return {"images": images} | ({} if its_labels is None else {"labels": its_labels})
    usages = np.char.lower(usages)
    parts = {"train": np.char.startswith(usages, "train"),
             "test": np.char.startswith(usages, "test") | np.char.startswith(usages, "private")}
    for split, chosen in parts.items():
        if not chosen.any():
            raise ValueError(f"its column {names[usage]!r} has no line of the {split} split, only "
                             f"{', '.join(sorted(set(usages.tolist())))[:200]}")
    fields = {"x": images} | ({} if its_labels is None else {"y": its_labels})
    return {f"{field}_{split}": values[chosen]
            for field, values in fields.items() for split, chosen in parts.items()}


def _columns(file, pixels, label, usage):
    """(values (N, P), labels or None, usages or None) of lines with a column per value."""
    images, texts = [], {label: [], usage: []}
    while lines := [line for _, line in zip(range(_LINES), file) if line.strip()]:
        style = {"comments": None, "delimiter": ",", "quotechar": '"'}
        images.append(_compact(np.loadtxt(lines, np.float32, usecols=pixels, ndmin=2, **style)))
        for column in set(texts) - {None}:
            texts[column].append(np.loadtxt(lines, str, usecols=[column], ndmin=1, **style))
    return _joined(images), _numbers(_joined(texts[label])), _joined(texts[usage])


def _packed(file, pixels, label, usage):
    """The same of lines with all values in the column `pixels`."""
    images, texts = [], {label: [], usage: []}
    for number, line in enumerate(filter(None, csv.reader(file)), start=2):
        if len(line) <= max(pixels, label or 0, usage or 0):
            raise ValueError(f"line {number} has {len(line)} values, fewer than the header")
        values = np.array(line[pixels].split(), np.float32)
        if images and values.size != images[0].size:
            raise ValueError(f"line {number} has {values.size} values, the first has {images[0].size}")
        images.append(_compact(values[None]))
        for column in set(texts) - {None}:
            texts[column].append([line[column]])
    return _joined(images), _numbers(_joined(texts[label])), _joined(texts[usage])


def _compact(values):
    """uint8, if the values allow it."""
    with np.errstate(invalid="ignore"):
        small = values.astype(np.uint8)
    return small if np.array_equal(small, values) and values.max(initial=0) > 1 else values


def _joined(parts):
    if not parts:
        return None
    if len({np.asarray(part).dtype.kind for part in parts}) > 1:  # parts without a value > 1 are floats
        parts = [np.asarray(part, np.float32) for part in parts]
    joined = np.concatenate(parts)
    return _compact(joined) if joined.dtype == np.float32 else joined


def _numbers(texts):
    """Labels as numbers, if all are."""
    if texts is None or not all(map(_is_number, texts)):
        return texts
    return texts.astype(np.float64)


def _is_number(text):
    """Whether it is one, or NaN, which is refused as a label instead of being a class."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shape(values):
    """(S, S) or (S, S, 3) of an image of so many values; None if there is none."""
    for channels in (1, 3):
        side = math.isqrt(values // channels)
        if side and side * side * channels == values:
            return (side, side) if channels == 1 else (side, side, 3)
    return None
