"""MIM-GAN: generators that share little mutual information."""

import keras
import numpy as np
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_classifier, check_score
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase


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

    - "overlap": log 2 - JSD(E p_i || E p_j). It is log 2 where both make the classes equally often,
      and 0 where no class is made by both.
    - "paired": sum P log(P / (P_1 P_2)), where all generators get the same noise z,
      P = E p_i(z) p_j(z)^T, and P_1 and P_2 are its margins. Minimising it alone does not separate
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
        classifier: Keras model, samples -> K logits, never trained here; may be None where
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
      its text describes, "paired" what its Algorithm 1 computes.
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
        self.discriminator = discriminator
        self.classifier = classifier
        self.mutual_information = mutual_information
        self.saturating = bool(saturating)
        self.mutual_information_weight = self.add_schedule("mutual_information_weight",
                                                           mutual_information_weight)
        if mutual_information not in ("overlap", "paired"):
            raise ValueError(
                "mutual_information is expected to be 'overlap' or 'paired'. "
                f"Received: {mutual_information!r}"
            )
        check_score(discriminator, self.image_shape, "discriminator")
        check_classifier(classifier, self.image_shape, self.num_generators,
                         self.mutual_information_weight, "mutual_information_weight")
        self.built = True

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator]),
            Phase("generator", self.generator_loss, self.generators),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        game = losses.adversarial("vanilla")
        fakes = self.draw_mixture(samples.shape[0])
        loss = ops.mean(game.real(self.scores(samples))) + ops.mean(game.fake(self.scores(fakes)))
        return loss, {}

    def generator_loss(self, samples, labels):
        game = losses.adversarial("vanilla")
        fakes = self.fakes(samples.shape[0])
        scores = self.scores(fakes)
        loss = ops.mean(-game.fake(scores) if self.saturating else game.generator(scores))
        information = self.pairwise_information(fakes)
        if information is None:
            return loss, {}
        loss = loss + self.mutual_information_weight_value * ops.sum(information)
        return loss, {"mutual_information": ops.mean(information)}

    def fakes(self, batch_size):
        """The generators' samples (batch_size * n, ...) as `draw_mixture` deals them, for their own
        update: of the same noise if their mutual information is "paired"."""
        if self.mutual_information == "overlap":
            return self.draw_mixture(batch_size)
        noise = self.draw(keras.random.normal, batch_size, self.latent_dim)
        samples = [generator(noise, training=True) for generator in self.generators]
        return ops.reshape(ops.stack(samples, axis=1), (-1, *self.image_shape))

    def scores(self, samples):
        """float32 logits (N, 1)."""
        return ops.cast(self.discriminator(samples, training=True), "float32")

    def pairwise_information(self, fakes):
        """I_ij of the n(n-1)/2 pairs i < j, of samples as `fakes` gives them; None where there is
        none."""
        n = self.num_generators
        if self.classifier is None or n == 1:
            return None
        logits = ops.cast(self.classifier(fakes, training=False), "float32")
        probabilities = ops.reshape(ops.softmax(logits), (-1, n, logits.shape[-1]))
        first, second = np.triu_indices(n, k=1)
        if self.mutual_information == "overlap":
            means = self.engine.mean_over_replicas(ops.mean(probabilities, axis=0))
            return losses.mutual_information_overlap(ops.take(means, first, axis=0),
                                                     ops.take(means, second, axis=0))
        joint = losses.joint_probabilities(ops.take(probabilities, first, axis=1),
                                           ops.take(probabilities, second, axis=1))
        return losses.mutual_information(self.engine.mean_over_replicas(joint))

    def get_config(self):
        return {
            **super().get_config(),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "mutual_information_weight": keras.saving.serialize_keras_object(
                self.mutual_information_weight),
            "mutual_information": self.mutual_information,
            "saturating": self.saturating,
        }
