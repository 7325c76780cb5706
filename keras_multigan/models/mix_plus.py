"""MIX+GAN: a mixture of generators against a mixture of discriminators, with learned weights."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_score, distinct, non_negative, whole_number
from keras_multigan.multigan import MultiGAN
from keras_multigan.networks import MixtureWeights
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class MixPlusGAN(MultiGAN):
    """n_G generators with weights w = softmax(a) against n_D discriminators with v = softmax(b).

    "Lessons Learned from the Training of GANs on Artificial Datasets" (Tang, 2020), sections III and
    IV, with the mixtures of Arora et al. (2017) and the penalty of WGAN-GP. One step is:

    - one update of all generators and a on
      L_G = sum_ij v_j w_i E L_gen(D_j(G_i)) + entropy_weight R(w),
    - `discriminator_updates` updates of all discriminators and b, each on a real batch x of its own, on
      L_D = sum_j v_j [sum_i w_i E L_fake(D_j(G_i)) + E L_real(D_j(x))] + entropy_weight R(v)
      + gp_weight sum_ij v_j w_i E (||grad D_j(x^_ij)||_2 - 1)^2,

    where R(u) = -1/len(u) sum log u, x^_ij = eps x + (1 - eps) G_i, and every G_i makes a batch of
    its own for each D_j. The opponent's networks and weights are constants. A joint phase for all
    generators is right: apart from the softmax, which they share, no term has two of them.

    Args:
        generators: list of n_G Keras models, noise (N, latent_dim) -> vectors (N, d) or images.
        discriminators: list of n_D Keras models, samples -> one score (N, 1), no sigmoid.
        latent_dim: length of a noise vector.
        adversarial_loss: "wasserstein", "vanilla" or "hinge": L_real, L_fake and L_gen, see
            `losses.adversarial_loss`.
        entropy_weight: weight of R; 1 in the paper (equations 7 and 8).
        discriminator_updates: per step.
        gp_weight: weight of the gradient penalty; None for 10 with "wasserstein", else 0.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, an unknown adversarial_loss, weights out of
            range.

    Logs: generator_loss, discriminator_loss, score_gap (sum_j v_j (E D_j(x) - sum_i w_i E D_j(G_i)),
    the paper's critic output), gradient_penalty (0 without one), least_weight (the smallest w).

    Deviations from the paper:

    - It does not say how the penalties of several discriminators add up (here as their losses do), or
      Adam's betas (here 0.5 and 0.9).
    - The slope of its LeakyReLU is not stated; `networks.mlp` has 0.2.
    - The order is its own: the generators first. Each discriminator update has fakes of its own; the
      paper's first one shares those of the generators' update.
    """

    alike = (*MultiGAN.alike, ("discriminators",))
    log_names = ("score_gap", "gradient_penalty", "least_weight")
    renamed = {"base": "adversarial_loss", "n_critic": "discriminator_updates"}

    def __init__(self, generators, discriminators, *, latent_dim, adversarial_loss="wasserstein",
                 entropy_weight=1.0, discriminator_updates=5, gp_weight=None, seed=None, **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.discriminators = distinct(discriminators, "discriminators")
        self.adversarial_loss = adversarial_loss
        self.parts = losses.adversarial_loss(adversarial_loss)  # L_real, L_fake, L_gen
        self.discriminator_updates = whole_number(discriminator_updates, "discriminator_updates")
        self.entropy_weight = non_negative(entropy_weight, "entropy_weight")
        if gp_weight is None:
            gp_weight = 10.0 if adversarial_loss == "wasserstein" else 0.0
        self.gp_weight = non_negative(gp_weight, "gp_weight")
        for k, discriminator in enumerate(self.discriminators):
            check_score(discriminator, self.image_shape, f"discriminators[{k}]")
        self.generator_weights = MixtureWeights(self.num_generators, name="generator_weights")
        self.discriminator_weights = MixtureWeights(len(self.discriminators),
                                                    name="discriminator_weights")

    def phases(self):
        return [
            Phase("generator", self.generator_loss, [*self.generators, self.generator_weights]),
            Phase("discriminator", self.discriminator_loss,
                  [*self.discriminators, self.discriminator_weights],
                  repeats=self.discriminator_updates),
        ]

    @property
    def mixture_weights(self):
        weights = ops.convert_to_numpy(self.generator_weights.shares()).astype("float64")
        return weights / weights.sum()

    def default_optimizer(self, phase):
        rate = {"generator": 1e-5, "discriminator": 1e-4}[phase]
        return keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9)

    def generator_loss(self, samples, labels):
        w, v = self.generator_weights.shares(), self.discriminator_weights.shares()
        of_pairs = ops.mean(self.parts.generator(self.scores(self.fakes(samples.shape[0]))), axis=2)
        loss = weighted(of_pairs, v, w) + self.entropy_weight * losses.entropy_regularizer(w)
        return loss, {"least_weight": ops.min(w)}

    def discriminator_loss(self, samples, labels):
        w, v = self.generator_weights.shares(), self.discriminator_weights.shares()
        fakes = self.fakes(samples.shape[0])
        samples = ops.repeat(samples[None, None], len(self.discriminators), axis=0)
        real_scores, fake_scores = self.scores(samples), self.scores(fakes)
        of_pairs = (ops.mean(self.parts.real(real_scores), axis=2)
                    + ops.mean(self.parts.fake(fake_scores), axis=2))
        gaps = ops.mean(real_scores, axis=2) - ops.mean(fake_scores, axis=2)
        penalties = self.penalties(samples, fakes) if self.gp_weight else ops.zeros_like(gaps)
        loss = weighted(of_pairs + self.gp_weight * penalties, v, w)
        logs = {"score_gap": weighted(gaps, v, w), "gradient_penalty": weighted(penalties, v, w)}
        return loss + self.entropy_weight * losses.entropy_regularizer(v), logs

    def fakes(self, batch_size):
        """Fakes (n_D, n_G, batch_size, ...). Every generator runs once, on the noise for all D_j."""
        n_d = len(self.discriminators)
        images = self.draw_each(batch_size * n_d)
        images = ops.reshape(images, (-1, batch_size, n_d, *self.image_shape))
        return ops.moveaxis(images, 2, 0)

    def scores(self, samples):
        """float32 scores (n_D, n, batch_size) of every D_j's own samples (n_D, n, batch_size, ...)."""
        scores = self.run_each(self.discriminators, _flat(samples))
        return ops.reshape(ops.cast(scores, "float32"), samples.shape[:3])

    def penalties(self, samples, fakes):
        """The mean gradient penalty between samples (n_D, 1, batch_size, ...) and the fakes (n_D, n_G,
        batch_size, ...) of each generator, (n_D, n_G)."""
        n_d, n_g, batch_size = fakes.shape[:3]
        epsilon = ops.transpose(self.draw(keras.random.uniform, batch_size, n_d, n_g), (1, 2, 0))
        epsilon = ops.reshape(epsilon, (*fakes.shape[:3], *[1] * len(self.image_shape)))
        between = epsilon * ops.cast(samples, fakes.dtype) + (1 - epsilon) * fakes
        gradients = self.input_gradient(lambda x: self.run_each(self.discriminators, x), _flat(between))
        penalties = losses.gradient_penalties(ops.reshape(gradients, (-1, *self.image_shape)))
        return ops.mean(ops.reshape(penalties, (n_d, n_g, batch_size)), axis=2)


def _flat(samples):
    """Samples (n_D, n, m, ...) as (n_D, n m, ...)."""
    return ops.reshape(samples, (samples.shape[0], -1, *samples.shape[3:]))


def weighted(of_pairs, v, w):
    """sum_ij v_j w_i x_ji of x (n_D, n_G)."""
    return ops.sum(ops.expand_dims(v, 1) * w * of_pairs)
