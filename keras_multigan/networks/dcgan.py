"""DCGAN's generator and discriminator (Radford et al., 2015), as MIM-GAN uses them.

Functional Keras models, channels last. Each block halves or doubles the image between `image_shape`
and a first map of 4x4 (7x7 for 28), with 5x5 kernels of stride 2; the map next to the image has
`filters` channels, each smaller one twice as many. Weights start from N(0, 0.02), biases from 0, and
none stands before batch normalisation. MIM-GAN's table of layers is a figure; sizes and widths are
DCGAN's, whose 64x64 generator with filters=128 this is.
"""

import keras
from keras import layers

from keras_multigan.networks.layers import Dropout

_BLOCKS = {16: 2, 28: 2, 32: 3, 64: 4, 128: 5}


def dcgan_generator(latent_dim=100, image_shape=(32, 32, 1), filters=64):
    """Dense - BN - ReLU, then transposed convolutions with BN - ReLU between them and tanh at the end:
    1,436,993 parameters.

    Args:
        latent_dim: length of a noise vector.
        image_shape: (S, S, C), S one of 16, 28, 32, 64 and 128.
        filters: channels of the last hidden map.

    Returns:
        `keras.Model`, noise (N, latent_dim) -> images (N, S, S, C) float32 in [-1, 1].

    Raises:
        ValueError: another image_shape.
    """
    size, widths, channels = _maps(image_shape, filters)
    noise = keras.Input((latent_dim,), name="noise")
    x = layers.Dense(size * size * widths[-1], use_bias=False, kernel_initializer=_normal())(noise)
    x = layers.Reshape((size, size, widths[-1]))(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for width in widths[-2::-1]:
        x = layers.Conv2DTranspose(width, 5, 2, "same", use_bias=False,
                                   kernel_initializer=_normal())(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(channels, 5, 2, "same", kernel_initializer=_normal())(x)
    images = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(noise, images, name="dcgan_generator")


def dcgan_discriminator(image_shape=(32, 32, 1), filters=64, negative_slope=0.02, dropout=0.5):
    """Convolutions with BN - LeakyReLU, the first one without BN, then dropout and Dense(1): 1,031,297
    parameters.

    MIM-GAN has dropout 0.5 but its text does not say where; here it is behind all batch
    normalisation, whose statistics it would disturb (Li et al., 2019, which that paper cites).

    Args:
        image_shape: (S, S, C), S one of 16, 28, 32, 64 and 128.
        filters: channels of the first map.
        negative_slope: of the LeakyReLU, 0.02 as MIM-GAN prints it; DCGAN has 0.2.
        dropout: rate; DCGAN has none (0).

    Returns:
        `keras.Model`, images (N, S, S, C) -> logits (N, 1) float32, no sigmoid.

    Raises:
        ValueError: another image_shape.
    """
    _, widths, _ = _maps(image_shape, filters)
    x = images = keras.Input(image_shape, name="images")
    for block, width in enumerate(widths):
        x = layers.Conv2D(width, 5, 2, "same", use_bias=block == 0, kernel_initializer=_normal())(x)
        x = layers.BatchNormalization()(x) if block else x
        x = layers.LeakyReLU(negative_slope)(x)
    x = Dropout(dropout)(layers.Flatten()(x))
    logits = layers.Dense(1, kernel_initializer=_normal(), dtype="float32")(x)
    return keras.Model(images, logits, name="dcgan_discriminator")


def _normal():
    # A new one for each layer: one initializer gives all kernels of a shape the same numbers.
    return keras.initializers.RandomNormal(stddev=0.02)


def _maps(image_shape, filters):
    """The smallest map's size, the maps' channels from the image on, and the images' channels."""
    if len(image_shape) != 3 or image_shape[0] != image_shape[1] or image_shape[0] not in _BLOCKS:
        raise ValueError(
            "image_shape is expected to be (S, S, C) with S one of "
            f"{', '.join(map(str, _BLOCKS))}. Received: {tuple(image_shape)}. Resize the images, as "
            "load_images(..., image_size=32) does."
        )
    blocks = _BLOCKS[image_shape[0]]
    return image_shape[0] // 2**blocks, [filters * 2**k for k in range(blocks)], image_shape[2]
