"""The residual networks of WGAN-GP on CIFAR-10 (Gulrajani et al., 2017), which P2GAN uses on images.

They come without the generator's first and the discriminator's last layer, of which P2GAN has several,
see `p2_generators` and `p2_discriminators`. 3x3 kernels within blocks start as He et al. have them,
others as Glorot and Bengio do.
"""

import math

import keras
from keras import layers

from keras_multigan.networks.layers import UpSamplingConv2D


def resnet_body(image_shape=(32, 32, 3), filters=128):
    """Residual blocks that double the image, from a 4x4 map to `image_shape`, then BN - ReLU - 3x3
    convolution - tanh: 940,291 trainable parameters, 1,792 of them batch normalisation's.

    For several generators: convolutions are the same, batch normalisation is new at every call.

    Args:
        image_shape: (S, S, C), S one of 8, 16, 32, ...
        filters: channels of all maps.

    Returns:
        A function of symbolic vectors (N, 16 * filters) to images (N, S, S, C) float32 in [-1, 1].

    Raises:
        ValueError: another image_shape.
    """
    blocks = [(layers.Conv2D(filters, 1), UpSamplingConv2D(filters, kernel_initializer="he_uniform"),
               _conv(filters)) for _ in range(_blocks(image_shape))]
    last = layers.Conv2D(image_shape[-1], 3, padding="same")

    def generate(vectors):
        x = layers.Reshape((4, 4, filters))(vectors)
        for shortcut, up, second in blocks:
            skipped = layers.UpSampling2D(2)(shortcut(x))
            x = layers.Add()([second(_norm(up(_norm(x)))), skipped])
        return layers.Activation("tanh", dtype="float32")(last(_norm(x)))

    return generate


def resnet_trunk(image_shape=(32, 32, 3), filters=128):
    """Four residual blocks without normalisation, of which the first two halve the image, ReLU and the
    mean over the pixels: 1,053,696 parameters.

    Args:
        image_shape: (S, S, C), S one of 8, 16, 32, ...
        filters: channels of all maps.

    Returns:
        `keras.Model`, images (N, S, S, C) -> features (N, filters).

    Raises:
        ValueError: another image_shape.
    """
    _blocks(image_shape)
    x = images = keras.Input(image_shape)
    for block, halve in enumerate((True, True, False, False)):
        shortcut = x
        if halve:  # the mean before the 1x1 convolution is the same as after it, and cheaper
            shortcut = layers.Conv2D(filters, 1)(layers.AveragePooling2D(2)(x))
        x = _conv(filters)(layers.ReLU()(x) if block else x)
        x = _conv(filters)(layers.ReLU()(x))
        x = layers.Add()([layers.AveragePooling2D(2)(x) if halve else x, shortcut])
    features = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    return keras.Model(images, features, name="resnet_trunk")


def _norm(x):
    return layers.ReLU()(layers.BatchNormalization()(x))


def _conv(filters):
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform")


def _blocks(image_shape):
    """How often a 4x4 map is doubled."""
    blocks = int(math.log2(max(image_shape[0], 4) / 4)) if len(image_shape) == 3 else 0
    if blocks < 1 or tuple(image_shape[:2]) != (4 * 2**blocks,) * 2:
        raise ValueError(
            "image_shape is expected to be (S, S, C) with S a power of 2, at least 8. Received: "
            f"{tuple(image_shape)}. Resize the images, as load_images(..., image_size=32) does."
        )
    return blocks
