"""Images from TensorFlow Datasets (tfds), read a few at a time.

TensorFlow and tfds are imported inside the functions: the package works without them.
"""

import contextlib
import difflib
import functools
import operator

import numpy as np


def prepared(folder, base):
    """Versions of the data set `base` prepared in `folder` (a Path), as texts relative to it."""
    patterns = (f"{base}/*/dataset_info.json", f"{base}/*/*/dataset_info.json")  # configurations
    return sorted(str(f.parent.relative_to(folder)) for p in patterns for f in folder.glob(p))


def open_split(name, split, data_dir, batch_size, label=None):
    """Opens one split, downloading and preparing it where it is not yet.

    Args:
        name: as tfds has it, with configuration and version if wanted ("mnist:3.0.1").
        split: as tfds has it.
        data_dir: Path of a folder with prepared data, which is then all that is used; None for
            tfds' default folder, then a download.
        batch_size: the most images that the iterator yields at a time.
        label: name of the label, or a list of them; None for "label", where there is one and the
            split is not "unlabelled".

    Returns:
        The number of images, and an iterator over (images uint8 (B, H, W, C), labels int64 (B,), or
        (B, M) for a list, or None). B is 1 where the data set has images of several sizes.

    Raises:
        ValueError: unknown data set, split or label, no images in it, or damaged files.
        FileNotFoundError: not prepared in data_dir, or could not be downloaded.
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
    except (ValueError, AssertionError) as error:  # tfds' own message has a thousand names
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
            data = builder.as_dataset(split=split)
        except AssertionError as error:  # tfds' way to say: not prepared yet
            if data_dir is not None:
                raise FileNotFoundError(
                    f"Expected {builder.info.full_name} in data_dir={str(data_dir)!r}. Received: a "
                    f"folder with {', '.join(prepared(data_dir, builder.name))}. Name the version, "
                    f"such as '{builder.name}:1.2.3', or prepare the data again."
                ) from error
            _download(builder)
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
    data = data.batch(batch_size if one_size else 1)  # images of several sizes do not stack

    def chunks():
        try:
            for images, *labels in tfds.as_numpy(data):
                yield images, *(labels or [None])
        except tf.errors.OpError as error:
            raise ValueError(
                f"Expected to read {count} images of {name!r}. Received: an error of tfds "
                f"({error.message}). The files are damaged or incomplete: prepare them again."
            ) from error

    return count, chunks()


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
    """The keys that lead to each label in an example."""
    known = _scalars(builder.info.features, tfds)
    if label is None:
        return [known["label"]] if "label" in known and split != "unlabelled" else []
    names = label if isinstance(label, (list, tuple)) else [label]
    if not names or not all(name in known for name in names):
        raise ValueError(
            f"Expected label to be one of the integers and booleans of {builder.name!r}, or a list of "
            f"them: {', '.join(known) or 'it has none'}. Received: {label!r}. Correct the name."
        )
    return [known[name] for name in names]


def _scalars(features, tfds, path=()):
    """Integer and boolean features, also inside others: name -> the keys that lead there."""
    found = {}
    for key, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            found = _scalars(feature, tfds, (*path, key)) | found
        elif isinstance(feature, tfds.features.Tensor) and feature.shape == ():
            if feature.np_dtype == np.bool_ or np.issubdtype(feature.np_dtype, np.integer):
                found[key] = (*path, key)
    return found


def _download(builder):
    import requests  # which tfds downloads with

    urls = [url for url in builder.url_infos or () if url.startswith("http")]
    try:
        if urls and not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            # One attempt of our own, because without a network tfds tries for minutes.
            with contextlib.suppress(requests.ReadTimeout):  # connected, but slow
                requests.head(urls[0], timeout=10)
        builder.download_and_prepare()
    except Exception as error:
        raise FileNotFoundError(
            f"Nothing could be downloaded and prepared for {builder.name!r}. Received: "
            f"{type(error).__name__}: {error}. Connect to the network; or give data_dir "
            "(--data_dir) with a prepared tfds folder, IDX files or an .npz file; or use the name "
            "'digits', which needs no download."
        ) from error
