"""MIX-GAN: generators that share the classes, discriminators that share every generator's batch."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_multigan import losses
from keras_multigan.checks import distinct, non_negative, output_shape, whole_number
from keras_multigan.internals import flatten_layers
from keras_multigan.multigan import MultiGAN
from keras_multigan.networks import ClassFromNoise
from keras_multigan.training import Phase

HINGE = losses.adversarial_loss("hinge")


class Judgement(NamedTuple):
    """What one D_j says of the real batch and of its fakes; float32 but for the classes.

    Attributes:
        real_scores, fake_scores: tensors (m, K + 1), without labels (m, 1).
        real_features, fake_features: tensors (m, F).
        fake_classes: int32 tensor (m,) of the classes that the fakes shall be; None without labels.
    """

    real_scores: Any
    fake_scores: Any
    real_features: Any
    fake_features: Any
    fake_classes: Any


@keras.saving.register_keras_serializable("keras_multigan")
class MIXGAN(MultiGAN):
    """n_G generators, each an expert for some classes, against n_D discriminators, at the cost of one
    GAN for each of them.

    "Lessons Learned from the Training of GANs on Artificial Datasets" (Tang, 2020), section V. Every
    G_i makes a batch of m, of which every D_j gets a part of m/n_D: x~_j, m n_G/n_D fakes of all
    generators. One step is `discriminator_updates` updates of all discriminators, each with a real
    batch x of its own, then one of all generators. With labels (MIX-MHingeGAN, equations 10 to 15), D
    has K + 1 scores s, of which class 0 is "fake" and the label's y is its number + 1:

    - H_y(s) = max(0, 1 - s_y + max_{k != y} s_k),
      L_D = sum_j E H_y(D_j(x)) + E H_0(D_j(x~_j)),
      L_G = sum_j E H_y(D_j(x~_j)) + feature_matching_weight ||E f_j(x~_j) - E f_j(x)||_1,

    with f_j what D_j sums up before its last layer. Without labels (MIX-BigGAN) it is plain hinge:

    - L_D = sum_j E max(0, 1 - D_j(x)) + E max(0, 1 + D_j(x~_j)), L_G = -sum_j E D_j(x~_j).

    For n_G = n_D the hinge gradient of every network is that of a batch of m. The generators' phase
    is one: the mixture of all must match the features of all classes.

    `sample` and export use `averaged_generators`; see `MultiGAN`.

    Args:
        generators: list of n_G functional or sequential Keras models, noise (N, latent_dim) -> images
            (N, H, W, C) in [-1, 1], `networks.biggan_generator` for one. With labels each takes its
            classes out of the noise with a layer `networks.ClassFromNoise`; all classes of the data
            must be somebody's: [biggan_generator(classes=c) for c in partition_classes(10, 5)].
        discriminators: list of n_D Keras models, images -> [scores (N, num_classes + 1), or (N, 1),
            features (N, F)], `networks.biggan_discriminator` for one.
        latent_dim: length of a noise vector, with the coordinate that picks the class.
        num_classes: number K of the data's classes; None without labels.
        feature_matching_weight: None for 0.05 with labels, 0 without.
        discriminator_updates: per step.
        ema: decay of the averaged generators, in [0, 1).
        seed: int that fixes noise and data order.

    Raises:
        ValueError: networks that do not fit each other or the classes, numbers out of range. From
            `fit`: n_D does not divide a replica's batch; labels that are missing or out of range.

    Logs: discriminator_loss, generator_loss, feature_matching (the L1 distance, a mean over j).

    Deviations from the paper:

    - It spreads the networks over devices; here all devices have all of them and share every batch,
      unless JAX's strategy "generators" deals them out.
    - What it does not say: all D_j see one real batch; n_G and n_D may differ; f of the mixture, not
      of each G_i, is matched.
    - A class is a coordinate of the noise, so that a generator stays a function of noise.
    - If n_G does not divide the number of classes, `partition_classes` makes shares that differ by
      one class; the mixture draws equally from all generators all the same.
    - d is smaller at first, so that the averages forget the initial weights in runs of any length.
    """

    alike = (*MultiGAN.alike, ("discriminators",))
    log_names = ("feature_matching",)
    renamed = {"n_critic": "discriminator_updates"}
    fixed = (*MultiGAN.fixed, "num_classes")

    def __init__(self, generators, discriminators, *, latent_dim, num_classes=None,
                 feature_matching_weight=None, discriminator_updates=4, ema=0.9999, seed=None,
                 **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.discriminators = distinct(discriminators, "discriminators")
        self.num_classes = num_classes
        if feature_matching_weight is None:
            feature_matching_weight = 0 if num_classes is None else 0.05
        self.feature_matching_weight = non_negative(feature_matching_weight, "feature_matching_weight")
        self.discriminator_updates = whole_number(discriminator_updates, "discriminator_updates")
        count = 1 if num_classes is None else num_classes + 1
        for k, discriminator in enumerate(self.discriminators):
            outputs = output_shape(discriminator, self.image_shape, f"discriminators[{k}]")
            if (not isinstance(outputs, list) or [len(shape) for shape in outputs] != [1, 1]
                    or outputs[0] != (count,)):
                raise ValueError(
                    f"With num_classes={num_classes}, discriminators[{k}] is expected to give [scores "
                    f"(batch, {count}), features (batch, F)]. Received: {outputs}. Build it with "
                    f"biggan_discriminator(num_classes={num_classes})."
                )
        if num_classes is not None:
            made = sorted({c for k in range(self.num_generators) for c in self.class_layer(k).classes})
            if made != list(range(num_classes)):
                raise ValueError(
                    f"The generators are expected to make the classes 0..{num_classes - 1} together. "
                    f"Received: {made}. Take partition_classes({num_classes}, {self.num_generators})."
                )
        self.add_averages(ema)

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, self.discriminators,
                  repeats=self.discriminator_updates),
            Phase("generator", self.generator_loss, self.generators),
        ]

    @property
    def batch_unit(self):
        return len(self.discriminators)

    @property
    def batch_parts(self):
        return f"{self.batch_unit} discriminators"

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9)

    def discriminator_loss(self, images, labels):
        loss = 0.0
        for of in self.judgements(images):
            if self.num_classes is None:
                of_real, of_fake = HINGE.real(of.real_scores), HINGE.fake(of.fake_scores)
            else:
                fake = ops.zeros(of.fake_scores.shape[:1], "int32")
                of_real = losses.multi_hinge(of.real_scores, ops.cast(labels, "int32") + 1)
                of_fake = losses.multi_hinge(of.fake_scores, fake)
            loss = loss + ops.mean(of_real) + ops.mean(of_fake)
        return loss, {}

    def generator_loss(self, images, labels):
        loss, distances = 0.0, []
        for of in self.judgements(images):
            of_fake = (HINGE.generator(of.fake_scores) if of.fake_classes is None
                       else losses.multi_hinge(of.fake_scores, of.fake_classes + 1))
            gap = ops.mean(of.fake_features, axis=0) - ops.mean(of.real_features, axis=0)
            distances.append(ops.sum(ops.abs(self.mean_over_replicas(gap))))
            loss = loss + ops.mean(of_fake) + self.feature_matching_weight * distances[-1]
        return loss, {"feature_matching": ops.mean(ops.stack(distances))}

    def judgements(self, images):
        """The `Judgement` of each D_j on the real batch and on its part of the fakes."""
        parts, size = len(self.discriminators), images.shape[0]
        noise = self.draw_noise(size)
        fakes = self.run_each(self.generators, noise)
        classes = None if self.num_classes is None else [self.classes_of(k, noise[k])
                                                         for k in range(self.num_generators)]
        images = ops.repeat(ops.cast(images, fakes.dtype)[None], parts, axis=0)
        # D_j gets every parts-th sample of each G_i, from the j-th on.
        dealt = ops.reshape(fakes, (-1, size // parts, parts, *self.image_shape))
        dealt = ops.reshape(ops.moveaxis(dealt, 2, 0), (parts, -1, *self.image_shape))
        scores, features = (ops.cast(output, "float32") for output in self.run_each(
            self.discriminators, ops.concatenate([images, dealt], axis=1)))
        for j in range(parts):
            yield Judgement(scores[j, :size], scores[j, size:], features[j, :size], features[j, size:],
                            classes and ops.concatenate([y[j::parts] for y in classes]))

    def classes_of(self, k, noise):
        """The classes int32 (N,) of what generator k makes of noise (N, latent_dim)."""
        return self.class_layer(k)(noise)[1]

    def class_layer(self, k):
        """Generator k's `ClassFromNoise`."""
        found = [layer for layer in flatten_layers(self.generators[k])
                 if isinstance(layer, ClassFromNoise)]
        if len(found) != 1:
            raise ValueError(
                f"With num_classes, generators[{k}] is expected to have one layer ClassFromNoise. "
                f"Received: {len(found)}. Build it with biggan_generator(classes=...)."
            )
        return found[0]


def partition_classes(num_classes, num_generators):
    """Deals classes out to generators, max(num_classes / num_generators, 1) to each.

    If that is no whole number, some have one class more than others. If there are more generators than
    classes, generator i makes class i mod num_classes.

    Returns:
        List of num_generators lists of ints in 0..num_classes-1; every class is in one at least.

    Raises:
        ValueError: num_classes or num_generators < 1.
    """
    if num_classes < 1 or num_generators < 1:
        raise ValueError("num_classes and num_generators are expected to be >= 1. Received: "
                         f"{num_classes} and {num_generators}")
    return [list(range(i % num_classes, num_classes, num_generators)) for i in range(num_generators)]
