"""Records of a run in progress: sample images, logs and a progress bar."""

import csv
import functools
import hashlib
import io
import os
import pathlib
import sys
import time

import keras
import numpy as np
from absl import logging

from keras_multigan import plots


class SampleGrid(keras.callbacks.Callback):
    """Generates images from the same noise with each generator at the end of an epoch.

    Writes `<directory>/samples.png`, one row per generator, and TensorBoard images.

    Args:
        directory: folder; it is created if missing.
        columns: images per generator.
        every: number of epochs between two grids. The last epoch always has one.
        seed: int that fixes the noise.
        keep_every: epochs between two grids that are also kept in `<directory>/frames`; None keeps
            none.
    """

    def __init__(self, directory: str | os.PathLike, columns: int = 10, every: int = 1, seed: int = 0,
                 keep_every: int | None = None):
        super().__init__()
        self.directory = _made(directory)
        self.columns, self.every, self.seed, self.keep_every = columns, every, seed, keep_every

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every and epoch + 1 != self.params["epochs"]:
            return
        images = np.stack([self.model.sample(self.columns, generator=k, seed=self.seed)
                           for k in range(self.model.num_generators)])
        plots.save_samples(images, self.directory / "samples.png")
        if self.keep_every and (epoch + 1) % self.keep_every == 0:
            frames = _made(self.directory / "frames")
            few = images[:, : self.columns // 2 or 1]
            plots.save_samples(few, frames / f"epoch-{epoch + 1:05d}.png")
        _to_tensorboard(self.directory, "image", {"samples": plots.image_grid(images)[None]}, epoch)


class HistoryLog(keras.callbacks.Callback):
    """Writes `<directory>/history.csv`, one row per epoch, with its check sum in `history.sha256`, and
    TensorBoard scalars.

    Args:
        directory: folder; it is created if missing.
        initial_epoch: number of epochs already trained. Later rows of an existing file are dropped.
    """

    def __init__(self, directory: str | os.PathLike, initial_epoch: int = 0):
        super().__init__()
        self.directory = _made(directory)
        self.rows = [row for row in read_history(self.directory) if row["epoch"] < initial_epoch]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.rows.append({"epoch": epoch, **{k: float(v) for k, v in (logs or {}).items()}})
        path, sums = self.directory / "history.csv", self.directory / "history.sha256"
        text = io.StringIO(newline="")
        names = dict.fromkeys(name for row in self.rows for name in row)  # callbacks may have changed
        writer = csv.DictWriter(text, list(names), restval="nan")
        writer.writeheader()
        writer.writerows(self.rows)
        content = text.getvalue().encode()
        # The sum of the file that is there, too: a kill may come between the two.
        both = [content, path.read_bytes()] if path.exists() else [content]
        _replace(sums, "".join(f"{_digest(each)}  history.csv\n" for each in both).encode())
        _replace(path, content)
        _to_tensorboard(self.directory, "scalar", logs or {}, epoch)


def read_history(directory: str | os.PathLike) -> list[dict[str, int | float]]:
    """Returns the rows of `<directory>/history.csv`.

    Args:
        directory: folder of the file.

    Returns:
        List of dicts, one per epoch, with floats and the int "epoch". It is empty if there is no file.

    Raises:
        ValueError: it is damaged.
    """
    path = pathlib.Path(directory) / "history.csv"
    if not path.exists():
        return []
    try:
        # Earlier versions wrote no sum.
        content, sums = path.read_bytes(), path.with_name("history.sha256")
        if sums.exists() and _digest(content) not in sums.read_text().split():
            raise ValueError("its check sum is not in history.sha256")
        text = content.decode()
        lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = [{k: int(v) if k == "epoch" else float(v) for k, v in row.items()} for row in lines]
        epochs = [row["epoch"] for row in rows]
        if "epoch" not in (lines.fieldnames or ()) or not text.endswith("\n"):
            raise ValueError("it is cut off" if text else "it is empty")
        if epochs != sorted(set(epochs)) or any(row.keys() != rows[0].keys() for row in rows):
            raise ValueError("a row does not follow the one before")
    except (OSError, ValueError, TypeError, LookupError, csv.Error) as error:
        raise ValueError(f"Expected a table with a row per epoch. Received: {path}, which cannot be "
                         f"read ({type(error).__name__}: {error}). Put it and history.sha256 back, or "
                         "remove both to go on without these rows.") from error
    return rows


class RunProgress(keras.callbacks.Callback):
    """On a terminal one progress bar, with the time left, for all remaining steps of a run; in a file
    or a pipe a line per epoch.

    Args:
        steps: number of remaining steps.
    """

    def __init__(self, steps: int):
        super().__init__()
        self.bar = keras.utils.Progbar(steps, interval=0.5) if sys.stdout.isatty() else None

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self.bar is not None:
            self.bar.stateful_metrics = {metric.name for metric in self.model.metrics}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.bar is not None:
            self.bar.add(1, sorted((logs or {}).items()))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._start = time.time()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.bar is None:
            shown = "".join(f" - {name}: {float(value):.4g}"
                            for name, value in sorted((logs or {}).items()))
            print(f"epoch {epoch + 1} of {self.params['epochs']}: {time.time() - self._start:.1f} s"
                  f"{shown}", flush=True)


def _replace(path, content):
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)


def _digest(content):
    return hashlib.sha256(content).hexdigest()


def _made(directory):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _to_tensorboard(directory, kind, values, step):
    """Writes a dict of name -> value with tf.summary.<kind>, if TensorFlow is installed."""
    writer = _writer(directory)
    if writer is not None:
        import tensorflow as tf

        with writer.as_default():
            for name, value in values.items():
                getattr(tf.summary, kind)(name, value, step=step)


@functools.lru_cache(maxsize=2)
def _writer(directory):
    try:
        import tensorflow as tf
    except ImportError:
        logging.warning("TensorFlow is not installed: no TensorBoard events in %s.", directory)
        return None
    return tf.summary.create_file_writer(str(directory / "tensorboard"))
