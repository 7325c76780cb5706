"""MMGAN: a Gaussian mixture of latent vectors, and an encoder that clusters the data by it."""

import keras
import numpy as np
from keras import ops

from keras_multigan.checks import (
    check_outputs,
    check_samples,
    cloned,
    non_negative,
    one_of,
    output_shape,
)
from keras_multigan.multigan import MultiGAN
from keras_multigan.networks import GaussianMixtureLatent, component_generators
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class MMGAN(MultiGAN):
    """A relativistic GAN whose generator draws from the component that an encoder sees in a real.

    "MMGAN: Generative Adversarial Networks for Multi-Modal Distributions" (Pandeva and Schubert,
    2019), after Algorithm 1 in "Generative Adversarial Networks" (slides by Olech, Rousselet and
    Jain). For a real batch x_r, y = E(x_r) probabilities of K clusters, y^p ~ Cat(K, 1/K) one-hot and
    one noise z ~ N(0, I) for both, x_f = G(z, y) and x_f^p = G(z, y^p); a step is one update each on

    - L_C = -E log s(C(x_r) - C(x_f)),
    - L_GE = -E log s(C(x_f) - C(x_r)) - alpha E log p_E(y^p | x_f^p),

    s the sigmoid. G(z, y) is a network on sum_k y_k (mu_k + sigma_k z); mu and log sigma are trained
    with G and E. Each x_r is paired with the x_f of its own y.

    `generators[k]` is G on component k, noise (N, latent_dim) -> samples: the K share all weights.

    Args:
        generator: Keras model, latent vectors (N, latent_dim) -> images (N, H, W, C) or vectors.
        critic: Keras model, samples -> one score (N, 1), no sigmoid.
        encoder: Keras model, samples -> K logits.
        latent_dim: length of a latent vector.
        num_components: K.
        alpha: weight of E's log-likelihood.
        assignment: "soft": y averages means and scales, as above; "straight_through": one component
            is drawn from y, and the gradient is that of the soft y.
        seed: int that fixes the first means, noise and data order.

    Raises:
        ValueError: networks that do not fit, an unknown assignment, alpha out of range.

    Logs: critic_loss, generator_loss, score_gap (E [C(x_r) - C(x_f)] in the critic's phase),
    log_likelihood (E log p_E(y^p | x_f^p), at most 0; -log K is chance).

    Deviations from the paper:

    - Algorithm 1 draws z, y^p and x_f once and takes both losses before either update. Here the second
      update, of G and E, has draws of its own and meets the updated C.
    - The first means are uniform in [-1, 1], the first sigma is 1: the slides do not say.
    - alpha and Adam's arguments are not given; here 1 and 2e-4 with betas (0.5, 0.999).
    """

    log_names = ("score_gap", "log_likelihood")
    fixed = (*MultiGAN.fixed, "num_components")

    def __init__(self, generator, critic, encoder, *, latent_dim, num_components, alpha=1.0,
                 assignment="soft", seed=None, **kwargs):
        output_shape(generator, (latent_dim,), "generator")
        latent = GaussianMixtureLatent(num_components, latent_dim, seed=seed, name="latent")
        super().__init__(
            component_generators(generator, latent), latent_dim=latent_dim, seed=seed,
            clone=lambda: component_generators(cloned(generator),
                                               type(latent).from_config(latent.get_config())),
            **kwargs)
        self.generator, self.critic, self.encoder, self.latent = generator, critic, encoder, latent
        self.num_components, self.alpha = num_components, non_negative(alpha, "alpha")
        self.assignment = one_of(assignment, ("soft", "straight_through"), "assignment")
        for name, network, outputs in [("critic", critic, 1), ("encoder", encoder, num_components)]:
            check_outputs(network, self.image_shape, name, outputs, f"{outputs} numbers per sample")

    def phases(self):
        return [
            Phase("critic", self.critic_loss, [self.critic]),
            Phase("generator", self.generator_loss, [self.generator, self.latent, self.encoder]),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def critic_loss(self, samples, labels):
        noise = self.draw(keras.random.normal, samples.shape[0], self.latent_dim)
        gaps = self.gaps(samples, self.generate(noise, self.assign(samples)))
        return ops.mean(ops.softplus(-gaps)), {"score_gap": ops.mean(gaps)}

    def generator_loss(self, samples, labels):
        count = self.num_generators
        noise = self.draw(keras.random.normal, samples.shape[0], self.latent_dim)
        gaps = self.gaps(samples, self.generate(noise, self.assign(samples)))
        components = ops.cast(count * self.draw(keras.random.uniform, samples.shape[0]), "int32")
        components = ops.one_hot(components, count)
        logits = self.logits(self.generate(noise, components))
        likelihood = ops.mean(ops.sum(components * ops.log_softmax(logits), axis=-1))
        loss = ops.mean(ops.softplus(gaps)) - self.alpha * likelihood
        return loss, {"log_likelihood": likelihood}

    def assign(self, samples):
        """The clusters' weights y (m, K) of samples."""
        logits = self.logits(samples)
        soft = ops.softmax(logits)
        if self.assignment == "soft":
            return soft
        uniform = self.draw(keras.random.uniform, samples.shape[0], self.num_generators)
        gumbel = -ops.log(-ops.log(uniform))  # 0 gives -inf, which the argmax bears
        hard = ops.one_hot(ops.argmax(logits + gumbel, axis=-1), self.num_generators)
        return soft + ops.stop_gradient(hard - soft)

    def generate(self, noise, weights):
        return self.generator(self.latent(noise, component=weights), training=True)

    def gaps(self, samples, fakes):
        """C(x_r) - C(x_f), float32 (m, 1)."""
        real_scores, fake_scores = (ops.cast(self.critic(x, training=True), "float32")
                                    for x in (samples, fakes))
        return real_scores - fake_scores

    def logits(self, samples):
        return ops.cast(self.encoder(samples, training=True), "float32")

    def cluster(self, samples, batch_size=500):
        """The encoder's most likely cluster of each sample, in inference mode.

        Args:
            samples: images (N, H, W, C), floats in [-1, 1], or vectors (N, d).
            batch_size: samples computed at a time.

        Returns:
            int64 NumPy array (N,) of numbers in 0..K-1. The cluster k is what `generators[k]` draws.

        Raises:
            ValueError: samples of another shape, type or range.
        """
        check_samples(samples, self.image_shape)
        logits = self.run_network(self.encoder, np.asarray(samples, "float32"), batch_size)
        return np.argmax(logits, axis=-1).astype("int64")
