"""What a name and a place stand for: digits, a tfds data set, arrays, or image files."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_multigan.data import arrays, decode, folder_images, idx, labels, sources, tfds_images
from keras_multigan.data.chunks import SIZE

_KINDS = ("a folder or .zip of image files, an .npz, .npy, .h5 or .csv file, or a folder with IDX "
          "files or a prepared tfds data set")


def find(
    name: str, split: str, data_dir: str | os.PathLike | None, label: str | list[str] | None
) -> arrays.Arrays | Callable[[], tuple] | tuple[sources.Folder | sources.Archive, sources.Tree]:
    """Finds one split. See `images.load_image_set` for arguments, errors and the order of trials.

    Returns:
        `arrays.Arrays`; a function without arguments that opens a tfds data set, as
        `tfds_images.open_split` does; or a folder or zip of image files and its tree.
    """
    if name == "digits":
        if data_dir is not None:
            raise ValueError(
                "Expected no data_dir for 'digits', which ships with scikit-learn. "
                f"Received: data_dir={str(data_dir)!r}. Omit data_dir, or name another data set."
            )
        _check_plain(split, label)
        return arrays.Arrays(*_digits(split))
    if data_dir is None:
        return lambda: tfds_images.open_split(name, split, None, SIZE, label)
    path = Path(os.path.expanduser(data_dir))
    if not path.exists():
        raise FileNotFoundError(
            f"Expected data_dir to be {_KINDS}. Received: {str(data_dir)!r}, which does not exist."
        )
    if path.is_file():
        return _find_file(path, split, label)
    base = name.split("/")[0].split(":")[0]
    if tfds_images.prepared(path, base):
        return lambda: tfds_images.open_split(name, split, path, SIZE, label)
    npz = sorted(path.glob("*.npz"))
    if path / f"{base}.npz" in npz:
        return _find_file(path / f"{base}.npz", split, label)
    if idx.has_idx(path):
        _check_plain(split, label)
        return _read_idx(path, split)
    if len(npz) == 1:
        return _find_file(npz[0], split, label)
    prepared, others = tfds_images.prepared(path, "*"), "none of the others"
    if prepared:  # images in there are what tfds has downloaded
        others = f"{labels.listed(prepared)} of tfds, which need their name"
    else:
        source = sources.Folder(path)
        tree = source.tree()
        if tree.images:
            return source, tree
        kinds = {*arrays.SUFFIXES, ".zip"} - {".npz"}
        files = [file for file in path.iterdir() if file.suffix.lower() in kinds]
        if len(files) == 1 and not npz:
            return _find_file(files[0], split, label)
        others += f"; it has {folder_images.describe(tree)}"
    raise FileNotFoundError(
        f"Found no data for {name!r} in data_dir={str(data_dir)!r}. Expected one of: a prepared tfds "
        f"folder ({base}/<version>/dataset_info.json), IDX files "
        f"({idx.idx_names('images', split)[0]} and {idx.idx_names('labels', split)[0]}, "
        f"uncompressed or as .gz), {base}.npz or a single .npz, .npy, .h5, .csv or .zip file, or "
        "images (.png, .jpg and others) flat or in a folder per class. Received: "
        f"{len(npz)} .npz files and {others}. Put the data there or give their folder."
    )


def has(data_dir: str | os.PathLike, name: str) -> bool:
    """Whether a folder holds the data set `name` prepared by tfds, as IDX files or as <name>.npz."""
    path, base = Path(os.path.expanduser(data_dir)), name.split("/")[0].split(":")[0]
    return path.is_dir() and bool(
        tfds_images.prepared(path, base) or idx.has_idx(path) or (path / f"{base}.npz").exists())


def _find_file(path, split, label):
    suffix = path.suffix.lower()
    if suffix in arrays.SUFFIXES or arrays.is_npz(path):
        _check_plain(split, label)
        return arrays.read(path, split)
    if suffix == ".zip" or zipfile.is_zipfile(path) and suffix not in decode.SUFFIXES:
        archive = sources.Archive(path)
        return archive, archive.tree()
    what = "a single image" if suffix in decode.SUFFIXES else "a file of another kind"
    raise ValueError(f"Expected data_dir to be {_KINDS}. Received: {path}, {what}. Give the folder of "
                     "the data, or convert them.")


def _read_idx(path, split):
    images, its_labels = idx.read_idx(path, split)
    try:
        train_labels = its_labels if split == "train" else idx.read_idx_labels(path, "train")
    except FileNotFoundError:
        train_labels = None
    return arrays.check(images, its_labels, train_labels, path)


def _check_plain(split, label):
    if split not in ("train", "test") or label is not None:
        raise ValueError(
            "Expected split to be 'train' or 'test', and label None, for digits, arrays and IDX files. "
            f"Received: split={split!r}, label={label!r}. Other splits and labels need a tfds data "
            "set. If data_dir is given, it has to be prepared there."
        )


def _digits(split):
    """What `arrays.Arrays` is made of."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images[..., None] / 8 - 1).astype(np.float32)  # 0..16 to [-1, 1]
    x_train, x_test, y_train, y_test = train_test_split(
        images, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    return (x_train, None, y_train, y_train) if split == "train" else (x_test, None, y_test, y_train)
