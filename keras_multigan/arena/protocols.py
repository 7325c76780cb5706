"""What all methods of an arena are trained on: the protocols by name."""

import pathlib

import keras

from keras_multigan.arena import images, mixtures
from keras_multigan.arena.protocol import Data, Protocol
from keras_multigan.data import synthetic
from keras_multigan.runs import files

_PUBLISHED = ("Data and measures are those of VEEGAN and PacGAN: 100,000 training samples; of 2,500 "
              "generated ones those within 3 standard deviations of a centre are of high quality, and "
              "a mode with one of them is covered. A perfect sampler has 98.9 % high quality, a "
              "reverse KL of about {floor} and a spread within modes of .97, in the data's standard "
              "deviation; more quality with less spread is collapse within modes. Small-scale: PacGAN "
              "trains for 400,000 updates.")
_JUDGED = ("MIX+GAN's artificial data. Coverage is in the space of the centres. A Judge, trained to "
           "tell 10,000 samples from real ones, is right on half of them at best. A mode counts if a "
           "tenth of its share is nearest to it. For real samples coverage is about .97, the Judge's "
           "accuracy .5, the Frechet distance .022, the reverse KL .0004.")
_TESTED = "On the shipped independent embedding, against test images."
PROTOCOLS: dict[str, Protocol] = {
    "ring": mixtures.mixture(
        "8 Gaussians on a circle", _PUBLISHED.format(floor=".0015"), synthetic.ring(8, 1.0, 1e-4),
        updates=12_000, **mixtures.PLANE),
    "grid": mixtures.mixture(
        "25 Gaussians on a grid", _PUBLISHED.format(floor=".0048"), synthetic.grid(5, 2.0, 0.0025),
        updates=24_000, **mixtures.PLANE),
    "gaussians": mixtures.mixture(
        "8 Gaussians in 64 dimensions", _JUDGED, synthetic.axis_gaussians(8, 64), updates=12_000,
        **mixtures.SPACE),
    "digits": images.single(
        "scikit-learn's digits at 16 pixels",
        "On the shipped independent embedding, against training images.",
        "digits", updates=6_000, **images.DENSE),
    "mnist": images.single("MNIST at 16 pixels", _TESTED, "mnist", updates=12_000, **images.DENSE),
    "mnist_conv": images.single(
        "MNIST at 16 pixels, convolutional networks", _TESTED, "mnist", updates=12_000,
        **images.CONVOLUTIONAL),
    "stacked_digits": images.stacked(
        "three of scikit-learn's digits as channels", "Not the published data. Of 26,000 even draws "
        "of 1,000 modes the reverse KL is about .019.", "digits", updates=12_000),
    "stacked_mnist": images.stacked(
        "three MNIST digits as channels, at 16 pixels", "Published numbers have other networks. Of "
        "26,000 even draws of 1,000 modes the reverse KL is about .019.", "mnist", updates=12_000),
}


def find(name: str) -> Protocol:
    """The protocol of a name. Raises ValueError if there is none."""
    if name not in PROTOCOLS:
        raise ValueError(f"--protocol is expected to be one of {', '.join(PROTOCOLS)}. "
                         f"Received: {name}")
    return PROTOCOLS[name]


def classifier_of(protocol: Protocol, found: Data, path: pathlib.Path) -> keras.Model:
    """The protocol's classifier, which is trained once and kept in the file `path`."""
    if not path.exists():
        files.save_model(protocol.classifier(found), path)
    return files.load_model(path, "Remove it; it is trained again.")
