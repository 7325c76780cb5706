"""Gaussian mixtures of latent vectors against NumPy."""

import keras
import numpy as np
import pytest

from keras_multigan.networks import ClassLatent, GaussianMixtureLatent, component_generators, mlp

pytestmark = pytest.mark.fast

K, D, N = 3, 4, 5


def layer_and_weights(**kwargs):
    layer = GaussianMixtureLatent(K, D, **kwargs)
    random = np.random.default_rng(0)
    mean, log_scale = random.normal(size=(2, K, D)).astype("float32")
    layer.mean.assign(mean)
    layer.log_scale.assign(log_scale)
    return layer, mean, np.exp(log_scale), random.normal(size=(N, D)).astype("float32")


def test_first_values():
    layer = GaussianMixtureLatent(400, 50, scale=1.4, center_range=0.5, seed=1)
    mean = keras.ops.convert_to_numpy(layer.mean)
    assert mean.shape == (400, 50) and -0.5 <= mean.min() < -0.49 and 0.49 < mean.max() <= 0.5
    assert abs(mean.mean()) < 6 * 0.5 / np.sqrt(3 * mean.size)
    np.testing.assert_allclose(layer.log_scale, np.full((400, 50), np.log(1.4)), rtol=1e-6)
    again = GaussianMixtureLatent.from_config(layer.get_config())
    np.testing.assert_array_equal(again.mean, mean)
    assert again.get_config() == layer.get_config()
    other = GaussianMixtureLatent(400, 50, center_range=0.5, seed=2)
    assert not np.array_equal(other.mean, mean)


def test_one_component_and_weights():
    layer, mean, scale, noise = layer_and_weights()
    weights = np.random.default_rng(1).dirichlet(np.ones(K), N).astype("float32")
    soft = keras.ops.convert_to_numpy(layer(noise, component=keras.ops.array(weights)))
    chosen = np.arange(N) % K
    hard = keras.ops.convert_to_numpy(layer(noise, component=keras.ops.array(np.eye(K)[chosen])))
    for i in range(N):
        each = [[mean[k, j] + scale[k, j] * noise[i, j] for j in range(D)] for k in range(K)]
        expected = sum(weights[i, k] * np.array(each[k]) for k in range(K))
        np.testing.assert_allclose(soft[i], expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(hard[i], each[chosen[i]], rtol=1e-5, atol=1e-5)
        fixed = keras.ops.convert_to_numpy(layer(noise, component=int(chosen[i])))
        np.testing.assert_allclose(fixed[i], each[chosen[i]], rtol=1e-5, atol=1e-5)


def test_the_generators_of_components_share_one_network():
    layer, mean, scale, noise = layer_and_weights()
    network = mlp(D, 2, 3, 6)
    models = component_generators(network, layer)
    assert len(models) == K
    for k, model in enumerate(models):
        expected = network(mean[k] + scale[k] * noise)
        np.testing.assert_allclose(model(noise), expected, rtol=1e-4, atol=1e-5)
        shared = {id(v) for v in [*network.variables, *layer.variables]}
        assert {id(v) for v in model.variables} == shared


def test_what_is_trainable():
    assert len(GaussianMixtureLatent(K, D).trainable_variables) == 2
    fixed = GaussianMixtureLatent(K, D, trainable=False)
    assert not fixed.trainable_variables and len(fixed.variables) == 2
    assert not GaussianMixtureLatent.from_config(fixed.get_config()).trainable


def test_mixed_precision_rounds_the_result_only():
    layer, mean, scale, noise = layer_and_weights(dtype="mixed_bfloat16")
    assert {v.dtype for v in layer.variables} == {"float32"}
    found = layer(noise, component=1)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    expected = keras.ops.cast(mean[1] + scale[1] * noise, "bfloat16")
    # One step of bfloat16 at most: its last bit.
    np.testing.assert_allclose(keras.ops.convert_to_numpy(keras.ops.cast(found, "float32")),
                               keras.ops.convert_to_numpy(keras.ops.cast(expected, "float32")),
                               rtol=2**-7)
    model = component_generators(mlp(D, 2), layer)[1]
    assert keras.backend.standardize_dtype(model(noise).dtype) == "float32"


@pytest.mark.parametrize("kwargs", [
    dict(num_components=0), dict(latent_dim=0), dict(latent_dim=2.5), dict(scale=0.0),
    dict(scale=float("inf")), dict(center_range=-1.0), dict(center_range=float("nan")),
])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match="Expected whole numbers num_components"):
        GaussianMixtureLatent(**{"num_components": K, "latent_dim": D, **kwargs})


@pytest.mark.parametrize("component", [-1, K])
def test_no_such_component(component):
    layer, _, _, noise = layer_and_weights()
    with pytest.raises(ValueError, match=r"in 0..2, or a tensor of weights \(N, 3\)"):
        layer(noise, component=component)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_class_beside_the_noise(dtype):
    layer = ClassLatent(K, D, dtype=dtype)
    assert not layer.weights and ClassLatent.from_config(layer.get_config()).get_config() == (
        layer.get_config())
    noise = np.random.default_rng(0).integers(-4, 5, size=(N, D)).astype("float32")  # exact in bfloat16
    chosen = np.arange(N) % K
    joined = np.concatenate([noise, np.eye(K)[chosen]], axis=1)
    found = layer(noise, component=keras.ops.array(np.eye(K)[chosen]))
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(keras.ops.cast(found, "float32")), joined)
    network = mlp(D + K, 2)
    for k, model in enumerate(component_generators(network, layer)):
        assert model.input_shape == (None, D) and len(model.variables) == len(network.variables)
        fixed = keras.ops.convert_to_numpy(keras.ops.cast(layer(noise, component=k), "float32"))
        np.testing.assert_array_equal(fixed[chosen == k], joined[chosen == k])


@pytest.mark.parametrize("arguments", [(0, D), (K, 0), (K, 1.5)])
def test_bad_arguments_of_class_latents(arguments):
    with pytest.raises(ValueError, match="Expected whole numbers num_components"):
        ClassLatent(*arguments)


@pytest.mark.parametrize("component", [-1, K])
def test_no_such_class(component):
    with pytest.raises(ValueError, match=r"in 0..2, or a one-hot tensor \(N, 3\)"):
        ClassLatent(K, D)(np.ones((N, D), "float32"), component=component)
