"""The order in which training samples are seen."""

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
