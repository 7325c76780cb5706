"""The networks of ComMutE-GAN (appendices A and B): generators, critic and classifier.

All are functional Keras models with channels last. With the default arguments they have the paper's
numbers of parameters, unless stated otherwise. `filters` scales the width of a network.
"""

import keras
from keras import layers

from keras_multigan.networks.channels import channels_last
from keras_multigan.networks.layers import Conv2D, Dropout, LayerNormalization, UpSamplingConv2D

# Of the classifiers' batch normalisation. With 0.99, moving averages lag after a few epochs of digits.
_MOMENTUM = 0.9


@channels_last
def commute_generator(
    latent_dim: int = 128, image_shape: tuple[int, int, int] = (32, 32, 1), filters: int = 256,
    normalization: str = "before", dropout: bool = True,
) -> keras.Model:
    """The small generator, with 910,660 parameters.

    Dense - BN - LeakyReLU, then three blocks UpSampling - Conv 3x3 - BN - LeakyReLU. The last block has
    tanh instead of LeakyReLU, and starts with dropout 0.3. The appendix does not say where in the block
    the dropout belongs. On the pixels it would put grey spots on every training image.

    Appendix B applies BN after the activation of these blocks (normalization="after"). Not in the last
    one: the images would leave the range of its tanh.

    Args:
        latent_dim: length of a noise vector.
        image_shape: (H, W, C), with H and W multiples of 8.
        filters: channels of the first feature map, a multiple of 4. The next blocks have 1/2 and 1/4 of
            them.
        normalization: "before" or "after" the activations of the hidden blocks.
        dropout: whether the last block has it.

    Returns:
        A `keras.Model` that maps noise (N, latent_dim) to images (N, H, W, C), float32 in [-1, 1].

    Raises:
        ValueError: H or W is not a multiple of 8, filters is not a multiple of 4, or there is no such
            normalization.
    """
    noise = keras.Input((latent_dim,), name="noise")
    images = _decode(noise, image_shape, filters, normalization, dropout)
    return keras.Model(noise, images, name="commute_generator")


@channels_last
def commute_deep_generator(
    latent_dim: int = 128, image_shape: tuple[int, int, int] = (32, 32, 1), filters: int = 256,
    normalization: str = "before", dropout: bool = True,
) -> keras.Model:
    """The deep generator, with 69,657,924 parameters.

    It is the small generator preceded by one more Dense - BN - LeakyReLU, whose width is 4 times the
    size of the first feature map.

    Args:
        latent_dim: length of a noise vector.
        image_shape: (H, W, C), with H and W multiples of 8.
        filters: channels of the first feature map, a multiple of 4. The next blocks have 1/2 and 1/4 of
            them.
        normalization: "before" or "after" the activations of the hidden blocks.
        dropout: whether the last block has it.

    Returns:
        A `keras.Model` that maps noise (N, latent_dim) to images (N, H, W, C), float32 in [-1, 1].

    Raises:
        ValueError: H or W is not a multiple of 8, filters is not a multiple of 4, or there is no such
            normalization.
    """
    noise = keras.Input((latent_dim,), name="noise")
    height, width, _ = _check(image_shape, filters)
    x = layers.Dense(4 * height * width * filters, use_bias=False)(noise)
    x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
    images = _decode(x, image_shape, filters, normalization, dropout)
    return keras.Model(noise, images, name="commute_deep_generator")


@channels_last
def commute_residual_generator(
    latent_dim: int = 128, image_shape: tuple[int, int, int] = (32, 32, 1), filters: int = 249,
    normalization: str = "before",
) -> keras.Model:
    """A generator of residual blocks, with 3,872,698 parameters.

    The paper does not describe the layers of its residual generator, which has 3,882,049 parameters.

    Dense, then three up-sampling residual blocks (BN - ReLU - UpSampling - Conv 3x3 - BN - ReLU -
    Conv 3x3, with an up-sampling shortcut), then BN - ReLU - Conv 3x3 - tanh.

    Args:
        latent_dim: length of a noise vector.
        image_shape: (H, W, C), with H and W multiples of 8.
        filters: channels of all feature maps.
        normalization: "before" or "after" the ReLU.

    Returns:
        A `keras.Model` that maps noise (N, latent_dim) to images (N, H, W, C), float32 in [-1, 1].

    Raises:
        ValueError: H or W is not a multiple of 8, or there is no such normalization.
    """
    height, width, channels = _check(image_shape, 4)
    noise = keras.Input((latent_dim,), name="noise")
    x = layers.Reshape((height, width, filters))(layers.Dense(height * width * filters)(noise))
    for _ in range(3):
        shortcut = layers.UpSampling2D(2)(x)
        x = _activate(x, layers.ReLU(), normalization)
        x = UpSamplingConv2D(filters)(x)
        x = _activate(x, layers.ReLU(), normalization)
        x = layers.Add()([layers.Conv2D(filters, 3, padding="same")(x), shortcut])
    x = _activate(x, layers.ReLU(), normalization)
    x = layers.Conv2D(channels, 3, padding="same")(x)
    images = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(noise, images, name="commute_residual_generator")


