"""Image data sets by name or place: scikit-learn's digits, tfds data sets, arrays, image files."""

import os
from pathlib import Path

import numpy as np
from absl import logging

from keras_multigan.data import arrays, chunks, decode, folder_images, sources, synthetic
from keras_multigan.data.checks import check_images as check_images
from keras_multigan.data.checks import check_vectors as check_vectors
from keras_multigan.data.find import find
from keras_multigan.data.image_set import ImageFiles, ImageSet
from keras_multigan.data.labels import listed, relabel

_SPLITS = ("train", "test", "validation", "unlabelled")


def load_images(
    name: str | None,
    split: str,
    image_size: int | None = 32,
    data_dir: str | os.PathLike | None = None,
    label: str | list[str] | bool | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads one split of an image data set as floats.

    The papers use these data sets:

    - "mnist";
    - "cifar10", at its native 32x32;
    - "stl10", of which P2GAN uses the split "unlabelled" at image_size=48;
    - "imagenet_resized/32x32" and "imagenet_resized/64x64", with the splits "train" and "validation";
    - "celeb_a" (218x178 pixels), whose central 178x178 pixels are resized.

    `load_image_set` keeps the images as bytes, and tells the names of classes and what split was made.
    It also numbers the classes of arrays 0..K-1. Here labels stay as stored if they are integers >= 0.

    Args:
        name, split, image_size, data_dir, label: as in `load_image_set`.

    Returns:
        The images and the labels. Images are float32 (N, image_size, image_size, C) in [-1, 1],
        contiguous, at 4 bytes per value (32 GB for the train split of "celeb_a" at 128). Labels are
        int64 (N,), or (N, M) if `label` is a list, or None if there are none. The order is fixed:
        arrays keep the published order, files are sorted by class and name, tfds shuffles the data when
        it prepares them.

    Raises:
        ValueError, FileNotFoundError, ImportError: as `load_image_set`.
    """
    images = _load(name, split, image_size, data_dir, None, "black", label, False, keep=True)
    return images.floats(), images.labels


def image_folder(
    directory: str | os.PathLike,
    split: str = "train",
    image_size: int | None = 32,
    *,
    channels: int | None = None,
    background: str = "black",
    label: bool | None = None,
) -> tuple[np.ndarray, np.ndarray | None, list[str] | None]:
    """Loads one split of a folder of image files, or of a .zip of such a folder, as floats.

    Args:
        directory: the folder or .zip. Images lie flat in it or in a folder per class, with or without
            folders of the splits above ("train", "test", "val" and their like).
        split, image_size, channels, background: as in `load_image_set`.
        label: None gives the classes of the folders as labels; False reads all as images
            without labels.

    Returns:
        Images, float32 (N, image_size, image_size, C) in [-1, 1]; labels, int64 (N,), or None; and the
        names of the K classes, or None.

    Raises:
        ValueError, FileNotFoundError: as `load_image_set`.
    """
    path = Path(os.path.expanduser(directory))
    _check_arguments(split, image_size)
    if not path.exists():
        raise FileNotFoundError("Expected the folder or .zip of image files. Received: "
                                f"{str(directory)!r}, which does not exist.")
    source = sources.open_source(path)
    images = _folder(source, source.tree(), split, image_size, channels, background, label, False)
    return images.floats(), images.labels, images.class_names


def load_image_set(
    name: str | None,
    split: str = "train",
    image_size: int | None = 32,
    data_dir: str | os.PathLike | None = None,
    *,
    channels: int | None = None,
    background: str = "black",
    label: str | list[str] | bool | None = None,
    stream: bool | None = None,
) -> ImageSet | ImageFiles:
    """Loads one split of an image data set, at a byte per value if no floats are needed.

    `data_dir` may be a file: .npz, .npy, .h5 or .hdf5, .csv, or a .zip of image files. If it is a
    folder, the first of these that it has is used:

    1. a prepared tfds data set (<name>/<version>/dataset_info.json);
    2. <name>.npz;
    3. IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-...), uncompressed or as .gz;
    4. a single .npz file;
    5. image files, flat or in a folder per class, with or without folders of the splits above;
    6. a single file of another kind that `data_dir` may be.

    Only tfds data sets are checked against `name`. docs/data.md has the rules of each kind.

    Args:
        name: name of the data set. "digits" is scikit-learn's 1,797 images of 8x8 pixels in a fixed
            stratified split of 1,437 and 360; it needs no network. Other names are those of tfds data
            sets with images, such as "mnist", "fashion_mnist", "cifar10" or "mnist:3.0.1". The prefix
            "stacked_" before the name of grayscale digits, as in "stacked_mnist", stacks the split's
            images with `synthetic.StackedDigits`: 128,000 fixed samples for "train" and 26,000
            otherwise. None for what `data_dir` has, whatever its name.
        split: "train" or "test"; or "validation" or "unlabelled" if there is such a split. Of tfds
            data sets without a test split "test" is the validation split.
        image_size: height and width of the result. Images that are not square are first cropped to
            their central square. Image files are resized as bytes with Lanczos' filter, all others as
            floats, bilinear, and antialiased if images shrink. None keeps the native size, which has to
            be the same for all.
        data_dir: where the data are. None uses the default folder of tfds, and downloads the data if
            they are not there.
        channels: 1 or 3, of image files; None gives 1 if no training image has colours, otherwise 3.
        background: "black" or "white", which lies under transparent pixels of image files.
        label: name of the integer or boolean tfds feature to return as labels, such as "Black_Hair" of
            "celeb_a"; or a list of M names; or None for the feature "label", if there is one. Other
            data sets take None, or False to go without labels.
        stream: True leaves image files where they are and decodes batches while they are used; False
            decodes all files now; None decodes all, unless they need more than a quarter of the memory
            that is available.

    Returns:
        An `ImageSet`, or `ImageFiles` if they stay in their files. Labels are int64 (N,), (N, M) if
        `label` is a list, or None. Labels other than the integers 0..K-1 are numbered in sorted order
        by the training set; `class_names` has the original ones. The `note` says what the set is, what
        split was made and what was skipped.

    Raises:
        ValueError: an argument is wrong or names an unknown data set; or the data are damaged or have a
            wrong shape, type or range; or over a tenth of the image files cannot be decoded.
        FileNotFoundError: there are no data in data_dir, or they could not be downloaded.
        ImportError: a tfds data set needs tensorflow and tensorflow-datasets.
    """
    return _load(name, split, image_size, data_dir, channels, background, label, stream)


def _load(name, split, image_size, data_dir, channels, background, label, stream, keep=False):
    """`load_image_set`. If `keep`, labels of arrays stay as they are if they are integers >= 0."""
    _check_arguments(split, image_size)
    if not (isinstance(name, str) and name or name is None and data_dir is not None):
        raise ValueError(
            "Expected the name of a data set, such as 'digits' or 'mnist', or a data_dir. Received: "
            f"{name!r}."
        )
    name = name or "images"
    wanted = None if label is False else label
    class_names, said = None, ""
    if name.startswith("stacked_"):
        digits = load_images(name.removeprefix("stacked_"), split, image_size, data_dir, wanted)
        stacked = synthetic.StackedDigits(*digits)
        images, labels = stacked.sample(128_000 if split == "train" else 26_000, seed=0)
    elif isinstance(found := find(name, split, data_dir, wanted), tuple):
        return _folder(*found, split, image_size, channels, background, label, stream)
    elif isinstance(found, arrays.Arrays):
        labels, said = found.labels, found.note
        if labels is not None:
            labels, class_names = relabel(labels, found.train_labels, data_dir, keep)
        images, labels = chunks.collect(name, *chunks.of_arrays(found, labels), found.top, image_size)
    else:
        count, parts, used = found()
        images, labels = chunks.collect(name, count, parts, 255, image_size)
        said = "" if used == split else f"there is no {split} split: this is the {used} split"
    if label is False:
        labels = class_names = None
    if stream or background != "black" or channels not in (None, images.shape[-1]):
        raise ValueError(
            f"Expected stream not to be True, background 'black', and channels None or "
            f"{images.shape[-1]}, for images that are no files. Received: stream={stream}, "
            f"background={background!r}, channels={channels}. Give a folder of image files as "
            "data_dir, or convert the images."
        )
    note = _note(split, images, labels, class_names, said)
    logging.info("%s: %s", data_dir or name, note)
    return ImageSet(images, labels, class_names, note=note)


def _folder(source, tree, split, image_size, channels, background, label, stream):
    for what, value, allowed in (("channels", channels, (None, 1, 3)), ("label", label, (None, False)),
                                 ("background", background, decode.BACKGROUNDS)):
        if value not in allowed:
            raise ValueError(f"Expected {what} to be one of {allowed} for image files. Received: "
                             f"{value!r}.")
    return folder_images.load(source, tree, split, image_size, channels=channels, background=background,
                              by_class=label is None, stream=stream)


def _check_arguments(split, image_size):
    if split not in _SPLITS:
        raise ValueError(f"Expected split to be one of {_SPLITS}. Received: {split!r}.")
    if image_size is not None and not (
        isinstance(image_size, (int, np.integer)) and image_size >= 1
    ):
        raise ValueError(
            "Expected image_size to be an integer of at least 1, or None for the native size. "
            f"Received: {image_size!r}."
        )


def _note(split, images, labels, class_names, said):
    note = [f"{split}: {len(images)} images of {'x'.join(map(str, images.shape[1:]))}"]
    if labels is None:
        note[0] += " without labels"
    if class_names is not None:
        note.append(f"labels {listed(class_names)} became 0 to {len(class_names) - 1}")
    return "; ".join([*note, said] if said else note)
