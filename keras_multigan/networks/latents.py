"""Latent distributions: layers that turn standard normal noise into other latent vectors."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_multigan")
class GaussianMixtureLatent(keras.layers.Layer):
    """A mixture of K Gaussians: z = mu_k + sigma_k eps, eps ~ N(0, I_d) (GM-GAN, MMGAN).

    Means mu (K, d), drawn from U[-center_range, center_range], and the logarithms of the standard
    deviations sigma (K, d), all equal at first. Both are float32 in any precision; the result has the
    layer's compute dtype.

    Args:
        num_components: K, at least 1.
        latent_dim: d, at least 1.
        scale: the first standard deviation, > 0.
        center_range: half the width of the means' interval, >= 0.
        seed: int that fixes the first means, or None.
        **kwargs: of a Keras layer; `trainable=False` fixes means and deviations.

    Raises:
        ValueError: a number out of range.
    """

    def __init__(self, num_components, latent_dim, scale=1.0, center_range=1.0, seed=None, **kwargs):
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
        """Latent vectors.

        Args:
            noise: float tensor (N, d), standard normal.
            component: the number of one component for all rows, 0..K-1; or a tensor (N, K) of
                weights that sum to 1, with which means and standard deviations are averaged. A one-hot
                row chooses its component.

        Returns:
            float tensor (N, d).

        Raises:
            ValueError: there is no component of this number.
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

    def get_config(self):
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "latent_dim": self.latent_dim,
            "scale": self.scale,
            "center_range": self.center_range,
            "seed": self.seed,
        }


def component_generators(generator, latent):
    """A Keras model for each component of a `GaussianMixtureLatent`, all on the weights of one network.

    Args:
        generator: Keras model, latent vectors (N, d) -> samples.
        latent: the layer, of K components and latent_dim d.

    Returns:
        List of K functional Keras models, standard normal noise (N, d) -> samples.
    """
    models = []
    for k in range(latent.num_components):
        noise = keras.Input((latent.latent_dim,), name="noise")
        models.append(keras.Model(noise, generator(latent(noise, component=k)), name=f"component_{k}"))
    return models
