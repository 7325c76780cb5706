"""The private names of Keras and TensorFlow that the package needs still do what it needs."""

import keras
import numpy as np
import pytest

from keras_multigan import internals

pytestmark = pytest.mark.fast


def nested():
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    return keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(1)])


def test_flatten_layers_goes_to_any_depth():
    model = nested()
    kinds = [type(layer) for layer in internals.flatten_layers(model)]
    assert kinds.count(keras.layers.Dense) == 2 and keras.layers.Dropout in kinds
    assert all(layer is not model for layer in internals.flatten_layers(model))


def test_is_seed_state():
    states = [v for v in nested().variables if internals.is_seed_state(v)]
    assert len(states) == 1 and states[0].shape == (2,)


def test_drop_loss_tracker():
    model = nested()
    model.compile("sgd", loss=None)
    internals.drop_loss_tracker(model)
    assert "loss" not in [metric.name for metric in model.metrics]


def test_skip_symbolic_build():
    model = nested()
    model.compile("sgd", "mse")
    x = np.zeros((4, 2), "float32")
    internals.skip_symbolic_build(model)
    model._maybe_symbolic_build(iterator=None)  # the name that Keras' fit calls
    model.fit(x, x[:, :1], verbose=0)


def test_layers_that_added_losses():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activity_regularizer="l2"),
                              keras.layers.Dense(1)])
    assert internals.layers_that_added_losses([model]) == []
    model(np.ones((1, 2), "float32"))
    assert internals.layers_that_added_losses([model]) == [model.layers[0].name]
    assert internals.layers_that_added_losses([model]) == []


def test_check_compiled():
    with pytest.raises(ValueError, match="compile"):
        internals.check_compiled(nested(), "fit")
    model = nested()
    model.compile("sgd")
    internals.check_compiled(model, "fit")


def test_trained_variables():
    model, optimizer = nested(), keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    assert internals.trained_variables(optimizer) == model.trainable_variables


@pytest.mark.tensorflow
def test_single_threaded_gives_the_same_numbers():
    import tensorflow as tf

    step = tf.function(lambda x: tf.add_n([x, 2 * x, tf.exp(x)]))
    x = tf.constant(np.linspace(0, 1, 5, dtype="float32"))
    np.testing.assert_allclose(internals.single_threaded(step)(x), step(x), rtol=1e-6)
