"""MIX-GAN's networks: parameter counts, classes from noise, conditional and spectral normalisation."""

import statistics

import keras
import numpy as np
import pytest

from keras_multigan import networks
from keras_multigan.networks.biggan import _conditional_norm
from keras_multigan.training import Phase, load_engine

pytestmark = pytest.mark.fast

SMALL = dict(image_shape=(16, 24, 1), filters=8)


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def heights(model):
    """Heights of the feature maps after the residual blocks."""
    return [layer.output.shape[1] for layer in model.layers if isinstance(layer, keras.layers.Add)]


@pytest.mark.parametrize("classes", [None, 10])
def test_generator_is_table_3(classes):
    d = 20 + (128 if classes else 0)
    conv, shortcut = 9 * 256 * 256 + 256, 256 * 256 + 256
    block = 2 * conv + shortcut + 2 * 2 * d * 256  # two conditional norms, two maps each
    count = (d + 1) * 4 * 4 * 256 + 3 * block + 2 * 256 + 9 * 256 * 3 + 3 + 128 * (classes or 0)
    model = networks.biggan_generator(classes=range(classes) if classes else None)
    assert trainable(model) == count and f"{count:,}" in networks.biggan_generator.__doc__
    assert model.input_shape == (None, 81 if classes else 80)
    assert heights(model) == [8, 16, 32] and model.output_shape == (None, 32, 32, 3)


@pytest.mark.parametrize("classes", [None, 10])
def test_discriminator_is_table_4(classes):
    conv, shortcut = 9 * 256 * 256 + 256, 256 * 256 + 256
    first = 9 * 3 * 256 + 256 + conv + 3 * 256 + 256
    outputs = classes + 1 if classes else 1
    count = first + 2 * conv + shortcut + 4 * conv + 257 * outputs
    model = networks.biggan_discriminator(num_classes=classes)
    assert trainable(model) == count and f"{count:,}" in networks.biggan_discriminator.__doc__
    assert heights(model) == [16, 8, 8, 8]
    assert model.output_shape == [(None, outputs), (None, 256)]


def test_every_kernel_has_spectral_normalization():
    for model in (networks.biggan_generator(8, classes=[2, 5], **SMALL),
                  networks.biggan_discriminator(num_classes=3, **SMALL)):
        kernels = [v for v in model.trainable_variables if v.path.endswith("kernel")]
        normalized = [layer.layer.kernel for layer in model.layers
                      if isinstance(layer, networks.SpectralNormalization)]
        assert kernels and {id(v) for v in kernels} == {id(v) for v in normalized}


@pytest.mark.parametrize("training", [False, True])
def test_small_networks(training):
    noise = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
    generator = networks.biggan_generator(8, **SMALL)
    images = generator(noise, training=training)
    scores, features = networks.biggan_discriminator(num_classes=4, **SMALL)(images, training=training)
    images, features = keras.ops.convert_to_numpy(images), keras.ops.convert_to_numpy(features)
    assert images.shape == (5, 16, 24, 1) and images.dtype == np.float32
    assert np.abs(images).max() <= 1 and images.std() > 0
    assert scores.shape == (5, 5) and features.shape == (5, 8) and features.min() >= 0
    for part in range(4):  # each reaches the images
        changed = noise.copy()
        changed[:, 2 * part] += 1
        assert np.abs(keras.ops.convert_to_numpy(generator(changed)) - images).max() > 0


def test_a_generators_class_is_the_last_coordinates():
    generator = networks.biggan_generator(8, classes=[2, 5], **SMALL)
    for variable in generator.trainable_variables:  # visible differences
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    noise = np.tile(np.random.default_rng(1).normal(size=(1, 9)), (4, 1)).astype("float32")
    noise[:, -1] = [-2, -0.1, 0.1, 2]
    images = keras.ops.convert_to_numpy(generator(noise))
    np.testing.assert_allclose(images[[0, 2]], images[[1, 3]], atol=1e-5)
    assert np.abs(images[0] - images[2]).max() > 0.1


@pytest.mark.parametrize("classes", [[3], [4, 0, 7], list(range(10))])
def test_class_from_noise(classes):
    layer = networks.ClassFromNoise(classes)
    random = np.random.default_rng(0)
    noise = random.normal(size=(5000, 3)).astype("float32")
    noise[:2, -1] = -50, 50
    z, found = (keras.ops.convert_to_numpy(x) for x in layer(noise))
    np.testing.assert_array_equal(z, noise[:, :-1])
    phi = statistics.NormalDist().cdf
    expected = [classes[min(int(phi(e) * len(classes)), len(classes) - 1)] for e in noise[:, -1]]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int32
    shares = np.array([np.mean(found == c) for c in classes])
    np.testing.assert_allclose(shares, 1 / len(classes), atol=6 * 0.5 / np.sqrt(5000))
    again = networks.ClassFromNoise.from_config(layer.get_config())
    np.testing.assert_array_equal(again(noise)[1], found)


def test_class_from_noise_is_the_same_in_low_precision():
    noise = np.random.default_rng(0).normal(size=(4000, 2)).astype("float32")
    found = keras.ops.convert_to_numpy(networks.ClassFromNoise(range(10))(noise)[1])
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, networks.ClassFromNoise(range(10))(inputs))
        np.testing.assert_array_equal(model(noise)[1], found)
    finally:
        keras.config.set_dtype_policy("float32")


