"""Several networks in one: P2GAN's generators and discriminators, which share layers."""

import math

import keras
from keras import layers


def p2_generators(count, latent_dim, units, body, share=True):
    """Generators that share all but their first layer, an affine one.

    Args:
        count: number of generators, at least 1.
        latent_dim: length of a noise vector.
        units: length d of the first layer's output.
        body: function () -> the other layers, a function of symbolic vectors (N, d) to samples, as
            `lambda: p2_mlp_body((2,), 128)` or `lambda: resnet_body((32, 32, 3), 128)`. It is called
            for each generator: what it makes while it is called is that generator's own, as batch
            normalisation has to be, whose statistics differ.
        share: whether the body is one for all; if not, each gets its own.

    Returns:
        `keras.Model`, noise (N, latent_dim) -> a list of `count` tensors of samples; a list of
        `keras.Model`s where they share nothing or there is one.
    """
    noise = keras.Input((latent_dim,), name="noise")

    def generate(body):
        return body(layers.Dense(units)(noise))

    if not share or count == 1:
        return [keras.Model(noise, generate(body()), name="p2_generator") for _ in range(count)]
    shared = body()
    return keras.Model(noise, [generate(shared) for _ in range(count)], name="p2_generators")


def p2_discriminators(count, trunk, share=True):
    """Discriminators that share all but their last layer.

    Args:
        count: number of scores, at least 1.
        trunk: function () -> the other layers, a `keras.Model` from samples (N, ...) to features
            (N, d), as `lambda: p2_mlp_trunk((2,))` or `lambda: resnet_trunk((32, 32, 3))`.
        share: whether they share it; if not, each gets its own.

    Returns:
        `keras.Model`, samples (N, ...) -> scores (N, count), float32.
    """
    heads = [layers.Dense(count if share else 1, dtype="float32") for _ in range(1 if share else count)]
    trunks = [trunk() for _ in heads]
    samples = keras.Input(trunks[0].input_shape[1:], name="samples")
    scores = [head(trunk(samples)) for head, trunk in zip(heads, trunks, strict=True)]
    return keras.Model(samples, scores[0] if len(scores) == 1
                       else layers.Concatenate(dtype="float32")(scores), name="p2_discriminator")


def p2_mlp_body(shape, width=128):
    """ReLU, a hidden layer of `width` units with ReLU and an affine one, as on P2GAN's 2-D data, in a
    generator with 2 hidden layers; images end in tanh.

    Args:
        shape: of a sample, (d,) or (H, W, C).
        width: length of the hidden layers, also of the input.

    Returns:
        `keras.Model`, (N, width) -> samples (N, *shape), float32.
    """
    return keras.Sequential([
        keras.Input((width,)), layers.ReLU(), layers.Dense(width, activation="relu"),
        layers.Dense(math.prod(shape), activation="tanh" if len(shape) == 3 else None),
        layers.Reshape(shape), layers.Activation("linear", dtype="float32"),
    ])


def p2_mlp_trunk(shape, width=128):
    """The hidden layer, with ReLU, of a discriminator on P2GAN's 2-D data: samples (N, *shape) ->
    features (N, width)."""
    return keras.Sequential([keras.Input(shape), layers.Flatten(),
                             layers.Dense(width, activation="relu")])
