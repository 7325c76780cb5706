"""DMGAN-PL: generators with shares that are learned."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import check_outputs, non_negative, output_shape, whole_number
from keras_multigan.multigan import MultiGAN
from keras_multigan.networks import MixtureWeights
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class DMGANPL(MultiGAN):
    """K generators with learned shares r, told apart by an encoder Q of a critic's features.

    "Disconnected Manifold Learning for Generative Adversarial Networks" (Khayatkhoei et al., 2018),
    after the authors' code. A fake is x~ = G_k(z) with k ~ r, x^ a point between x and x~, f(x) what D
    has before its last layer, CE(k | x) = -log softmax(Q(f(x)))_k and H the entropy. A step is
    `discriminator_updates` updates of D, each on a real batch of its own, then one each on

    - L_D = E D(x~) - E D(x) + gp_weight E max(0, ||grad D(x^)|| - 1)^2,
    - L_G = -E D(x~) + E CE(k | x~), by the generators,
    - L_Q = E CE(k | x~), by Q's own weights,
    - L_r = -E_x sum_k softmax(Q(f(x)))_k log r_k - entropy_weight entropy_decay^t H(r), by r's logits,
      where t counts steps. The entropy keeps r uniform until generators and Q mean something.

    The generators' phase is one: a sample is one generator's.

    Args:
        generators: list of K Keras models, noise (N, latent_dim) -> samples.
        discriminator: Keras model, samples -> [scores (N, 1), no sigmoid, features (N, F)]. Without
            batch normalisation, for the penalty is of single samples.
        encoder: Keras model Q, features (N, F) -> K logits, no softmax.
        latent_dim: length of a noise vector.
        gp_weight: weight of the one-sided gradient penalty.
        entropy_weight, entropy_decay: of r's entropy; decay in [0, 1].
        discriminator_updates: per step.
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other, numbers out of range.

    Logs: discriminator_loss, generator_loss, encoder_loss, prior_loss, wasserstein
    (E D(x) - E D(x~)), gradient_penalty, least_share (the smallest r_k).

    Deviations from the paper:

    - Noise is normal; the code's is uniform. Generators, Q and r are updated one after the other, each
      on draws of its own; the code updates them at once, on the same ones.
    - The code also divides the first term of L_r by K.
    """

    log_names = ("wasserstein", "gradient_penalty", "least_share")

    def __init__(self, generators, discriminator, encoder, *, latent_dim, gp_weight=10.0,
                 entropy_weight=1000.0, entropy_decay=0.999, discriminator_updates=5, seed=None,
                 **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.discriminator, self.encoder = discriminator, encoder
        self.gp_weight = non_negative(gp_weight, "gp_weight")
        self.entropy_weight = non_negative(entropy_weight, "entropy_weight")
        self.entropy_decay = non_negative(entropy_decay, "entropy_decay")
        if entropy_decay > 1:
            raise ValueError("entropy_decay is expected to be a number, 0 <= entropy_decay <= 1. "
                             f"Received: {entropy_decay}")
        self.discriminator_updates = whole_number(discriminator_updates, "discriminator_updates")
        outputs = output_shape(discriminator, self.image_shape, "discriminator")
        if not isinstance(outputs, list) or [len(shape) for shape in outputs] != [1, 1] or (
                outputs[0] != (1,)):
            raise ValueError("discriminator is expected to give [scores (batch, 1), features (batch, "
                             f"F)]. Received: {outputs}. Add what its last layer gets as an output.")
        check_outputs(encoder, outputs[1], "encoder", self.num_generators,
                      f"a logit for each of the {self.num_generators} generators")
        self.prior = MixtureWeights(self.num_generators, name="prior")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator],
                  repeats=self.discriminator_updates),
            Phase("generator", self.generator_loss, self.generators),
            Phase("encoder", self.encoder_loss, [self.encoder]),
            Phase("prior", self.prior_loss, [self.prior]),
        ]

    @property
    def mixture_weights(self):
        shares = ops.convert_to_numpy(self.prior.shares()).astype("float64")
        return shares / shares.sum()

    def default_optimizer(self, phase):
        if phase == "encoder":
            return keras.optimizers.Adam(2e-4)
        return keras.optimizers.Adam(1e-3 if phase == "prior" else 2e-4, beta_1=0.5, beta_2=0.5)

    def discriminator_loss(self, samples, labels):
        fakes, _ = self.draw_fakes(samples.shape[0])
        (real_scores, _), (fake_scores, _) = self.judge(samples), self.judge(fakes)
        penalty = self.gradient_penalty(
            lambda x, training: self.discriminator(x, training=training)[0], samples, fakes,
            losses.one_sided_gradient_penalties)
        wasserstein = -losses.critic_wasserstein(real_scores, fake_scores)
        return self.gp_weight * penalty - wasserstein, {"wasserstein": wasserstein,
                                                        "gradient_penalty": penalty}

    def generator_loss(self, samples, labels):
        fakes, numbers = self.draw_fakes(samples.shape[0])
        scores, features = self.judge(fakes)
        return losses.generator_wasserstein(scores) + self.encoding_loss(features, numbers), {}

    def encoder_loss(self, samples, labels):
        fakes, numbers = self.draw_fakes(samples.shape[0])
        return self.encoding_loss(self.judge(fakes)[1], numbers), {}

    def prior_loss(self, samples, labels):
        logits = self.encode(self.judge(samples)[1])
        log_shares = ops.log_softmax(self.prior.logits)
        shares, steps = ops.exp(log_shares), ops.cast(self.optimizer.iterations, "float32")
        entropy = -ops.sum(shares * log_shares)
        decay = self.entropy_decay**steps
        of_data = self.batch_mean(ops.softmax(logits))
        loss = -ops.sum(of_data * log_shares) - self.entropy_weight * decay * entropy
        return loss, {"least_share": ops.min(shares)}

    def encoding_loss(self, features, numbers):
        return ops.mean(losses.cross_entropy(self.encode(features), numbers))

    def encode(self, features):
        return ops.cast(self.encoder(features, training=True), "float32")

    def judge(self, samples):
        """float32 scores (N, 1) and features (N, F)."""
        return [ops.cast(output, "float32") for output in self.discriminator(samples, training=True)]

    def draw_fakes(self, batch_size):
        """Training-mode fakes (batch_size, ...) and the generators that made them, int32."""
        ends = ops.cumsum(self.prior.shares())[:-1]
        places = self.draw(keras.random.uniform, batch_size)
        numbers = ops.sum(ops.cast(ops.expand_dims(places, 1) >= ends, "int32"), axis=1)
        images = ops.swapaxes(self.draw_each(batch_size), 0, 1)
        chosen = ops.one_hot(numbers, self.num_generators, dtype=images.dtype)
        chosen = ops.reshape(chosen, (batch_size, -1, *[1] * len(self.image_shape)))
        return ops.sum(images * chosen, axis=1), numbers
