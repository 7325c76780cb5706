"""GAN and the family of games between one generator and one discriminator."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import (
    check_no_batch_normalization,
    check_score,
    non_negative,
    whole_number,
)
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class GAN(MultiGAN):
    """One generator against one discriminator.

    "Generative Adversarial Networks" (Goodfellow et al., 2014), and its rivals by their arguments. One
    step is `discriminator_updates` updates of D, each with real samples x of its own, then one of G.
    With y = G(z), scores D without sigmoid and s(t) = log(1 + e^t), `adversarial_loss` is one of

    - vanilla: L_D = E s(-D(x)) + E s(D(y)), L_G = E s(-D(y)),
    - saturating: the same L_D, L_G = -E s(D(y)),
    - least_squares: L_D = E (D(x) - 1)^2 / 2 + E D(y)^2 / 2, L_G = E (D(y) - 1)^2 / 2,
    - js, kl, reverse_kl, pearson: L_D = -E g(D(x)) + E f*(g(D(y))), L_G = -E g(D(y)), with g and f*
      of `losses.adversarial_loss`,
    - wasserstein: L_D = E D(y) - E D(x), L_G = -E D(y),
    - hinge: L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(y)), L_G = -E D(y),
    - relativistic_average: L_D = E s(E D(y) - D(x)) + E s(D(y) - E D(x)),
      L_G = E s(D(x) - E D(y)) + E s(E D(x) - D(y)),
    - relativistic_pairing: L_D = E s(D(y) - D(x)), L_G = E s(D(x) - D(y)), paired by their places.

    To L_D come the penalties gp_weight E (||grad D(eps x + (1 - eps) y)||_2 - 1)^2, eps ~ U[0, 1],
    r1_weight / 2 E ||grad D(x)||_2^2 and r2_weight / 2 E ||grad D(y)||_2^2. So there are

    - LSGAN (Mao et al., 2017): least_squares,
    - f-GAN (Nowozin et al., 2016): kl, for one,
    - WGAN (Arjovsky et al., 2017): wasserstein, clip=0.01, discriminator_updates=5,
    - WGAN-GP (Gulrajani et al., 2017): wasserstein, gp_weight=10, discriminator_updates=5,
    - SN-GAN (Miyato et al., 2018): hinge, discriminator_updates=5, D's layers in
      `networks.SpectralNormalization`,
    - RaGAN (Jolicoeur-Martineau, 2018): relativistic_average,
    - PacGAN (Lin et al., 2018): pack=2,
    - R3GAN (Huang et al., 2024): relativistic_pairing, r1_weight=1, r2_weight=1.

    D sees real and generated samples in separate calls, as in DCGAN (Radford et al., 2015): batch
    normalisation has the statistics of one kind alone. A penalty is on the gradient of each sample, so
    with one D must have no batch normalisation.

    Args:
        generator: Keras model, noise (N, latent_dim) -> images (N, H, W, C) or vectors (N, d).
        discriminator: Keras model, samples -> one score (N, 1), no sigmoid. With pack=m it takes
            images (N, H, W, m C) or vectors (N, m d).
        latent_dim: length of a noise vector.
        adversarial_loss: a name of the list.
        gp_weight, r1_weight, r2_weight: weights of the penalties.
        clip: c; after each update of D its weights are clipped to [-c, c]. None: they are not.
        pack: m samples of a batch that D sees at once, all real or all generated, joined along the
            last axis. A batch must be a multiple of it.
        discriminator_updates: per step.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, an unknown adversarial_loss, numbers out of
            range, a penalty for a discriminator with batch normalisation.

    Logs: discriminator_loss, generator_loss, score_gap (E D(x) - E D(y)); with a penalty also penalty
    (their weighted sum).

    Default optimizers, of both: RMSprop 5e-5 with `clip` (WGAN); Adam 1e-4 (0, 0.9) with `gp_weight`
    (WGAN-GP); Adam 2e-4 (0, 0.99) with `r1_weight` or `r2_weight` (R3GAN); Adam 2e-4 (0, 0.9) with
    "hinge" (SN-GAN); else Adam 2e-4 (0.5, 0.999) (DCGAN).

    Deviations from the paper:

    - Goodfellow's GAN, f-GAN: optimizer and networks are DCGAN's.
    - WGAN-GP: eps is one for a whole pack, if pack > 1.
    - RaGAN: the authors' code halves both losses; here they are those of the paper.
    - PacGAN: a batch is divided into packs, so that D sees as many samples as without them. Its code
      has two updates of the generator per update of D.
    - R3GAN: no schedule of learning rate, betas and weights; networks are up to the user.
    """

    fixed = (*MultiGAN.fixed, "pack")

    def __init__(self, generator, discriminator, *, latent_dim, adversarial_loss="vanilla",
                 gp_weight=0.0, r1_weight=0.0, r2_weight=0.0, clip=None, pack=1,
                 discriminator_updates=1, seed=None, **kwargs):
        super().__init__([generator], latent_dim=latent_dim, seed=seed, **kwargs)
        self.generator, self.discriminator = generator, discriminator
        self.adversarial_loss = adversarial_loss
        self.game = losses.adversarial_game(adversarial_loss)
        self.gp_weight = non_negative(gp_weight, "gp_weight")
        self.r1_weight = non_negative(r1_weight, "r1_weight")
        self.r2_weight = non_negative(r2_weight, "r2_weight")
        self.has_penalty = any((self.gp_weight, self.r1_weight, self.r2_weight))
        self.clip = clip
        if clip is not None and not 0 < clip < float("inf"):
            raise ValueError(f"clip is expected to be None or a finite number > 0. Received: {clip}")
        self.pack = whole_number(pack, "pack")
        self.discriminator_updates = whole_number(discriminator_updates, "discriminator_updates")
        self.log_names = ("score_gap", "penalty") if self.has_penalty else ("score_gap",)
        check_score(discriminator, (*self.image_shape[:-1], self.pack * self.image_shape[-1]),
                    "discriminator")
        if self.has_penalty:
            check_no_batch_normalization(discriminator, "discriminator")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator],
                  repeats=self.discriminator_updates,
                  after=None if self.clip is None else self.clip_weights),
            Phase("generator", self.generator_loss, [self.generator]),
        ]

    @property
    def batch_unit(self):
        return self.pack

    @property
    def batch_parts(self):
        return f"packs of {self.pack}"

    def default_optimizer(self, phase):
        if self.clip is not None:
            return keras.optimizers.RMSprop(5e-5)
        if self.gp_weight:
            return keras.optimizers.Adam(1e-4, 0.0, 0.9)
        if self.has_penalty:
            return keras.optimizers.Adam(2e-4, 0.0, 0.99)
        if self.adversarial_loss == "hinge":
            return keras.optimizers.Adam(2e-4, 0.0, 0.9)
        return keras.optimizers.Adam(2e-4, 0.5)

    def discriminator_loss(self, samples, labels):
        real = self.packed(samples)
        fake = self.packed(self.draw_images(0, samples.shape[0]))
        real_scores, fake_scores = self.scores(real), self.scores(fake)
        loss = ops.mean(self.game.discriminator(real_scores, fake_scores, self.batch_mean))
        logs = {"score_gap": ops.mean(real_scores) - ops.mean(fake_scores)}
        if self.has_penalty:
            logs["penalty"] = self.penalty(real, fake)
            loss = loss + logs["penalty"]
        return loss, logs

    def generator_loss(self, samples, labels):
        fake_scores = self.scores(self.packed(self.draw_images(0, samples.shape[0])))
        real_scores = self.scores(self.packed(samples)) if self.game.relativistic else None
        return ops.mean(self.game.generator(real_scores, fake_scores, self.batch_mean)), {}

    def packed(self, samples):
        """Samples (m, ..., C) as (m / pack, ..., pack C). A pack is of neighbours, which one replica
        has."""
        return ops.concatenate([samples[k :: self.pack] for k in range(self.pack)], axis=-1)

    def scores(self, packs):
        return ops.cast(self.discriminator(packs, training=True), "float32")

    def penalty(self, real, fake):
        """The weighted sum of the penalties."""
        penalty = 0.0
        if self.gp_weight:
            penalty += self.gp_weight * self.gradient_penalty(self.discriminator, real, fake)
        if self.r1_weight or self.r2_weight:
            penalty += self.zero_centred_penalty(
                self.discriminator, (real, self.r1_weight), (fake, self.r2_weight))
        return penalty

    def clip_weights(self):
        for variable in self.discriminator.trainable_variables:
            variable.assign(ops.clip(variable, -self.clip, self.clip))
