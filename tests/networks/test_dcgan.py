"""DCGAN's networks: parameters counted by hand, shapes, ranges, initial weights."""

import keras
import numpy as np
import pytest

from keras_multigan import networks

pytestmark = pytest.mark.fast

# Size -> pixels of the smallest map, channels of the maps from the image on.
MAPS = {8: (4 * 4, [64]), 16: (4 * 4, [64, 128]), 28: (7 * 7, [64, 128]),
        32: (4 * 4, [64, 128, 256]), 48: (6 * 6, [64, 128, 256]),
        64: (4 * 4, [64, 128, 256, 512]), 128: (4 * 4, [64, 128, 256, 512, 1024])}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", MAPS)
def test_parameters(size, channels):
    pixels, widths = MAPS[size]
    kernels = sum(5 * 5 * a * b for a, b in zip(widths, widths[1:]))
    generator = (100 * pixels * widths[-1] + kernels
                 + 4 * sum(widths)  # batch normalisation has 4 numbers a channel
                 + 5 * 5 * 64 * channels + channels)
    discriminator = (5 * 5 * channels * 64 + 64 + kernels + 4 * sum(widths[1:])
                     + pixels * widths[-1] + 1)
    shape = (size, size, channels)
    assert networks.dcgan_generator(image_shape=shape).count_params() == generator
    assert networks.dcgan_discriminator(shape).count_params() == discriminator


def test_the_default_networks_by_layer():
    generator, discriminator = networks.dcgan_generator(), networks.dcgan_discriminator()
    assert (generator.count_params(), discriminator.count_params()) == (1_436_993, 1_031_297)

    def kinds(network):
        return [type(layer).__name__ for layer in network.layers[1:]]

    assert kinds(generator) == [
        "Dense", "Reshape", "BatchNormalization", "ReLU",
        *["Conv2DTranspose", "BatchNormalization", "ReLU"] * 2, "Conv2DTranspose", "Activation"]
    assert kinds(discriminator) == [
        "Conv2D", "LeakyReLU", *["Conv2D", "BatchNormalization", "LeakyReLU"] * 2, "Flatten", "Dropout",
        "Dense"]
    slopes = [x.negative_slope for x in discriminator.layers if isinstance(x, keras.layers.LeakyReLU)]
    assert slopes == pytest.approx([0.02] * 3)
    assert [x.rate for x in discriminator.layers if isinstance(x, keras.layers.Dropout)] == [0.5]
    assert discriminator.layers[-1].activation is keras.activations.linear


@pytest.mark.parametrize("size", MAPS)
def test_generators_make_images_that_discriminators_take(size):
    shape = (size, size, 2)
    noise = np.random.default_rng(0).normal(size=(4, 5))
    images = networks.dcgan_generator(5, shape, filters=4)(noise, training=True)
    logits = networks.dcgan_discriminator(shape, filters=4)(images, training=True)
    images = keras.ops.convert_to_numpy(images)
    assert images.shape == (4, *shape) and images.dtype == np.float32
    assert np.abs(images).max() <= 1 and images.std() > 0
    assert logits.shape == (4, 1) and np.ptp(keras.ops.convert_to_numpy(logits)) > 0


@pytest.mark.parametrize("make", [networks.dcgan_generator, networks.dcgan_discriminator])
def test_initial_weights(make):
    variables = make(image_shape=(64, 64, 3), filters=16).trainable_variables
    kernels = [keras.ops.convert_to_numpy(v) for v in variables if v.name == "kernel"]
    assert len(kernels) == 5
    for kernel in kernels:  # of N numbers' deviation from 0.02, 6 standard errors
        assert abs(kernel.std() / 0.02 - 1) < 6 / np.sqrt(2 * kernel.size)
        assert abs(kernel.mean()) < 6 * 0.02 / np.sqrt(kernel.size)
    biases = [keras.ops.convert_to_numpy(v) for v in variables if v.name == "bias"]
    assert biases and not any(bias.any() for bias in biases)


def test_kernels_of_one_shape_start_different():
    a, b = networks.dcgan_discriminator(filters=4), networks.dcgan_discriminator(filters=4)
    assert not np.array_equal(a.get_weights()[0], b.get_weights()[0])


