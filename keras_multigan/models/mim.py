"""MIM-GAN: generators that share little mutual information."""

import keras
import numpy as np
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_classifier, check_score, one_of
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase

VANILLA = losses.adversarial_loss("vanilla")


@keras.saving.register_keras_serializable("keras_multigan")
class MIMGAN(MultiGAN):
    """A GAN with n generators that are pushed to different classes by mutual information.

    "Multi-generator GAN learning disconnected manifolds with mutual information" (Li et al., 2020).
    One step is Algorithm 1 of the paper, with x_i a batch of m samples of G_i, as large as the real
    batch x:

    - one discriminator update on L_D = -E log D(x) - 1/n sum_i E log(1 - D(x_i)),
    - one update of all generators on new noise, G_i's loss being
      L_i = -1/n E log D(x_i) + lambda sum_{j != i} I_ij, lambda = `mutual_information_weight`.

    I_ij compares p_i(z), the classifier's probabilities of G_i(z), with p_j(z):

    - "overlap": log 2 - JSD(E p_i || E p_j). It is log 2 if both make the classes equally often,
      and 0 if no class is made by both.
    - "paired": sum P log(P / (P_1 P_2)), with the same noise z for all generators,
      P = E p_i(z) p_j(z)^T, and P_1 and P_2 its margins. Minimising it alone does not separate
      modes: disjoint generators, if each class of one goes with one of the other, score as high as
      equal ones (up to log K), and collapsed ones score 0.

    The generators are updated in one joint phase on equation 5's
    -1/n sum_i E log D(x_i) + lambda sum_{i<j} I_ij. D(x_i) does not depend on G_k, and G_i is in n - 1
    pairs, each counted once: so each G_i gets exactly the gradient of its own L_i, the others being
    constants there. Under batch normalisation D's statistics are of all fakes together, and D(x_i)
    depends on the others through them; then the gradient is that of equation 5.

    Args:
        generators: list of n Keras models, noise (N, latent_dim) -> images (N, H, W, C) in [-1, 1], or
            vectors (N, d).
        discriminator: Keras model, samples -> one logit (N, 1), no sigmoid.
        classifier: Keras model, samples -> K logits, never trained here; may be None if
            mutual_information_weight is 0 or n = 1.
        latent_dim: length of a noise vector.
        mutual_information_weight: number, or schedule epoch -> weight (`keras_multigan.schedules`;
            other callables must be registered with Keras to be loaded again).
        mutual_information: "overlap" or "paired".
        saturating: if True, generators minimise E log(1 - D(x_i)) in place of -E log D(x_i).
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, a missing classifier, an unknown
            mutual_information, a weight out of range.

    Logs: discriminator_loss, generator_loss, mutual_information (mean I_ij over the pairs; 0 without a
    classifier or with one generator).

    Deviations from the paper:

    - The paper's I(p(G_i); p(G_j)) has no joint distribution, only the two margins. "overlap" is what
      its text describes. "paired" is the last line of its Algorithm 1, which has the same noise for
      all generators; another line gives each noise of its own, and then this information is 0.
    - It gets p(G_i) from counts of predicted labels, which have no gradient; here it is a mean of
      softmax outputs. Its classifier is Inception-V4; here it is any network.
    - Its generators' loss is the saturating one. "1/K" in Algorithm 1 is read as 1/n.
    - lambda is not stated (here 1), nor are Adam's betas (here DCGAN's 0.5, and 0.999) or the batch
      size (in the app 64).
    - The discriminator sees the real batch and all fakes in two calls, each with batch statistics of
      its own; the paper does not say. A batch of one generator's fakes would give away by its
      statistics that this generator makes few classes, which it is meant to.
    - The mutual information is computed even while its weight is 0, so that it can be logged.
    """

    log_names = ("mutual_information",)

    def __init__(self, generators, discriminator, classifier=None, *, latent_dim,
                 mutual_information_weight=1.0, mutual_information="overlap", saturating=False,
                 seed=None, **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.discriminator, self.classifier = discriminator, classifier
        self.mutual_information = one_of(mutual_information, ("overlap", "paired"),
                                         "mutual_information")
        self.saturating = bool(saturating)
        self.mutual_information_weight = self.add_schedule("mutual_information_weight",
                                                           mutual_information_weight)
        check_score(discriminator, self.image_shape, "discriminator")
        check_classifier(classifier, self.image_shape, self.num_generators,
                         self.mutual_information_weight, "mutual_information_weight")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator]),
            Phase("generator", self.generator_loss, self.generators),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        fakes = self.draw_mixture(samples.shape[0])
        return (ops.mean(VANILLA.real(self.scores(samples)))
                + ops.mean(VANILLA.fake(self.scores(fakes)))), {}

    def generator_loss(self, samples, labels):
        fakes = self.fakes(samples.shape[0])
        scores = self.scores(fakes)
        loss = ops.mean(-VANILLA.fake(scores) if self.saturating else VANILLA.generator(scores))
        if self.classifier is None or self.num_generators == 1:
            return loss, {}
        information = self.pairwise_information(fakes)
        loss = loss + self.mutual_information_weight_value * ops.sum(information)
        return loss, {"mutual_information": ops.mean(information)}

    def fakes(self, batch_size):
        """The generators' samples (batch_size * n, ...) in the order of `draw_mixture`, for their own
        update. They are of the same noise if the mutual information is "paired"."""
        if self.mutual_information == "overlap":
            return self.draw_mixture(batch_size)
        samples = ops.swapaxes(self.draw_alike(batch_size), 0, 1)
        return ops.reshape(samples, (-1, *self.image_shape))

    def scores(self, samples):
        """float32 logits (N, 1)."""
        return ops.cast(self.discriminator(samples, training=True), "float32")

    def pairwise_information(self, fakes):
        """I_ij of the n(n-1)/2 pairs i < j, of samples in the order of `fakes`."""
        n = self.num_generators
        logits = ops.cast(self.classifier(fakes, training=False), "float32")
        probabilities = ops.reshape(ops.softmax(logits), (-1, n, logits.shape[-1]))
        first, second = np.triu_indices(n, k=1)
        if self.mutual_information == "overlap":
            means = self.batch_mean(probabilities)
            return losses.mutual_information_overlap(ops.take(means, first, axis=0),
                                                     ops.take(means, second, axis=0))
        joint = losses.joint_probabilities(ops.take(probabilities, first, axis=1),
                                           ops.take(probabilities, second, axis=1))
        return losses.mutual_information(self.mean_over_replicas(joint))
