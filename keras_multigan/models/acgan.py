"""AC-GAN: one generator of all classes, and a discriminator that names them."""

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import (
    check_no_batch_normalization,
    check_outputs,
    cloned,
    non_negative,
    output_shape,
    whole_number,
)
from keras_multigan.multigan import MultiGAN
from keras_multigan.networks import ClassLatent, component_generators
from keras_multigan.training import Phase


@keras.saving.register_keras_serializable("keras_multigan")
class ACGAN(MultiGAN):
    """A generator that is given a class, against a discriminator D beside a classifier C.

    "Conditional Image Synthesis with Auxiliary Classifier GANs" (Odena, Olah and Shlens, 2017). D and C
    share all but the last layer: they are one network, with the score D and the logits C as its
    outputs. With y(x) the label of a real x, x~ = G(z, c) a fake of a class c ~ U{1..K},
    CE_C(k | x) = -log softmax(C(x))_k and L_D, L_G the losses of `adversarial_loss`, see `GAN`, a step
    is `discriminator_updates` updates of D and C, each with real samples of its own, then one of G, on

    - L_D + discriminator_class_weight (E CE_C(y(x) | x) + E CE_C(c | x~))
      + gp_weight E (||grad D(x^)||_2 - 1)^2, x^ = eps x + (1 - eps) x~, eps ~ U[0, 1],
    - L_G + generator_class_weight E CE_C(c | x~).

    Without `classify_fakes` the discriminator's loss lacks E CE_C(c | x~). So there are

    - AC-GAN: vanilla, both weights 1,
    - the supervised WGAN-GP (Gulrajani et al., 2017, section 5): wasserstein, gp_weight=10,
      discriminator_updates=5, classify_fakes=False, generator_class_weight=0.1, as in the authors'
      code.

    `generators[k]` is G on class k, noise (N, latent_dim) -> samples: the K share all weights. In the
    mixture all classes have equal shares.

    Args:
        generator: Keras model, noise and a one-hot class (N, latent_dim + num_classes) -> images
            (N, H, W, C) or vectors (N, d).
        discriminator: Keras model, samples -> (N, 1 + num_classes): the score D, then the logits C. No
            sigmoid, no softmax.
        latent_dim: length of a noise vector, without the class.
        num_classes: K, of the labels that `fit` gets.
        adversarial_loss: a name of `losses.adversarial_game`.
        discriminator_class_weight, generator_class_weight: weights of C's losses.
        classify_fakes: whether C learns from fakes, too.
        gp_weight: weight of the gradient penalty. With it D must have no batch normalisation.
        discriminator_updates: per step.
        seed: int that fixes noise, classes and data order.

    Raises:
        ValueError: networks that do not fit each other, an unknown adversarial_loss, numbers out of
            range, a penalty for a discriminator with batch normalisation.

    Logs: discriminator_loss, generator_loss, score_gap (E D(x) - E D(x~)), real_accuracy and
    fake_accuracy (shares of real samples and of fakes whose class C names, in the discriminator's
    phase); with `gp_weight` also gradient_penalty (without its weight).

    Default optimizers, of both: Adam 2e-4 (0.5, 0.999) (AC-GAN); with `gp_weight` Adam 2e-4 (0, 0.9)
    (WGAN-GP with labels).

    Deviations from the paper:

    - A fake's class is uniform, whatever the shares of the labels; the paper has c ~ p_c.
    - The vanilla L_G does not saturate; the paper writes the minimax one.
    - Networks are up to the user. The paper's discriminator has noise on its activations.
    - WGAN-GP: the class is a part of G's input; the code has it in conditional batch normalisations.
      The code's critic sees fakes of the real samples' classes, its generator's batch is twice the
      critic's, and its learning rate falls linearly.
    """

    fixed = (*MultiGAN.fixed, "num_classes")

    def __init__(self, generator, discriminator, *, latent_dim, num_classes, adversarial_loss="vanilla",
                 discriminator_class_weight=1.0, generator_class_weight=1.0, classify_fakes=True,
                 gp_weight=0.0, discriminator_updates=1, seed=None, **kwargs):
        latent = ClassLatent(whole_number(num_classes, "num_classes"), latent_dim, name="latent")
        try:
            output_shape(generator, (latent_dim + num_classes,), "generator")
        except ValueError as error:
            raise ValueError(f"{error} Its input is latent_dim={latent_dim} numbers of noise and a "
                             f"one-hot class of num_classes={num_classes}.") from error
        super().__init__(
            component_generators(generator, latent), latent_dim=latent_dim, seed=seed,
            clone=lambda: component_generators(cloned(generator), latent), **kwargs)
        self.generator, self.discriminator, self.latent = generator, discriminator, latent
        self.num_classes = latent.num_components
        self.adversarial_loss = adversarial_loss
        self.game = losses.adversarial_game(adversarial_loss)
        self.discriminator_class_weight = non_negative(
            discriminator_class_weight, "discriminator_class_weight")
        self.generator_class_weight = non_negative(generator_class_weight, "generator_class_weight")
        self.classify_fakes = bool(classify_fakes)
        self.gp_weight = non_negative(gp_weight, "gp_weight")
        self.discriminator_updates = whole_number(discriminator_updates, "discriminator_updates")
        self.log_names = ("score_gap", "real_accuracy", "fake_accuracy",
                          *(["gradient_penalty"] if self.gp_weight else []))
        check_outputs(discriminator, self.image_shape, "discriminator", 1 + self.num_classes,
                      f"a score and a logit for each of the {self.num_classes} classes")
        if self.gp_weight:
            check_no_batch_normalization(discriminator, "discriminator")

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator],
                  repeats=self.discriminator_updates),
            Phase("generator", self.generator_loss, [self.generator]),
        ]

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, *((0.0, 0.9) if self.gp_weight else (0.5, 0.999)))

    def discriminator_loss(self, samples, labels):
        fakes, classes = self.draw_fakes(samples.shape[0])
        real_scores, real_logits = self.judge(samples)
        fake_scores, fake_logits = self.judge(fakes)
        loss = ops.mean(self.game.discriminator(real_scores, fake_scores, self.batch_mean))
        classified = ops.mean(losses.cross_entropy(real_logits, labels))
        if self.classify_fakes:
            classified += ops.mean(losses.cross_entropy(fake_logits, classes))
        loss += self.discriminator_class_weight * classified
        logs = {"score_gap": ops.mean(real_scores) - ops.mean(fake_scores),
                "real_accuracy": accuracy(real_logits, labels),
                "fake_accuracy": accuracy(fake_logits, classes)}
        if self.gp_weight:
            logs["gradient_penalty"] = self.gradient_penalty(
                lambda x, training: self.discriminator(x, training=training)[:, :1], samples, fakes)
            loss += self.gp_weight * logs["gradient_penalty"]
        return loss, logs

    def generator_loss(self, samples, labels):
        fakes, classes = self.draw_fakes(samples.shape[0])
        fake_scores, fake_logits = self.judge(fakes)
        real_scores = self.judge(samples)[0] if self.game.relativistic else None
        loss = ops.mean(self.game.generator(real_scores, fake_scores, self.batch_mean))
        classified = ops.mean(losses.cross_entropy(fake_logits, classes))
        return loss + self.generator_class_weight * classified, {}

    def draw_fakes(self, batch_size):
        """Training-mode fakes (batch_size, ...) and their classes, int32 (batch_size,)."""
        places = self.draw(keras.random.uniform, batch_size)
        classes = ops.cast(self.num_classes * places, "int32")
        noise = self.draw(keras.random.normal, batch_size, self.latent_dim)
        z = self.latent(noise, component=ops.one_hot(classes, self.num_classes))
        return self.generator(z, training=True), classes

    def judge(self, samples):
        """D's scores (N, 1) and C's logits (N, K), float32."""
        outputs = ops.cast(self.discriminator(samples, training=True), "float32")
        return outputs[:, :1], outputs[:, 1:]


def accuracy(logits, labels):
    """The share of samples with logits (N, K) whose label (N,) is the largest one's."""
    named = ops.cast(ops.argmax(logits, axis=-1), "int32") == ops.cast(labels, "int32")
    return ops.mean(ops.cast(named, "float32"))
