"""Readers of local image files: IDX (MNIST's own format) and Keras' npz layout.

They return the arrays as they are stored; keras_multigan.data.images checks and scales them.
"""

import gzip
import zipfile
import zlib

import numpy as np

_IDX_PREFIX = {"train": "train", "test": "t10k"}
_IDX_RANK = {"images": 3, "labels": 1}


def idx_names(kind, split):
    """File names under which a part may lie, in order: as published, then as some mirrors have it.

    Args:
        kind: "images" or "labels".
        split: "train" or "test".
    """
    stem, suffix = f"{_IDX_PREFIX[split]}-{kind}", f"idx{_IDX_RANK[kind]}-ubyte"
    return [f"{stem}{dot}{suffix}{gz}" for dot in "-." for gz in ("", ".gz")]


def has_idx(folder):
    """Whether `folder` (a Path) holds any IDX file of either split."""
    names = (n for kind in _IDX_RANK for split in _IDX_PREFIX for n in idx_names(kind, split))
    return any((folder / name).is_file() for name in names)


def read_idx(folder, split):
    """Reads the IDX files of one split.

    Args:
        folder: Path of the folder.
        split: "train" or "test".

    Returns:
        images uint8 (N, H, W) and labels uint8 (N,).

    Raises:
        FileNotFoundError: the images or the labels are not there.
        ValueError: a file is damaged, truncated or no IDX file of the right kind.
    """
    return _read_idx_part(folder, "images", split), _read_idx_part(folder, "labels", split)


def _read_idx_part(folder, kind, split):
    names = idx_names(kind, split)
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f"The {kind} of the {split} split are missing. Expected: one of {', '.join(names)} in "
            f"{folder}. Put the file there, plain or as .gz."
        )
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"Expected a complete gzip file. Received: {path}, which cannot be decompressed "
            f"({error}). Download it again, or drop the .gz from its name if it is not compressed."
        ) from error

    rank = _IDX_RANK[kind]
    magic = bytes([0, 0, 8, rank])  # two zeros, 8 for unsigned bytes, the number of axes
    if data[:4] != magic:
        raise ValueError(
            f"Expected an IDX file of {kind}, starting with the bytes {magic.hex()}. "
            f"Received: {path}, starting with {data[:4].hex() or 'nothing'}. Give the file that "
            "its name promises, as published with MNIST."
        )
    header = 4 + 4 * rank
    # Python integers, so that a damaged header cannot overflow.
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    expected = header + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise ValueError(
            f"Expected {expected} bytes for {kind} of shape {tuple(shape)}. Received: {path} with "
            f"{len(data)} bytes. The file is truncated or damaged: download it again."
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def read_npz(path, split):
    """Reads one split of an npz file in Keras' layout (x_train, y_train, x_test, y_test).

    Args:
        path: Path of the file.
        split: "train" or "test".

    Returns:
        The arrays x_<split> and y_<split> as stored.

    Raises:
        ValueError: the file is damaged, lacks the keys, or holds pickled objects (never loaded).
    """
    keys = [f"x_{split}", f"y_{split}"]
    expected = f"Expected an .npz file with the arrays {keys[0]} and {keys[1]}."
    fix = "Write it with numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)."
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in keys if key not in file]
            if not missing:
                return file[keys[0]], file[keys[1]]
            found = ", ".join(file) or "nothing"
    except (ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        # NumPy says so when the file is no zip, cut off, or holds Python objects.
        raise ValueError(
            f"{expected} Received: {path}, which cannot be read ({error}). {fix} Arrays of Python "
            "objects are not loaded, because unpickling runs code."
        ) from error
    raise ValueError(
        f"{expected} Received: {path} without {', '.join(missing)}; it has {found}. {fix}"
    )