@channels_last
def commute_critic(
    image_shape: tuple[int, int, int] = (32, 32, 1), filters: int = 64, dropout: str = "all"
) -> keras.Model:
    """The critic, with 4,306,177 parameters.

    Four blocks Conv 5x5 stride 2 - LeakyReLU - dropout 0.3, then Dense(1). Layer normalisation follows
    the second and the third convolution.

    Args:
        image_shape: (H, W, C).
        filters: channels of the first block. Each next block has twice as many.
        dropout: "all", in every block, as appendix B says; "middle", in the second and the third
            block, and 0.2 before the last layer, as in keras.io's WGAN-GP example, whose widths
            these are; or "none".

    Returns:
        A `keras.Model` that maps images (N, H, W, C) to scores (N, 1), float32, no sigmoid.

    Raises:
        ValueError: there is no such dropout.
    """
    if dropout not in ("all", "middle", "none"):
        raise ValueError("dropout is expected to be 'all', 'middle' or 'none'. "
                         f"Received: {dropout!r}")
    images = keras.Input(image_shape, name="images")
    x = images
    for block in range(4):
        x = Conv2D(filters * 2**block, 5, strides=2, padding="same")(x)
        if block in (1, 2):
            x = LayerNormalization()(x)
        x = layers.LeakyReLU(0.2)(x)
        has_dropout = dropout == "all" or (dropout == "middle" and block in (1, 2))
        x = Dropout(0.3)(x) if has_dropout else x
    x = layers.Flatten()(x)
    x = Dropout(0.2)(x) if dropout == "middle" else x
    scores = layers.Dense(1, dtype="float32")(x)
    return keras.Model(images, scores, name="commute_critic")


@channels_last
def commute_classifier(
    image_shape: tuple[int, int, int] = (32, 32, 1), num_classes: int = 10, filters: int = 64
) -> keras.Model:
    """The paper's classifier.

    The convolutions of the critic with batch normalisation, ReLU and dropout 0.3, then Dense layers of
    128, 128 and `num_classes` units.

    Args:
        image_shape: (H, W, C).
        num_classes: number of classes.
        filters: channels of the first block. Each next block has twice as many.

    Returns:
        A `keras.Model` that maps images (N, H, W, C) in [-1, 1] to logits (N, num_classes), float32.
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


@channels_last
def compact_classifier(
    image_shape: tuple[int, int, int] = (32, 32, 1), num_classes: int = 10, filters: int = 32
) -> keras.Model:
    """A small, accurate classifier that is cheap enough to be evaluated in the generators' loss.

    It is not from the paper.

    Five blocks Conv 3x3 - BN - ReLU with strides 2, 1, 2, 1, 2 and 1, 1, 2, 2, 4 times `filters`
    channels, then the global average, dropout 0.3 and a Dense layer.

    Args:
        image_shape: (H, W, C).
        num_classes: number of classes.
        filters: channels of the first block.

    Returns:
        A `keras.Model` that maps images (N, H, W, C) in [-1, 1] to logits (N, num_classes), float32.
    """
    images = keras.Input(image_shape, name="images")
    x = images
    for block, strides in enumerate((2, 1, 2, 1, 2)):
        x = layers.Conv2D(filters * 2 ** (block // 2), 3, strides, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=_MOMENTUM)(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(images, logits, name="compact_classifier")


def _activate(x, activation, normalization):
    """Activation and batch normalisation, in the order that `normalization` says."""
    if normalization not in ("before", "after"):
        raise ValueError("normalization is expected to be 'before' or 'after' the activation. "
                         f"Received: {normalization!r}")
    if normalization == "after":
        return layers.BatchNormalization()(activation(x))
    return activation(layers.BatchNormalization()(x))


def _decode(x, image_shape, filters, normalization, dropout):
    height, width, channels = _check(image_shape, filters)
    x = layers.Dense(height * width * filters, use_bias=False)(x)
    x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
    x = layers.Reshape((height, width, filters))(x)
    for channels_out in (filters // 2, filters // 4):
        x = UpSamplingConv2D(channels_out, use_bias=False)(x)
        x = _activate(x, layers.LeakyReLU(0.2), normalization)
    x = Dropout(0.3)(x) if dropout else x
    x = UpSamplingConv2D(channels, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation("tanh", dtype="float32")(x)


def _check(image_shape, filters):
    """Returns the height and width of the first feature map, and the channels of the images."""
    if len(image_shape) != 3 or image_shape[0] % 8 or image_shape[1] % 8 or filters % 4:
        raise ValueError(
            "Expected image_shape (H, W, C) with H and W multiples of 8, and filters a multiple of "
            f"4. Received: image_shape={tuple(image_shape)}, filters={filters}. Resize the images, "
            "as load_images(..., image_size=32) does."
        )
    return image_shape[0] // 8, image_shape[1] // 8, image_shape[2]

