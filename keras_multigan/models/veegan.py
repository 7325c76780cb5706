"""VEEGAN: a network that reconstructs the noise keeps the generator from dropping modes."""

import keras
from keras import ops

from keras_multigan.checks import check_outputs, check_score
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class VEEGAN(MultiGAN):
    """One generator G and a reconstructor F of its noise, against a discriminator of pairs.

    "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning" (Srivastava et al.,
    2017), algorithm 1. D tells pairs (z, G(z)) from pairs (F(x), x). With scores D without sigmoid,
    s(t) = log(1 + e^t) and z ~ N(0, I), one step is an update of D, then one of G and F, on

    - L_D = E s(-D(z, G(z))) + E s(D(F(x), x)),
    - L_GF = E D(z, G(z)) + E ||z - F(G(z))||_2^2.

    D's score is an estimate of the logarithm of the ratio of the two densities of pairs. F's gradient
    is that of the second term alone, as in the algorithm, so that one joint phase is right.

    Args:
        generator: Keras model, noise (N, latent_dim) -> images (N, H, W, C) or vectors (N, d).
        discriminator: Keras model, [samples, noise (N, latent_dim)] -> one score (N, 1), no sigmoid.
        reconstructor: F, a Keras model, samples -> (N, latent_dim), without activation.
        latent_dim: length of a noise vector.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other.

    Logs: discriminator_loss, generator_loss, score_gap (E D(z, G(z)) - E D(F(x), x) in the
    discriminator's phase), reconstruction (E ||z - F(G(z))||_2^2).

    Deviations from the paper:

    - F is a function; in the paper it may add noise.
    - The step's updates follow each other and have noise of their own; in algorithm 1 all gradients are
      of the same weights and noise.
    - The optimizer is DCGAN's Adam, 2e-4 and betas (0.5, 0.999).
    """

    log_names = ("score_gap", "reconstruction")

    def __init__(self, generator, discriminator, reconstructor, *, latent_dim, seed=None, **kwargs):
        super().__init__([generator], latent_dim=latent_dim, seed=seed, **kwargs)
        self.generator, self.discriminator = generator, discriminator
        self.reconstructor = reconstructor
        check_score(discriminator, [self.image_shape, (self.latent_dim,)], "discriminator")
        check_outputs(reconstructor, self.image_shape, "reconstructor", self.latent_dim,
                      "a noise vector")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator]),
            Phase("generator", self.generator_loss, [self.generator, self.reconstructor]),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        noise, fakes = self.draw_pairs(samples.shape[0])
        of_fakes = self.scores(fakes, noise)
        of_samples = self.scores(samples, self.reconstruct(samples))
        loss = ops.mean(ops.softplus(-of_fakes)) + ops.mean(ops.softplus(of_samples))
        return loss, {"score_gap": ops.mean(of_fakes) - ops.mean(of_samples)}

    def generator_loss(self, samples, labels):
        noise, fakes = self.draw_pairs(samples.shape[0])
        squares = ops.square(noise - self.reconstruct(fakes))
        reconstruction = ops.mean(ops.sum(squares, axis=-1))
        loss = ops.mean(self.scores(fakes, noise)) + reconstruction
        return loss, {"reconstruction": reconstruction}

    def draw_pairs(self, batch_size):
        """Noise (batch_size, latent_dim) and what the generator makes of it, in training mode."""
        noise = self.draw(keras.random.normal, batch_size, self.latent_dim)
        return noise, self.generator(noise, training=True)

    def reconstruct(self, samples):
        return ops.cast(self.reconstructor(samples, training=True), "float32")

    def scores(self, samples, noise):
        return ops.cast(self.discriminator([samples, noise], training=True), "float32")
