"""Measures of samples while a model trains."""

from collections.abc import Callable, Mapping

import keras
import numpy as np


class Evaluate(keras.callbacks.Callback):
    """Measures samples of the mixture every so many epochs and puts the results into the logs.

    `keras.callbacks.ModelCheckpoint(monitor=..., save_best_only=True)`, `EarlyStopping` and
    `ReduceLROnPlateau` can follow them; this callback has to come before them in the list. The first
    epoch is measured, too. Between two measurements the logs repeat the last one.

        callbacks.Evaluate(metrics.against(x_validation), every=5)

    Args:
        measure: function of samples, a float32 NumPy array (num_samples, H, W, C) or (num_samples, d),
            that returns a dict of name -> number. `metrics.against` makes one.
        num_samples: samples to measure, from the same noise each time; at least 1.
        every: epochs between two measurements, at least 1.
        seed: int that fixes the noise.

    Attributes:
        results: what was measured last, a dict. A resumed run may set it.

    Raises:
        ValueError: num_samples or every < 1; in training, a name that a log has already.
    """

    def __init__(self, measure: Callable[[np.ndarray], Mapping[str, float]], num_samples: int = 1000,
                 every: int = 1, seed: int = 0):
        super().__init__()
        if num_samples < 1 or every < 1:
            raise ValueError("num_samples and every are expected to be >= 1. Received: "
                             f"{num_samples} and {every}")
        self.measure, self.num_samples, self.every, self.seed = measure, num_samples, every, seed
        self.results = {}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = {} if logs is None else logs
        if not self.results or (epoch + 1) % self.every == 0:
            samples = self.model.sample(self.num_samples, seed=self.seed)
            self.results = {name: float(value) for name, value in self.measure(samples).items()}
            if taken := self.results.keys() & logs.keys():
                raise ValueError("measure is expected to return names that no log has. Received: "
                                 f"{sorted(taken)}. Rename them.")
        logs.update(self.results)
