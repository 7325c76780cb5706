"""Training samples: the order in which they are seen, and several sources of them together."""

import numpy as np


def training_stream(images, labels=None, *, batch_size, seed, start=0):
    """Endless shuffled batches, a function of (seed, position) alone, so that a run can resume.

    Every pass over the data is shuffled anew; a batch may straddle two passes, so that no sample is
    left out.

    Args:
        images: array (N, ...).
        labels: array (N,) or None.
        batch_size: samples a batch.
        seed: int >= 0.
        start: number of batches to skip (costs nothing).

    Yields:
        Tuples (images,) or (images, labels) of arrays with `batch_size` rows.
    """
    arrays = (images,) if labels is None else (images, labels)
    size = len(images)

    def order(number):
        return np.random.default_rng((seed, number)).permutation(size)

    first, offset = divmod(start * batch_size, size)
    indices, following = order(first)[offset:], first + 1
    while True:
        while len(indices) < batch_size:
            indices, following = np.concatenate([indices, order(following)]), following + 1
        chosen, indices = indices[:batch_size], indices[batch_size:]
        yield tuple(array[chosen] for array in arrays)


def source_stream(source, *, batch_size, seed, start=0):
    """Endless batches of a source of `data.synthetic`, no sample twice; else as `training_stream`."""
    position = start
    while True:
        samples, labels = source.sample(batch_size, seed=(seed, position))
        yield (samples,) if labels is None else (samples, labels)
        position += 1


def with_auxiliary(primary, *auxiliary):
    """Puts the samples of several sources together, as P2GAN's constraints need them (section 3.2).

    A smaller source is repeated, in order, until it has as many rows as the largest, so that a batch
    holds equal shares of all.

    Args:
        primary: array (N, ...), what the generators shall draw.
        *auxiliary: arrays (N_i, ...), what some of them shall avoid.

    Returns:
        (samples, sources): one array of all; int64, 0 for the primary source, then 1, 2, ...

    Raises:
        ValueError: a source is empty, or the samples differ in shape.
    """
    arrays = [np.asarray(array) for array in (primary, *auxiliary)]
    shapes = [array.shape for array in arrays]
    if any(array.ndim == 0 or array.size == 0 or array.shape[1:] != arrays[0].shape[1:]
           for array in arrays):
        raise ValueError(
            "Every source is expected to have at least one sample, of the same shape as the others'. "
            f"Received: arrays of shape {', '.join(map(str, shapes))}. Leave empty sources out, and "
            "load the images at one image_size."
        )
    rows = max(map(len, arrays))
    samples = np.concatenate([array[np.arange(rows) % len(array)] for array in arrays])
    return samples, np.repeat(np.arange(len(arrays), dtype="int64"), rows)
