"""The networks of ComMutE-GAN (appendices A and B): generators, critic and classifier.

All are functional Keras models, channels last. The default arguments give the paper's parameter
counts; `filters` scales a network's width and `image_shape` its images.
"""

import keras
from keras import layers

from keras_multigan.networks.layers import Conv2D, Dropout, LayerNormalization, UpSamplingConv2D

# Of the classifiers' batch normalisation: Keras' 0.99 has not settled after a few epochs of digits.
_MOMENTUM = 0.9


def commute_generator(latent_dim=128, image_shape=(32, 32, 1), filters=256):
    """The small generator: 910,660 parameters.

    Dense - BN - LeakyReLU, then three times UpSampling - Conv 3x3 - BN - LeakyReLU, the last one
    with tanh. The last block starts with dropout 0.3: the appendix does not say where in the block
    it belongs, and on pixels it would put grey specks on every training image.

    Args:
        latent_dim: length of a noise vector.
        image_shape: (H, W, C); H and W multiples of 8.
        filters: channels of the first feature map; the next blocks have 1/2 and 1/4 of them.

    Returns:
        `keras.Model`, noise (N, latent_dim) -> images (N, H, W, C) float32 in [-1, 1].

    Raises:
        ValueError: H or W is not a multiple of 8, filters is not one of 4.
    """
    noise = keras.Input((latent_dim,), name="noise")
    images = _decode(noise, image_shape, filters)
    return keras.Model(noise, images, name="commute_generator")


def commute_deep_generator(latent_dim=128, image_shape=(32, 32, 1), filters=256):
    """The small generator behind one more Dense layer, 4 times as wide as the first feature map:
    69,657,924 parameters. Arguments, result and errors as for `commute_generator`."""
    noise = keras.Input((latent_dim,), name="noise")
    height, width, _ = _check(image_shape, filters)
    x = layers.Dense(4 * height * width * filters, use_bias=False)(noise)
    x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
    images = _decode(x, image_shape, filters)
    return keras.Model(noise, images, name="commute_deep_generator")


def commute_residual_generator(latent_dim=128, image_shape=(32, 32, 1), filters=249):
    """A generator of residual blocks: 3,872,698 parameters (the paper's, whose design it does not give
    in words, has 3,882,049). Arguments, result and errors as for `commute_generator`; all feature
    maps have `filters` channels.

    Dense, then three up-sampling residual blocks (BN - ReLU - UpSampling - Conv 3x3 - BN - ReLU -
    Conv 3x3, beside an up-sampling shortcut), BN - ReLU - Conv 3x3 - tanh.
    """
    height, width, channels = _check(image_shape, 4)
    noise = keras.Input((latent_dim,), name="noise")
    x = layers.Reshape((height, width, filters))(layers.Dense(height * width * filters)(noise))
    for _ in range(3):
        shortcut = layers.UpSampling2D(2)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = UpSamplingConv2D(filters)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Add()([layers.Conv2D(filters, 3, padding="same")(x), shortcut])
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(channels, 3, padding="same")(x)
    images = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(noise, images, name="commute_residual_generator")


def commute_critic(image_shape=(32, 32, 1), filters=64):
    """The critic: 4,306,177 parameters.

    Four times Conv 5x5 stride 2 - LeakyReLU - dropout 0.3, layer normalisation after the second and
    third convolution, Dense(1).

    Args:
        image_shape: (H, W, C).
        filters: channels of the first block; each next block has twice as many.

    Returns:
        `keras.Model`, images (N, H, W, C) -> scores (N, 1) float32, no sigmoid.
    """
    images = keras.Input(image_shape, name="images")
    x = images
    for block in range(4):
        x = Conv2D(filters * 2**block, 5, strides=2, padding="same")(x)
        if block in (1, 2):
            x = LayerNormalization()(x)
        x = Dropout(0.3)(layers.LeakyReLU(0.2)(x))
    scores = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, scores, name="commute_critic")


def commute_classifier(image_shape=(32, 32, 1), num_classes=10, filters=64):
    """The paper's classifier: the critic's convolutions with batch normalisation, ReLU and dropout
    0.3, then Dense 128, 128 and `num_classes`.

    Returns:
        `keras.Model`, images (N, H, W, C) in [-1, 1] -> logits (N, num_classes) float32.
    """
    images = keras.Input(image_shape, name="images")
    x = images
    for block in range(4):
        x = layers.Conv2D(filters * 2**block, 5, strides=2, padding="same")(x)
        x = layers.Dropout(0.3)(layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(x)))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(128, activation="relu")(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(images, logits, name="commute_classifier")


def compact_classifier(image_shape=(32, 32, 1), num_classes=10, filters=32):
    """A small, accurate classifier, cheap enough to sit in the generators' loss.

    Three times Conv 3x3 stride 2 - BN - ReLU (1, 2 and 4 times `filters` channels) with a Conv
    3x3 - BN - ReLU behind the first two, global average, dropout 0.3, Dense.

    Returns:
        `keras.Model`, images (N, H, W, C) in [-1, 1] -> logits (N, num_classes) float32.
    """
    images = keras.Input(image_shape, name="images")
    x = images
    for block, strides in enumerate((2, 1, 2, 1, 2)):
        x = layers.Conv2D(filters * 2 ** (block // 2), 3, strides, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(images, logits, name="compact_classifier")


def _decode(x, image_shape, filters):
    height, width, channels = _check(image_shape, filters)
    x = layers.Dense(height * width * filters, use_bias=False)(x)
    x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
    x = layers.Reshape((height, width, filters))(x)
    for channels_out in (filters // 2, filters // 4):
        x = UpSamplingConv2D(channels_out, use_bias=False)(x)
        x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
    x = UpSamplingConv2D(channels, use_bias=False)(Dropout(0.3)(x))
    x = layers.BatchNormalization()(x)
    return layers.Activation("tanh", dtype="float32")(x)


def _check(image_shape, filters):
    """The first feature map's height and width, and the images' channels."""
    if len(image_shape) != 3 or image_shape[0] % 8 or image_shape[1] % 8 or filters % 4:
        raise ValueError(
            "Expected image_shape (H, W, C) with H and W multiples of 8, and filters a multiple of "
            f"4. Received: image_shape={tuple(image_shape)}, filters={filters}. Resize the images, "
            "as load_images(..., image_size=32) does."
        )
    return image_shape[0] // 8, image_shape[1] // 8, image_shape[2]

