"""GMAN: several discriminators, of which the generator hears more or less of the hardest."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_score, distinct, non_negative
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase

VANILLA = losses.adversarial_loss("vanilla")


@keras.saving.register_keras_serializable("keras_multigan")
class GMAN(MultiGAN):
    """One generator against N discriminators.

    "Generative Multi-Adversarial Networks" (Durugkar et al., 2017). With y = G(z), s(t) = log(1 + e^t),
    L_i = E s(-D_i(y)) and w = softmax(lambda L), one step is an update of all D_i, then one of G, on

    - L_D = sum_i E s(-D_i(x)) + E s(D_i(y)),
    - L_G = sum_i w_i L_i, the gradient of which goes through w, too.

    lambda = 0 is the arithmetic mean. A large lambda leaves the hardest discriminator alone. GMAN*
    learns lambda > 0 as a weight of the generator, by the term -sharpness_weight lambda in L_G. No term
    of L_D has two D_i, so that one joint phase gives each its own gradient.

    Args:
        generator: Keras model, noise (N, latent_dim) -> images (N, H, W, C) or vectors (N, d).
        discriminators: list of Keras models, samples -> one score (N, 1), no sigmoid; the paper has 2
            to 5, of different dropout and depth.
        latent_dim: length of a noise vector.
        sharpness: lambda. None: it is learned and starts at 1.
        sharpness_weight: c, what the generator gains from a larger lambda, if it is learned.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, numbers out of range.

    Logs: discriminator_loss, generator_loss, sharpness (lambda), largest_weight (of w; 1 / N at least).

    Deviations from the paper:

    - L_i is the loss that does not saturate, and w follows it.
    - lambda = ELU(t) + 1 of a learned number t, which keeps lambda positive: e^t below t = 0 and t + 1
      above, where e^t would grow until it is no number. The first lambda, 1, is not given.
    - All D_i see the same samples. In the authors' code each has real and generated ones of its own,
      the noise is uniform, and the D_i have no batch normalisation.
    - Neither the other means nor the boosting of discriminators are there.
    """

    alike = (*MultiGAN.alike, ("discriminators",))
    log_names = ("sharpness", "largest_weight")

    def __init__(self, generator, discriminators, *, latent_dim, sharpness=None, sharpness_weight=1e-3,
                 seed=None, **kwargs):
        super().__init__([generator], latent_dim=latent_dim, seed=seed, **kwargs)
        self.generator = generator
        self.discriminators = distinct(discriminators, "discriminators")
        self.sharpness = None if sharpness is None else non_negative(sharpness, "sharpness")
        self.sharpness_weight = non_negative(sharpness_weight, "sharpness_weight")
        for k, discriminator in enumerate(self.discriminators):
            check_score(discriminator, self.image_shape, f"discriminators[{k}]")
        self.learned_sharpness = LearnedSharpness() if sharpness is None else None

    def phases(self):
        learned = [] if self.learned_sharpness is None else [self.learned_sharpness]
        return [
            Phase("discriminator", self.discriminator_loss, self.discriminators),
            Phase("generator", self.generator_loss, [self.generator, *learned]),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        fakes = self.draw_images(0, samples.shape[0])
        of_each = (ops.mean(VANILLA.real(self.scores(samples)), axis=1)
                   + ops.mean(VANILLA.fake(self.scores(fakes)), axis=1))
        return ops.sum(of_each), {}

    def generator_loss(self, samples, labels):
        fakes = self.draw_images(0, samples.shape[0])
        of_each = ops.mean(VANILLA.generator(self.scores(fakes)), axis=1)
        of_each = self.mean_over_replicas(of_each)
        if self.learned_sharpness is None:
            sharpness, gain = ops.convert_to_tensor(self.sharpness, dtype="float32"), 0.0
        else:
            sharpness = self.learned_sharpness.value()
            gain = self.sharpness_weight * sharpness
        # Not ops.softmax, which warns of a single one. A large lambda takes what is rounded off the
        # losses for a difference, so that those between them come first.
        hardest = ops.stop_gradient(ops.max(of_each))
        above = of_each - hardest
        parts = ops.exp(sharpness * above)
        weights = parts / ops.sum(parts)
        return ops.sum(weights * above) + hardest - gain, {"sharpness": sharpness,
                                                           "largest_weight": ops.max(weights)}

    def scores(self, samples):
        """float32 scores (n, m) of all discriminators."""
        return ops.squeeze(ops.cast(self.run_all(self.discriminators, samples), "float32"), -1)


@keras.saving.register_keras_serializable("keras_multigan")
class LearnedSharpness(keras.layers.Layer):
    """The number lambda = ELU(t) + 1 > 0 of `GMAN`, with a trained t that is 0 at first."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.raw = self.add_weight(shape=(), initializer="zeros", dtype="float32", name="raw",
                                   autocast=False)
        self.built = True

    def value(self):
        return ops.elu(self.raw) + 1
