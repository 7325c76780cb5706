"""The generator and discriminator of DCGAN (Radford et al., 2015), as MIM-GAN and P2GAN use them.

Both are functional Keras models with channels last. Each block doubles or halves the image with a
5x5 kernel of stride 2, between a smallest map of 4x4 (7x7 for 28x28 images, 6x6 for 48x48) and
`image_shape`. The map next to the image has `filters` channels, and each smaller one has twice as many.
Weights are initialised from a normal distribution of standard deviation 0.02, and biases with 0.
Layers followed by batch normalisation have no bias.

MIM-GAN shows its layers only in a figure. Sizes and widths here are DCGAN's: its 64x64 generator is
the one with filters=128. `dcgan_body` and `dcgan_trunk` are what P2GAN's generators and
discriminators share (`p2_generators`, `p2_discriminators`): its "standard CNN", of which the paper
says no more than that it follows DCGAN.
"""

from collections.abc import Callable

import keras
from keras import layers

from keras_multigan.networks.channels import channels_last
from keras_multigan.networks.layers import (
    Dropout,
    LayerNormalization,
    Orthonormal,
    SpectralNormalization,
    WeightNormalization,
)

# Times that an image of a size is halved, down to the smallest map.
BLOCKS = {8: 1, 16: 2, 28: 2, 32: 3, 48: 3, 64: 4, 128: 5}


