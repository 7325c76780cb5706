"""What `fit` is given, as a dataset with one element per training step."""

import contextlib
import functools
import itertools
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from keras_multigan.checks import check_labels, check_sample_weights, check_samples, check_shape
from keras_multigan.data.stream import source_stream, training_stream

_FIELDS = ("images", "labels", "sample_weights")
_INFINITE = -1  # tf.data.INFINITE_CARDINALITY

_NAMES = {"images": ("images", "image", "x"), "labels": ("labels", "label", "y"),
          "sample_weights": ("sample_weights", "sample_weight")}


def steps(model, x, y=None, batch_size=None, steps_per_epoch=None, sample_weight=None):
    """The dataset of a model's training steps: elements hold `model.batches_per_step` real batches one
    after the other. See `Trainer.fit` for arguments and errors.

    Returns:
        (dataset as the engine deals it out, steps_per_epoch).
    """
    model.data_error = None
    # Whether the data may end at any step, when a repeated phase could be in the midst of one.
    model.may_end = False
    if is_array(x):
        dataset, available = _of_array(model, to_numpy(x), y, sample_weight, batch_size,
                                       steps_per_epoch)
        steps_per_epoch = steps_per_epoch or available
    elif hasattr(x, "stream") or hasattr(x, "sample") and hasattr(x, "dimension"):
        _check_alone(x, y, sample_weight)
        dataset = _of_source(model, x, batch_size, steps_per_epoch)
        steps_per_epoch = steps_per_epoch or len(x) // model.samples_per_step
        if not steps_per_epoch:
            raise _too_few(model)
    elif hasattr(x, "element_spec") and hasattr(x, "rebatch"):
        _check_alone(x, y, sample_weight, batch_size)
        dataset = _of_dataset(model, x)
    elif isinstance(x, keras.utils.PyDataset):
        _check_alone(x, y, sample_weight, batch_size)
        dataset, available = _of_py_dataset(model, x)
        steps_per_epoch = steps_per_epoch or available
    elif isinstance(x, Iterator):
        _check_alone(x, y, sample_weight, batch_size)
        dataset = _of_iterator(model, x, steps_per_epoch)
    else:
        raise TypeError(
            "x is expected to be an array (N, H, W, C), a tf.data.Dataset, keras.utils.PyDataset or "
            f"iterator of batches, or a source of data.synthetic. Received: {type(x).__name__}"
        )
    return model.engine.deal(dataset, model.batches_per_step), steps_per_epoch


def batch(model, x, y=None, sample_weight=None):
    """One checked real batch, a dict of field -> array; the model knows its size then."""
    given = _fields(model, to_numpy(x), y, sample_weight)
    model.set_batch(len(given["images"]), tuple(given))
    return given


def is_array(x):
    """Whether x is an array, a list of arrays or a tensor of the backend."""
    return (isinstance(x, np.ndarray) or ops.is_tensor(x)
            or isinstance(x, (list, tuple)) and len(x) > 0 and all(hasattr(e, "shape") for e in x))


def to_numpy(x):
    return np.stack([to_numpy(e) for e in x]) if isinstance(x, (list, tuple)) else (
        ops.convert_to_numpy(x))


def _check_alone(x, y, sample_weight, batch_size=None):
    given = {"y": y, "sample_weight": sample_weight, "batch_size": batch_size}
    if beside := [name for name, value in given.items() if value is not None]:
        raise ValueError(
            f"{' and '.join(beside)} expected to be None beside a {type(x).__name__}, which has its "
            "own. Received: a value. Batch the dataset; let it give (images, labels, sample weights)."
        )


