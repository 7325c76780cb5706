"""Layers against Keras' own, and what a gradient penalty must not see."""

import keras
import numpy as np
import pytest

from keras_multigan.networks import LayerNormalization
from keras_multigan.training import Phase, load_engine


def test_layer_normalization_is_keras_own():
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 6)).astype("float32")
    ours, keras_own = LayerNormalization(), keras.layers.LayerNormalization()
    keras_own.build(x.shape)
    ours.build(x.shape)
    weights = np.random.default_rng(1).normal(size=(2, 6))
    for layer in (ours, keras_own):
        layer.set_weights(weights)
    np.testing.assert_allclose(ours(x), keras_own(x), rtol=1e-4, atol=1e-5)
    again = LayerNormalization.from_config(ours.get_config())
    assert again.epsilon == keras_own.epsilon


def test_layer_normalization_under_a_gradient_penalty():
    """It does not see a bias that is equal for all features, so a penalty's gradient with respect to
    the biases before it must sum to 0. With Keras' layer on TensorFlow it does not."""
    critic = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8), LayerNormalization(),
                               keras.layers.LeakyReLU(0.2), keras.layers.Dense(1)])
    random = np.random.default_rng(0)
    for variable in critic.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    engine = load_engine()

    def loss(images, labels):
        gradients = engine.input_gradient(critic, images)
        return keras.ops.mean(keras.ops.sum(gradients**2, axis=-1)), {}

    phase = Phase("critic", loss, [critic])
    sgd = keras.optimizers.SGD(1.0)
    sgd.build(phase.variables)
    before = keras.ops.convert_to_numpy(critic.layers[0].bias)
    engine.minimize(phase, sgd, keras.ops.array(random.normal(size=(32, 16)), "float32"), None)
    gradient = before - keras.ops.convert_to_numpy(critic.layers[0].bias)
    assert np.abs(gradient).max() > 1e-3
    assert abs(gradient.sum()) < 1e-4 * np.abs(gradient).sum()


@pytest.mark.parametrize("arguments", [dict(axis=1), dict(rms_scaling=True)])
def test_layer_normalization_takes_the_last_axis_only(arguments):
    with pytest.raises(ValueError, match="keras.layers.LayerNormalization"):
        LayerNormalization(**arguments)
