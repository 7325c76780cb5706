"""What Keras' callbacks need from a model that has one loss per phase and no "loss"."""

import keras

_BETTER = {"frechet_distance": "min", "precision": "max", "recall": "max", "density": "max",
           "coverage": "max", "classifier_score": "max", "pairwise_tvd": "max", "tvd": "max"}


class BeginEpoch(keras.callbacks.Callback):
    """Lets the model set its scheduled weights."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.begin_epoch(epoch)


class _NaNIn(keras.callbacks.Callback):
    """Shows a `TerminateOnNaN` the loss of every phase as "loss"."""

    def __init__(self, terminate):
        super().__init__()
        self.terminate = terminate

    def on_train_batch_end(self, batch, logs=None):
        for phase in self.model.phases():
            self.terminate.on_batch_end(batch, {"loss": logs[f"{phase.name}_loss"]})


def adapted(callbacks) -> list:
    """`callbacks` and what else `fit` needs. Those that follow a log without saying whether less is
    better learn it, as Keras does it for metrics of its own: losses and distances are to fall,
    precision, recall, density, coverage, scores and TVD to rise.

    Args:
        callbacks: a callback, a list of them or None.

    Raises:
        TypeError: a `keras.callbacks.CallbackList`.
    """
    callbacks = keras.tree.flatten(callbacks or [])
    if any(isinstance(callback, keras.callbacks.CallbackList) for callback in callbacks):
        raise TypeError("callbacks is expected to be a list of callbacks. Received: a CallbackList, to "
                        "which fit cannot add its own. Pass the list.")
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        is_loss = str(monitor).endswith("_loss") and monitor != "val_loss"
        better = "min" if is_loss else _BETTER.get(monitor)
        if better and getattr(callback, "mode", None) == "auto":
            callback.mode = better
    terminating = [_NaNIn(c) for c in callbacks if isinstance(c, keras.callbacks.TerminateOnNaN)]
    return [BeginEpoch(), *callbacks, *terminating]
