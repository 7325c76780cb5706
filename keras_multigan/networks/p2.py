"""P2GAN's generators and discriminators, several of each in one network with shared layers."""

import math
from collections.abc import Callable

import keras
from keras import layers

from keras_multigan.networks.channels import channels_last


@channels_last
def p2_generators(
    count: int, latent_dim: int, units: int, body: Callable[[], Callable], share: bool = True
) -> keras.Model | list[keras.Model]:
    """Generators that share all layers except the first, an affine one.

    Args:
        count: number of generators, at least 1.
        latent_dim: length of a noise vector.
        units: length d of the first layer's output.
        body: function without arguments that returns the other layers: a function of symbolic vectors
            (N, d) to samples, such as `lambda: p2_mlp_body((2,), 128)` or
            `lambda: resnet_body((32, 32, 3), 128)`. The returned function is called once per generator.
            Layers that it creates during the call belong to that generator alone. Batch normalisation
            has to be created in this way, since the generators' statistics differ.
        share: whether all generators share one body. If not, each has its own.

    Returns:
        A `keras.Model` that maps noise (N, latent_dim) to a list of `count` tensors of samples. If
        `share` is False or `count` is 1: a list of `keras.Model`s, one per generator.
    """
    noise = keras.Input((latent_dim,), name="noise")

    def generate(body):
        return body(layers.Dense(units)(noise))

    if not share or count == 1:
        return [keras.Model(noise, generate(body()), name="p2_generator") for _ in range(count)]
    shared = body()
    return keras.Model(noise, [generate(shared) for _ in range(count)], name="p2_generators")


@channels_last
def p2_discriminators(count: int, trunk: Callable[[], keras.Model], share: bool = True) -> keras.Model:
    """Discriminators that share all layers except the last.

    Args:
        count: number of scores, at least 1.
        trunk: function without arguments that returns the other layers: a `keras.Model` from samples
            (N, ...) to features (N, d), such as `lambda: p2_mlp_trunk((2,))` or
            `lambda: resnet_trunk((32, 32, 3))`.
        share: whether all discriminators share one trunk. If not, each has its own.

    Returns:
        A `keras.Model` that maps samples (N, ...) to scores (N, count), float32.
    """
    heads = [layers.Dense(count if share else 1, dtype="float32") for _ in range(1 if share else count)]
    trunks = [trunk() for _ in heads]
    samples = keras.Input(trunks[0].input_shape[1:], name="samples")
    scores = [head(trunk(samples)) for head, trunk in zip(heads, trunks, strict=True)]
    return keras.Model(samples, scores[0] if len(scores) == 1
                       else layers.Concatenate(dtype="float32")(scores), name="p2_discriminator")


@channels_last
def p2_mlp_body(shape: tuple[int, ...], width: int = 128) -> keras.Model:
    """The layers of P2GAN's generator on 2-D data after its first affine layer.

    ReLU, a hidden layer of `width` units with ReLU, and an affine layer. With the first layer, the
    generator has 2 hidden layers. Images end in tanh.

    Args:
        shape: shape of a sample, (d,) or (H, W, C).
        width: length of the input and of the hidden layer.

    Returns:
        A `keras.Model` that maps vectors (N, width) to samples (N, *shape), float32.
    """
    return keras.Sequential([
        keras.Input((width,)), layers.ReLU(), layers.Dense(width, activation="relu"),
        layers.Dense(math.prod(shape), activation="tanh" if len(shape) == 3 else None),
        layers.Reshape(shape), layers.Activation("linear", dtype="float32"),
    ])


@channels_last
def p2_mlp_trunk(shape: tuple[int, ...], width: int = 128) -> keras.Model:
    """The hidden layer, with ReLU, of P2GAN's discriminator on 2-D data.

    Args:
        shape: shape of a sample, (d,) or (H, W, C).
        width: length of the hidden layer.

    Returns:
        A `keras.Model` that maps samples (N, *shape) to features (N, width).
    """
    return keras.Sequential([keras.Input(shape), layers.Flatten(),
                             layers.Dense(width, activation="relu")])
