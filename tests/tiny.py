"""Tiny networks, so that tests are about the code around them."""

import keras
import numpy as np
from keras import layers

from keras_multigan import networks

SHAPE = (4, 4, 1)
LATENT = 3


def generator(latent_dim=LATENT, shape=SHAPE):
    return keras.Sequential([
        keras.Input((latent_dim,)),
        layers.Dense(8), layers.BatchNormalization(), layers.LeakyReLU(0.2),
        layers.Dense(int(np.prod(shape)), activation="tanh"), layers.Reshape(shape),
        layers.Activation("linear", dtype="float32"),
    ])


def critic(shape=SHAPE, dropout=0.2):
    return keras.Sequential([
        keras.Input(shape), layers.Flatten(), layers.Dense(8), networks.LayerNormalization(),
        layers.LeakyReLU(0.2), layers.Dropout(dropout), layers.Dense(1),
    ])


def classifier(shape=SHAPE, classes=3):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(classes)])


def images(count=60, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype("float32")


def state(model):
    """Every variable of a compiled model that training may change, as NumPy."""
    metrics = {id(v) for metric in model.metrics for v in metric.variables}
    return [np.asarray(v.numpy()) for v in model.variables_in_files() if id(v) not in metrics]


def same(model, other):
    states = state(model), state(other)
    return len(states[0]) == len(states[1]) and all(
        np.array_equal(a, b) for a, b in zip(*states, strict=True)
    )


def fix_draws(model, monkeypatch, **numbers):
    """Lets `model.draw` return `numbers`: by the distribution's name a list of an array for each draw.
    Returns the lists, from which the draws take away."""
    def draw(distribution, *shape):
        array = numbers[distribution.__name__].pop(0)
        assert array.shape == shape
        return keras.ops.convert_to_tensor(array)

    monkeypatch.setattr(model, "draw", draw)
    return numbers


def update(model, phase, images, labels=None):
    """`model.update`; on JAX as one compiled function, for each of its operations alone would be
    compiled, too."""
    if keras.backend.backend() != "jax":
        return model.update(phase, images, labels)

    import jax

    variables = [*model.trainable_variables, *model.non_trainable_variables,
                 *model.optimizer.variables, *model.metrics_variables]

    @jax.jit
    def updated(values, *batch):
        with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
            model.update(phase, *batch)
            return [scope.get_current_value(v) for v in variables]

    values = updated([v.value for v in variables], images, labels)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
