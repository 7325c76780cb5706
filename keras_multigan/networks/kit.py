"""One set of networks for all methods, so that a comparison is about their losses."""

import abc
import copy
import itertools
import math
from collections.abc import Sequence

import keras
from keras import layers

from keras_multigan.networks.channels import channels_last
from keras_multigan.networks.dcgan import BLOCKS
from keras_multigan.networks.layers import (
    Conv2D,
    Dropout,
    LayerNormalization,
    SpectralNormalization,
    UpSamplingConv2D,
    WeightNormalization,
)

_NORMALIZATIONS = (None, "spectral", "layer", "weight")


class Kit(abc.ABC):
    """The networks of a comparison, from which a method takes those that it needs.

    A generator is a first affine layer, hidden ones and a last one, with hidden layers of `widths`.
    `DenseKit` is for vectors and small images, `ConvKit` for images.

    Args:
        shape: of a sample, (d,) or (H, W, C).
        latent_dim: length of a noise vector.
        num_generators: of a method with several, at least 2.
        num_classes: of the data, None without labels.
        match: "generator": every generator has the size of a method's only one. "parameters": all
            generators have together about as many parameters as that one.
        classifier: trained Keras model, samples -> logits (N, num_classes); None without labels.

    Raises:
        ValueError: fewer than 2 generators, an unknown `match`.
    """

    def __init__(self, shape: Sequence[int], *, latent_dim: int, num_generators: int,
                 num_classes: int | None = None, match: str = "generator",
                 classifier: keras.Model | None = None):
        if match not in ("generator", "parameters"):
            raise ValueError(f"match is expected to be generator or parameters. Received: {match!r}")
        self.shape, self.latent_dim = tuple(shape), latent_dim
        self.num_generators, self.num_classes = _several(num_generators), num_classes
        self.match, self.classifier = match, classifier

    def with_generators(self, number: int) -> "Kit":
        """This kit for methods with `number` generators, at least 2."""
        kit = copy.copy(self)
        kit.num_generators = _several(number)
        return kit

    @channels_last
    def generator(self, latent_dim: int | None = None) -> keras.Model:
        """One generator of full size, noise (N, latent_dim) -> samples (N, *shape), float32; images
        end in tanh. `latent_dim` is the kit's if None."""
        return self._generator(self.widths, latent_dim)

    @channels_last
    def large_generator(self) -> keras.Model:
        """One generator with about as many parameters as `num_generators` of full size together."""
        whole = self.num_generators * sum(self._sizes(self.widths))
        return self._generator(self._sized(lambda widths: sum(self._sizes(widths)), whole))

    @channels_last
    def generators(self) -> list[keras.Model]:
        """`num_generators` generators of one size, without common layers."""
        widths = self.widths
        if self.match == "parameters":
            widths = self._sized(lambda widths: self.num_generators * sum(self._sizes(widths)),
                                 sum(self._sizes(widths)))
        return [self._generator(widths) for _ in range(self.num_generators)]

    @channels_last
    def joint_generators(self, own: str = "first") -> keras.Model:
        """Generators that share layers: a model with one input and `num_generators` outputs.

        Batch normalisations are each generator's own, since the statistics of one are not those of
        all.

        Args:
            own: "first" or "last", the affine layer that each generator has for itself.

        Raises:
            ValueError: another `own`.
        """
        if own not in ("first", "last"):
            raise ValueError(f"own is expected to be first or last. Received: {own!r}")
        def size(widths):
            first, middle, last, norms = self._sizes(widths)
            owned = (first if own == "first" else last) + norms
            return first + middle + last + norms + (self.num_generators - 1) * owned

        whole = sum(self._sizes(self.widths))
        return self._joint(own, self.widths if self.match == "generator" else self._sized(size, whole))

    @channels_last
    def discriminator(self, outputs: int = 1, *, features: bool = False, pack: int = 1,
                      beside: int | None = None, normalization: str | None = None,
                      dropout: float = 0.0, large: bool = False) -> keras.Model:
        """A discriminator, critic, encoder or classifier, whatever `match` says.

        Args:
            outputs: number of scores.
            features: whether the last hidden layer's values (N, F) are an output, too.
            pack: samples seen at once, joined along the last axis: m * d numbers, or m * C channels.
            beside: length d of vectors that are seen beside the samples; the model then takes
                [samples, vectors (N, d)].
            normalization: None; "spectral" or "weight", of every affine layer; "layer", after every
                hidden one.
            dropout: rate after every hidden layer.
            large: whether its hidden layers are those of about as many parameters as `num_generators`
                discriminators that give one score of one sample.

        Returns:
            A `keras.Model`, samples -> scores (N, outputs), float32, without activation; with
            `features` -> [scores, features].

        Raises:
            ValueError: an unknown normalization.
        """
        if normalization not in _NORMALIZATIONS:
            raise ValueError("normalization is expected to be one of "
                             f"{', '.join(map(str, _NORMALIZATIONS))}. Received: {normalization!r}")
        wrap = {"spectral": SpectralNormalization, "weight": WeightNormalization}.get(
            normalization, lambda layer: layer)

        def hidden(layer, x):
            x = wrap(layer)(x)
            x = LayerNormalization()(x) if normalization == "layer" else x
            x = layers.LeakyReLU(0.2)(x)
            return Dropout(dropout)(x) if dropout else x

        inputs = samples = keras.Input((*self.shape[:-1], pack * self.shape[-1]), name="samples")
        vectors = None
        if beside is not None:
            vectors = keras.Input((beside,), name="vectors")
            inputs = [samples, vectors]
        widths = self.widths
        if large:
            widths = self._sized(self._judging, self.num_generators * self._judging(widths))
        last = layers.Activation("linear", dtype="float32")(
            self._hidden(hidden, samples, vectors, widths))
        scores = layers.Activation("linear", dtype="float32")(wrap(layers.Dense(outputs))(last))
        return keras.Model(inputs, [scores, last] if features else scores, name="discriminator")

    @abc.abstractmethod
    def _first(self, widths):
        """A function of symbolic noise that is a generator's first affine layer. Batch normalisations
        are made when it is called, as in `networks.p2_generators`."""

    @abc.abstractmethod
    def _middle(self, widths):
        """The same for the layers between."""

    @abc.abstractmethod
    def _last(self, widths):
        """The same for the last one."""

    @abc.abstractmethod
    def _sizes(self, widths):
        """Parameters of the three parts, and of all batch normalisations."""

    @abc.abstractmethod
    def _hidden(self, hidden, samples, vectors, widths):
        """The hidden layers of a discriminator, by `hidden(layer, x)`; symbolic features (N, F)."""

    @abc.abstractmethod
    def _judging(self, widths):
        """Parameters of a discriminator that gives one score of one sample."""

    def _generator(self, widths, latent_dim=None):
        noise = keras.Input((latent_dim or self.latent_dim,), name="noise")
        x = self._middle(widths)(self._first(widths)(noise))
        return keras.Model(noise, self._last(widths)(x), name="generator")

    def _joint(self, own, widths):
        noise = keras.Input((self.latent_dim,), name="noise")
        first, middle, last = (make(widths) for make in (self._first, self._middle, self._last))
        outputs = []
        for k in range(self.num_generators):
            if k and own == "first":
                first = self._first(widths)
            if k and own == "last":
                last = self._last(widths)
            outputs.append(last(middle(first(noise))))
        return keras.Model(noise, outputs, name="generators")

    def _sized(self, size, whole):
        """The widths, each next to the same multiple of the full one, at which `size` comes closest to
        `whole` parameters."""
        most = 500 * max(1, whole // size(self.widths))
        tried = {tuple(max(1, w * part // 500 + more) for w, more in zip(self.widths, by, strict=True))
                 for part in range(most) for by in itertools.product((0, 1), repeat=len(self.widths))}
        return min(sorted(tried), key=lambda widths: abs(size(widths) - whole))


class DenseKit(Kit):
    """Two hidden layers of `width` units, ReLU in generators, LeakyReLU in discriminators.

    Args:
        shape: (d,), or (H, W, C) of images, which are made and seen as vectors.
        width: of the hidden layers, 128 in VEEGAN, 400 in PacGAN.
        **arguments: of `Kit`.
    """

    def __init__(self, shape: Sequence[int], *, width: int = 128, **arguments):
        super().__init__(shape, **arguments)
        self.widths = (width, width)

    def _first(self, widths):
        return _affine(widths[0])

    def _middle(self, widths):
        return _affine(widths[1])

    def _last(self, widths):
        dense = layers.Dense(math.prod(self.shape))
        activation = "linear" if len(self.shape) == 1 else "tanh"
        return lambda x: layers.Activation(activation, dtype="float32")(
            layers.Reshape(self.shape)(dense(x)))

    def _sizes(self, widths):
        first, second = widths
        return ((self.latent_dim + 1) * first, (first + 1) * second,
                (second + 1) * math.prod(self.shape), 0)

    def _hidden(self, hidden, samples, vectors, widths):
        x = layers.Flatten()(samples)
        x = x if vectors is None else layers.Concatenate()([x, vectors])
        for width in widths:
            x = hidden(layers.Dense(width), x)
        return x

    def _judging(self, widths):
        first, second = widths
        return (math.prod(self.shape) + 1) * first + (first + 1) * second + second + 1


class ConvKit(Kit):
    """DCGAN's form (Radford et al., 2015) with 3x3 and 4x4 kernels, for square images.

    A generator is an affine map to the smallest image (4x4, 7x7 for 28x28, 6x6 for 48x48), enlarged by
    convolutions with batch normalisation and ReLU. The map next to the image has `filters` channels,
    smaller ones twice as many each. A discriminator halves the image as often and has a dense layer
    of `units` features at its end.

    Args:
        shape: (S, S, C), S one of 8, 16, 28, 32, 48, 64 and 128.
        filters: channels of the map next to the image.
        units: of the discriminator's last hidden layer.
        **arguments: of `Kit`.

    Raises:
        ValueError: a shape of another size.
    """

    def __init__(self, shape: Sequence[int], *, filters: int = 32, units: int = 64, **arguments):
        super().__init__(shape, **arguments)
        if len(self.shape) != 3 or self.shape[0] != self.shape[1] or self.shape[0] not in BLOCKS:
            raise ValueError("shape is expected to be (S, S, C) with S one of "
                             f"{', '.join(map(str, BLOCKS))}. Received: {self.shape}. Resize the "
                             "images.")
        self.units = units
        # From the image on.
        self.widths = tuple(filters * 2**k for k in range(BLOCKS[self.shape[0]]))

    def _first(self, widths):
        size, width = self.shape[0] // 2 ** len(widths), widths[-1]
        dense = layers.Dense(size * size * width, use_bias=False)
        return lambda x: _normalized(layers.Reshape((size, size, width))(dense(x)))

    def _middle(self, widths):
        enlarge = [UpSamplingConv2D(width, use_bias=False) for width in widths[-2::-1]]

        def call(x):
            for layer in enlarge:
                x = _normalized(layer(x))
            return x

        return call

    def _last(self, widths):
        enlarge = UpSamplingConv2D(self.shape[2])
        return lambda x: layers.Activation("tanh", dtype="float32")(enlarge(x))

    def _sizes(self, widths):
        size = self.shape[0] // 2 ** len(widths)
        return (self.latent_dim * size**2 * widths[-1],
                sum(9 * a * b for a, b in zip(widths[:-1], widths[1:], strict=True)),
                (9 * widths[0] + 1) * self.shape[2], 2 * sum(widths))

    def _hidden(self, hidden, samples, vectors, widths):
        x = samples
        for width in widths:
            x = hidden(Conv2D(width, 4, 2, padding="same"), x)
        x = layers.Flatten()(x)
        x = x if vectors is None else layers.Concatenate()([x, vectors])
        return hidden(layers.Dense(self.units), x)

    def _judging(self, widths):
        size = self.shape[0] // 2 ** len(widths)
        maps = zip((self.shape[2], *widths), widths, strict=False)
        return (sum((16 * a + 1) * b for a, b in maps)
                + (size**2 * widths[-1] + 1) * self.units + self.units + 1)


def _several(number):
    if number < 2:
        raise ValueError("num_generators is expected to be at least 2, of the methods that have "
                         f"several. Received: {number}")
    return number


def _affine(width):
    dense = layers.Dense(width)
    return lambda x: layers.ReLU()(dense(x))


def _normalized(x):
    return layers.ReLU()(layers.BatchNormalization()(x))