def test_conditional_norm():
    x, c = keras.Input((4, 4, 3)), keras.Input((5,))
    model = keras.Model([x, c], _conditional_norm(x, c))
    random = np.random.default_rng(0)
    dense = [layer for layer in model.layers if isinstance(layer, networks.SpectralNormalization)]
    for layer in dense:
        layer.layer.set_weights([random.normal(size=(5, 3))])
    x, c = random.normal(2, 3, (6, 4, 4, 3)), random.normal(size=(6, 5))
    found = keras.ops.convert_to_numpy(model([x, c], training=True))
    scale, shift = (c @ effective(layer) for layer in dense)
    normal = (x - x.mean(axis=(0, 1, 2))) / np.sqrt(x.var(axis=(0, 1, 2)) + 1e-5)
    expected = normal * (1 + scale[:, None, None]) + shift[:, None, None]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def effective(layer):
    """The kernel that a SpectralNormalization uses, (inputs, outputs)."""
    kernel = keras.ops.convert_to_numpy(layer.layer.kernel)
    kernel = kernel.reshape(-1, kernel.shape[-1]).astype("float64")
    return kernel / np.linalg.norm(kernel @ keras.ops.convert_to_numpy(layer.u))


@pytest.mark.parametrize("inner, shape", [
    (keras.layers.Dense(5), (7, 6)), (keras.layers.Conv2D(4, 3, padding="same"), (2, 6, 5, 3)),
])
def test_spectral_normalization(inner, shape):
    layer = networks.SpectralNormalization(inner)
    random = np.random.default_rng(0)
    x = random.normal(size=shape).astype("float32")
    layer.build(x.shape)
    inner.set_weights([random.normal(size=w.shape) for w in inner.weights])
    before = keras.ops.convert_to_numpy(inner.kernel)
    start = keras.ops.convert_to_numpy(layer.u)
    layer(x)
    np.testing.assert_array_equal(layer.u, start)
    for _ in range(100):
        outputs = layer(x, training=True)
    assert np.linalg.svd(effective(layer), compute_uv=False)[0] == pytest.approx(1, rel=1e-4)
    np.testing.assert_array_equal(inner.kernel, before)
    largest = np.linalg.svd(before.reshape(-1, before.shape[-1]), compute_uv=False)[0]
    bias = inner.weights[1]
    inner.set_weights([before / largest, bias])
    np.testing.assert_allclose(outputs, inner(x), rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(x.shape) == outputs.shape


def test_one_call_is_one_power_iteration():
    layer = networks.SpectralNormalization(keras.layers.Dense(3))
    layer.build((None, 4))
    kernel = np.random.default_rng(0).normal(size=(4, 3))
    layer.layer.set_weights([kernel, np.zeros(3)])
    v = kernel @ np.ones(3)
    u = kernel.T @ v / np.linalg.norm(kernel.T @ v)
    layer(np.ones((1, 4)), training=True)
    np.testing.assert_allclose(layer.u, u, rtol=1e-5)


def test_spectral_normalization_has_the_gradient_of_sigma():
    """The layer does not see the length of its kernel: the gradient is orthogonal to the kernel."""
    model = keras.Sequential([keras.Input((6,)), networks.SpectralNormalization(keras.layers.Dense(4))])
    random = np.random.default_rng(0)
    inner = model.layers[0].layer
    inner.set_weights([random.normal(size=w.shape) for w in inner.weights])
    x, weights = random.normal(size=(8, 6)), keras.ops.array(random.normal(size=(8, 4)), "float32")
    phase = Phase("d", lambda images, labels: (
        keras.ops.sum(weights * model(images, training=True)), {}), [model])
    sgd = keras.optimizers.SGD(1.0)
    sgd.build(phase.variables)
    before = keras.ops.convert_to_numpy(inner.kernel)
    load_engine().minimize(phase, sgd, keras.ops.array(x, "float32"), None)
    gradient = before - keras.ops.convert_to_numpy(inner.kernel)
    assert np.linalg.norm(gradient) > 0.1
    assert abs(np.sum(gradient * before)) < 1e-4 * np.linalg.norm(gradient) * np.linalg.norm(before)


def test_u_is_saved(tmp_path):
    model = networks.biggan_discriminator((8, 8, 1), 4, 2)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    model(images, training=True)
    model.save(tmp_path / "d.keras")
    loaded = keras.saving.load_model(tmp_path / "d.keras", safe_mode=True)
    assert len(loaded.non_trainable_variables) == 11  # 8 kernels, 2 shortcuts' and the last
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(model(images), loaded(images), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make, message", [
    (lambda: networks.biggan_generator(image_shape=(30, 32, 1)), "multiples of 8.*Received"),
    (lambda: networks.biggan_discriminator(image_shape=(32, 32)), "multiples of 8.*Received"),
    (lambda: networks.biggan_generator(10), "multiple of 4. Received: 10"),
    (lambda: networks.biggan_generator(8, classes=[]), r"at least one int >= 0. Received: \[\]"),
    (lambda: networks.ClassFromNoise([0.5]), "at least one int"),
    (lambda: networks.ClassFromNoise([-1]), "at least one int"),
])
def test_impossible_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
