"""Images in memory, or in files that are decoded batch by batch."""

import collections
import concurrent.futures
import dataclasses
import os
import time
from collections.abc import Iterator, Sequence

import numpy as np
from absl import logging

from keras_multigan.data.decode import UndecodableError, UnknownRangeError, decode
from keras_multigan.data.sources import Archive, Folder, printable
from keras_multigan.data.stream import training_stream

_AHEAD = 2  # batches that are decoded before they are asked for


def floats(images: np.ndarray) -> np.ndarray:
    """float32 in [-1, 1] of uint8 images; float32 images as they are."""
    if images.dtype != np.uint8:
        return images
    images = images.astype(np.float32)
    images /= 127.5
    images -= 1
    return images


def in_parts(images) -> Iterator[np.ndarray]:
    """Yields an array of images, an `ImageSet` or `ImageFiles` as floats, 1,000 images at a time."""
    for start in range(0, len(images), 1000):
        rows = slice(start, start + 1000)
        yield images.floats(rows) if hasattr(images, "floats") else images[rows]


class ImageSet:
    """Images in memory, at a byte per value if they are uint8.

    Args:
        images: uint8 (N, H, W, C), or float32 in [-1, 1].
        labels: int64 (N,), or None.
        class_names: the original name of each class; None if labels are numbers from the start.
        skipped: (file name, reason) of each file that could not be decoded.
        note: one line that says what the set is and what split was made.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        class_names: list[str] | None = None,
        skipped: Sequence[tuple[str, str]] = (),
        note: str = "",
    ):
        self.images, self.labels, self.class_names = images, labels, class_names
        self.skipped, self.note = list(skipped), note

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of an image."""
        return tuple(self.images.shape[1:])

    def floats(self, rows: np.ndarray | slice | None = None) -> np.ndarray:
        """Returns images as float32 (n, H, W, C) in [-1, 1].

        Args:
            rows: indices, a boolean mask or a slice; None for all.
        """
        return floats(self.images if rows is None else self.images[rows])

    def take(self, rows: np.ndarray | slice) -> "ImageSet":
        """The set of these rows: indices, a boolean mask or a slice."""
        labels = None if self.labels is None else self.labels[rows]
        return ImageSet(self.images[rows], labels, self.class_names, self.skipped, self.note)

    def without_labels(self) -> "ImageSet":
        """The set without its labels."""
        return ImageSet(self.images, None, None, self.skipped, self.note)

    def stream(
        self, *, batch_size: int, seed: int, start: int = 0
    ) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields batches without end, in the order of `training_stream`.

        Args:
            batch_size: samples per batch.
            seed: int >= 0.
            start: number of batches to skip, at no cost.

        Yields:
            Tuples (images,) or (images, labels) of float32 (batch_size, H, W, C) in [-1, 1] and int64.
        """
        order = training_stream(np.arange(len(self)), batch_size=batch_size, seed=seed, start=start)
        for (rows,) in order:
            images = self.floats(rows)
            yield (images,) if self.labels is None else (images, self.labels[rows])


@dataclasses.dataclass(frozen=True)
class Reader:
    """What makes pixels of a file's name.

    Attributes:
        source: the folder or zip.
        size: height and width, or None for the files' own.
        channels: 1 or 3.
        background: "black" or "white".
    """

    source: Folder | Archive
    size: int | None
    channels: int
    background: str

    def __call__(self, name: str) -> np.ndarray:
        """uint8 (H, W, C).

        Raises:
            UndecodableError: the file is damaged.
            ValueError: its values have no known range.
        """
        try:
            return decode(self.source.read(name), self.size, self.channels, self.background)
        except UnknownRangeError as error:
            raise ValueError(
                f"Expected images of 8 or 16 bits, or floats in [0, 1]. Received: {printable(name)} "
                f"with {error}. Scale the images of this folder and save them again."
            ) from error


class ImageFiles:
    """Images that stay in their files: a few threads decode a batch before it is asked for.

    It has what `ImageSet` has, but `images`, and gives the same batches to the last bit.

    Args:
        reader: function name -> uint8 (H, W, C).
        names: of the files, all of which can be decoded.
        shape: (H, W, C) of an image.
        labels, class_names, skipped, note: as in `ImageSet`.
    """

    def __init__(
        self,
        reader: Reader,
        names: Sequence[str],
        shape: tuple[int, int, int],
        labels: np.ndarray | None = None,
        class_names: list[str] | None = None,
        skipped: Sequence[tuple[str, str]] = (),
        note: str = "",
    ):
        self.reader, self.names, self.shape = reader, np.array(names, object), tuple(shape)
        self.labels, self.class_names = labels, class_names
        self.skipped, self.note = list(skipped), note

    def __len__(self) -> int:
        return len(self.names)

    def floats(self, rows: np.ndarray | slice | None = None) -> np.ndarray:
        """As `ImageSet.floats`; decodes the files."""
        names = self.names if rows is None else self.names[rows]
        images = np.empty((len(names), *self.shape), np.float32)

        def part(start):
            images[start : start + 64] = self._decode(names[start : start + 64])

        with _threads() as pool:
            list(pool.map(part, range(0, len(names), 64)))
        return images

    def take(self, rows: np.ndarray | slice) -> "ImageFiles":
        """As `ImageSet.take`."""
        labels = None if self.labels is None else self.labels[rows]
        return ImageFiles(self.reader, self.names[rows], self.shape, labels, self.class_names,
                          self.skipped, self.note)

    def without_labels(self) -> "ImageFiles":
        """As `ImageSet.without_labels`."""
        return ImageFiles(self.reader, self.names, self.shape, None, None, self.skipped, self.note)

    def stream(
        self, *, batch_size: int, seed: int, start: int = 0
    ) -> Iterator[tuple[np.ndarray, ...]]:
        """As `ImageSet.stream`.

        Raises:
            ValueError: a file has gone or changed since it was checked.
        """
        order = training_stream(np.arange(len(self)), batch_size=batch_size, seed=seed, start=start)
        pool, waiting = _threads(), collections.deque()
        try:
            for (rows,) in order:
                parts = np.array_split(rows, min(batch_size, _num_threads()))
                waiting.append((rows, [pool.submit(self._decode, self.names[part]) for part in parts]))
                if len(waiting) > _AHEAD:
                    rows, parts = waiting.popleft()
                    images = np.concatenate([part.result() for part in parts])
                    yield (images,) if self.labels is None else (images, self.labels[rows])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, names):
        images = np.empty((len(names), *self.shape), np.uint8)
        for i, name in enumerate(names):
            try:
                image = self.reader(name)
            except UndecodableError as error:
                image, reason = None, str(error)
            if image is None or image.shape != self.shape:
                raise ValueError(
                    f"Expected {printable(name)} as it was when this process began, an image of shape "
                    f"{self.shape}. Received: {image.shape if image is not None else reason}. Put the "
                    f"file back into {self.reader.source.path} and resume."
                )
            images[i] = image
        return floats(images)


def decode_all(
    reader: Reader, names: Sequence[str], shape: tuple[int, int, int], images: np.ndarray | None = None
) -> dict[int, str]:
    """Decodes all files.

    Args:
        reader: function name -> uint8 (H, W, C).
        names: of the N files.
        shape: the (H, W, C) that all have to have.
        images: uint8 (N, *shape) to be filled; None only checks the files.

    Returns:
        {row: reason} of the files that cannot be decoded; their rows of `images` are not set.

    Raises:
        ValueError: an image of another shape, or of unknown range.
    """
    def part(start):
        failed = {}
        for row in range(start, min(start + 64, len(names))):
            try:
                image = reader(names[row])
            except UndecodableError as error:
                failed[row] = str(error)
                continue
            if image.shape != shape:
                raise ValueError(
                    f"Expected images of one size, {shape[0]}x{shape[1]} (height x width) as the first "
                    f"of the training set. Received: {printable(names[row])} of {image.shape[0]}x"
                    f"{image.shape[1]}. Give an image_size."
                )
            if images is not None:
                images[row] = image
        return start, failed

    failed, said = {}, time.monotonic()
    with _threads() as pool:
        try:
            for start, some in pool.map(part, range(0, len(names), 64)):
                failed |= some
                if time.monotonic() > said + 30:
                    logging.info("Read %d of %d images.", start, len(names))
                    said = time.monotonic()
        except ValueError:
            pool.shutdown(cancel_futures=True)
            raise
    return failed


def _num_threads():
    return min(8, 2 * (os.cpu_count() or 1))


def _threads():
    return concurrent.futures.ThreadPoolExecutor(_num_threads(), "images")
