"""Endless training batches, and the combination of several data sources."""

from collections.abc import Iterator

import numpy as np


def training_stream(
    images: np.ndarray, labels: np.ndarray | None = None, *, batch_size: int, seed: int, start: int = 0
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields shuffled batches without end.

    The batches depend only on the arrays, the batch size, the seed and the position, so that a run can
    resume. Each pass over the data has a new random order. A batch may contain the end of one pass and
    the start of the next, so that no sample is left out.

    Args:
        images: array (N, ...).
        labels: array (N,) or None.
        batch_size: samples per batch.
        seed: int >= 0.
        start: number of batches to skip, at no cost.

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


def source_stream(
    source, *, batch_size: int, seed: int, start: int = 0
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields batches of newly drawn samples without end.

    The batches depend only on the source, the batch size, the seed and the position.

    Args:
        source: a source of `data.synthetic`, such as a `GaussianMixture`.
        batch_size: samples per batch.
        seed: int >= 0.
        start: number of batches to skip, at no cost.

    Yields:
        Tuples (samples,) or (samples, labels) of arrays with `batch_size` rows.
    """
    position = start
    while True:
        samples, labels = source.sample(batch_size, seed=(seed, position))
        yield (samples,) if labels is None else (samples, labels)
        position += 1


def with_auxiliary(primary: np.ndarray, *auxiliary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concatenates the samples of several sources, as P2GAN's constraints need them (section 3.2).

    A smaller source is repeated, in order, until it has as many rows as the largest, so that each
    source is equally frequent in the batches.

    Args:
        primary: array (N, ...) of samples that the generators have to reproduce.
        *auxiliary: arrays (N_i, ...) of samples that some of the generators have to avoid.

    Returns:
        The samples of all sources in one array, and an int64 array with the source of each row. The
        primary source is 0, the others are 1, 2, ...

    Raises:
        ValueError: a source is empty, or the samples differ in shape.
    """
    arrays = [np.asarray(array) for array in (primary, *auxiliary)]
    shapes = [array.shape for array in arrays]
    if any(array.ndim == 0 or array.size == 0 or array.shape[1:] != arrays[0].shape[1:]
           for array in arrays):
        raise ValueError(
            "Every source is expected to have at least one sample, of the same shape as the others'. "
            f"Received: arrays of shape {', '.join(map(str, shapes))}. Remove empty sources, and load "
            "all images at the same image_size."
        )
    rows = max(map(len, arrays))
    samples = np.concatenate([array[np.arange(rows) % len(array)] for array in arrays])
    return samples, np.repeat(np.arange(len(arrays), dtype="int64"), rows)
