"""Networks of affine layers, for vectors and images."""

import math

import keras
from keras import layers


def mlp(inputs, outputs, num_layers=5, width=1024, negative_slope=0.2):
    """Affine layers, with LeakyReLU between them; MIX+GAN's generators (inputs = outputs = 1024) and
    discriminators (outputs = 1), which have 4,198,400 and 3,149,825 parameters.

    Args:
        inputs, outputs: lengths of the vectors.
        num_layers: layers as MIX+GAN counts them: input, output, and the hidden ones between, at
            least 2. There is one affine map less.
        width: length of the hidden layers.
        negative_slope: of the LeakyReLU.

    Returns:
        `keras.Model`, (N, inputs) -> (N, outputs) float32.

    Raises:
        ValueError: num_layers < 2.
    """
    if num_layers < 2:
        raise ValueError("num_layers is expected to be >= 2, an input and an output layer. "
                         f"Received: {num_layers}")
    vectors = keras.Input((inputs,))
    x = layers.Dense(outputs)(_hidden(vectors, [width] * (num_layers - 2), negative_slope))
    return keras.Model(vectors, layers.Activation("linear", dtype="float32")(x), name="mlp")


def mlp_generator(latent_dim=100, image_shape=(28, 28, 1), widths=(256, 512, 1024), negative_slope=0.2):
    """The image generator of the slides on GM-GAN and MMGAN: 1,486,352 parameters.

    Args:
        latent_dim: length of a latent vector.
        image_shape: (H, W, C).
        widths: lengths of the hidden layers.
        negative_slope: of the LeakyReLU behind each of them.

    Returns:
        `keras.Model`, (N, latent_dim) -> images (N, H, W, C) float32 in [-1, 1].
    """
    vectors = keras.Input((latent_dim,))
    x = _hidden(vectors, widths, negative_slope)
    x = layers.Reshape(image_shape)(layers.Dense(math.prod(image_shape))(x))
    return keras.Model(vectors, layers.Activation("tanh", dtype="float32")(x), name="mlp_generator")


def mlp_discriminator(image_shape=(28, 28, 1), outputs=1, widths=(1024, 512, 256), negative_slope=0.2):
    """The discriminator to `mlp_generator`: 1,460,225 parameters with one output. With K outputs also
    MMGAN's encoder.

    Args:
        image_shape: (H, W, C).
        outputs: how many scores an image has.
        widths, negative_slope: as for `mlp_generator`.

    Returns:
        `keras.Model`, images (N, H, W, C) -> scores (N, outputs) float32, no sigmoid.
    """
    images = keras.Input(image_shape)
    x = _hidden(layers.Flatten()(images), widths, negative_slope)
    scores = layers.Dense(outputs, dtype="float32")(x)
    return keras.Model(images, scores, name="mlp_discriminator")


def _hidden(x, widths, negative_slope):
    for width in widths:
        x = layers.LeakyReLU(negative_slope)(layers.Dense(width)(x))
    return x