def _of_source(model, source, batch_size, steps_per_epoch):
    if not steps_per_epoch and not hasattr(source, "__len__"):
        raise ValueError("Beside a source, which has no end, steps_per_epoch is expected to be a "
                         f"number. Received: {steps_per_epoch}. Set it.")
    if hasattr(source, "stream"):  # it knows its own order
        first = next(source.stream(batch_size=2, seed=model.seed))
        _check(model, *first)
        fields = _FIELDS[: len(first)]
        return _stream(model, batch_size, fields, source.stream)
    samples, labels = source.sample(1000, seed=0)
    _check(model, samples, labels)
    fields = _FIELDS[:1] if labels is None else _FIELDS[:2]
    return _stream(model, batch_size, fields, functools.partial(source_stream, source))


def _of_array(model, x, y, sample_weight, batch_size, steps_per_epoch):
    given = _fields(model, x, y, sample_weight, all_of_them=True)
    dataset = _stream(model, batch_size, tuple(given), functools.partial(_rows, tuple(given.values())))
    available = len(x) // model.samples_per_step
    if available == 0 and not steps_per_epoch:
        raise _too_few(model)
    return dataset, available


def _fields(model, x, y, sample_weight, all_of_them=False):
    """Checked arrays by field; those that are None are left out."""
    if y is not None and len(y) != len(x):
        raise ValueError(
            f"One label per image is expected. Received: {len(x)} images and {len(y)} labels."
        )
    y = None if y is None else to_numpy(y) if is_array(y) else np.asarray(y)
    _check(model, x, y, sample_weight, all_of_them)
    given = {"images": np.asarray(x, "float32")}
    if y is not None:
        given["labels"] = y
    if sample_weight is not None:
        given["sample_weights"] = np.asarray(sample_weight, "float32")
    return given


def _rows(arrays, **order):
    """The rows of arrays (N, ...) in the order of `training_stream`."""
    for (rows,) in training_stream(np.arange(len(arrays[0])), **order):
        yield tuple(array[rows] for array in arrays)


def _of_dataset(model, dataset):
    """Every element becomes the batches of one step, concatenated."""
    spec = dataset.element_spec
    if isinstance(spec, dict):
        keys = [key for key in _keys(spec) if key is not None]
        dataset = dataset.map(lambda element: tuple(element[key] for key in keys))
        spec = dataset.element_spec
    spec = spec[0] if isinstance(spec, (tuple, list)) and spec else spec
    if getattr(getattr(spec, "shape", None), "rank", None) is None:
        raise TypeError("A tf.data.Dataset is expected to have elements of images, or of (images, "
                        f"labels), of known rank. Received: {dataset.element_spec}. Map it to such "
                        "tuples; tfds.load does with as_supervised=True.")
    if tuple(spec.shape) == tuple(model.image_shape):
        raise ValueError(f"A tf.data.Dataset of batches is expected. Received: single samples "
                         f"{spec.shape}. Batch the dataset: dataset.batch(100).")
    check_shape(spec.shape, model.image_shape)
    first = next(iter(dataset.take(1)), None)
    if first is None:
        raise _too_few(model)
    arrays = _arrays(first)
    _check(model, *arrays)
    model.set_batch(len(arrays[0]), _FIELDS[: len(arrays)])
    # Batches may differ in size: their number does not tell that of the steps.
    model.may_end = model.batches_per_step > 1 and int(dataset.cardinality()) != _INFINITE
    dataset = _checked(model, dataset).rebatch(model.samples_per_step, drop_remainder=True)
    if not list(dataset.take(1)):
        raise _too_few(model)
    return dataset


def _checked(model, dataset):
    """A `tf.data.Dataset` whose every element is checked as the first one was."""
    import tensorflow as tf  # the dataset comes from it

    def look(*fields):
        fields = [field for field in fields if field is not None]

        def check(*arrays):
            with _remembered(model):
                _check(model, *arrays)
            return True

        images = tf.cast(fields[0], "float32")
        done = tf.numpy_function(check, [images, *fields[1:]], tf.bool)
        with tf.control_dependencies([done]):
            fields = tuple(map(tf.identity, (images, *fields[1:])))
        return fields if len(fields) > 1 else fields[0]

    return dataset.map(look)


