"""What `fit` is given, as a dataset with one element per training step."""

import functools

import numpy as np
from keras import ops

from keras_multigan.checks import check_labels, check_sample_weights, check_samples, check_shape
from keras_multigan.data.stream import source_stream, training_stream

_FIELDS = ("images", "labels", "sample_weights")


def steps(model, x, y=None, batch_size=None, steps_per_epoch=None, sample_weight=None):
    """The dataset of a model's training steps: elements hold `model.batches_per_step` real batches one
    after the other. See `Trainer.fit` for arguments and errors.

    Returns:
        (dataset as the engine deals it out, steps_per_epoch).
    """
    if not isinstance(x, np.ndarray) and sample_weight is not None:
        raise ValueError("sample_weight is expected to be None unless x is an array. Received: x of "
                         f"type {type(x).__name__}. Let a Dataset give (images, labels, weights).")
    if hasattr(x, "stream") or hasattr(x, "sample") and hasattr(x, "dimension"):
        dataset = _of_source(model, x, y, batch_size, steps_per_epoch)
    elif isinstance(x, np.ndarray):
        dataset, available = _of_array(model, x, y, sample_weight, batch_size, steps_per_epoch)
        steps_per_epoch = steps_per_epoch or available
    elif hasattr(x, "element_spec") and hasattr(x, "rebatch"):
        dataset = _of_dataset(model, x, y, batch_size)
    else:
        raise TypeError(
            "x is expected to be a NumPy array (N, H, W, C), a tf.data.Dataset of batches or a "
            f"source of data.synthetic. Received: {type(x).__name__}"
        )
    return model.engine.deal(dataset, model.batches_per_step), steps_per_epoch


def _of_source(model, source, y, batch_size, steps_per_epoch):
    if y is not None or not steps_per_epoch:
        raise ValueError(
            "Beside a source, which has its own labels and no end, y is expected to be None "
            f"and steps_per_epoch a number. Received: steps_per_epoch={steps_per_epoch}, y of "
            f"type {type(y).__name__}. Set steps_per_epoch."
        )
    if hasattr(source, "stream"):  # one that knows its own order
        return _stream(model, batch_size, _FIELDS[:2], source.stream)
    samples, labels = source.sample(1000, seed=0)
    _check(model, samples, labels)
    fields = _FIELDS[:1] if labels is None else _FIELDS[:2]
    return _stream(model, batch_size, fields, functools.partial(source_stream, source))


def _of_array(model, x, y, sample_weight, batch_size, steps_per_epoch):
    if y is not None and len(y) != len(x):
        raise ValueError(
            f"One label per image is expected. Received: {len(x)} images and {len(y)} labels."
        )
    _check(model, x, y, sample_weight, all_of_them=True)
    given = {"images": np.asarray(x, "float32")}
    if y is not None:
        given["labels"] = np.asarray(y)
    if sample_weight is not None:
        given["sample_weights"] = np.asarray(sample_weight, "float32")
    dataset = _stream(model, batch_size, tuple(given), functools.partial(_rows, tuple(given.values())))
    available = len(x) // model.samples_per_step
    if available == 0 and not steps_per_epoch:
        raise _too_few(model)
    return dataset, available


def _rows(arrays, **order):
    """The rows of arrays (N, ...) in the order of `training_stream`."""
    for (rows,) in training_stream(np.arange(len(arrays[0])), **order):
        yield tuple(array[rows] for array in arrays)


def _of_dataset(model, dataset, y, batch_size):
    """Every element becomes the batches of one step, concatenated."""
    if y is not None or batch_size is not None:
        raise ValueError(
            "y and batch_size are expected to be None beside a tf.data.Dataset. Received: "
            f"batch_size={batch_size}, y of type {type(y).__name__}. Batch the dataset."
        )
    spec = dataset.element_spec
    spec = spec[0] if isinstance(spec, (tuple, list)) and spec else spec
    if getattr(getattr(spec, "shape", None), "rank", None) is None:
        raise TypeError("A tf.data.Dataset is expected to have elements of images, or of (images, "
                        f"labels), of known rank. Received: {dataset.element_spec}. Map it to such "
                        "tuples; tfds.load does with as_supervised=True.")
    check_shape(spec.shape, model.image_shape)
    first = next(iter(dataset.take(1)), None)
    if first is None:
        raise _too_few(model)
    first = first if isinstance(first, (tuple, list)) else (first,)
    arrays = [ops.convert_to_numpy(part) for part in first]
    _check(model, *arrays)
    model.set_batch(len(arrays[0]), _FIELDS[: len(arrays)])
    dataset = dataset.rebatch(model.samples_per_step, drop_remainder=True)
    if not list(dataset.take(1)):
        raise _too_few(model)
    return dataset


def _stream(model, batch_size, fields, stream):
    """The dataset of `stream(batch_size=, seed=, start=)`."""
    if batch_size is None:
        unit = model.batch_unit * model.engine.num_replicas()
        batch_size = -(-32 // unit) * unit
    model.set_batch(batch_size, fields)
    start = model.steps_trained  # now: TensorFlow starts the stream while a step is running
    return model.engine.as_dataset(functools.partial(
        stream, batch_size=model.samples_per_step, seed=model.seed, start=start))


def _check(model, samples, labels=None, weights=None, all_of_them=False):
    check_samples(samples, model.image_shape)
    check_labels(labels, model.num_classes, type(model).__name__, all_of_them)
    check_sample_weights(weights, len(samples))


def _too_few(model):
    return ValueError(
        f"One training step is expected to get {model.batches_per_step} real batches. Received: fewer "
        "samples than that. Lower batch_size, or set steps_per_epoch to let a step straddle passes "
        "over an array."
    )
