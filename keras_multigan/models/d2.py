"""D2GAN: two discriminators, one that favours the data, one that favours the generator."""

import keras
from keras import ops

from keras_multigan.checks import check_score, distinct, non_negative
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class D2GAN(MultiGAN):
    """One generator against two discriminators, by both Kullback-Leibler divergences.

    "Dual Discriminator Generative Adversarial Nets" (Nguyen et al., 2017). With y = G(z) and the
    positive outputs D_i = log(1 + e^S_i) of scores S_i, one step is an update of both D, then of G, on

    - L_D = -alpha E log D_1(x) + E D_1(y) + E D_2(x) - beta E log D_2(y),
    - L_G = -E D_1(y) + beta E log D_2(y).

    Against the best D this is alpha KL(p || p_G) + beta KL(p_G || p), up to constants. No term has both
    D, so that one joint phase gives each its own gradient.

    Args:
        generator: Keras model, noise (N, latent_dim) -> images (N, H, W, C) or vectors (N, d).
        discriminators: list of two Keras models, samples -> one score (N, 1), without activation.
        latent_dim: length of a noise vector.
        alpha, beta: weights of the logarithms.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, not two discriminators, weights out of range.

    Logs: discriminator_loss, generator_loss, first_gap and second_gap (E D_i(x) - E D_i(y), above 0 for
    the first and below 0 for the second one that tells the two apart).

    Deviations from the paper:

    - Of the activations that keep D positive it is the softplus of the authors' code.
    """

    log_names = ("first_gap", "second_gap")

    def __init__(self, generator, discriminators, *, latent_dim, alpha=0.2, beta=0.1, seed=None,
                 **kwargs):
        super().__init__([generator], latent_dim=latent_dim, seed=seed, **kwargs)
        self.generator = generator
        self.discriminators = distinct(discriminators, "discriminators")
        if len(self.discriminators) != 2:
            raise ValueError("discriminators is expected to be a list of two. Received: "
                             f"{len(self.discriminators)}")
        self.alpha, self.beta = non_negative(alpha, "alpha"), non_negative(beta, "beta")
        for k, discriminator in enumerate(self.discriminators):
            check_score(discriminator, self.image_shape, f"discriminators[{k}]")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, self.discriminators),
            Phase("generator", self.generator_loss, [self.generator]),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        fakes = self.draw_images(0, samples.shape[0])
        (first_real, second_real), (first_fake, second_fake) = self.scores(samples), self.scores(fakes)
        first_gap, second_gap = (
            ops.mean(ops.softplus(real)) - ops.mean(ops.softplus(fake))
            for real, fake in ((first_real, first_fake), (second_real, second_fake)))
        loss = (-self.alpha * ops.mean(log_softplus(first_real)) + ops.mean(ops.softplus(first_fake))
                + ops.mean(ops.softplus(second_real)) - self.beta * ops.mean(log_softplus(second_fake)))
        return loss, {"first_gap": first_gap, "second_gap": second_gap}

    def generator_loss(self, samples, labels):
        first, second = self.scores(self.draw_images(0, samples.shape[0]))
        return -ops.mean(ops.softplus(first)) + self.beta * ops.mean(log_softplus(second)), {}

    def scores(self, samples):
        """Both float32 scores (m, 1)."""
        return [ops.cast(d(samples, training=True), "float32") for d in self.discriminators]


def log_softplus(scores):
    """log(log(1 + e^s)), which is s where e^s is too small for a float32."""
    return ops.where(scores < -15, scores, ops.log(ops.softplus(ops.maximum(scores, -15.0))))