@contextlib.contextmanager
def _remembered(model):
    """Keeps an error in `model.data_error`: TensorFlow raises another one, around its text."""
    try:
        yield
    except Exception as error:
        model.data_error = error
        raise


def _dataset(model, make_stream, first=None, ahead=2):
    """The engine's dataset of `make_stream()`."""

    def stream():
        with _remembered(model):
            yield from make_stream()

    return model.engine.as_dataset(stream, first, ahead)


def _of_py_dataset(model, dataset):
    """Its batches in order, from the one on at which the last step stopped."""
    count = dataset.num_batches
    if not count:
        raise ValueError(f"A PyDataset is expected to have a length. Received: {count} batches. Give "
                         "it __len__, or pass an iterator and steps_per_epoch.")
    first = _arrays(dataset[0])
    _check(model, *first)
    model.set_batch(len(first[0]), _FIELDS[: len(first)])
    # The last batch may be smaller than the others.
    size, last = len(first[0]), len(_arrays(dataset[count - 1])[0])
    passes, rest = divmod(model.steps_trained * model.samples_per_step, (count - 1) * size + last)
    start, done = passes * count + rest // size, rest % size

    def batches():
        for position in itertools.count(start):
            arrays = _arrays(dataset[position % count])
            yield tuple(array[done:] for array in arrays) if position == start else arrays
            if position % count == count - 1:
                dataset.on_epoch_end()

    available = count // model.batches_per_step
    if not available:
        raise _too_few(model)
    return _dataset(model, lambda: _regrouped(model, batches()), first), available


def _of_iterator(model, iterator, steps_per_epoch):
    if not steps_per_epoch:
        raise ValueError("Beside an iterator, whose length is not known, steps_per_epoch is expected "
                         f"to be a number. Received: {steps_per_epoch}. Set it.")
    first = next(iterator, None)
    if first is None:
        raise _too_few(model)
    first = _arrays(first)
    _check(model, *first)
    model.set_batch(len(first[0]), _FIELDS[: len(first)])
    model.may_end = model.batches_per_step > 1
    batches = itertools.chain([first], map(_arrays, iterator))
    # What is taken ahead would be lost to the next `fit`.
    return _dataset(model, lambda: _regrouped(model, batches), first, ahead=0)


def _regrouped(model, batches):
    """Tuples of arrays with the rows of one step each, from batches of any size."""
    rows, kept = model.samples_per_step, None
    for arrays in batches:
        _check(model, *arrays)
        kept = arrays if kept is None else tuple(
            np.concatenate(pair) for pair in zip(kept, arrays, strict=True))
        while len(kept[0]) >= rows:
            yield tuple(array[:rows] for array in kept)
            kept = tuple(array[rows:] for array in kept)


def _arrays(element):
    """A batch as a tuple of arrays in the order of the fields: images, labels, sample weights."""
    if isinstance(element, dict):
        element = tuple(element[key] for key in _keys(element) if key is not None)
    element = element if isinstance(element, (tuple, list)) else (element,)
    images, *others = (ops.convert_to_numpy(part) for part in element if part is not None)
    return np.asarray(images, "float32") if images.dtype.kind == "f" else images, *others


def _keys(element):
    """The keys of a dict that are fields, in their order; None for a field that is not there."""
    keys = [next((key for key in keys if key in element), None) for keys in _NAMES.values()]
    if keys[0] is None or keys[1] is None and keys[2] is not None:
        raise TypeError("A dict is expected to have the keys image, label and sample_weight, or the "
                        f"first of them. Received: {', '.join(map(str, element))}. Map it to tuples.")
    return keys


def _stream(model, batch_size, fields, stream):
    """The dataset of `stream(batch_size=, seed=, start=)`."""
    if batch_size is None:
        unit = model.batch_unit * model.engine.num_replicas()
        batch_size = -(-32 // unit) * unit
    model.set_batch(batch_size, fields)
    start = model.steps_trained  # now: TensorFlow starts the stream while a step is running
    return _dataset(model, functools.partial(
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
