"""Distributions with known modes or moments: Gaussian mixtures, a random network, stacked digits.

Every source has `dimension` and `sample(num_samples, seed) -> (samples, labels)`. One call with a fixed
seed is a finite training set; a source itself is an infinite one.
"""

import numpy as np


class GaussianMixture:
    """Gaussians of equal weight with covariance `variance` I.

    Args:
        means: array (K, d), the centres of the modes.
        variance: > 0.

    Raises:
        ValueError: means of another rank or not finite, a variance that is not a finite number > 0.
    """

    def __init__(self, means, variance):
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
    def num_modes(self):
        return len(self.means)

    @property
    def dimension(self):
        return self.means.shape[1]

    def sample(self, num_samples, seed):
        """Draws samples, the same ones for the same seed.

        Args:
            num_samples: N, at least 1.
            seed: int >= 0, or a sequence of them.

        Returns:
            (float32 array (N, d), int64 array (N,) of modes).
        """
        random = _generator(num_samples, seed)
        modes = random.integers(self.num_modes, size=num_samples)
        noise = random.standard_normal((num_samples, self.dimension), dtype="float32")
        return (self.means[modes] + np.sqrt(self.variance) * noise).astype("float32"), modes


def axis_gaussians(num_modes, dimension, variance=0.09):
    """Gaussians around the unit vectors e_1, ..., e_K of MIX+GAN's artificial data.

    Raises:
        ValueError: more modes than dimensions, or fewer than one.
    """
    if not 1 <= num_modes <= dimension:
        raise ValueError(
            "num_modes is expected to be between 1 and the dimension, since every mode has an axis. "
            f"Received: num_modes={num_modes}, dimension={dimension}"
        )
    return GaussianMixture(np.eye(num_modes, dimension), variance)


def ring(num_modes=8, radius=2.0, variance=0.02):
    """Gaussians at equal angles on a circle; P2GAN's 2-D experiment by default."""
    angles = 2 * np.pi * np.arange(num_modes) / num_modes
    return GaussianMixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), variance)


def grid(side=5, spacing=1.0, variance=0.0025):
    """side x side Gaussians on a square grid around the origin, row by row."""
    steps = spacing * (np.arange(side) - (side - 1) / 2)
    return GaussianMixture(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), variance)


class RandomNetwork:
    """The output of a randomly initialised network of affine layers, as in MIX+GAN's figure 10.

    Noise z ~ N(0, I_d) goes through `num_layers` - 1 affine maps R^d -> R^d with Glorot uniform weights
    and zero biases (Keras' initial values), LeakyReLU between them. With 2 layers, the paper's input
    and output layer, this is one affine map, the data a Gaussian.

    Args:
        dimension: d.
        num_layers: layers as the paper counts them, at least 2.
        seed: int >= 0 that fixes the weights.
        negative_slope: of the LeakyReLU.

    Raises:
        ValueError: dimension < 1 or num_layers < 2.
    """

    def __init__(self, dimension, num_layers=2, seed=0, negative_slope=0.2):
        if dimension < 1 or num_layers < 2:
            raise ValueError("Expected dimension >= 1 and num_layers >= 2. "
                             f"Received: {dimension} and {num_layers}")
        random = np.random.default_rng(seed)
        limit = np.sqrt(6 / (dimension + dimension))
        self.weights = [random.uniform(-limit, limit, (dimension, dimension)).astype("float32")
                        for _ in range(num_layers - 1)]
        self.dimension, self.negative_slope = dimension, negative_slope

    def sample(self, num_samples, seed):
        """As `GaussianMixture.sample`; labels are None."""
        x = _generator(num_samples, seed).standard_normal((num_samples, self.dimension), "float32")
        for weights in self.weights[:-1]:
            x = x @ weights
            x = np.where(x > 0, x, np.float32(self.negative_slope) * x)
        return x @ self.weights[-1], None


class StackedDigits:
    """Stacked MNIST: three digits, drawn at random, as the channels of one image; 1,000 modes.

    Source: Metz et al., "Unrolled generative adversarial networks" (2017), with MNIST's training set.
    Usual are 128,000 samples to train on, and 26,000 generated ones to count the modes of.

    Args:
        images: floating array (N, H, W, 1) in [-1, 1], such as MNIST's of `load_images`.
        labels: integers (N,) in 0..9.

    Raises:
        ValueError: images that are not gray, labels that do not fit them.
    """

    num_modes = 1000

    def __init__(self, images, labels):
        images, labels = np.asarray(images), np.asarray(labels)
        if (images.ndim != 4 or images.shape[-1] != 1 or images.size == 0
                or not np.issubdtype(images.dtype, np.floating)):
            raise ValueError(
                "images is expected to be gray and floating, (N, height, width, 1). Received: shape "
                f"{images.shape}, type {images.dtype}. Load digits, such as 'mnist'."
            )
        if labels.shape != images.shape[:1] or not np.isin(labels, np.arange(10)).all():
            raise ValueError(
                f"labels is expected to hold {len(images)} integers in 0..9. Received: shape "
                f"{labels.shape}, values {np.unique(labels)}. Keep only images of the classes 0 to 9."
            )
        self.images, self.labels = images, labels
        self.dimension = 3 * images[0].size

    def sample(self, num_samples, seed):
        """As `GaussianMixture.sample`, images (N, H, W, 3); digits a, b, c are mode 100a + 10b + c."""
        chosen = _generator(num_samples, seed).integers(len(self.images), size=(num_samples, 3))
        samples = np.empty((num_samples, *self.images.shape[1:3], 3), "float32")
        for channel in range(3):
            samples[..., channel] = self.images[chosen[:, channel], ..., 0]
        return samples, self.labels[chosen].astype("int64") @ [100, 10, 1]


def _generator(num_samples, seed):
    if num_samples < 1:
        raise ValueError(f"num_samples is expected to be >= 1. Received: {num_samples}")
    return np.random.default_rng(seed)
