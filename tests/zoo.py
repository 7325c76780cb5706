"""Every model and variant, tiny and compiled: the table that the conformance suite runs over.

A batch of 12 fits all of them.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tiny
from keras import layers

from keras_multigan import models, networks
from keras_multigan.models.p2 import forces

NUM_CLASSES = 3
AUXILIARY = [[-0.5, 0.25]]


def compiled(model, optimizer=keras.optimizers.Adam):
    model.compile(**{f"{phase.name}_optimizer": optimizer(1e-3) for phase in model.phases()})
    return model


def arguments(**given):
    keras.utils.set_random_seed(7)
    return {"latent_dim": tiny.LATENT, "seed": 5, **given}


def commute(n=3, optimizer=keras.optimizers.Adam, **kwargs):
    kwargs = arguments(**{"classifier": tiny.classifier(), **kwargs})
    return compiled(models.ComMutEGAN([tiny.generator() for _ in range(n)], tiny.critic(), **kwargs),
                    optimizer)


def mix_plus(n_g=2, n_d=3, optimizer=keras.optimizers.Adam, **kwargs):
    kwargs = arguments(**{"discriminator_updates": 2, **kwargs})
    return compiled(models.MixPlusGAN([tiny.generator() for _ in range(n_g)],
                                      [tiny.critic() for _ in range(n_d)], **kwargs), optimizer)


def mix_generator(classes, shape=tiny.SHAPE, latent_dim=tiny.LATENT):
    """A tiny generator. If it has classes, the last coordinate of the noise picks one."""
    x = noise = keras.Input((latent_dim,))
    if classes is not None:
        z, label = networks.ClassFromNoise(classes)(noise)
        x = layers.Concatenate()([z, layers.Embedding(NUM_CLASSES, 4)(label)])
    x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(layers.Dense(8)(x)))
    x = layers.Dense(int(np.prod(shape)), activation="tanh")(x)
    return keras.Model(noise, layers.Reshape(shape, dtype="float32")(x))


def mix_discriminator(scores=NUM_CLASSES + 1, shape=tiny.SHAPE):
    images = keras.Input(shape)
    x = networks.SpectralNormalization(layers.Dense(6))(layers.Flatten()(images))
    features = layers.LeakyReLU(0.2)(x)
    scores = networks.SpectralNormalization(layers.Dense(scores))(features)
    return keras.Model(images, [scores, features])


def mix(n_g=2, n_d=2, labelled=True, **kwargs):
    kwargs = arguments(**{"discriminator_updates": 2, "num_classes": NUM_CLASSES if labelled else None,
                          **kwargs})
    classes = models.partition_classes(NUM_CLASSES, n_g) if labelled else [None] * n_g
    return compiled(models.MIXGAN(
        [mix_generator(c) for c in classes],
        [mix_discriminator(NUM_CLASSES + 1 if labelled else 1) for _ in range(n_d)], **kwargs))


def mim_discriminator():
    return keras.Sequential([
        keras.Input(tiny.SHAPE), layers.Flatten(), layers.Dense(8, use_bias=False),
        layers.BatchNormalization(), layers.LeakyReLU(0.02), layers.Dropout(0.5), layers.Dense(1),
    ])


def mim(n=3, optimizer=keras.optimizers.Adam, **kwargs):
    kwargs = arguments(**{"classifier": tiny.classifier(), **kwargs})
    return compiled(models.MIMGAN([tiny.generator() for _ in range(n)], mim_discriminator(), **kwargs),
                    optimizer)


def gm(num_components=4, outputs=3, **kwargs):
    kwargs = arguments(**kwargs)
    discriminator = keras.Sequential([*tiny.critic().layers[:-1], layers.Dense(outputs)])
    return compiled(models.GMGAN(tiny.generator(), discriminator, num_components=num_components,
                                 **kwargs))


def mm(assignment="soft", clusters=NUM_CLASSES, **kwargs):
    kwargs = arguments(**{"num_components": NUM_CLASSES, **kwargs})
    encoder = keras.Sequential([*tiny.critic().layers[:-1], layers.Dense(clusters)])
    return compiled(models.MMGAN(tiny.generator(), tiny.critic(), encoder, assignment=assignment,
                                 **kwargs))


def gan(pack=1, **kwargs):
    kwargs = arguments(pack=pack, **kwargs)
    height, width, channels = tiny.SHAPE
    return compiled(models.GAN(tiny.generator(), tiny.critic((height, width, pack * channels)),
                               **kwargs))


def acgan(num_classes=NUM_CLASSES, **kwargs):
    kwargs = arguments(num_classes=num_classes, **kwargs)
    return compiled(models.ACGAN(tiny.generator(tiny.LATENT + NUM_CLASSES),
                                 tiny.classifier(classes=1 + NUM_CLASSES), **kwargs))


def d2(**kwargs):
    return compiled(models.D2GAN(tiny.generator(), [tiny.critic(), tiny.critic()],
                                 **arguments(**kwargs)))


def gman(**kwargs):
    return compiled(models.GMAN(tiny.generator(), [tiny.critic(), tiny.critic(dropout=0.5)],
                                **arguments(**kwargs)))


def veegan(**kwargs):
    images, noise = keras.Input(tiny.SHAPE), keras.Input((tiny.LATENT,))
    x = layers.Concatenate()([layers.Flatten()(images), noise])
    x = layers.Dropout(0.2)(layers.LeakyReLU(0.2)(layers.Dense(8)(x)))
    return compiled(models.VEEGAN(
        tiny.generator(), keras.Model([images, noise], layers.Dense(1)(x)),
        tiny.classifier(classes=tiny.LATENT), **arguments(**kwargs)))


def p2_discriminator(scores, shape=tiny.SHAPE):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(8),
                             layers.LeakyReLU(0.2), layers.Dense(scores)])


def p2_shared_generators(n):
    noise = keras.Input((tiny.LATENT,))
    body = keras.Sequential([keras.Input((8,)), layers.BatchNormalization(), layers.LeakyReLU(0.2),
                             layers.Dense(16, activation="tanh"), layers.Reshape(tiny.SHAPE)])
    return keras.Model(noise, [body(layers.Dense(8)(noise)) for _ in range(n)])


def p2():
    """Two generators with common layers, an auxiliary source, growth after one epoch."""
    kwargs = arguments(auxiliary=AUXILIARY, regularizer_weight=2.0, generator_batch_size=4, growth=1)
    pulls, pushes = forces(2, auxiliary=AUXILIARY)
    return compiled(models.P2GAN(p2_shared_generators(2), p2_discriminator(len(pulls.weights)),
                                 p2_discriminator(len(pushes.weights)), **kwargs))


def mgan(n=3, shared=False, **kwargs):
    kwargs = arguments(**kwargs)
    generators = p2_shared_generators(n) if shared else [tiny.generator() for _ in range(n)]
    return compiled(models.MGAN(generators, tiny.classifier(classes=n + 1), **kwargs))


def madgan(n=3, **kwargs):
    kwargs = arguments(**kwargs)
    return compiled(models.MADGAN(late_generators(n), tiny.classifier(classes=n + 1), **kwargs))


def late_generators(n):
    """Generators that share the first layer."""
    noise = keras.Input((tiny.LATENT,))
    x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(layers.Dense(8)(noise)))
    return keras.Model(noise, [layers.Reshape(tiny.SHAPE)(layers.Dense(16, activation="tanh")(x))
                               for _ in range(n)])


def dmgan(n=2, **kwargs):
    kwargs = arguments(**{"discriminator_updates": 2, "entropy_decay": 0.5, **kwargs})
    critic = tiny.critic()
    critic = keras.Model(critic.inputs, [critic.outputs[0], critic.layers[-1].input])
    return compiled(models.DMGANPL([tiny.generator() for _ in range(n)], critic,
                                   networks.mlp(8, n, 3, 4), **kwargs))


def boosted(name, n=3, **kwargs):
    kwargs = arguments(**{"epochs_per_round": 1, "ratio_updates": 2, **kwargs})
    return compiled(getattr(models, name)([tiny.generator() for _ in range(n)], tiny.critic(),
                                          **kwargs))


@dataclasses.dataclass(frozen=True)
class Row:
    """A model or a variant of one.

    Attributes:
        make: builds it.
        kwargs: of `make`.
        adds_state: whether it has state that no other row has. If not, the checks of saving, sampling
            and export are left to the other rows.
        alone: whether several replicas need not train it, for it shares nothing between them that
            another row does not.
    """

    make: Callable
    kwargs: dict = dataclasses.field(default_factory=dict)
    adds_state: bool = True
    alone: bool = False

    def __call__(self):
        return self.make(**self.kwargs)


ROWS = {
    "commute": Row(commute),
    "commute pairs": Row(commute, {"adversarial_loss": "relativistic_pairing", "gp_weight": 0.0,
                                   "r1_weight": 0.7, "r2_weight": 0.3}, adds_state=False),
    "mix_plus": Row(mix_plus),
    "mix": Row(mix),
    "mix without labels": Row(mix, {"labelled": False}, adds_state=False),
    "mim": Row(mim),
    "gm": Row(gm),
    "gm unsupervised": Row(gm, {"supervised": False, "outputs": 4}, adds_state=False),
    "gm static wasserstein": Row(gm, {"supervised": False, "outputs": 1, "dynamic": False,
                                      "adversarial_loss": "wasserstein", "discriminator_updates": 2},
                                 adds_state=False),
    "mm": Row(mm),
    "mm straight-through": Row(mm, {"assignment": "straight_through"}, adds_state=False),
    "p2": Row(p2),
    "gan": Row(gan, {"adversarial_loss": "relativistic_average", "pack": 2, "clip": 0.1,
                     "discriminator_updates": 2}),
    "gan with penalties": Row(gan, {"adversarial_loss": "relativistic_pairing", "gp_weight": 0.5,
                                    "r1_weight": 0.7, "r2_weight": 0.3, "pack": 2}, adds_state=False),
    "mgan": Row(mgan, {"shared": True}, alone=True),
    "madgan": Row(madgan, alone=True),
    "dmgan_pl": Row(dmgan, alone=True),
    "adagan": Row(boosted, {"name": "AdaGAN"}, alone=True),
    "mwu": Row(boosted, {"name": "MWUGAN"}, adds_state=False),
    "acgan": Row(acgan, alone=True),
    "acgan wasserstein": Row(acgan, {"adversarial_loss": "wasserstein", "gp_weight": 0.5,
                                     "classify_fakes": False, "generator_class_weight": 0.1,
                                     "discriminator_updates": 2}, adds_state=False),
    "d2": Row(d2, alone=True),
    "gman": Row(gman, alone=True),
    "veegan": Row(veegan, alone=True),
}
# What several replicas train; of one generator against discriminators `gan` stands for all.
REPLICATED = [name for name, row in ROWS.items() if row.adds_state and not row.alone]
