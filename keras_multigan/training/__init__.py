"""How phases are run: the only place that knows the backend."""

import importlib

import keras

from keras_multigan.training.optimizers import OptimizerGroup as OptimizerGroup
from keras_multigan.training.phase import Phase as Phase


def load_engine():
    """The engine module of the current Keras backend.

    Raises:
        RuntimeError: there is no engine for this backend.
    """
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax"):
        raise RuntimeError(
            f"Training is expected to run on the backend 'tensorflow' or 'jax'. Received: {backend!r}. "
            "Set the environment variable KERAS_BACKEND before Keras is imported."
        )
    return importlib.import_module(f"keras_multigan.training.{backend}")
