"""The networks of MIX-GAN (tables III and IV): BigGAN's for small images, with MHingeGAN's settings."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from keras_multigan.networks.channels import channels_last
from keras_multigan.networks.layers import ClassFromNoise, SpectralNormalization


@channels_last
def biggan_generator(
    latent_dim: int = 80,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    filters: int = 256,
    classes: Sequence[int] | None = None,
) -> keras.Model:
    """A residual generator with conditional batch normalisation.

    With the default arguments it has 3,892,739 trainable parameters, or 4,811,523 with 10 `classes`.

    Noise z is split into four equal parts. The first is the input of a Dense layer. Each other part is
    the condition of the two batch normalisations of one of the three up-sampling blocks. With
    `classes`, a 128-d embedding of the class is appended to each part. All layers except the embedding
    have spectral normalisation.

    Args:
        latent_dim: length of z, a multiple of 4.
        image_shape: (H, W, C), with H and W multiples of 8.
        filters: channels of all feature maps.
        classes: labels of the classes to generate, integers >= 0; or None for an unconditional
            generator.

    Returns:
        A `keras.Model` that maps noise (N, latent_dim) to images (N, H, W, C), float32 in [-1, 1]. With
        `classes`, noise is (N, latent_dim + 1) and its last coordinate selects the class, see
        `ClassFromNoise`.

    Raises:
        ValueError: H or W is not a multiple of 8, latent_dim is not a multiple of 4, or `classes` is
            not a list of at least one int >= 0.
    """
    height, width, channels = _check(image_shape)
    if latent_dim < 4 or latent_dim % 4:
        raise ValueError(f"latent_dim is expected to be a multiple of 4. Received: {latent_dim}")
    z = noise = keras.Input((latent_dim + (classes is not None),), name="noise")
    embedded = []
    if classes is not None:
        z, label = ClassFromNoise(classes)(noise)
        embedded = [layers.Embedding(max(classes) + 1, 128, embeddings_initializer=_normal())(label)]
    first, *others = (
        ops.concatenate([part, *embedded], axis=-1) for part in ops.split(z, 4, axis=-1)
    )
    x = layers.Reshape((height, width, filters))(_dense(height * width * filters)(first))
    for condition in others:
        shortcut = layers.UpSampling2D(2)(_conv(filters, 1)(x))
        x = layers.ReLU()(_conditional_norm(x, condition))
        x = _conv(filters, 3)(layers.UpSampling2D(2)(x))
        x = layers.ReLU()(_conditional_norm(x, condition))
        x = layers.Add()([_conv(filters, 3)(x), shortcut])
    x = layers.ReLU()(_batch_norm()(x))
    images = layers.Activation("tanh", dtype="float32")(_conv(channels, 3)(x))
    return keras.Model(noise, images, name="biggan_generator")


@channels_last
def biggan_discriminator(
    image_shape: tuple[int, int, int] = (32, 32, 3), filters: int = 256, num_classes: int | None = None
) -> keras.Model:
    """A residual discriminator whose layers all have spectral normalisation and no other normalisation.

    With the default arguments it has 4,204,801 trainable parameters, or 4,207,371 with 10 classes.

    It has four residual blocks, of which the first two halve the image. Then follow ReLU, the sum over
    the pixels and a Dense layer.

    Args:
        image_shape: (H, W, C), with H and W multiples of 8.
        filters: channels of all feature maps.
        num_classes: number K of classes of the data; or None without labels.

    Returns:
        A `keras.Model` that maps images (N, H, W, C) to the list [scores, features], both float32.
        Scores are (N, K + 1), or (N, 1) if num_classes is None. Features are (N, filters), the input of
        the last layer.

    Raises:
        ValueError: H or W is not a multiple of 8.
    """
    _check(image_shape)
    x = images = keras.Input(image_shape, name="images")
    for block, halve in enumerate((True, True, False, False)):
        def pool(x, halve=halve):
            return layers.AveragePooling2D(2)(x) if halve else x

        shortcut = _conv(filters, 1)(pool(x)) if halve else x
        x = _conv(filters, 3)(layers.ReLU()(x) if block else x)
        x = _conv(filters, 3)(layers.ReLU()(x))
        x = layers.Add()([pool(x), shortcut])
    features = ops.sum(ops.cast(layers.ReLU()(x), "float32"), axis=(1, 2))
    scores = _dense(1 if num_classes is None else num_classes + 1, dtype="float32")(features)
    return keras.Model(images, [scores, features], name="biggan_discriminator")


def _conditional_norm(x, condition):
    """Batch normalisation whose scale and shift are linear functions of the condition (N, d)."""
    scale, shift = (layers.Reshape((1, 1, x.shape[-1]))(_dense(x.shape[-1], use_bias=False)(condition))
                    for _ in range(2))
    return _batch_norm(center=False, scale=False)(x) * (1 + scale) + shift


# The paper does not give the settings below. They are those of MHingeGAN's code.


def _batch_norm(**kwargs):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, **kwargs)


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)


def _conv(filters, size):
    convolution = layers.Conv2D(filters, size, padding="same", kernel_initializer=_normal())
    return SpectralNormalization(convolution)


def _dense(units, **kwargs):
    return SpectralNormalization(layers.Dense(units, kernel_initializer=_normal(), **kwargs))


def _check(image_shape):
    if len(image_shape) != 3 or image_shape[0] % 8 or image_shape[1] % 8:
        raise ValueError(
            "Expected image_shape (H, W, C) with H and W multiples of 8. Received: "
            f"{tuple(image_shape)}. Resize the images, as load_images(..., image_size=32) does."
        )
    return image_shape[0] // 8, image_shape[1] // 8, image_shape[2]
