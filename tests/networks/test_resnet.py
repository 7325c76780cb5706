"""WGAN-GP's residual networks: sizes, shapes, ranges, errors."""

import keras
import numpy as np
import pytest

from keras_multigan import networks

pytestmark = pytest.mark.fast


def conv(size, inputs, outputs):
    return size * size * inputs * outputs + outputs


def body_model(shape, filters):
    vectors = keras.Input((np.prod(networks.resnet_map(shape, filters)),))
    return keras.Model(vectors, networks.resnet_body(shape, filters)(vectors))


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_sizes_of_the_paper():
    body, trunk = body_model((32, 32, 3), 128), networks.resnet_trunk()
    c = 128
    block = 2 * conv(3, c, c) + conv(1, c, c) + 4 * c
    assert trainable(body) == 3 * block + 2 * c + conv(3, c, 3) == 940_291
    first = conv(3, 3, c) + conv(3, c, c) + conv(1, 3, c)
    second = 2 * conv(3, c, c) + conv(1, c, c)
    assert trainable(trunk) == first + second + 4 * conv(3, c, c) == 1_053_696
    assert body.input_shape == (None, 2048) and body.output_shape == (None, 32, 32, 3)
    assert trunk.output_shape == (None, 128)


@pytest.mark.parametrize("shape, first", [((8, 8, 1), 4), ((16, 16, 3), 4), ((48, 48, 3), 6)])
def test_other_sizes(shape, first):
    numbers = np.random.default_rng(0)
    body, trunk = body_model(shape, 2), networks.resnet_trunk(shape, 3)
    assert body.input_shape == (None, 2 * first**2)
    images = body(numbers.normal(size=(4, 2 * first**2)).astype("float32"))
    assert images.shape == (4, *shape) and keras.backend.standardize_dtype(images.dtype) == "float32"
    assert float(keras.ops.max(keras.ops.abs(images))) <= 1
    assert trunk(images).shape == (4, 3)


@pytest.mark.parametrize("shape", [(28, 28, 1), (4, 4, 1), (16, 8, 1), (12, 12, 1), (2,)])
@pytest.mark.parametrize("make", [networks.resnet_body, networks.resnet_trunk])
def test_other_shapes_are_refused(make, shape):
    with pytest.raises(ValueError, match=r"S a power of 2, at least 8\. Received"):
        make(shape)
