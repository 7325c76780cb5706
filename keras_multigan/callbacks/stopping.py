"""When to stop."""

import keras
import numpy as np
from absl import logging


class NonFiniteLossError(ArithmeticError):
    """A loss became NaN or infinite."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training with `NonFiniteLossError` as soon as a loss is NaN or infinite.

    Put it before `Checkpoint`, so that the last checkpoint is a good one.
    """

    def on_train_batch_end(self, batch, logs=None):
        losses = [f"{phase.name}_loss" for phase in self.model.phases()]
        for name in [*losses, *(logs or {})]:  # phases in order: the first to fail is the cause
            if name in (logs or {}) and not np.isfinite(logs[name]):
                raise NonFiniteLossError(
                    f"Expected finite losses. Received: {name} = {logs[name]} in step {batch + 1} of "
                    "this epoch. The last checkpoint is kept. Lower the learning rate of that phase "
                    "or raise the gradient penalty's weight."
                )


class ConvergenceStop(keras.callbacks.Callback):
    """Stops once the objective has changed by less than `min_change` for `patience` epochs in a row
    (ComMutE-GAN: 0.01 and 5).

    Args:
        monitor: name of the log that is the objective.
        min_change, patience: as above.
        history: values of the log in the epochs before, of a resumed run.
    """

    def __init__(self, monitor="critic_loss", min_change=0.01, patience=5, history=()):
        super().__init__()
        self.monitor, self.min_change, self.patience = monitor, min_change, patience
        self.values = [float(value) for value in history]

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in (logs or {}):
            raise ValueError(
                f"ConvergenceStop expects monitor to be one of {sorted(logs or {})}. "
                f"Received: {self.monitor!r}"
            )
        self.values.append(float(logs[self.monitor]))
        if self.converged():
            logging.info("Converged in epoch %d.", epoch + 1)
            self.model.stop_training = True

    def converged(self):
        recent = np.array(self.values[-self.patience - 1 :])
        return len(recent) > self.patience and bool(
            np.all(np.abs(np.diff(recent)) < self.min_change)
        )
