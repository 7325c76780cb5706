"""Distributions with known modes or moments: Gaussian mixtures, a random network, stacked digits.

Each source has a `dimension` and a method `sample(num_samples, seed) -> (samples, labels)`. One call
with a fixed seed gives a finite training set. Calls with different seeds give new samples without end.
"""

from collections.abc import Sequence

import numpy as np


class GaussianMixture:
    """Mixture of Gaussians of equal weight, each with the covariance matrix `variance` * I.

    Args:
        means: array (K, d), the centres of the modes.
        variance: variance along each axis, > 0.

    Raises:
        ValueError: `means` is not a finite array of rank 2, or `variance` is not a finite number > 0.
    """

    def __init__(self, means: np.ndarray, variance: float):
        means = np.asarray(means, "float64")
        if means.ndim != 2 or means.size == 0 or not np.isfinite(means).all():
            raise ValueError(
                "means is expected to be a finite array (modes, dimension). Received: an array of "
                f"shape {means.shape}."
            )
        if not 0 < variance < np.inf:
            raise ValueError(f"variance is expected to be a finite number > 0. Received: {variance}")
        self.means, self.variance = means, float(variance)

    @property
    def num_modes(self) -> int:
        """Number K of modes."""
        return len(self.means)

    @property
    def dimension(self) -> int:
        """Length d of a sample."""
        return self.means.shape[1]

    def sample(self, num_samples: int, seed: int | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Draws samples. The same seed gives the same samples.

        Args:
            num_samples: N, at least 1.
            seed: int >= 0, or a sequence of them.

        Returns:
            The samples, float32 (N, d), and the mode of each sample, int64 (N,).

        Raises:
            ValueError: num_samples < 1.
        """
        random = _generator(num_samples, seed)
        modes = random.integers(self.num_modes, size=num_samples)
        noise = random.standard_normal((num_samples, self.dimension), dtype="float32")
        return (self.means[modes] + np.sqrt(self.variance) * noise).astype("float32"), modes


def axis_gaussians(num_modes: int, dimension: int, variance: float = 0.09) -> GaussianMixture:
    """Gaussians around the unit vectors e_1, ..., e_K, MIX+GAN's artificial data.

    Args:
        num_modes: K, between 1 and `dimension`.
        dimension: length of a sample.
        variance: variance along each axis, > 0.

    Raises:
        ValueError: num_modes is out of range, or variance is not > 0.
    """
    if not 1 <= num_modes <= dimension:
        raise ValueError(
            "num_modes is expected to be between 1 and the dimension, since every mode has an axis. "
            f"Received: num_modes={num_modes}, dimension={dimension}"
        )
    return GaussianMixture(np.eye(num_modes, dimension), variance)


def ring(num_modes: int = 8, radius: float = 2.0, variance: float = 0.02) -> GaussianMixture:
    """Gaussians at equal angles on a circle around the origin; by default P2GAN's 2-D experiment.

    Args:
        num_modes: number of Gaussians.
        radius: radius of the circle.
        variance: variance along each axis, > 0.
    """
    angles = 2 * np.pi * np.arange(num_modes) / num_modes
    return GaussianMixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), variance)


def grid(side: int = 5, spacing: float = 1.0, variance: float = 0.0025) -> GaussianMixture:
    """`side` x `side` Gaussians on a square grid around the origin, numbered row by row.

    Args:
        side: number of Gaussians along each axis.
        spacing: distance between neighbours.
        variance: variance along each axis, > 0.
    """
    steps = spacing * (np.arange(side) - (side - 1) / 2)
    return GaussianMixture(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), variance)


class RandomNetwork:
    """The outputs of a randomly initialised network of affine layers, as in MIX+GAN's figure 10.

    Noise z ~ N(0, I_d) goes through `num_layers` - 1 affine maps R^d -> R^d with LeakyReLU between
    them. Weights are Glorot uniform and biases zero, as Keras initialises them. With 2 layers, the
    paper's input and output layer, this is a single affine map and the data are Gaussian.

    Args:
        dimension: length d of a sample, at least 1.
        num_layers: number of layers as the paper counts them, at least 2.
        seed: int >= 0 that fixes the weights.
        negative_slope: slope of the LeakyReLU for negative inputs.

    Raises:
        ValueError: dimension < 1 or num_layers < 2.
    """

    def __init__(self, dimension: int, num_layers: int = 2, seed: int = 0, negative_slope: float = 0.2):
        if dimension < 1 or num_layers < 2:
            raise ValueError("Expected dimension >= 1 and num_layers >= 2. "
                             f"Received: {dimension} and {num_layers}")
        random = np.random.default_rng(seed)
        limit = np.sqrt(6 / (dimension + dimension))
        self.weights = [random.uniform(-limit, limit, (dimension, dimension)).astype("float32")
                        for _ in range(num_layers - 1)]
        self.dimension, self.negative_slope = dimension, negative_slope

    def sample(self, num_samples: int, seed: int | Sequence[int]) -> tuple[np.ndarray, None]:
        """Draws samples. The same seed gives the same samples.

        Args:
            num_samples: N, at least 1.
            seed: int >= 0, or a sequence of them.

        Returns:
            The samples, float32 (N, d), and None, since there are no labels.

        Raises:
            ValueError: num_samples < 1.
        """
        x = _generator(num_samples, seed).standard_normal((num_samples, self.dimension), "float32")
        for weights in self.weights[:-1]:
            x = x @ weights
            x = np.where(x > 0, x, np.float32(self.negative_slope) * x)
        return x @ self.weights[-1], None


class FiniteSamples:
    """A finite set of samples, drawn with replacement.

    Args:
        samples: array (N, d), N >= 1.

    Raises:
        ValueError: `samples` is not such an array.
    """

    def __init__(self, samples: np.ndarray):
        self.samples = np.asarray(samples, "float32")
        if self.samples.ndim != 2 or self.samples.size == 0:
            raise ValueError("samples is expected to be an array (samples >= 1, dimension >= 1). "
                             f"Received: shape {self.samples.shape}")
        self.dimension = self.samples.shape[1]

    def sample(self, num_samples: int, seed: int | Sequence[int]) -> tuple[np.ndarray, None]:
        """Draws samples. The same seed gives the same samples.

        Args:
            num_samples: N, at least 1.
            seed: int >= 0, or a sequence of them.

        Returns:
            The samples, float32 (N, d), and None, since there are no labels.

        Raises:
            ValueError: num_samples < 1.
        """
        chosen = _generator(num_samples, seed).integers(len(self.samples), size=num_samples)
        return self.samples[chosen], None


class StackedDigits:
    """Stacked MNIST: three random digits are the channels of one image, which gives 1,000 modes.

    Source: Metz et al., "Unrolled generative adversarial networks" (2017), with MNIST's training set.
    It is common to train on 128,000 samples and to count the modes of 26,000 generated ones.

    Args:
        images: floating array (N, H, W, 1) in [-1, 1], such as the images of "mnist" from
            `load_images`.
        labels: integer array (N,) of values in 0..9.

    Raises:
        ValueError: `images` is not a floating array of grayscale images, or `labels` does not hold one
            integer in 0..9 per image.
    """

    num_modes = 1000

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        images, labels = np.asarray(images), np.asarray(labels)
        if (images.ndim != 4 or images.shape[-1] != 1 or images.size == 0
                or not np.issubdtype(images.dtype, np.floating)):
            raise ValueError(
                "images is expected to be a floating array of grayscale images (N, height, width, 1). "
                f"Received: shape {images.shape}, type {images.dtype}. Load digits, such as 'mnist'."
            )
        if labels.shape != images.shape[:1] or not np.isin(labels, np.arange(10)).all():
            raise ValueError(
                f"labels is expected to hold {len(images)} integers in 0..9. Received: shape "
                f"{labels.shape}, values {np.unique(labels)}. Keep only images of the classes 0 to 9."
            )
        self.images, self.labels = images, labels
        self.dimension = 3 * images[0].size

    def sample(self, num_samples: int, seed: int | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Draws samples. The same seed gives the same samples.

        Args:
            num_samples: N, at least 1.
            seed: int >= 0, or a sequence of them.

        Returns:
            The images, float32 (N, H, W, 3), and the mode of each image, int64 (N,). Digits a, b and c
            in the three channels are mode 100 a + 10 b + c.

        Raises:
            ValueError: num_samples < 1.
        """
        chosen = _generator(num_samples, seed).integers(len(self.images), size=(num_samples, 3))
        samples = np.empty((num_samples, *self.images.shape[1:3], 3), "float32")
        for channel in range(3):
            samples[..., channel] = self.images[chosen[:, channel], ..., 0]
        return samples, self.labels[chosen].astype("int64") @ [100, 10, 1]


def _generator(num_samples, seed):
    if num_samples < 1:
        raise ValueError(f"num_samples is expected to be >= 1. Received: {num_samples}")
    return np.random.default_rng(seed)
