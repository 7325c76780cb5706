"""GM-GAN: one generator on a mixture of Gaussians."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_linear, cloned, non_negative, one_of, output_shape, whole_number
from keras_multigan.multigan import MultiGAN
from keras_multigan.networks import GaussianMixtureLatent, component_generators
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class GMGAN(MultiGAN):
    """A generator whose latent vectors come from K Gaussians, against a discriminator of N classes.

    "Generative Adversarial Networks" (slides by Olech, Rousselet and Jain) on "Gaussian Mixture
    Generative Adversarial Networks for Diverse Datasets, and the Unsupervised Clustering of Images"
    (Ben-Yosef and Weinshall, 2018). With z = mu_k + sigma_k eps, k ~ U{1..K}, eps ~ N(0, I), D's
    outputs D_1..D_N sigmoids, y(x) the class of a real and f(k) = k mod N that of a component:

    - L_D = -E sum_m log(1 - D_m(G(z)))
      - E [log D_y(x)(x) + sum_{m != y(x)} log(1 - D_m(x))],
    - L_G = -E [log D_f(k)(G(z)) + sum_{m != f(k)} log(1 - D_m(G(z)))].

    Static: mu_k ~ U[-c, c]^d and sigma stay as they are. Dynamic: G's phase trains them, too.

    These losses are `adversarial_loss="sigmoid"`. With `supervised=False` y(x) is the component that D
    itself ascribes to x, under the condition that all components have equally many reals of a
    batch, as the mixture is uniform: after Sinkhorn steps on softmax(D) it is the largest entry of x's
    row. (With the plain argmax D calls all reals a few components, and then no other component learns
    anything.) One output instead of K is the usual discriminator.

    With `adversarial_loss="wasserstein"` D has one score and the losses are WGAN-GP's, x^ between x and
    G(z): L_D = E D(G(z)) - E D(x) + gp_weight E (||grad D(x^)||_2 - 1)^2, L_G = -E D(G(z)).

    `generators[k]` is G on component k, noise (N, latent_dim) -> samples: the K share all weights.

    Args:
        generator: Keras model, latent vectors (N, latent_dim) -> images (N, H, W, C) or vectors.
        discriminator: Keras model, samples -> logits (N, outputs), no sigmoid. Supervised: one
            output per class, at most K. Unsupervised: K, or one. Wasserstein: one.
        latent_dim: length d of a latent vector.
        num_components: K.
        dynamic: whether means and scales are trained.
        supervised: whether `fit` gets labels.
        adversarial_loss: "sigmoid" or "wasserstein", the latter with supervised=False.
        center_range: c.
        scale: sigma, a standard deviation; None for the best reported, 1.4 dynamic and 1 static.
        gp_weight: weight of the gradient penalty with "wasserstein".
        discriminator_updates: per step; None for 1 with "sigmoid", 5 with "wasserstein".
        seed: int that fixes the first means, noise and data order.

    Raises:
        ValueError: networks that do not fit, an unknown adversarial_loss, one with labels, numbers
            out of range.

    Logs: discriminator_loss, generator_loss; with "wasserstein" also wasserstein
    (E D(x) - E D(G(z))) and gradient_penalty.

    Deviations from the paper:

    - Sigma = sigma I is printed as the covariance; here sigma is the standard deviation. The best
      static one, 1, is both.
    - log sigma is trained, which keeps sigma positive, and sigma is a vector for each component.
    - f is not given for K = 11 components of 10 classes; here class 0 then has two of them.
    - The paper does not say how unsupervised reals get a component; here by Sinkhorn steps.
    - The slides speak of cross-entropies on softmaxed outputs and print sums over sigmoids, as here.
    - No optimizer is given; here Adam 2e-4 with betas (0.5, 0.999), with "wasserstein" (0.5, 0.9). Of
      WGAN-GP they give neither the penalty's weight nor the number of updates; here 10 and 5.
    """

    renamed = {"base": "adversarial_loss", "n_critic": "discriminator_updates"}
    fixed = (*MultiGAN.fixed, "num_components", "center_range", "scale")

    def __init__(self, generator, discriminator, *, latent_dim, num_components, dynamic=True,
                 supervised=True, adversarial_loss="sigmoid", center_range=1.0, scale=None,
                 gp_weight=10.0, discriminator_updates=None, seed=None, **kwargs):
        output_shape(generator, (latent_dim,), "generator")
        scale = (1.4 if dynamic else 1.0) if scale is None else scale
        latent = GaussianMixtureLatent(num_components, latent_dim, scale, center_range, seed,
                                       trainable=dynamic, name="latent")
        super().__init__(
            component_generators(generator, latent), latent_dim=latent_dim, seed=seed,
            clone=lambda: component_generators(cloned(generator),
                                               type(latent).from_config(latent.get_config())),
            **kwargs)
        self.generator, self.discriminator, self.latent = generator, discriminator, latent
        self.num_components, self.center_range, self.scale = num_components, center_range, scale
        self.dynamic, self.supervised = dynamic, supervised
        self.adversarial_loss = one_of(adversarial_loss, ("sigmoid", "wasserstein"), "adversarial_loss")
        self.gp_weight = non_negative(gp_weight, "gp_weight")
        wasserstein = adversarial_loss == "wasserstein"
        if discriminator_updates is None:
            discriminator_updates = 5 if wasserstein else 1
        self.discriminator_updates = whole_number(discriminator_updates, "discriminator_updates")
        if supervised and wasserstein:
            raise ValueError("adversarial_loss='wasserstein' expects supervised=False. Received: "
                             f"supervised={supervised}. Change one of the two.")
        outputs = output_shape(discriminator, self.image_shape, "discriminator")
        if wasserstein:
            allowed, self.log_names = [1], ("wasserstein", "gradient_penalty")
        else:
            count = self.num_generators
            allowed = range(1, count + 1) if supervised else [1, count]
        if len(outputs) != 1 or outputs[0] not in allowed:
            raise ValueError(
                f"discriminator is expected to give logits (batch, outputs), outputs one of "
                f"{list(allowed)} with num_components={num_components}, supervised={supervised}, "
                f"adversarial_loss={adversarial_loss!r}. Received: {(None, *outputs)}"
            )
        check_linear(discriminator, "discriminator")
        self.num_outputs = outputs[0]
        self.num_classes = self.num_outputs if supervised else None

    def phases(self):
        discriminator_loss, generator_loss = {
            "sigmoid": (self.sigmoid_discriminator_loss, self.sigmoid_generator_loss),
            "wasserstein": (self.wasserstein_discriminator_loss, self.wasserstein_generator_loss),
        }[self.adversarial_loss]
        players = [self.generator, self.latent] if self.dynamic else [self.generator]
        return [
            Phase("discriminator", discriminator_loss, [self.discriminator],
                  repeats=self.discriminator_updates),
            Phase("generator", generator_loss, players),
        ]

    def default_optimizer(self, phase):
        beta_2 = 0.9 if self.adversarial_loss == "wasserstein" else 0.999
        return keras.optimizers.Adam(2e-4, 0.5, beta_2)

    def sigmoid_discriminator_loss(self, samples, labels):
        fakes, _ = self.draw_fakes(samples.shape[0])
        real_scores, fake_scores = self.scores(samples), self.scores(fakes)
        classes = labels if self.supervised else self.ascribe(real_scores)
        loss = cross_entropy(real_scores, ops.one_hot(classes, self.num_outputs))
        return loss + cross_entropy(fake_scores, ops.zeros_like(fake_scores)), {}

    def sigmoid_generator_loss(self, samples, labels):
        fakes, components = self.draw_fakes(samples.shape[0])
        classes = ops.one_hot(components % self.num_outputs, self.num_outputs)
        return cross_entropy(self.scores(fakes), classes), {}

    def wasserstein_discriminator_loss(self, samples, labels):
        fakes, _ = self.draw_fakes(samples.shape[0])
        penalty = self.gradient_penalty(self.discriminator, samples, fakes)
        wasserstein = -losses.critic_wasserstein(self.scores(samples), self.scores(fakes))
        logs = {"wasserstein": wasserstein, "gradient_penalty": penalty}
        return self.gp_weight * penalty - wasserstein, logs

    def wasserstein_generator_loss(self, samples, labels):
        fakes, _ = self.draw_fakes(samples.shape[0])
        return losses.generator_wasserstein(self.scores(fakes)), {}

    def draw_fakes(self, batch_size):
        """Training-mode fakes (batch_size, ...) and their components, int32 (batch_size,)."""
        count = self.num_generators
        components = ops.cast(count * self.draw(keras.random.uniform, batch_size), "int32")
        noise = self.draw(keras.random.normal, batch_size, self.latent_dim)
        z = self.latent(noise, component=ops.one_hot(components, count))
        return self.generator(z, training=True), components

    def scores(self, samples):
        return ops.cast(self.discriminator(samples, training=True), "float32")

    def ascribe(self, scores):
        """Components (m,) of reals with logits (m, K), about as many reals for each."""
        # Not ops.softmax, which warns of a single output.
        shares = ops.exp(scores - ops.logsumexp(scores, axis=-1, keepdims=True))
        for _ in range(5):
            shares = shares / ops.maximum(self.batch_mean(shares), 1e-12)
            shares = shares / ops.sum(shares, axis=-1, keepdims=True)
        return ops.argmax(shares, axis=-1)


def cross_entropy(scores, targets):
    """The binary cross-entropy of logits (m, N) and targets of 0 and 1, summed over N, its mean."""
    return ops.mean(ops.sum(ops.binary_crossentropy(targets, scores, from_logits=True), axis=-1))
