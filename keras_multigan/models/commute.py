"""ComMutE-GAN: competitive multiple efficient generators."""

import warnings

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_classifier, check_score, non_negative, one_of, whole_number
from keras_multigan.internals import flatten_layers
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase

ADVERSARIAL_LOSSES = "wasserstein", "relativistic_pairing"


@keras.saving.register_keras_serializable("keras_multigan")
class ComMutEGAN(MultiGAN):
    """WGAN-GP with n generators that are pushed to different classes.

    "ComMutE-GAN: Competitive Multiple Efficient Generative Adversarial Networks", anonymous, under
    review. One step is Algorithm 1 of the paper:

    - `n_critic` critic updates, each on a real batch x of its own (see fresh_batches), with x~ of m/n
      images from each generator and x^ = eps x + (1 - eps) x~, eps ~ U[0, 1] per sample:
      L_D = E D(x~) - E D(x) + gp_weight E (||grad D(x^)||_2 - 1)^2.
    - one update of all generators, with p_i the batch mean of softmax(C(x_i)) and Delta the mean
      of 1/2 sum_k |p_ik - p_jk| over the n(n-1)/2 pairs:
      L_i = -E D(x_i) + tvd_weight (1 - Delta).

    The generators are updated in one joint phase on sum_i (-E D(x_i)) + tvd_weight (1 - Delta):
    D(x_i) does not depend on G_k, and Delta counts once, so each G_i gets exactly the gradient of
    its own L_i.

    R3GAN's game (Huang et al., 2024) may take the place of WGAN-GP's; it is not of the paper. With
    adversarial_loss="relativistic_pairing", real and generated images paired by their places and
    s(t) = log(1 + e^t), the Wasserstein parts become

    - L_D = E s(D(x~) - D(x)) + r1_weight / 2 E ||grad D(x)||_2^2 + r2_weight / 2 E ||grad D(x~)||_2^2,
    - L_i = E s(D(x) - D(x_i)) + tvd_weight (1 - Delta).

    Args:
        generators: list of n Keras models, noise (N, latent_dim) -> images (N, H, W, C) in [-1, 1].
        critic: Keras model, images -> one score (N, 1), no sigmoid.
        classifier: Keras model, images -> K logits, never trained here; may be None if
            tvd_weight is 0 or n = 1.
        latent_dim: length of a noise vector.
        tvd_weight: number, or schedule epoch -> weight (`keras_multigan.schedules`; other callables
            must be registered with Keras to be loaded again).
        n_critic: critic updates per step.
        adversarial_loss: "wasserstein", the paper's, or "relativistic_pairing".
        gp_weight: weight of WGAN-GP's gradient penalty; 10 in the paper, 0 in R3GAN.
        r1_weight, r2_weight: weights of the zero-centred penalties on real and on generated images; 0
            in the paper, 1 in the arms of the arena that have R3GAN's game.
        generator_batch_size: images per generator in its own update; m/n if None. The batch size m is
            the literal reading of the paper's line 15. Pairs need m/n.
        fresh_batches: whether each critic update has a real batch of its own, as Algorithm 1 says. If
            not, all those of a step have the same one, as in keras.io's WGAN-GP example, which has
            the paper's layer sizes; an epoch then has n_critic times the generator updates.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, a missing classifier, weights out of range, an
            unknown adversarial_loss, pairs with a generator_batch_size.

    Logs: critic_loss, generator_loss, wasserstein (E D(x) - E D(x~)), gradient_penalty (WGAN-GP's,
    without its weight; 0 if that is 0), tvd (Delta; 0 without a classifier or with one generator); with
    r1_weight or r2_weight also zero_centred_penalty (the sum of both, weighted).

    Default optimizers, of both: Adam 2e-4 (0.5, 0.9); with pairs Adam 2e-4 (0, 0.99), R3GAN's.

    Deviations from the paper:

    - The gradient penalty of equation 3 is misplaced there; this follows Algorithm 1. The norm's
      root has an epsilon of 1e-12.
    - With `fresh_batches` an epoch, one pass over MNIST in batches of m = 500, has 120 critic updates
      and 40 generator updates; without it, 360 and 120. The paper counts epochs only.
    - The generators' dropout 0.3 is at the start of their last block; see `commute_generator`. Its
      rate, and the critic's, is 77/256; see `networks.Dropout`.
    - Appendix B's critic has the classifier's blocks, with ReLU, and layer normalisation in each. Here
      it has LeakyReLU, and the normalisation in two of the four, by which its parameters are as many as
      the paper prints; in all four they would be 4,307,329.
    - "The objective" whose convergence ends a run is not named; `ConvergenceStop` watches critic_loss.
    - The generator update draws m/n images from each generator, not m (see generator_batch_size).
    - The TVD is computed even while its weight is 0, so that it can be logged; its gradient is then
      multiplied by 0.
    """

    log_names = ("wasserstein", "gradient_penalty", "tvd")

    def __init__(self, generators, critic, classifier=None, *, latent_dim, tvd_weight=12.2,
                 n_critic=3, adversarial_loss="wasserstein", gp_weight=10.0, r1_weight=0.0,
                 r2_weight=0.0, generator_batch_size=None, fresh_batches=True, seed=None, **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.critic, self.classifier = critic, classifier
        self.n_critic = whole_number(n_critic, "n_critic")
        self.adversarial_loss = one_of(adversarial_loss, ADVERSARIAL_LOSSES, "adversarial_loss")
        # The game of pairs; None is the paper's.
        self.pairs = (losses.adversarial_game(adversarial_loss)
                      if adversarial_loss == "relativistic_pairing" else None)
        if self.pairs and generator_batch_size is not None:
            raise ValueError(
                "generator_batch_size is expected to be None with relativistic_pairing, which pairs "
                f"each generated image with a real one of the batch. Received: {generator_batch_size}")
        self.gp_weight = non_negative(gp_weight, "gp_weight")
        self.r1_weight = non_negative(r1_weight, "r1_weight")
        self.r2_weight = non_negative(r2_weight, "r2_weight")
        if self.r1_weight or self.r2_weight:
            self.log_names = (*self.log_names, "zero_centred_penalty")
        self.generator_batch_size = whole_number(
            generator_batch_size, "generator_batch_size", or_none=True)
        self.fresh_batches = bool(fresh_batches)
        self.tvd_weight = self.add_schedule("tvd_weight", tvd_weight)
        check_score(critic, self.image_shape, "critic")
        batch_norms = [layer.name for layer in flatten_layers(critic)
                       if isinstance(layer, keras.layers.BatchNormalization)]
        if batch_norms and (self.gp_weight or self.r1_weight or self.r2_weight):
            warnings.warn(
                f"The critic {critic.name!r} has batch normalisation ({', '.join(batch_norms)}), under "
                "which an image's score depends on the others in its batch; the gradient penalty "
                "takes it as a function of its own image. Use networks.LayerNormalization.",
                stacklevel=2,
            )
        check_classifier(classifier, self.image_shape, self.num_generators,
                         self.tvd_weight, "tvd_weight")

    def phases(self):
        return [
            Phase("critic", self.critic_loss, [self.critic], repeats=self.n_critic,
                  fresh=self.fresh_batches),
            Phase("generator", self.generator_loss, self.generators),
        ]

    @property
    def batch_unit(self):
        return self.num_generators

    def default_optimizer(self, phase):
        if self.pairs:
            return keras.optimizers.Adam(2e-4, 0.0, 0.99)
        return keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.9)

    def critic_loss(self, images, labels):
        fakes = self.draw_mixture(images.shape[0] // self.num_generators)
        penalty = self.gradient_penalty(self.critic, images, fakes) if self.gp_weight else ops.zeros(())
        real_scores, fake_scores = self.scores(images), self.scores(fakes)
        wasserstein = -losses.critic_wasserstein(real_scores, fake_scores)
        logs = {"wasserstein": wasserstein, "gradient_penalty": penalty}
        loss = self.gp_weight * penalty
        if self.pairs is None:
            loss = loss - wasserstein
        else:
            loss = loss + ops.mean(self.pairs.discriminator(real_scores, fake_scores, self.batch_mean))
        if self.r1_weight or self.r2_weight:
            logs["zero_centred_penalty"] = self.zero_centred_penalty(
                self.critic, (images, self.r1_weight), (fakes, self.r2_weight))
            loss = loss + logs["zero_centred_penalty"]
        return loss, logs

    def scores(self, images):
        return ops.cast(self.critic(images, training=True), "float32")

    def generator_loss(self, images, labels):
        n = self.num_generators
        fakes = self.draw_mixture(self.own_batch_size(images.shape[0] // n))
        scores = self.scores(fakes)
        # A sum over generators of equal batches is n times the mean over all.
        if self.pairs is None:
            adversarial = n * losses.generator_wasserstein(scores)
        else:
            adversarial = n * ops.mean(
                self.pairs.generator(self.scores(images), scores, self.batch_mean))
        if self.classifier is None or n == 1:
            return adversarial, {}
        tvd = self.mean_tvd(fakes)
        return adversarial + self.tvd_weight_value * (1.0 - tvd), {"tvd": tvd}

    def mean_tvd(self, fakes):
        """Delta of images (b * n, H, W, C) in the order of `draw_mixture`."""
        logits = ops.cast(self.classifier(fakes, training=False), "float32")
        probabilities = ops.reshape(
            ops.softmax(logits), (-1, self.num_generators, logits.shape[-1])
        )
        return losses.mean_pairwise_tvd(self.batch_mean(probabilities))
