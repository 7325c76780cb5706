"""Input checks and networks of the measures that compare two sets of vectors."""

import keras
import numpy as np
from keras import ops

from keras_multigan import networks
from keras_multigan.metrics.logits import to_numpy


def vectors(array, name: str, minimum: int = 1) -> np.ndarray:
    """Returns `array` as a finite float32 NumPy array (N, d) with N >= minimum.

    Args:
        array: array or tensor.
        name: name of the array in error messages.
        minimum: smallest allowed N.

    Raises:
        ValueError: wrong shape, or values that are not finite.
    """
    array = to_numpy(array)
    if array.ndim != 2 or len(array) < minimum or array.shape[1] < 1:
        raise ValueError(
            f"Expected {name} of shape (samples >= {minimum}, features >= 1). Received: shape "
            f"{array.shape}. Flatten every sample to one vector; draw more if there are too few."
        )
    array = array.astype("float32", copy=False)
    if not np.isfinite(array).all():
        raise ValueError(
            f"Expected finite {name}. Received: NaN or infinite values. Has the generator diverged?"
        )
    return array


def pair(a, b, names: tuple[str, str], minimum: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns both arrays as `vectors` does. They have to have the same dimension d."""
    a, b = (vectors(array, name, minimum) for array, name in zip((a, b), names, strict=True))
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"Expected {' and '.join(names)} of one dimension. Received: shapes {a.shape} "
            f"and {b.shape}. Represent both sets in the same way."
        )
    return a, b


def halves(
    real, fake, seed: int, minimum: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Shuffles both sets, cuts them to the same length and splits them into two halves.

    Returns:
        The first half of both sets as (real, fake), and the second half of both sets as (real, fake).
    """
    real, fake = pair(real, fake, ("real", "fake"), minimum)
    random = np.random.default_rng(seed)
    half = min(len(real), len(fake)) // 2
    real, fake = (x[random.permutation(len(x))[: 2 * half]] for x in (real, fake))
    return (real[:half], fake[:half]), (real[half:], fake[half:])


def critic(dimension, width, seed):
    """A critic whose weights come from `seed`, not from Keras' random state, and that is 0 at first.

    A critic that begins with a slope in the wrong direction stays there: the penalty, which pushes
    every slope up to 1, too, is stronger than the scores.
    """
    critic = networks.mlp(dimension, 1, width=width)
    *kernels, last = (v for v in critic.trainable_variables if len(v.shape) == 2)
    for number, kernel in enumerate(kernels):
        kernel.assign(keras.initializers.GlorotUniform(seed=1000 * seed + number)(kernel.shape))
    last.assign(ops.zeros(last.shape))
    return critic
