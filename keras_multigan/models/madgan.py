"""MAD-GAN: a discriminator that names the generator."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_outputs, whole_number
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class MADGAN(MultiGAN):
    """K generators against a discriminator of K + 1 classes: which generator, or real.

    "Multi-Agent Diverse Generative Adversarial Networks" (Ghosh et al., 2018), after the authors'
    code. With x~_k the fakes of generator k, all from the same noise, and CE(c | x) = -log of the
    probability that D gives class c, where class K (counted from 0) is "real", a step is an update of
    D, then one of all generators on

    - L_D = 1/(K + 1) [E CE(K | x) + sum_k E CE(k | x~_k)],
    - L_G = 1/K sum_k E CE(K | x~_k).

    To tell the generators apart D must push them to different samples. The generators' phase is one:
    in the terms with G_k's samples only G_k has a gradient. Layers that generators share get the sum.

    Args:
        generators: list of K Keras models, noise (N, latent_dim) -> samples, or a model with K outputs
            that share layers (the paper shares the early ones), `networks.dcgan_generators` for one.
        discriminator: Keras model, samples -> K + 1 logits, the last one of "real"; no softmax.
        latent_dim: length of a noise vector.
        generator_batch_size: samples that every generator makes for an update; as many as real ones if
            None, as in the code.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, numbers out of range.

    Logs: discriminator_loss, generator_loss, classifier_accuracy (share of the fakes whose generator D
    names, among the generators, in the discriminator's phase).

    Deviations from the paper:

    - Noise is normal; the code's is uniform.
    - The paper also has a similarity-based loss; the K + 1 classes are what it recommends.
    """

    log_names = ("classifier_accuracy",)

    def __init__(self, generators, discriminator, *, latent_dim, generator_batch_size=None, seed=None,
                 **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.discriminator = discriminator
        self.generator_batch_size = whole_number(
            generator_batch_size, "generator_batch_size", or_none=True)
        count = self.num_generators + 1
        check_outputs(discriminator, self.image_shape, "discriminator", count,
                      f"a logit for each of the {count - 1} generators and one for real samples")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator]),
            Phase("generator", self.generator_loss, self.generators),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(1e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        count = self.num_generators
        fakes = self.logits_of_fakes(samples.shape[0])
        numbers = ops.repeat(ops.arange(count, dtype="int32"), fakes.shape[0] // count)
        of_real, of_fakes = self.of_real(self.logits(samples)), losses.cross_entropy(fakes, numbers)
        named = ops.cast(ops.argmax(fakes[:, :count], axis=-1), "int32") == numbers
        logs = {"classifier_accuracy": ops.mean(ops.cast(named, "float32"))}
        return (ops.mean(of_real) + count * ops.mean(of_fakes)) / (count + 1), logs

    def generator_loss(self, samples, labels):
        return ops.mean(self.of_real(self.logits_of_fakes(samples.shape[0]))), {}

    def of_real(self, logits):
        """CE(K | x) of logits (N, K + 1), (N,)."""
        real = ops.full(logits.shape[:1], self.num_generators, "int32")
        return losses.cross_entropy(logits, real)

    def logits_of_fakes(self, batch_size):
        """float32 logits (K m, K + 1), first those of generator 0's m fakes."""
        fakes = self.draw_alike(self.own_batch_size(batch_size))
        return self.logits(ops.reshape(fakes, (-1, *self.image_shape)))

    def logits(self, samples):
        return ops.cast(self.discriminator(samples, training=True), "float32")
