"""AdaGAN: every round adds a GAN for what the mixture so far covers too little."""

import keras
import numpy as np

from keras_multigan.models.boosting import BoostedGAN


@keras.saving.register_keras_serializable("keras_multigan")
class AdaGAN(BoostedGAN):
    """A mixture to which every round adds a GAN for the data that the mixture so far covers too little.

    "AdaGAN: Boosting Generative Models" (Tolstikhin et al., 2017), after the authors' code. In round
    t = 1, 2, ... the mixture becomes (1 - b_t) mixture + b_t G_t with b_1 = 1 and b_t = 1/t, which
    keeps all shares equal. With h_i the ratio of the mixture's density to the data's at training sample
    i of N, see `BoostedGAN`, the samples of round t are drawn by the weights

    - w_i = max(lambda - (1 - b_t) h_i, 0) / (N b_t), with lambda such that they sum to 1,

    and the round's GAN is the usual one, with s the softplus:

    - L_D = E s(-D(x)) + E s(D(x~)), L_G = E s(-D(x~)).

    Args:
        generators: list of T functional or sequential Keras models, noise (N, latent_dim) -> samples,
            of the same layers. Which is trained when, and which draws: see `BoostedGAN`.
        discriminator: functional or sequential Keras model, samples -> one score (N, 1), no sigmoid.
        latent_dim: length of a noise vector.
        epochs_per_round: None shares the epochs of the first `fit` out equally.
        round_share: b_t for t > 1, in (0, 1); None for 1/t.
        bagging: whether all weights and shares stay equal.
        ratio_updates: updates of the network that finds h; None for 10 passes over the data.
        ratio_learning_rate: of that network; its optimizer is Adam, beta_1 0.5, as in the code.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, numbers out of range.

    Logs: discriminator_loss, generator_loss, score_gap (E D(x) - E D(x~)), round (1, 2, ...).

    Deviations from the paper:

    - Its toy experiments train each GAN by unrolling; here it is the plain one.
    - A batch is drawn with replacement. The code's has no sample twice.
    - The optimizers are those of the code's toy data: Adam 1e-3 (generator) and 1e-4, beta_1 0.5.
    """

    def __init__(self, generators, discriminator, *, latent_dim, epochs_per_round=None,
                 round_share=None, bagging=False, ratio_updates=None, ratio_learning_rate=8e-4,
                 seed=None, **kwargs):
        super().__init__(generators, discriminator, latent_dim=latent_dim,
                         epochs_per_round=epochs_per_round, ratio_updates=ratio_updates,
                         ratio_learning_rate=ratio_learning_rate, seed=seed, **kwargs)
        if round_share is not None and not 0 < round_share < 1:
            raise ValueError("round_share is expected to be None or a number, 0 < round_share < 1. "
                             f"Received: {round_share}")
        if bagging and round_share is not None:
            raise ValueError("round_share is expected to be None with bagging, where all shares are "
                             f"equal. Received: {round_share}")
        self.round_share, self.bagging = round_share, bool(bagging)

    def sample_weights(self, samples, number, batch_size):
        if self.bagging or number == 0:
            return np.full(len(samples), 1 / len(samples))
        counts = np.random.default_rng([self.seed, number]).multinomial(
            len(samples), self.shares(number))
        ratios = self.ratios(samples, counts, batch_size)
        return boosting_weights(ratios, self.round_share or 1 / (number + 1))

    def shares(self, count):
        weights = np.ones(1)
        for t in range(2, count + 1):
            share = self.round_share or 1 / t
            weights = np.append((1 - share) * weights, share)
        return weights


def boosting_weights(ratios: np.ndarray, share: float) -> np.ndarray:
    """AdaGAN's weights max(lambda - (1 - b) h_i, 0) / (N b), with lambda such that they sum to 1.

    Args:
        ratios: h (N,), at least 0.
        share: b in (0, 1].

    Returns:
        float64 (N,), at least 0.
    """
    h = (1 - share) * np.asarray(ratios, "float64")
    ordered = np.sort(h)
    # lambda, if the weights of the i smallest h are those that are not 0.
    levels = (len(h) * share + np.cumsum(ordered)) / np.arange(1, len(h) + 1)
    level = levels[np.flatnonzero(levels >= ordered)[-1]]
    weights = np.maximum(level - h, 0)
    return weights / weights.sum()
