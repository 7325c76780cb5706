"""Image MLPs: parameter counts by hand, ranges, shapes."""

import keras
import numpy as np
import pytest

from keras_multigan.networks import mlp_discriminator, mlp_generator

pytestmark = pytest.mark.fast


def affine(*sizes):
    """Weights and biases of affine maps between layers of these sizes."""
    return sum(a * b + b for a, b in zip(sizes[:-1], sizes[1:], strict=True))


def test_the_papers_parameter_counts():
    assert mlp_generator().count_params() == affine(100, 256, 512, 1024, 784) == 1_486_352
    assert mlp_discriminator().count_params() == affine(784, 1024, 512, 256, 1) == 1_460_225
    encoder = mlp_discriminator((8, 8, 3), outputs=10, widths=(7, 5))
    assert encoder.count_params() == affine(192, 7, 5, 10)


def test_images_and_scores():
    generator = mlp_generator(6, (4, 5, 3), widths=(16,))
    discriminator = mlp_discriminator((4, 5, 3), outputs=2, widths=(16,))
    noise = 100 * np.random.default_rng(0).normal(size=(9, 6)).astype("float32")
    images = keras.ops.convert_to_numpy(generator(noise))
    assert images.shape == (9, 4, 5, 3) and images.dtype == np.float32
    assert 0.9 < np.abs(images).max() <= 1
    scores = keras.ops.convert_to_numpy(discriminator(100 * images))
    assert scores.shape == (9, 2) and scores.min() < 0 and np.abs(scores).max() > 1  # no sigmoid
