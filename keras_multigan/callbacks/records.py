"""What a run leaves to look at while it goes on."""

import csv
import functools
import os
import pathlib
import sys

import keras
import numpy as np
from absl import logging

from keras_multigan import plots


class SampleGrid(keras.callbacks.Callback):
    """Draws the same noise through every generator at the end of an epoch.

    Writes `<directory>/samples.png`, a row a generator, and TensorBoard images.

    Args:
        directory: folder, made if missing.
        columns: images a generator.
        every: epochs between two grids.
        seed: int that fixes the noise.
    """

    def __init__(self, directory, columns=10, every=1, seed=0):
        super().__init__()
        self.directory = _made(directory)
        self.columns, self.every, self.seed = columns, every, seed

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every and epoch + 1 != self.params["epochs"]:
            return
        images = np.stack([self.model.sample(self.columns, generator=k, seed=self.seed)
                           for k in range(self.model.num_generators)])
        plots.save_samples(images, self.directory / "samples.png")
        _to_tensorboard(self.directory, "image", {"samples": plots.image_grid(images)[None]}, epoch)


class HistoryLog(keras.callbacks.Callback):
    """Keeps `<directory>/history.csv`, a row an epoch, and TensorBoard scalars.

    Args:
        directory: folder, made if missing.
        initial_epoch: epochs already trained; later rows of an earlier attempt are dropped.
    """

    def __init__(self, directory, initial_epoch=0):
        super().__init__()
        self.directory = _made(directory)
        self.rows = read_history(self.directory)[:initial_epoch]

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch, **{k: float(v) for k, v in (logs or {}).items()}})
        partial = self.directory / "history.csv.partial"
        with open(partial, "w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[-1]))
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(partial, self.directory / "history.csv")
        _to_tensorboard(self.directory, "scalar", logs or {}, epoch)


def read_history(directory):
    """The rows of `<directory>/history.csv` as dicts of floats; [] where there is none."""
    path = pathlib.Path(directory) / "history.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [{k: int(v) if k == "epoch" else float(v) for k, v in row.items()}
                for row in csv.DictReader(file)]


class RunProgress(keras.callbacks.Callback):
    """One progress bar, with the time left, over all the steps that a run has still to do."""

    def __init__(self, steps):
        super().__init__()
        # A terminal's line is rewritten; a log file gets a line now and then.
        self.bar = keras.utils.Progbar(steps, interval=0.5 if sys.stdout.isatty() else 20)

    def on_train_begin(self, logs=None):
        self.bar.stateful_metrics = {metric.name for metric in self.model.metrics}

    def on_train_batch_end(self, batch, logs=None):
        self.bar.add(1, sorted((logs or {}).items()))


def _made(directory):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _to_tensorboard(directory, kind, values, step):
    """Writes a dict of name -> value with tf.summary.<kind>, where TensorFlow is installed."""
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