@channels_last
def dcgan_generator(
    latent_dim: int = 100, image_shape: tuple[int, int, int] = (32, 32, 1), filters: int = 64
) -> keras.Model:
    """The generator, with 1,436,993 parameters.

    Dense - BN - ReLU, then transposed convolutions, with BN - ReLU between them and tanh at the end.

    Args:
        latent_dim: length of a noise vector.
        image_shape: (S, S, C), with S one of 8, 16, 28, 32, 48, 64 and 128.
        filters: channels of the last hidden map.

    Returns:
        A `keras.Model` that maps noise (N, latent_dim) to images (N, S, S, C), float32 in [-1, 1].

    Raises:
        ValueError: `image_shape` is not one of these.
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


@channels_last
def dcgan_generators(
    count: int, latent_dim: int = 100, image_shape: tuple[int, int, int] = (32, 32, 1),
    filters: int = 64, own: str = "first",
) -> keras.Model | list[keras.Model]:
    """Generators like `dcgan_generator` that share all layers but one.

    Args:
        count: number of generators, at least 1.
        latent_dim, image_shape, filters: as of `dcgan_generator`.
        own: the layer of which each generator has its own: "first", as in MGAN, with batch
            normalisations of its own throughout, for the generators' statistics differ; or "last", as
            in MAD-GAN.

    Returns:
        A `keras.Model` that maps noise (N, latent_dim) to a list of `count` tensors of images (N, S, S,
        C), float32 in [-1, 1]. If `count` is 1: a list of one `keras.Model`.

    Raises:
        ValueError: `image_shape` is not one of `dcgan_generator`, `own` is neither.
    """
    if own not in ("first", "last"):
        raise ValueError(f"own is expected to be 'first' or 'last'. Received: {own!r}")
    size, widths, channels = _maps(image_shape, filters)
    noise = keras.Input((latent_dim,), name="noise")

    def up(width, **kwargs):
        return layers.Conv2DTranspose(width, 5, 2, "same", kernel_initializer=_normal(), **kwargs)

    shared = [up(width, use_bias=False) for width in widths[-2::-1]]
    firsts, lasts = (count, 1) if own == "first" else (1, count)
    hidden, ends = [], [up(channels) for _ in range(lasts)]
    for _ in range(firsts):
        x = layers.Dense(size * size * widths[-1], use_bias=False, kernel_initializer=_normal())(noise)
        x = layers.Reshape((size, size, widths[-1]))(x)
        for layer in [lambda x: x, *shared]:
            x = layers.ReLU()(layers.BatchNormalization()(layer(x)))
        hidden.append(x)
    images = [layers.Activation("tanh", dtype="float32")(end(x)) for x in hidden for end in ends]
    if count == 1:
        return [keras.Model(noise, images[0], name="dcgan_generator")]
    return keras.Model(noise, images, name="dcgan_generators")


@channels_last
def dcgan_discriminator(
    image_shape: tuple[int, int, int] = (32, 32, 1),
    filters: int = 64,
    negative_slope: float = 0.02,
    dropout: float = 0.5,
    normalization: str | None = "batch",
    orthonormal_weight: float = 0.0,
    outputs: int = 1,
    fewer_blocks: int = 0,
) -> keras.Model:
    """The discriminator, with 1,031,297 parameters.

    Convolutions with BN - LeakyReLU, the first one without BN, then dropout and Dense(1).
    `normalization` names what other GANs have in place of BN.

    MIM-GAN uses dropout 0.5 but does not say where. Here dropout comes after all batch normalisation
    layers, since before them it would disturb their statistics (Li et al., 2019, cited by MIM-GAN).

    Args:
        image_shape: (S, S, C), with S one of 8, 16, 28, 32, 48, 64 and 128.
        filters: channels of the first map.
        negative_slope: slope of the LeakyReLU for negative inputs; 0.02 as printed in MIM-GAN, DCGAN
            has 0.2.
        dropout: dropout rate; DCGAN has none (0).
        normalization: "batch"; "layer", over each whole map, in the same places; "spectral" or
            "weight", of the kernels of all layers; or None.
        orthonormal_weight: weight of a regulariser of all kernels; see `Orthonormal`.
        outputs: number of logits.
        fewer_blocks: number of last convolutions that are left out, as far as one remains.

    Returns:
        A `keras.Model` that maps images (N, S, S, C) to logits (N, outputs), float32, no sigmoid.

    Raises:
        ValueError: `image_shape` is not one of these, an unknown normalization.
    """
    if normalization not in (None, "batch", "layer", "spectral", "weight"):
        raise ValueError("normalization is expected to be None, 'batch', 'layer', 'spectral' or "
                         f"'weight'. Received: {normalization!r}")
    _, widths, _ = _maps(image_shape, filters)
    widths = widths[: max(1, len(widths) - fewer_blocks)]
    wrap = {"spectral": SpectralNormalization, "weight": WeightNormalization}.get(
        normalization, lambda layer: layer)
    of_maps = {"batch": layers.BatchNormalization, "layer": _layer_normalization}.get(normalization)

    def of_kernel():
        return {**_of_kernel(),
                "kernel_regularizer": Orthonormal(orthonormal_weight) if orthonormal_weight else None}

    x = images = keras.Input(image_shape, name="images")
    x = Dropout(dropout)(_down(x, widths, negative_slope, wrap, of_maps, of_kernel))
    logits = wrap(layers.Dense(outputs, dtype="float32", **of_kernel()))(x)
    return keras.Model(images, logits, name="dcgan_discriminator")


@channels_last
def dcgan_body(image_shape: tuple[int, int, int] = (32, 32, 3), filters: int = 128) -> Callable:
    """The generator's layers after its first affine one.

    The returned function can be called for several generators. They share the convolutions. Each call
    creates its own batch normalisation.

    Args:
        image_shape: (S, S, C), with S one of 8, 16, 28, 32, 48, 64 and 128.
        filters: channels of the last hidden map.

    Returns:
        A function of symbolic vectors, a `dcgan_map` flattened, to images (N, S, S, C), float32 in
        [-1, 1].

    Raises:
        ValueError: `image_shape` is not one of these.
    """
    _, widths, channels = _maps(image_shape, filters)
    up = [layers.Conv2DTranspose(width, 5, 2, "same", use_bias=False, kernel_initializer=_normal())
          for width in widths[-2::-1]]
    up.append(layers.Conv2DTranspose(channels, 5, 2, "same", kernel_initializer=_normal()))

    @channels_last
    def generate(vectors):
        x = layers.Reshape(dcgan_map(image_shape, filters))(vectors)
        for layer in up:
            x = layer(layers.ReLU()(layers.BatchNormalization()(x)))
        return layers.Activation("tanh", dtype="float32")(x)

    return generate


@channels_last
def dcgan_trunk(image_shape: tuple[int, int, int] = (32, 32, 3), filters: int = 128) -> keras.Model:
    """The discriminator's layers before its last one, with DCGAN's LeakyReLU of 0.2 and no dropout.

    Args:
        image_shape: (S, S, C), with S one of 8, 16, 28, 32, 48, 64 and 128.
        filters: channels of the first map.

    Returns:
        A `keras.Model` that maps images (N, S, S, C) to features (N, F), the last map flattened.

    Raises:
        ValueError: `image_shape` is not one of these.
    """
    x = images = keras.Input(image_shape)
    return keras.Model(images, _down(x, _maps(image_shape, filters)[1], 0.2), name="dcgan_trunk")


def dcgan_map(image_shape: tuple[int, int, int], filters: int) -> tuple[int, int, int]:
    """The shape of the generator's first map.

    Args:
        image_shape: (S, S, C), with S one of 8, 16, 28, 32, 48, 64 and 128.
        filters: channels of the last hidden map.

    Raises:
        ValueError: `image_shape` is not one of these.
    """
    size, widths, _ = _maps(image_shape, filters)
    return size, size, widths[-1]


def _of_kernel():
    return {"kernel_initializer": _normal()}


def _down(x, widths, negative_slope, wrap=lambda layer: layer, of_maps=layers.BatchNormalization,
          of_kernel=_of_kernel):
    for block, width in enumerate(widths):
        normalized = block > 0 and of_maps is not None
        x = wrap(layers.Conv2D(width, 5, 2, "same", use_bias=not normalized, **of_kernel()))(x)
        x = of_maps()(x) if normalized else x
        x = layers.LeakyReLU(negative_slope)(x)
    return layers.Flatten()(x)


def _layer_normalization():
    """Over a whole map (H, W, C), as in WGAN-GP. (Keras' GroupNormalization(1) has wrong second
    derivatives on TensorFlow.)"""
    def normalize(x):
        return layers.Reshape(x.shape[1:])(LayerNormalization()(layers.Flatten()(x)))

    return normalize


def _normal():
    # A new initializer per layer: a shared one gives kernels of equal shape equal weights.
    return keras.initializers.RandomNormal(stddev=0.02)


def _maps(image_shape, filters):
    """Returns the smallest map's size, the channels of the maps from the image on, and of the image."""
    if len(image_shape) != 3 or image_shape[0] != image_shape[1] or image_shape[0] not in BLOCKS:
        raise ValueError(
            "image_shape is expected to be (S, S, C) with S one of "
            f"{', '.join(map(str, BLOCKS))}. Received: {tuple(image_shape)}. Resize the images, as "
            "load_images(..., image_size=32) does."
        )
    blocks = BLOCKS[image_shape[0]]
    return image_shape[0] // 2**blocks, [filters * 2**k for k in range(blocks)], image_shape[2]
