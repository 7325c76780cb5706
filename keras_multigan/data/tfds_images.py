"""Images from TensorFlow Datasets (tfds), read in batches.

TensorFlow and tfds are imported inside the functions, since the package works without them.
"""

import contextlib
import difflib
import functools
import operator
import pathlib
from collections.abc import Iterator

import numpy as np


def prepared(folder: pathlib.Path, base: str) -> list[str]:
    """Returns the prepared versions of the data set `base` as paths relative to `folder`."""
    patterns = (f"{base}/*/dataset_info.json", f"{base}/*/*/dataset_info.json")  # with a configuration
    return sorted(str(f.parent.relative_to(folder)) for p in patterns for f in folder.glob(p))


def open_split(
    name: str,
    split: str,
    data_dir: pathlib.Path | None,
    batch_size: int,
    label: str | list[str] | None = None,
) -> tuple[int, Iterator[tuple[np.ndarray, np.ndarray | None]], str]:
    """Opens one split, and downloads and prepares it if necessary.

    Args:
        name: tfds name, optionally with configuration and version ("mnist:3.0.1").
        split: tfds name of the split. Without a test split the validation split is the test set.
        data_dir: folder with prepared data; nothing is downloaded then. None uses the default folder of
            tfds, and downloads the data if they are not there.
        batch_size: largest number of images that the iterator yields at a time.
        label: name of the label, or a list of M names; None for the feature "label", if there is one
            and the split is not "unlabelled".

    Returns:
        The number of images, an iterator over tuples (images, labels), and the split. Images are uint8
        (B, H, W, C). Labels are int64 (B,), or (B, M) if `label` is a list, or None. B is 1 if the
        images of the data set differ in size.

    Raises:
        ValueError: the data set, split or label is unknown, there are no images in it, or files are
            damaged.
        FileNotFoundError: the data are not prepared in data_dir, or could not be downloaded.
        ImportError: TensorFlow or tfds is not installed.
    """
    try:
        import tensorflow as tf
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            f"The data set {name!r} needs tensorflow and tensorflow-datasets ({error}). Install them, "
            "give data_dir with an .npz file or IDX files, or use the name 'digits'."
        ) from error

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (ValueError, AssertionError) as error:  # tfds' own message lists a thousand names
        known = ["digits", *tfds.list_builders(with_community_datasets=False)]
        close = difflib.get_close_matches(name.lower(), known) or ["none"]
        raise ValueError(
            "Expected the name of a data set: 'digits', 'mnist', 'fashion_mnist' or another one of "
            f"tfds. Received: {name!r} ({str(error).strip().splitlines()[0]}). "
            f"Close matches: {', '.join(close)}."
        ) from None
    image = _image_feature(builder, tfds)
    paths = _label_paths(builder, tfds, split, label)

    try:
        try:
            split = _held_out(builder, split)
            data = builder.as_dataset(split=split)
        except AssertionError as error:  # tfds raises it if the data are not prepared
            if data_dir is not None:
                raise FileNotFoundError(
                    f"Expected {builder.info.full_name} in data_dir={str(data_dir)!r}. Received: a "
                    f"folder with {', '.join(prepared(data_dir, builder.name))}. Name the version, "
                    f"such as '{builder.name}:1.2.3', or prepare the data again."
                ) from error
            _download(builder)
            split = _held_out(builder, split)
            data = builder.as_dataset(split=split)
    except ValueError as error:
        if split in builder.info.splits:
            raise
        raise ValueError(
            f"Expected the {split} split in {name!r}. Received: a data set with the splits "
            f"{', '.join(builder.info.splits)}. Choose another split or data set."
        ) from error

    count = int(data.cardinality())
    if count < 1:
        raise ValueError(
            f"Expected at least one image in the {split} split of {name!r}. Received: {count}. "
            "Prepare the data again."
        )

    def select(example):
        labels = [functools.reduce(operator.getitem, path, example) for path in paths]
        labels = [tf.cast(each, "int64") for each in labels]
        if isinstance(label, (list, tuple)):
            labels = [tf.stack(labels)]
        return example[image], *labels

    data = data.map(select)
    one_size = None not in data.element_spec[0].shape
    data = data.batch(batch_size if one_size else 1)  # images of different sizes cannot be stacked

    def chunks():
        try:
            for images, *labels in tfds.as_numpy(data):
                yield images, *(labels or [None])
        except tf.errors.OpError as error:
            raise ValueError(
                f"Expected to read {count} images of {name!r}. Received: an error of tfds "
                f"({error.message}). The files are damaged or incomplete: prepare the data again."
            ) from error

    return count, chunks(), split


def _held_out(builder, split):
    known = builder.info.splits
    return "validation" if split == "test" and "test" not in known and "validation" in known else split


def _image_feature(builder, tfds):
    features = builder.info.features
    images = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.Image) and feature.np_dtype == np.uint8
    ]
    if not images:
        raise ValueError(
            f"Expected a data set with an image feature of uint8. Received: {builder.name!r} with "
            f"the features {', '.join(features)}. Choose another data set."
        )
    return "image" if "image" in images else images[0]


def _label_paths(builder, tfds, split, label):
    """Returns, for each label, the sequence of keys that leads to it in an example."""
    known = _scalars(builder.info.features, tfds)
    if label is None:
        return [known["label"]] if "label" in known and split != "unlabelled" else []
    names = label if isinstance(label, (list, tuple)) else [label]
    if not names or not all(name in known for name in names):
        raise ValueError(
            f"Expected label to be an integer or boolean feature of {builder.name!r}, or a list of "
            f"them: {', '.join(known) or 'it has none'}. Received: {label!r}. Correct the name."
        )
    return [known[name] for name in names]


def _scalars(features, tfds, path=()):
    """Returns integer and boolean features, nested ones included: name -> keys that lead to it."""
    found = {}
    for key, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            found = _scalars(feature, tfds, (*path, key)) | found
        elif isinstance(feature, tfds.features.Tensor) and feature.shape == ():
            if feature.np_dtype == np.bool_ or np.issubdtype(feature.np_dtype, np.integer):
                found[key] = (*path, key)
    return found


def _download(builder):
    import requests  # tfds depends on it

    urls = [url for url in builder.url_infos or () if url.startswith("http")]
    try:
        if urls and not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            # Fail at once without a network: tfds would retry for minutes.
            with contextlib.suppress(requests.ReadTimeout):  # the server is slow, but can be reached
                requests.head(urls[0], timeout=10)
        builder.download_and_prepare()
    except Exception as error:
        raise FileNotFoundError(
            f"Nothing could be downloaded and prepared for {builder.name!r}. Received: "
            f"{type(error).__name__}: {error}. Connect to the network, or give data_dir "
            "(--data_dir) with a prepared tfds folder, IDX files or an .npz file, or use the name "
            "'digits', which needs no download."
        ) from error
