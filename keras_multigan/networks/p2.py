"""Several networks in one: P2GAN's generators and discriminators, which share layers."""

import math

import keras
from keras import layers


def p2_generators(count, latent_dim, shape, width=128, share=True):
    """Generators of affine layers, latent_dim -> width -> width -> samples, with ReLU between them, as
    on P2GAN's 2-D data; images end in tanh.

    Args:
        count: number of generators, at least 1.
        latent_dim: length of a noise vector.
        shape: of a sample, (d,) or (H, W, C).
        width: length of the hidden layers.
        share: whether generators share all but the first layer.

    Returns:
        `keras.Model`, (N, latent_dim) -> a list of `count` tensors (N, *shape), float32; a list of
        `keras.Model`s where they share nothing or there is one.
    """
    def body():
        sizes = [keras.Input((width,)), layers.ReLU(), layers.Dense(width, activation="relu"),
                 layers.Dense(math.prod(shape), activation="tanh" if len(shape) == 3 else None),
                 layers.Reshape(shape), layers.Activation("linear", dtype="float32")]
        return keras.Sequential(sizes)

    noise = keras.Input((latent_dim,))
    if not share or count == 1:
        return [keras.Sequential([keras.Input((latent_dim,)), layers.Dense(width), *body().layers])
                for _ in range(count)]
    shared = body()
    return keras.Model(noise, [shared(layers.Dense(width)(noise)) for _ in range(count)])


def p2_discriminators(count, shape, width=128, share=True):
    """`count` discriminators with one hidden layer of ReLU, as on P2GAN's 2-D data.

    Args:
        count: number of scores, at least 1.
        shape: of a sample.
        width: length of the hidden layer.
        share: whether they share all but the last layer.

    Returns:
        `keras.Model`, (N, *shape) -> scores (N, count), float32.
    """
    samples = keras.Input(shape)
    flat = layers.Flatten()(samples)
    if share:
        scores = layers.Dense(count)(layers.Dense(width, activation="relu")(flat))
    else:
        each = [layers.Dense(1)(layers.Dense(width, activation="relu")(flat)) for _ in range(count)]
        scores = layers.Concatenate()(each) if count > 1 else each[0]
    return keras.Model(samples, layers.Activation("linear", dtype="float32")(scores))