def test_dcgan_itself():
    discriminator = networks.dcgan_discriminator(filters=4, negative_slope=0.2, dropout=0)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 1))
    logits = [keras.ops.convert_to_numpy(discriminator(images, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(*logits)
    assert discriminator.layers[2].negative_slope == pytest.approx(0.2)


@pytest.mark.parametrize("normalization, kind, count", [
    ("batch", "BatchNormalization", 1), ("layer", "LayerNormalization", 1),
    ("spectral", "SpectralNormalization", 3), ("weight", "WeightNormalization", 3), (None, None, 0)])
def test_normalizations(normalization, kind, count):
    shape = (16, 16, 1)
    discriminator = networks.dcgan_discriminator(shape, 4, dropout=0, normalization=normalization)
    found = [type(layer).__name__ for layer in discriminator.layers
             if "Normalization" in type(layer).__name__]
    assert found == [kind] * count
    weights = 25 * 4 + 25 * 4 * 8 + 16 * 8  # kernels
    weights += {"batch": 4 + 2 * 8 + 1, "layer": 4 + 2 * 4 * 4 * 8 + 1,  # biases, gains and offsets
                "weight": 2 * (4 + 8 + 1)}.get(normalization, 4 + 8 + 1)
    assert sum(v.size for v in discriminator.get_weights()) - sum(
        np.prod(v.shape) for v in discriminator.non_trainable_variables) == weights
    assert discriminator.output_shape == (None, 1)


def test_an_unknown_normalization():
    with pytest.raises(ValueError, match="'spectral' or 'weight'. Received: 'instance'"):
        networks.dcgan_discriminator(normalization="instance")


def test_the_layer_normalization_is_over_the_whole_map():
    discriminator = networks.dcgan_discriminator((16, 16, 1), 4, dropout=0, normalization="layer")
    x = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 1)).astype("float32")
    place = [type(layer).__name__ for layer in discriminator.layers].index("LayerNormalization") + 1
    maps = keras.Model(discriminator.input, discriminator.layers[place].output)(x)
    maps = keras.ops.convert_to_numpy(maps)
    assert maps.shape == (3, 4, 4, 8)
    np.testing.assert_allclose(maps.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    assert np.abs(maps.mean(axis=-1)).max() > 0.01


def test_more_outputs_and_fewer_blocks():
    shape, sizes = (28, 28, 1), []
    for fewer_blocks in range(3):
        discriminator = networks.dcgan_discriminator(shape, 4, outputs=3, fewer_blocks=fewer_blocks)
        assert discriminator.output_shape == (None, 3)
        sizes.append(sum(type(layer).__name__ == "Conv2D" for layer in discriminator.layers))
    assert sizes == [2, 1, 1]  # one remains


def test_orthonormal_kernels():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 5)).astype("float32")
    matrix = kernel.reshape(18, 5).astype("float64")
    expected = 0.1 * ((matrix.T @ matrix - np.eye(5)) ** 2).sum()
    np.testing.assert_allclose(networks.Orthonormal(0.1)(keras.ops.array(kernel)), expected, rtol=1e-5)
    q, _ = np.linalg.qr(matrix)
    assert float(networks.Orthonormal(1.0)(keras.ops.array(q, "float32"))) < 1e-9
    discriminator = networks.dcgan_discriminator((16, 16, 1), 4, orthonormal_weight=0.1)
    regularized = [v for v in discriminator.trainable_variables if v.regularizer is not None]
    assert [v.name for v in regularized] == ["kernel"] * 3
    again = keras.Model.from_config(discriminator.get_config())
    assert again.layers[1].kernel_regularizer.weight == 0.1


def test_half_precision_ends_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator, discriminator = (networks.dcgan_generator(3, filters=4),
                                    networks.dcgan_discriminator(filters=4))
    finally:
        keras.config.set_dtype_policy("float32")
    images = generator(np.zeros((2, 3), "float32"))
    assert {keras.backend.standardize_dtype(x.dtype) for x in (images, discriminator(images))} == {
        "float32"}
    assert generator.layers[1].compute_dtype == "bfloat16"


@pytest.mark.parametrize("make", [networks.dcgan_generator, networks.dcgan_discriminator])
@pytest.mark.parametrize("shape", [(40, 40, 1), (32, 28, 1), (32, 32)])
def test_unsupported_sizes(make, shape):
    with pytest.raises(ValueError, match="S one of 8, 16, 28, 32, 48, 64, 128. Received: .*Resize"):
        make(image_shape=shape)


@pytest.mark.parametrize("size", [32, 48])
def test_what_p2gan_shares(size):
    """All but the generators' first layer and batch normalisations, and the discriminators' last."""
    shape, (pixels, widths) = (size, size, 3), MAPS[size]
    assert networks.dcgan_map(shape, 64) == (pixels**0.5, pixels**0.5, widths[-1])
    units = pixels * widths[-1]
    joint = networks.p2_generators(3, 100, units, lambda: networks.dcgan_body(shape, 64))
    one = networks.dcgan_generator(100, shape, 64)
    own = (100 + 1) * units + 4 * sum(widths)  # the first layer has biases here
    shared = one.count_params() - 100 * units - 4 * sum(widths)
    assert joint.count_params() == 3 * own + shared
    assert joint.output_shape == [(None, *shape)] * 3
    heads = networks.p2_discriminators(4, lambda: networks.dcgan_trunk(shape, 64))
    alone = networks.dcgan_discriminator(shape, 64)
    assert heads.count_params() == alone.count_params() + 3 * (units + 1)
    trunk = networks.dcgan_trunk(shape, 64)
    assert [x.negative_slope for x in trunk.layers if isinstance(x, keras.layers.LeakyReLU)] == (
        pytest.approx([0.2] * 3))
