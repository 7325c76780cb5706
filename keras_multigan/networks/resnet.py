"""The residual networks of WGAN-GP on CIFAR-10 (Gulrajani et al., 2017), which P2GAN uses on images.

They do not include the generator's first layer and the discriminator's last layer, since P2GAN has
several of these, see `p2_generators` and `p2_discriminators`. The 3x3 kernels in blocks have He
uniform initial values, all other kernels Glorot uniform ones.
"""

import math
from collections.abc import Callable

import keras
from keras import layers

from keras_multigan.networks.channels import channels_last
from keras_multigan.networks.layers import UpSamplingConv2D


@channels_last
def resnet_body(image_shape: tuple[int, int, int] = (32, 32, 3), filters: int = 128) -> Callable:
    """Residual blocks that enlarge a first map to `image_shape`, then BN - ReLU - Conv 3x3 - tanh.

    With the default arguments it has 940,291 trainable parameters. 1,792 of them belong to batch
    normalisation.

    The returned function can be called for several generators. They share the convolutions. Each call
    creates its own batch normalisation.

    Args:
        image_shape: (S, S, C), with S one of 8, 16, 32, ..., or 48.
        filters: channels of all maps.

    Returns:
        A function of symbolic vectors, a `resnet_map` flattened, to images (N, S, S, C), float32 in
        [-1, 1].

    Raises:
        ValueError: `image_shape` is not one of these.
    """
    first = resnet_map(image_shape, filters)
    blocks = [(layers.Conv2D(filters, 1), UpSamplingConv2D(filters, kernel_initializer="he_uniform"),
               _conv(filters)) for _ in range(int(math.log2(image_shape[0] // first[0])))]
    last = layers.Conv2D(image_shape[-1], 3, padding="same")

    @channels_last
    def generate(vectors):
        x = layers.Reshape(first)(vectors)
        for shortcut, up, second in blocks:
            skipped = layers.UpSampling2D(2)(shortcut(x))
            x = layers.Add()([second(_norm(up(_norm(x)))), skipped])
        return layers.Activation("tanh", dtype="float32")(last(_norm(x)))

    return generate


@channels_last
def resnet_trunk(image_shape: tuple[int, int, int] = (32, 32, 3), filters: int = 128) -> keras.Model:
    """Four residual blocks without normalisation, then ReLU and the mean over the pixels.

    The first two blocks halve the image. With the default arguments it has 1,053,696 parameters.

    Args:
        image_shape: (S, S, C), with S one of 8, 16, 32, ..., or 48.
        filters: channels of all maps.

    Returns:
        A `keras.Model` that maps images (N, S, S, C) to features (N, filters).

    Raises:
        ValueError: `image_shape` is not one of these.
    """
    resnet_map(image_shape, filters)
    x = images = keras.Input(image_shape)
    for block, halve in enumerate((True, True, False, False)):
        shortcut = x
        if halve:  # same result as the mean after the 1x1 convolution, but cheaper
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


def resnet_map(image_shape: tuple[int, int, int], filters: int) -> tuple[int, int, int]:
    """The shape of the generator's first map: 4x4 pixels, or 6x6 for images of 48x48.

    Args:
        image_shape: (S, S, C), with S one of 8, 16, 32, ..., or 48.
        filters: channels of the map.

    Raises:
        ValueError: `image_shape` is not one of these.
    """
    size = 6 if tuple(image_shape[:2]) == (48, 48) else 4
    blocks = int(math.log2(max(image_shape[0], size) / size)) if len(image_shape) == 3 else 0
    if blocks < 1 or tuple(image_shape[:2]) != (size * 2**blocks,) * 2:
        raise ValueError(
            "image_shape is expected to be (S, S, C) with S = 48, or S a power of 2, at least 8. "
            f"Received: {tuple(image_shape)}. Resize the images, as load_images(..., image_size=32) "
            "does."
        )
    return size, size, filters
