"""Layers that map standard normal noise to other latent distributions."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_multigan")
class GaussianMixtureLatent(keras.layers.Layer):
    """A mixture of K Gaussians: z = mu_k + sigma_k eps, eps ~ N(0, I_d) (GM-GAN, MMGAN).

    The weights are the means mu (K, d), drawn from U[-center_range, center_range], and the logarithms
    of the standard deviations sigma (K, d), all initially equal. Both are float32 under any dtype
    policy. The output has the layer's compute dtype.

    Args:
        num_components: K, at least 1.
        latent_dim: d, at least 1.
        scale: initial standard deviation, > 0.
        center_range: half the width of the interval of the initial means, >= 0.
        seed: int that fixes the initial means, or None.
        **kwargs: arguments of `keras.layers.Layer`. `trainable=False` keeps means and deviations fixed.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        num_components: int,
        latent_dim: int,
        scale: float = 1.0,
        center_range: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        if any(int(n) != n or n < 1 for n in (num_components, latent_dim)) or not (
                0 < scale < np.inf and 0 <= center_range < np.inf):
            raise ValueError(
                "Expected whole numbers num_components >= 1 and latent_dim >= 1, finite scale > 0 "
                "and center_range >= 0. Received: "
                f"{num_components}, {latent_dim}, {scale} and {center_range}"
            )
        self.num_components, self.latent_dim = int(num_components), int(latent_dim)
        self.scale, self.center_range = float(scale), float(center_range)
        self.seed = None if seed is None else int(seed)
        first = keras.initializers.RandomUniform(-self.center_range, self.center_range, self.seed)
        weight = dict(shape=(self.num_components, self.latent_dim), dtype="float32", autocast=False)
        self.mean = self.add_weight(name="mean", initializer=first, **weight)
        self.log_scale = self.add_weight(
            name="log_scale", initializer=keras.initializers.Constant(np.log(self.scale)), **weight)
        self.built = True

    def call(self, noise, component):
        """Maps noise to latent vectors.

        Args:
            noise: float tensor (N, d), standard normal.
            component: index of one component for all rows, 0..K-1; or a tensor (N, K) of weights that
                sum to 1 in each row. The means and standard deviations are averaged with these weights,
                so a one-hot row selects one component.

        Returns:
            float tensor (N, d).

        Raises:
            ValueError: the index is out of range.
        """
        if not isinstance(component, int):
            weights = ops.cast(component, "float32")
            mean, scale = ops.matmul(weights, self.mean), ops.matmul(weights, ops.exp(self.log_scale))
        elif 0 <= component < self.num_components:
            mean, scale = self.mean[component], ops.exp(self.log_scale[component])
        else:
            raise ValueError(
                f"component is expected to be in 0..{self.num_components - 1}, or a tensor of weights "
                f"(N, {self.num_components}). Received: {component}"
            )
        return ops.cast(mean + scale * ops.cast(noise, "float32"), self.compute_dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "latent_dim": self.latent_dim,
            "scale": self.scale,
            "center_range": self.center_range,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable("keras_multigan")
class ClassLatent(keras.layers.Layer):
    """Noise joined with a one-hot class: z = [eps, e_k], of length d + K (AC-GAN).

    It has no weights. The output has the layer's compute dtype.

    Args:
        num_components: the number of classes K, at least 1.
        latent_dim: d, at least 1.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, num_components: int, latent_dim: int, **kwargs):
        super().__init__(**kwargs)
        if any(int(n) != n or n < 1 for n in (num_components, latent_dim)):
            raise ValueError("Expected whole numbers num_components >= 1 and latent_dim >= 1. "
                             f"Received: {num_components} and {latent_dim}")
        self.num_components, self.latent_dim = int(num_components), int(latent_dim)

    def call(self, noise, component):
        """Joins noise with classes.

        Args:
            noise: float tensor (N, d), standard normal.
            component: the class of all rows, 0..K-1; or a one-hot tensor (N, K).

        Returns:
            float tensor (N, d + K).

        Raises:
            ValueError: the class is out of range.
        """
        if isinstance(component, int):
            if not 0 <= component < self.num_components:
                raise ValueError(
                    f"component is expected to be in 0..{self.num_components - 1}, or a one-hot tensor "
                    f"(N, {self.num_components}). Received: {component}"
                )
            component = ops.one_hot(ops.full_like(noise[:, 0], component, dtype="int32"),
                                    self.num_components)
        return ops.concatenate([noise, ops.cast(component, noise.dtype)], axis=-1)

    def get_config(self) -> dict:
        return {**super().get_config(), "num_components": self.num_components,
                "latent_dim": self.latent_dim}


def component_generators(
    generator: keras.Model, latent: GaussianMixtureLatent | ClassLatent
) -> list[keras.Model]:
    """Returns one Keras model per component of a latent layer.

    All models share the weights of one network.

    Args:
        generator: Keras model that maps what `latent` gives to samples.
        latent: the layer, with K components and latent_dim d.

    Returns:
        List of K functional Keras models that map standard normal noise (N, d) to samples.
    """
    models = []
    for k in range(latent.num_components):
        noise = keras.Input((latent.latent_dim,), name="noise")
        models.append(keras.Model(noise, generator(latent(noise, component=k)), name=f"component_{k}"))
    return models
