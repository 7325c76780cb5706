"""MGAN: a classifier tells the generators apart, and they help it."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_outputs, non_negative, whole_number
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase

GAME = losses.adversarial_loss("vanilla")


@keras.saving.register_keras_serializable("keras_multigan")
class MGAN(MultiGAN):
    """K generators against a discriminator D, beside a classifier C of the generator that made a fake.

    "MGAN: Training Generative Adversarial Nets with Multiple Generators" (Hoang et al., 2018), after
    the authors' code. D and C share all but the last layer: they are one network, with the score D and
    the logits C as its outputs. The mixture has equal shares. With x~_k the fakes of generator k, all
    from the same noise, s the softplus and CE_C(k | x) = -log softmax(C(x))_k, a step is an update of
    D and C, then one of all generators on

    - L_DC = E s(-D(x)) + 1/K sum_k E [s(D(x~_k)) + CE_C(k | x~_k)],
    - L_G = 1/K sum_k E [s(-D(x~_k)) + diversity_weight CE_C(k | x~_k)].

    The generators' phase is one: in the terms with G_k's samples only G_k has a gradient. Layers that
    generators share get the sum.

    Args:
        generators: list of K Keras models, noise (N, latent_dim) -> samples, or a model with K outputs
            that share layers (the paper shares all but the first), `networks.dcgan_generators` for
            one.
        discriminator: Keras model, samples -> (N, 1 + K): the score D, then the logits C. No sigmoid,
            no softmax.
        latent_dim: length of a noise vector.
        diversity_weight: beta, the weight of C's loss in the generators' (0.01 on images, 0.125 on 2-D
            data).
        generator_batch_size: samples that every generator makes for an update. None: the K make
            together as many as there are real ones, or a few more if K does not divide that. (The
            paper: 12 of 10 generators beside 64 real ones.)
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, numbers out of range.

    Logs: discriminator_loss, generator_loss, score_gap (E D(x) - E D(x~)), classifier_accuracy (share
    of the fakes whose generator C names, in the discriminator's phase).

    Deviations from the paper:

    - Noise is normal; the code's is uniform. Both updates of a step have noise of their own.
    - Generators that share layers have batch normalisations of their own in them. The code normalises
      over the samples of all generators together.
    - `dcgan_discriminator` has no batch normalisation after its first convolution, the code's network
      has. Batch normalisations have Keras' momentum and epsilon; the code's are .9 and 1e-5.
    """

    log_names = ("score_gap", "classifier_accuracy")

    def __init__(self, generators, discriminator, *, latent_dim, diversity_weight=0.01,
                 generator_batch_size=None, seed=None, **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.discriminator = discriminator
        self.diversity_weight = non_negative(diversity_weight, "diversity_weight")
        self.generator_batch_size = whole_number(
            generator_batch_size, "generator_batch_size", or_none=True)
        count = 1 + self.num_generators
        check_outputs(discriminator, self.image_shape, "discriminator", count,
                      f"a score and a logit for each of the {count - 1} generators")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator]),
            Phase("generator", self.generator_loss, self.generators),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        real_scores = self.outputs(samples)[:, 0]
        scores, logits, numbers = self.judge_fakes(samples.shape[0])
        loss = ops.mean(GAME.real(real_scores)) + ops.mean(GAME.fake(scores))
        named = ops.cast(ops.argmax(logits, axis=-1), "int32") == numbers
        logs = {"score_gap": ops.mean(real_scores) - ops.mean(scores),
                "classifier_accuracy": ops.mean(ops.cast(named, "float32"))}
        return loss + ops.mean(losses.cross_entropy(logits, numbers)), logs

    def generator_loss(self, samples, labels):
        scores, logits, numbers = self.judge_fakes(samples.shape[0])
        diversity = ops.mean(losses.cross_entropy(logits, numbers))
        return ops.mean(GAME.generator(scores)) + self.diversity_weight * diversity, {}

    def judge_fakes(self, batch_size):
        """Of fakes of all generators: D's scores (N,), C's logits (N, K), the generators' numbers."""
        count = self.num_generators
        fakes = self.draw_alike(self.own_batch_size(-(-batch_size // count)))
        numbers = ops.repeat(ops.arange(count, dtype="int32"), fakes.shape[1])
        outputs = self.outputs(ops.reshape(fakes, (-1, *self.image_shape)))
        return outputs[:, 0], outputs[:, 1:], numbers

    def outputs(self, samples):
        return ops.cast(self.discriminator(samples, training=True), "float32")
