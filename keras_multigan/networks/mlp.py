"""Networks of affine layers, for vectors and images."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from keras_multigan.networks.channels import channels_last


@channels_last
def mlp(
    inputs: int, outputs: int, num_layers: int = 5, width: int = 1024, negative_slope: float = 0.2
) -> keras.Model:
    """Affine layers with LeakyReLU between them, MIX+GAN's generators and discriminators.

    With inputs=1024, the generators (outputs=1024) have 4,198,400 parameters and the discriminators
    (outputs=1) have 3,149,825.

    Args:
        inputs: length of an input vector.
        outputs: length of an output vector.
        num_layers: number of layers as MIX+GAN counts them, at least 2: the input, the hidden layers
            and the output. The number of affine maps is smaller by one.
        width: length of the hidden layers.
        negative_slope: slope of the LeakyReLU for negative inputs.

    Returns:
        A `keras.Model` that maps vectors (N, inputs) to vectors (N, outputs), float32.

    Raises:
        ValueError: num_layers < 2.
    """
    if num_layers < 2:
        raise ValueError("num_layers is expected to be >= 2, an input and an output layer. "
                         f"Received: {num_layers}")
    vectors = keras.Input((inputs,))
    x = layers.Dense(outputs)(_hidden(vectors, [width] * (num_layers - 2), negative_slope))
    return keras.Model(vectors, layers.Activation("linear", dtype="float32")(x), name="mlp")


@channels_last
def mlp_generator(
    latent_dim: int = 100,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    widths: Sequence[int] = (256, 512, 1024),
    negative_slope: float = 0.2,
) -> keras.Model:
    """The image generator of the slides on GM-GAN and MMGAN, with 1,486,352 parameters.

    Args:
        latent_dim: length of a latent vector.
        image_shape: (H, W, C).
        widths: lengths of the hidden layers.
        negative_slope: slope of the LeakyReLU after each hidden layer, for negative inputs.

    Returns:
        A `keras.Model` that maps vectors (N, latent_dim) to images (N, H, W, C), float32 in [-1, 1].
    """
    vectors = keras.Input((latent_dim,))
    x = _hidden(vectors, widths, negative_slope)
    x = layers.Reshape(image_shape)(layers.Dense(math.prod(image_shape))(x))
    return keras.Model(vectors, layers.Activation("tanh", dtype="float32")(x), name="mlp_generator")


@channels_last
def mlp_discriminator(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    outputs: int = 1,
    widths: Sequence[int] = (1024, 512, 256),
    negative_slope: float = 0.2,
) -> keras.Model:
    """The discriminator for `mlp_generator`, with 1,460,225 parameters.

    With K outputs it is also MMGAN's encoder.

    Args:
        image_shape: (H, W, C).
        outputs: number of scores per image.
        widths: lengths of the hidden layers.
        negative_slope: slope of the LeakyReLU after each hidden layer, for negative inputs.

    Returns:
        A `keras.Model` that maps images (N, H, W, C) to scores (N, outputs), float32, no sigmoid.
    """
    images = keras.Input(image_shape)
    x = _hidden(layers.Flatten()(images), widths, negative_slope)
    scores = layers.Dense(outputs, dtype="float32")(x)
    return keras.Model(images, scores, name="mlp_discriminator")


def _hidden(x, widths, negative_slope):
    for width in widths:
        x = layers.LeakyReLU(negative_slope)(layers.Dense(width)(x))
    return x
