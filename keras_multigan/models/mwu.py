"""MWU: what a GAN does not cover counts twice for those after it."""

import keras
import numpy as np

from keras_multigan.checks import non_negative
from keras_multigan.models.boosting import BoostedGAN


@keras.saving.register_keras_serializable("keras_multigan")
class MWUGAN(BoostedGAN):
    """A mixture of GANs in which data that a GAN does not cover count twice for those after it.

    "Rethinking Generative Mode Coverage: A Pointwise Guaranteed Approach" (Zhong et al., 2019), by
    multiplicative weight updates. The mixture is uniform. The training samples have equal weights at
    first, and those of round t are drawn by them. After round t, with h_i the ratio of G_t's density to
    the data's at sample i, see `BoostedGAN`,

    - w_i is doubled where h_i < threshold, and the weights are divided by their sum.

    A round's GAN is the usual one, with s the softplus:

    - L_D = E s(-D(x)) + E s(D(x~)), L_G = E s(-D(x~)).

    Args:
        generators: list of T functional or sequential Keras models, noise (N, latent_dim) -> samples,
            of the same layers. Which is trained when, and which draws: see `BoostedGAN`.
        discriminator: functional or sequential Keras model, samples -> one score (N, 1), no sigmoid.
        latent_dim: length of a noise vector.
        epochs_per_round: None shares the epochs of the first `fit` out equally.
        threshold: delta, the least h of a sample that is covered.
        ratio_updates: updates of a network that finds h; None for 10 passes over the data.
        ratio_learning_rate: of that network; its optimizer is Adam, beta_1 0.5, as in AdaGAN's code.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, numbers out of range.

    Logs: discriminator_loss, generator_loss, score_gap (E D(x) - E D(x~)), round (1, 2, ...).

    Deviations from the paper:

    - In the authors' code h comes from the round's own discriminator, at an early time and corrected
      for the weights of its data; here from a new one, on data without weights.
    - The optimizers are Adam 1e-3, beta_1 0.5, as in that code.
    """

    def __init__(self, generators, discriminator, *, latent_dim, epochs_per_round=None, threshold=0.25,
                 ratio_updates=None, ratio_learning_rate=8e-4, seed=None, **kwargs):
        super().__init__(generators, discriminator, latent_dim=latent_dim,
                         epochs_per_round=epochs_per_round, ratio_updates=ratio_updates,
                         ratio_learning_rate=ratio_learning_rate, seed=seed, **kwargs)
        self.threshold = non_negative(threshold, "threshold")

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(1e-3, beta_1=0.5)

    def sample_weights(self, samples, number, batch_size):
        if number == 0:
            return np.full(len(samples), 1 / len(samples))
        before = self.sample_weights(samples, number - 1, batch_size)
        key = str(number)
        if key not in self._ratios:
            counts = [0] * (number - 1) + [len(samples)]
            self._ratios[key] = self.ratios(samples, counts, batch_size)
        return doubled_weights(before, self._ratios[key], self.threshold)

    def shares(self, count):
        return np.full(count, 1 / count)


def doubled_weights(weights: np.ndarray, ratios: np.ndarray, threshold: float) -> np.ndarray:
    """MWU's new weights (N,), with the sum 1: those of samples with h < threshold are doubled."""
    weights = weights * np.where(np.asarray(ratios) < threshold, 2.0, 1.0)
    return weights / weights.sum()
