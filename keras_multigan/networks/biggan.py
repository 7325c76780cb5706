"""The networks of MIX-GAN (tables III and IV): BigGAN's for small images, as MHingeGAN has them."""

import keras
from keras import layers, ops

from keras_multigan.networks.layers import ClassFromNoise, SpectralNormalization


def biggan_generator(latent_dim=80, image_shape=(32, 32, 3), filters=256, classes=None):
    """A residual generator with conditional batch normalisation: 3,892,739 trainable parameters, or,
    with 10 `classes`, 4,811,523.

    Noise z has four parts: the first goes to a Dense layer, each other one to the two conditional
    batch normalisations of one of three up-sampling blocks. With `classes`, a 128-d embedding of the
    class stands beside all parts. All layers but the embedding have spectral normalisation.

    Args:
        latent_dim: length of z, a multiple of 4.
        image_shape: (H, W, C); H and W multiples of 8.
        filters: channels of all feature maps.
        classes: list of the classes that it makes, numbers of the data's labels; None without labels.

    Returns:
        `keras.Model`, noise (N, latent_dim) -> images (N, H, W, C) float32 in [-1, 1]. With `classes`
        the noise is (N, latent_dim + 1): its last coordinate picks the class, see `ClassFromNoise`.

    Raises:
        ValueError: H or W is not a multiple of 8, latent_dim is not one of 4; bad classes.
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


def biggan_discriminator(image_shape=(32, 32, 3), filters=256, num_classes=None):
    """A residual discriminator without normalisation but the spectral one, which all layers have:
    4,204,801 trainable parameters, or, with 10 classes, 4,207,371.

    Four residual blocks, of which the first two halve the image; ReLU, sum over the pixels, Dense.

    Args:
        image_shape: (H, W, C); H and W multiples of 8.
        filters: channels of all feature maps.
        num_classes: number K of the data's classes; None without labels.

    Returns:
        `keras.Model`, images (N, H, W, C) -> [scores (N, K + 1), or (N, 1) without classes,
        features (N, filters), the sums before the last layer], both float32.

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


# Settings of MHingeGAN's code, where the paper has none.


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
