"""The choice of the engine: the module that runs phases on the current Keras backend."""

import importlib
import types
from collections.abc import Callable

import keras


def load_engine() -> types.ModuleType:
    """Returns the engine module of the current Keras backend.

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


def inference(network: keras.Model) -> Callable:
    """A compiled function that runs `network` in inference mode on a NumPy array of inputs."""
    return load_engine().inference(network)
