"""Callbacks that stop training."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterable, Iterator

import keras
import numpy as np
from absl import logging


class NonFiniteLossError(ArithmeticError):
    """A loss or a weight became NaN or infinite."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training with `NonFiniteLossError` as soon as a loss is NaN or infinite.

    In the list of callbacks, it has to come before `Checkpoint`, so that no checkpoint is written after
    the error.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        losses = [f"{phase.name}_loss" for phase in self.model.phases()]
        for name in [*losses, *(logs or {})]:  # in the order of the phases, to name the first cause
            if name in (logs or {}) and not np.isfinite(logs[name]):
                raise NonFiniteLossError(
                    f"Expected finite losses. Received: {name} = {logs[name]} in step {batch + 1} of "
                    "this epoch. The last checkpoint is kept. Lower the learning rate of that phase "
                    "or raise the gradient penalty's weight."
                )


class Terminated(KeyboardInterrupt):
    """SIGTERM has ended a training, whose state is saved."""


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Catches SIGTERM, as clusters send it, and SIGINT (Ctrl-C), which would break off in the midst of
    a step. The second one acts at once.

    Yields:
        The list of the signals that have come.
    """
    received, usual = [], {}

    def receive(number, frame):
        received.append(number)
        print("Stopping after this step. A second signal stops at once.", file=sys.stderr, flush=True)
        for each, handler in usual.items():
            signal.signal(each, handler)

    if threading.current_thread() is threading.main_thread():  # others cannot set handlers
        for number in (signal.SIGTERM, signal.SIGINT):
            usual[number] = signal.signal(number, receive)
    try:
        yield received
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def raise_signal(received: list[int]) -> None:
    """Raises what the first signal stands for, `Terminated` or KeyboardInterrupt, if one came."""
    if received:
        raise Terminated if received[0] == signal.SIGTERM else KeyboardInterrupt


class ConvergenceStop(keras.callbacks.Callback):
    """Stops training once a log has changed by less than `min_change` for `patience` epochs in a row.

    ComMutE-GAN uses a change of 0.01 and 5 epochs.

    Args:
        monitor: name of the log.
        min_change: change from one epoch to the next, below which an epoch counts as converged.
        patience: number of such epochs in a row.
        history: for a resumed run, the values of the log in the epochs before.

    Raises:
        ValueError: at the end of an epoch, if there is no log of that name.
    """

    def __init__(
        self,
        monitor: str = "critic_loss",
        min_change: float = 0.01,
        patience: int = 5,
        history: Iterable[float] = (),
    ):
        super().__init__()
        self.monitor, self.min_change, self.patience = monitor, min_change, patience
        self.values = [float(value) for value in history]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.monitor not in (logs or {}):
            raise ValueError(
                f"ConvergenceStop expects monitor to be one of {sorted(logs or {})}. "
                f"Received: {self.monitor!r}"
            )
        self.values.append(float(logs[self.monitor]))
        if self.converged():
            logging.info("Converged in epoch %d.", epoch + 1)
            self.model.stop_training = True

    def converged(self) -> bool:
        """Returns whether the last `patience` changes were all below `min_change`."""
        recent = np.array(self.values[-self.patience - 1 :])
        return len(recent) > self.patience and bool(
            np.all(np.abs(np.diff(recent)) < self.min_change)
        )
