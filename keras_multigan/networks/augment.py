"""Differentiable augmentation: a discriminator that sees altered images, real and generated alike."""

import keras
from keras import ops

POLICIES = ("color", "translation", "cutout")
_TRANSLATION, _CUTOUT = 1 / 8, 1 / 2  # as parts of height and width


@keras.saving.register_keras_serializable("keras_multigan")
class DiffAugment(keras.layers.Layer):
    """Random changes of colour, place and completeness, through which gradients flow.

    Source: "Differentiable Augmentation for Data-Efficient GAN Training" (Zhao et al., 2020). In
    training each image (H, W, C) in [-1, 1] gets draws of its own, in this order:

    - "color": brightness, a number of [-0.5, 0.5) is added; saturation, the distance from the mean over
      the channels is multiplied by a number of [0, 2); contrast, the distance from the mean over the
      image by one of [0.5, 1.5).
    - "translation": a shift by whole pixels, up to an eighth of height and width; what is uncovered
      is 0.
    - "cutout": a rectangle of half the height and width becomes 0; its centre is anywhere in the image.

    In inference images pass unchanged.

    Args:
        policy: names of the above, with commas between them.
        seed: int that fixes the draws.

    Raises:
        ValueError: an unknown name.
    """

    def __init__(self, policy: str = "color,translation,cutout", seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.policy = check_policy(policy)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        for name in self.policy.split(","):
            images = getattr(self, f"_{name}")(images)
        return images

    def _color(self, images):
        images = images + self._draw(images, -0.5, 0.5)
        if images.shape[-1] > 1:
            gray = ops.mean(images, axis=-1, keepdims=True)
            images = (images - gray) * self._draw(images, 0, 2) + gray
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        return (images - mean) * self._draw(images, 0.5, 1.5) + mean

    def _translation(self, images):
        height, width = images.shape[1:3]
        return ops.einsum("bij,bjwc,bvw->bivc", self._shift(images, height), images,
                          self._shift(images, width))

    def _shift(self, images, size):
        """Matrices (N, size, size) that move a line by a drawn number of places."""
        most = max(1, round(size * _TRANSLATION))
        shift = ops.floor(self._draw(images, -most, most + 1)[:, :, 0, 0])
        source = ops.arange(size, dtype="float32") + ops.cast(shift, "float32")
        matches = ops.expand_dims(source, -1) == ops.arange(size, dtype="float32")
        return ops.cast(matches, images.dtype)

    def _cutout(self, images):
        inside = [self._within(images, size, axis) for axis, size in enumerate(images.shape[1:3], 1)]
        return images * (1 - inside[0] * inside[1])

    def _within(self, images, size, axis):
        """1 for the places along an axis that a drawn window covers, else 0."""
        length = max(1, round(size * _CUTOUT))
        first = ops.floor(self._draw(images, 0, size + 1 - length % 2)) - length // 2
        places = ops.reshape(ops.arange(size, dtype="float32"), [size if k == axis else 1
                                                                for k in range(4)])
        first = ops.cast(first, "float32")
        return ops.cast((places >= first) & (places < first + length), images.dtype)

    def _draw(self, images, low, high):
        """Numbers (N, 1, 1, 1) of [low, high)."""
        numbers = keras.random.uniform((ops.shape(images)[0], 1, 1, 1), low, high, dtype="float32",
                                       seed=self.seed_generator)
        return ops.cast(numbers, images.dtype)

    def get_config(self):
        return {**super().get_config(), "policy": self.policy, "seed": self.seed}


def check_policy(policy: str) -> str:
    """`policy` without blanks. Raises ValueError unless it names some of `POLICIES`, each once."""
    names = [name.strip() for name in str(policy).split(",")]
    if not set(names) <= set(POLICIES) or len({*names}) < len(names):
        raise ValueError(f"An augmentation is expected to be some of {', '.join(POLICIES)}, with "
                         f"commas between them. Received: {policy!r}")
    return ",".join(names)


def augmented(network: keras.Model, policy: str) -> keras.Model:
    """A critic or discriminator whose images pass through `DiffAugment` first. If it has several
    inputs, the first one is images."""
    if not isinstance(network.input_shape, list):
        images = keras.Input(network.input_shape[1:])
        return keras.Model(images, network(DiffAugment(policy)(images)), name=network.name)
    images, *others = inputs = [keras.Input(shape[1:]) for shape in network.input_shape]
    return keras.Model(inputs, network([DiffAugment(policy)(images), *others]), name=network.name)
