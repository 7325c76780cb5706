"""Layers against Keras' own, and what a gradient penalty must not see."""

import keras
import numpy as np
import pytest

from keras_multigan.networks import (
    Conv2D,
    Dropout,
    LayerNormalization,
    SpectralNormalization,
    UpSamplingConv2D,
    WeightNormalization,
)
from keras_multigan.training import Phase, load_engine

pytestmark = pytest.mark.fast


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


@pytest.mark.parametrize("shape, kernel_size, strides", [
    ((4, 4, 3), 5, 2), ((3, 5, 2), (4, 5), (1, 2)), ((1, 2, 3), 5, 2), ((4, 2, 1), (3, 3), (3, 1)),
    ((4, 4, 3), 3, 1),  # more pixels than taps: Keras' own way
])
def test_conv2d_is_keras_own(shape, kernel_size, strides):
    random = np.random.default_rng(0)
    x = random.normal(size=(6, *shape)).astype("float32")
    arguments = dict(filters=4, kernel_size=kernel_size, strides=strides, padding="same")
    ours, keras_own = Conv2D(**arguments), keras.layers.Conv2D(**arguments)
    for layer in (ours, keras_own):
        layer.build(x.shape)
    weights = [random.normal(size=w.shape) for w in keras_own.weights]
    ours.set_weights(weights)
    keras_own.set_weights(weights)
    expected = keras_own(x)
    assert ours(x).shape == expected.shape == ours.compute_output_shape(x.shape)
    np.testing.assert_allclose(ours(x), expected, rtol=1e-5, atol=1e-4)


def test_conv2d_second_derivatives_are_keras_own():
    random = np.random.default_rng(0)
    engine, images = load_engine(), random.normal(size=(8, 4, 4, 3)).astype("float32")
    weights, updated = None, []
    for make in (Conv2D, keras.layers.Conv2D):
        critic = keras.Sequential([keras.Input((4, 4, 3)), make(6, 5, 2, padding="same"),
                                   keras.layers.Activation("tanh"), keras.layers.Flatten(),
                                   keras.layers.Dense(1)])
        weights = weights or [random.normal(size=w.shape) for w in critic.get_weights()]
        critic.set_weights(weights)

        def loss(images, labels, critic=critic):
            return keras.ops.mean(engine.input_gradient(critic, images) ** 2), {}

        phase = Phase("critic", loss, [critic])
        sgd = keras.optimizers.SGD(0.1)
        sgd.build(phase.variables)
        engine.minimize(phase, sgd, keras.ops.array(images), None)
        updated.append(critic.get_weights()[0])
    assert np.abs(updated[0] - weights[0]).max() > 1e-3
    np.testing.assert_allclose(updated[0], updated[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape, filters", [((4, 4, 3), 5), ((1, 3, 2), 1)])
def test_up_sampling_conv2d_is_keras_own(shape, filters):
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    ours, keras_own = UpSamplingConv2D(filters), keras.layers.Conv2D(filters, 3, padding="same")
    enlarged = keras.layers.UpSampling2D(2)(x)
    expected = keras_own(enlarged)
    ours.build(x.shape)
    ours.set_weights([keras_own.get_weights()[0], np.arange(filters)])
    assert ours.compute_output_shape((None, *shape)) == (None, *expected.shape[1:])
    np.testing.assert_allclose(ours(x), expected + np.arange(filters), rtol=1e-5, atol=1e-5)
    again = UpSamplingConv2D.from_config(ours.get_config())
    assert again.get_config() == ours.get_config()


def test_up_sampling_conv2d_has_one_kernel_size():
    with pytest.raises(ValueError, match="keras.layers.UpSampling2D"):
        UpSamplingConv2D(4, kernel_size=5)


def test_dropout_keeps_the_mean_and_drops_its_share():
    layer = Dropout(0.3, seed=0)
    x = np.full((300, 7, 11), 2.0, "float32")  # 23,100 elements, no multiple of 4 a row
    np.testing.assert_array_equal(layer(x, training=False), x)
    first, second = (keras.ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))
    for y in (first, second):
        np.testing.assert_allclose(np.unique(y), [0, 2 * 256 / (256 - 77)], rtol=1e-6)
        assert abs(np.mean(y == 0) - 77 / 256) < 0.02  # 6 standard deviations
        assert (y == 0).mean(axis=0).max() < 0.5 > (y == 0).mean(axis=(1, 2)).max()
    assert abs(np.mean((first == 0) & (second == 0)) - (77 / 256) ** 2) < 0.02
    again = Dropout.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x, training=True), first)


def test_dropout_under_a_gradient_penalty():
    """The gradient's gradient meets the mask of the forward pass."""
    critic = keras.Sequential([keras.Input((64,)), Dropout(0.5, seed=1)])
    gradient = keras.ops.convert_to_numpy(
        load_engine().input_gradient(lambda x: critic(x, training=True), keras.ops.ones((10, 64)))
    )
    assert set(np.unique(gradient)) == {0.0, 2.0}


@pytest.mark.parametrize("arguments", [dict(rate=0.001), dict(rate=0.9999),
                                       dict(rate=0.5, noise_shape=(None, 1))])
def test_dropout_refuses_what_it_cannot_do(arguments):
    with pytest.raises(ValueError, match="keras.layers.Dropout"):
        Dropout(**arguments)


@pytest.mark.parametrize("make", [
    lambda: keras.layers.Dense(3), lambda: keras.layers.Conv2D(3, 2, use_bias=False)])
def test_weight_normalization(make):
    """At first it is the layer; then a kernel's length is the learned one, whatever v's is."""
    random = np.random.default_rng(0)
    layer, inner = WeightNormalization(plain := make()), make()
    x = random.normal(size=(4, 5, 5, 2)).astype("float32")
    inner.build(x.shape)
    layer.build(x.shape)
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-5, atol=1e-6)
    kernel = random.normal(size=plain.kernel.shape)
    rest = [random.normal(size=3)] * (len(plain.weights) - 1)
    plain.set_weights([kernel, *rest])
    layer.length.assign([1.0, 2.0, 3.0])
    unit = kernel / np.sqrt((kernel**2).sum(axis=tuple(range(kernel.ndim - 1))))
    inner.set_weights([unit * [1, 2, 3], *rest])
    np.testing.assert_allclose(layer(x), inner(x), rtol=1e-4, atol=1e-5)


def test_weight_normalization_takes_no_transposed_convolution():
    with pytest.raises(ValueError, match="ends in its outputs. Received: Conv2DTranspose"):
        WeightNormalization(keras.layers.Conv2DTranspose(3, 2))


def test_spectral_normalization_of_small_kernels():
    layer = SpectralNormalization(plain := keras.layers.Dense(3, use_bias=False))
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    layer.build(x.shape)
    kernel = np.random.default_rng(1).normal(size=(5, 3))
    plain.set_weights([1e-5 * kernel])
    for _ in range(30):
        found = layer(x, training=True)
    np.testing.assert_allclose(found, x @ kernel / np.linalg.norm(kernel, 2), rtol=1e-3, atol=1e-5)


def test_weight_normalization_takes_no_activation():
    with pytest.raises(ValueError, match="Received: relu"):
        WeightNormalization(keras.layers.Dense(3, activation="relu"))
