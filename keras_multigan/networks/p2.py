"""Several networks in one: P2GAN's generators and discriminators, which share layers."""

import math

import keras
from keras import layers


def p2_generators(count, latent_dim, body, share=True):
    """Generators that share all but their first layer, an affine one.

    Args:
        count: number of generators, at least 1.
        latent_dim: length of a noise vector.
        body: function () -> the other layers, a `keras.Model` from vectors (N, d) to samples, as
            `lambda: p2_mlp_body((2,))` or `lambda: resnet_body((32, 32, 3))`.
        share: whether they share it; if not, each gets its own.

    Returns:
        `keras.Model`, noise (N, latent_dim) -> a list of `count` tensors of samples; a list of
        `keras.Model`s where they share nothing or there is one.
    """
    noise = keras.Input((latent_dim,), name="noise")

    def generate(body):
        return body(layers.Dense(body.input_shape[-1])(noise))

    if not share or count == 1:
        return [keras.Model(noise, generate(body())) for _ in range(count)]
    shared = body()
    return keras.Model(noise, [generate(shared) for _ in range(count)])


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
    trunks = [trunk() for _ in range(1 if share else count)]
    samples = keras.Input(trunks[0].input_shape[1:], name="samples")
    scores = [layers.Dense(count // len(trunks), dtype="float32")(trunk(samples)) for trunk in trunks]
    return keras.Model(samples, layers.Concatenate()(scores) if len(scores) > 1 else scores[0])


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
