"""Reader of IDX files, the format of MNIST. It returns the arrays as stored."""

import gzip
import pathlib
import zlib

import numpy as np

_IDX_PREFIX = {"train": "train", "test": "t10k"}
_IDX_RANK = {"images": 3, "labels": 1}


def idx_names(kind: str, split: str) -> list[str]:
    """Returns the possible names of one IDX file, in the order in which they are tried.

    The published names come first. Some mirrors write the last "-" as ".".

    Args:
        kind: "images" or "labels".
        split: "train" or "test".
    """
    stem, suffix = f"{_IDX_PREFIX[split]}-{kind}", f"idx{_IDX_RANK[kind]}-ubyte"
    return [f"{stem}{dot}{suffix}{gz}" for dot in "-." for gz in ("", ".gz")]


def has_idx(folder: pathlib.Path) -> bool:
    """Returns whether `folder` holds an IDX file of either split."""
    names = (n for kind in _IDX_RANK for split in _IDX_PREFIX for n in idx_names(kind, split))
    return any((folder / name).is_file() for name in names)


def read_idx(folder: pathlib.Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads the IDX files of one split.

    Args:
        folder: folder of the files.
        split: "train" or "test".

    Returns:
        The images, uint8 (N, H, W), and the labels, uint8 (N,).

    Raises:
        FileNotFoundError: the file of images or of labels is missing.
        ValueError: a file is damaged or truncated, or is not an IDX file of the expected kind.
    """
    return _read_idx_part(folder, "images", split), _read_idx_part(folder, "labels", split)


def read_idx_labels(folder: pathlib.Path, split: str) -> np.ndarray:
    """Reads the labels alone. See `read_idx`."""
    return _read_idx_part(folder, "labels", split)


def _read_idx_part(folder, kind, split):
    names = idx_names(kind, split)
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f"Expected the {kind} of the {split} split, one of {', '.join(names)} in {folder}. "
            "Received: none of them. Put the file there, uncompressed or as .gz."
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
    magic = bytes([0, 0, 8, rank])  # two zeros, 8 for uint8, the number of axes
    if data[:4] != magic:
        raise ValueError(
            f"Expected an IDX file of {kind}, starting with the bytes {magic.hex()}. "
            f"Received: {path}, starting with {data[:4].hex() or 'nothing'}. Replace it "
            "with the original file of this name."
        )
    header = 4 + 4 * rank
    # Python integers do not overflow if the header is damaged.
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    expected = header + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise ValueError(
            f"Expected {expected} bytes for {kind} of shape {tuple(shape)}. Received: {path} with "
            f"{len(data)} bytes. The file is truncated or damaged: download it again."
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
