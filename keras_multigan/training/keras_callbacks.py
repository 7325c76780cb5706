"""What Keras' callbacks need from a model that has one loss per phase and no "loss"."""

import keras

_BETTER = {"frechet_distance": "min", "precision": "max", "recall": "max", "density": "max",
           "coverage": "max", "classifier_score": "max", "pairwise_tvd": "max", "tvd": "max"}


class BeginEpoch(keras.callbacks.Callback):
    """Lets the model set its scheduled weights, and an epoch's logs go on from saved means."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.begin_epoch(epoch)
        if self.model.means_to_go_on_from:
            for variable, mean in zip(self.model.metrics_variables, self.model.means_to_go_on_from,
                                      strict=True):
                variable.assign(mean)
            self.model.means_to_go_on_from = []


def _better(log):
    """Whether a log, with a prefix or without, should be "min" or "max"; None if that is not known."""
    if log.endswith("_loss") and log != "val_loss":
        return "min"
    return next((way for name, way in _BETTER.items() if f"_{log}".endswith(f"_{name}")), None)


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
        if getattr(callback, "mode", None) == "auto":
            callback.mode = _better(str(callback.monitor)) or "auto"
    terminating = [_NaNIn(c) for c in callbacks if isinstance(c, keras.callbacks.TerminateOnNaN)]
    return [BeginEpoch(), *callbacks, *terminating]
