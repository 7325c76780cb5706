"""What all methods of an arena are trained on, with which networks, and how they are measured."""

import dataclasses
import functools
import pathlib
import types
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from scipy import stats

from keras_multigan import data, metrics, networks, plots
from keras_multigan.data import synthetic
from keras_multigan.runs import classifiers, files
from keras_multigan.runs.images import hold_out
from keras_multigan.runs.run import sample_each

_SEED = 10_000  # of the noise behind what is measured, apart from all seeds of runs


class Measure(NamedTuple):
    """A measure as tables show it.

    Attributes:
        key: its name in results.csv.
        title: its heading.
        form: its number format.
        best: "high", "low", or "" if neither is better.
    """

    key: str
    title: str
    form: str
    best: str = ""


class Data(NamedTuple):
    """What a protocol has loaded.

    Attributes:
        samples, labels: of the training set, float32 (N, ...) and int (N,).
        num_classes: of the labels.
        aid: what the protocol's `measure` needs besides.
    """

    samples: np.ndarray
    labels: np.ndarray
    num_classes: int
    aid: Any


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A data set with the budget of every method.

    Attributes:
        title: one line.
        note: what the numbers may be compared with.
        load: function (folder for what is trained to measure, data_dir, share of the training images
            that stands in for the test images) -> `Data`.
        classifier: function (`Data`) -> trained Keras model, samples -> logits, for methods that use
            labels.
        kit: function of `Kit`'s arguments -> `networks.Kit`.
        measure: function (model, `Data`) -> dict of the measures.
        picture: function (samples of each generator, `Data`, path) that draws them.
        measures: columns of the tables; the first one is drawn against the second, and over time.
        updates: of every discriminator, in a whole run.
        batch_size: real samples of such an update.
        learning_rate: of all optimizers at first; it falls linearly to 0.
        num_generators: of methods that have several.
        backend: Keras' backend that is the faster one.
        needs_data: whether the data are looked for in `data_dir`, or downloaded.
        has_images: whether the data are a training and a test split of images.
        track: None, or function of `Data` -> function of the model -> dict of measures, for a curve of
            the run.
    """

    title: str
    note: str
    load: Callable
    classifier: Callable
    kit: Callable
    measure: Callable
    picture: Callable
    measures: tuple[Measure, ...]
    updates: int
    batch_size: int
    learning_rate: float
    num_generators: int
    backend: str
    needs_data: bool = False
    has_images: bool = False
    track: Callable | None = None


# Gaussian mixtures.


def _mixture(source, folder, data_dir, validation):
    samples, labels = source.sample(100_000, seed=0)
    return Data(samples, labels, source.num_modes, source)


def _mode_classifier(found):
    """A small network that tells the modes apart."""
    keras.utils.set_random_seed(0)
    network = networks.mlp_discriminator(found.samples.shape[1:], found.num_classes, (64, 64))
    network.compile(keras.optimizers.Adam(3e-3),
                    keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(found.samples[:50_000], found.labels[:50_000], batch_size=250, epochs=2, verbose=0)
    return network


def measure_plane(model, found):
    """VEEGAN's and PacGAN's measures of 2,500 samples, and whether modes are as wide as the data's: a
    generator that draws each mode's centre alone has more high quality than the data."""
    samples, source = model.sample(2500, seed=_SEED), found.aid
    coverage = metrics.mode_coverage(samples, source.means, source.variance**0.5)
    return {"modes": coverage.modes, "high_quality": coverage.high_quality,
            "reverse_kl": coverage.reverse_kl, "spread": _spread(samples, source),
            **_apart(model, found)}


def _spread(samples, source):
    """The standard deviation of high-quality samples about the mean of those of their mode, in that of
    the data; None if there are none. Of real samples it is .974, since they are cut at 3 deviations."""
    distances = np.linalg.norm(samples[:, None] - source.means, axis=2)
    nearest, good = distances.argmin(axis=1), distances.min(axis=1) <= 3 * source.variance**0.5
    squares = [((x - x.mean(axis=0)) ** 2).sum() for mode in np.unique(nearest[good])
               for x in [samples[good & (nearest == mode)].astype("float64")]]
    if not squares:
        return None
    return float((sum(squares) / (good.sum() * source.dimension * source.variance)) ** 0.5)


def measure_space(model, found, count=10_000):
    """Of `count` samples, with MIX+GAN's Judge. In many dimensions modes overlap in every radius that
    holds most of their samples, so a sample counts for the nearest mode; neighbours are those in the
    space of the centres, since in all dimensions even samples in the middle of all are neighbours."""
    source = found.aid
    samples, real = model.sample(count, seed=_SEED), source.sample(count, seed=1)[0]
    shares = metrics.mode_shares([samples], source.means)[0]
    near = metrics.density_coverage(*(x[:2500] @ source.means.T for x in (real, samples)))
    return {"modes": int((shares >= 0.1 / source.num_modes).sum()),
            "judge_accuracy": metrics.judge_accuracy(real, samples, width=256).accuracy,
            "frechet_distance": metrics.frechet_distance(real, samples),
            "reverse_kl": float(np.log(source.num_modes) - stats.entropy(shares)),
            "coverage": near.coverage, "density": near.density, **_apart(model, found)}


def _apart(model, found):
    """How far the generators have shared out the modes; nothing of a single one."""
    if model.num_generators == 1:
        return {}
    shares = metrics.mode_shares(sample_each(model, 1000), found.aid.means)
    return {"pairwise_tvd": metrics.pairwise_tvd(shares)}


def _scatter(samples, found, path):
    plots.save_scatter(samples, found.samples[:2000], path)


def _scatter_of_axes(samples, found, path):
    plots.save_scatter([x[:, :2] for x in samples], found.samples[:2000, :2], path)


_TVD = Measure("pairwise_tvd", "TVD of generators", ".3f")
_KL = Measure("reverse_kl", "reverse KL", ".4f", "low")
_PLANE = (Measure("modes", "modes", ".0f", "high"),
          Measure("high_quality", "high quality", ".3f", "high"), _KL,
          Measure("spread", "spread", ".2f"), _TVD)


def _plane(title, note, source, updates):
    return Protocol(
        title, note, functools.partial(_mixture, source), _mode_classifier,
        functools.partial(networks.DenseKit, (2,), latent_dim=2, width=128),
        measure_plane, _scatter, _PLANE, updates=updates, batch_size=128, learning_rate=2e-3,
        num_generators=8, backend="jax")


# Images.


class ImageAid(NamedTuple):
    """What measures images: a network that is in no loss, both splits, and the file that keeps their
    features."""

    embedding: metrics.Embedding
    train: Any
    test: Any
    features: pathlib.Path


def _split(name, split, folder, data_dir):
    """Both are resized once and kept in the folder, since every run reads them."""
    path = pathlib.Path(folder) / f"{split}.npz"
    if not path.exists():
        found = data.load_image_set(name, split, 16, data_dir)
        with files.replacing(path) as partial:
            np.savez(partial, images=found.images, labels=found.labels)
    with np.load(path) as kept:
        return data.ImageSet(kept["images"], kept["labels"])


def _splits(name, folder, data_dir, validation):
    train, test = (_split(name, split, folder, data_dir) for split in ("train", "test"))
    train, test = hold_out(train, validation) if validation else (train, test)
    options = types.SimpleNamespace(dataset=name, embedding="auto")
    folder = pathlib.Path(folder)
    return ImageAid(classifiers.embedding(options, train, test, folder), train, test,
                    folder / "features.npz")


def _images(name, folder, data_dir, validation):
    aid = _splits(name, folder, data_dir, validation)
    labels = aid.train.labels
    return Data(aid.train.floats(), labels, int(labels.max()) + 1, aid)


def _image_classifier(found):
    """Another network than the one that measures."""
    train, test = found.aid.train, found.aid.test
    keras.utils.set_random_seed(0)
    network = networks.compact_classifier(train.shape, found.num_classes, filters=16)
    classifiers.train(network, train, test, "the arena's images")
    return network


def measure_images(model, found, count=5000):
    """`metrics.Reference` of `count` images, less its lists; of each generator's own the least."""
    aid, reference = found.aid, _reference(found)
    n, shares = model.num_generators, model.mixture_weights
    shares = np.full(n, 1 / n) if shares is None else shares
    images = [model.sample(max(1, round(share * count)), generator=k, seed=_SEED + k)
              for k, share in enumerate(shares) if share > 0]
    measured = reference.measure(images)
    least = {f"least_{name}": min((v for v in measured[name] if v is not None), default=None)
             for name in ("generator_recall", "generator_coverage")}
    numbers = {name: value for name, value in measured.items() if isinstance(value, (int, float, str))}
    return numbers | least | _classes_apart(images, aid.embedding, found.num_classes)


def _reference(found):
    """The features of real images are kept in the folder, since every run needs them."""
    aid = found.aid
    images = found.samples, aid.test.floats()
    key = functools.reduce(lambda crc, x: zlib.crc32(np.ascontiguousarray(x), crc),
                           [*images, *aid.embedding.network.get_weights()], 0)
    features = None
    if aid.features.exists():
        with np.load(aid.features) as kept:
            features = (kept["train"], kept["test"]) if kept["key"] == key else None
    reference = metrics.Reference(*images, aid.embedding, found.labels, features=features)
    if features is None:
        train, test = reference.features
        with files.replacing(aid.features) as partial:
            np.savez(partial, key=key, train=train, test=test)
    return reference


def _classes_apart(images, embedding, num_classes):
    """How far the generators have shared out the classes; nothing of a single one."""
    if len(images) == 1:
        return {}
    shares = [np.bincount(embedding.classes(embedding(x)), minlength=num_classes) / len(x)
              for x in images]
    return {"pairwise_tvd": metrics.pairwise_tvd(np.stack(shares))}


def track_images(found, count=2000):
    """Coverage and Frechet distance of `count` images to as many training images."""
    embedding = found.aid.embedding
    real = embedding(found.samples[:count])

    def measure(model):
        measured = metrics.embedded_measures(real, embedding(model.sample(count, seed=_SEED)))
        return {"coverage": measured.coverage, "frechet_distance": measured.frechet_distance}

    return measure


def _grid(samples, found, path):
    plots.save_samples(np.stack([x[:10] for x in samples]), path)


_IMAGES = (Measure("coverage", "coverage", ".3f", "high"),
           Measure("precision", "precision", ".3f", "high"),
           Measure("frechet_distance", "Frechet distance", ".2f", "low"),
           Measure("ratio", "times the floor", ".1f", "low"),
           Measure("memorized_equivalent", "memorised images alike", ".0f", "high"),
           Measure("recall", "recall", ".3f", "high"),
           Measure("class_tvd", "TVD of classes", ".3f", "low"),
           Measure("near_copies", "near copies", ".3f"), _TVD,
           Measure("least_generator_coverage", "least coverage of a generator", ".3f"))


_DENSE = {"kit": functools.partial(networks.DenseKit, (16, 16, 1), latent_dim=64, width=128),
          "learning_rate": 2e-3, "backend": "jax"}
_CONVOLUTIONAL = {"kit": functools.partial(networks.ConvKit, (16, 16, 1), latent_dim=64, filters=16),
                  "learning_rate": 5e-4, "backend": "tensorflow"}


_TESTED = "On the shipped independent embedding, against test images."


def _of_images(title, note, name, updates, **networks_and_rate):
    return Protocol(
        title, note, functools.partial(_images, name), _image_classifier, measure=measure_images,
        picture=_grid, measures=_IMAGES, updates=updates, batch_size=60, num_generators=5,
        needs_data=name != "digits", has_images=True, track=track_images, **networks_and_rate)


# Stacked digits.


def _stacked(name, folder, data_dir, validation):
    aid = _splits(name, folder, data_dir, validation)
    source = synthetic.StackedDigits(aid.train.floats(), aid.train.labels)
    samples, modes = source.sample(128_000, seed=0)
    return Data(samples, modes // 100, 10, aid)


def _first_channel_classifier(found):
    """A classifier of the digit in the first channel: what generators may share out."""
    digit = _image_classifier(found)
    stacked = keras.Input((*digit.input_shape[1:3], 3))
    return keras.Model(stacked, digit(stacked[..., :1]))


def measure_stacked(model, found, count=26_000):
    """Modes of 1,000 in `count` samples, read by the embedding's classifier in each channel. It reads
    digits into noise, too, so precision and distance of the single channels stand beside them."""
    samples, embedding = model.sample(count, seed=_SEED), found.aid.embedding
    features = [embedding(samples[..., k : k + 1]) for k in range(3)]
    digits = np.stack([embedding.classes(f) for f in features], axis=1)
    counted = metrics.count_modes(digits @ [100, 10, 1], 1000)
    train = found.aid.train
    real = embedding(train.floats(np.arange(min(len(train), 5000))))
    of_channels = metrics.embedded_measures(real, np.concatenate([f[: len(real)] for f in features]))
    return {"modes": counted.modes, "precision": of_channels.precision,
            "reverse_kl": counted.reverse_kl, "frechet_distance": of_channels.frechet_distance}


def _of_stacked(title, note, name, updates):
    return Protocol(
        title, note, functools.partial(_stacked, name), _first_channel_classifier,
        functools.partial(networks.DenseKit, (16, 16, 3), latent_dim=64, width=256),
        measure_stacked, _grid, (
            Measure("modes", "modes of 1,000", ".0f", "high"),
            Measure("precision", "precision of channels", ".3f", "high"), _KL,
            Measure("frechet_distance", "Frechet distance of channels", ".2f", "low")),
        updates=updates, batch_size=64, learning_rate=1e-3, num_generators=4, backend="jax",
        needs_data=name != "digits", has_images=True)


_PUBLISHED = ("Data and measures are those of VEEGAN and PacGAN: 100,000 training samples; of 2,500 "
              "generated ones those within 3 standard deviations of a centre are of high quality, and "
              "a mode with one of them is covered. A perfect sampler has 98.9 % high quality, a "
              "reverse KL of about {floor} and a spread within modes of .97, in the data's standard "
              "deviation; more quality with less spread is collapse within modes. Small-scale: PacGAN "
              "trains for 400,000 updates.")
PROTOCOLS: dict[str, Protocol] = {
    "ring": _plane("8 Gaussians on a circle", _PUBLISHED.format(floor=".0015"),
                   synthetic.ring(8, 1.0, 1e-4), 12_000),
    "grid": _plane("25 Gaussians on a grid", _PUBLISHED.format(floor=".0048"),
                   synthetic.grid(5, 2.0, 0.0025), 24_000),
    "gaussians": Protocol(
        "8 Gaussians in 64 dimensions",
        "MIX+GAN's artificial data. Coverage is in the space of the centres. A Judge, trained to tell "
        "10,000 samples from real ones, is right on half of them at best. A mode counts if a tenth of "
        "its share is nearest to it. For real samples coverage is about .97, the Judge's accuracy .5, "
        "the Frechet distance .022, the reverse KL .0004.",
        functools.partial(_mixture, synthetic.axis_gaussians(8, 64)), _mode_classifier,
        functools.partial(networks.DenseKit, (64,), latent_dim=64, width=128),
        measure_space, _scatter_of_axes,
        (Measure("coverage", "coverage", ".3f", "high"),
         Measure("judge_accuracy", "Judge's accuracy", ".3f", "low"),
         Measure("frechet_distance", "Frechet distance", ".3f", "low"),
         Measure("modes", "modes", ".0f", "high"), _KL,
         Measure("density", "density", ".3f", "high"), _TVD),
        updates=12_000, batch_size=128, learning_rate=1e-3, num_generators=8, backend="jax"),
    "digits": _of_images("scikit-learn's digits at 16 pixels", "On the shipped independent embedding, "
                         "against training images.", "digits", 6_000, **_DENSE),
    "mnist": _of_images("MNIST at 16 pixels", _TESTED, "mnist", 12_000, **_DENSE),
    "mnist_conv": _of_images("MNIST at 16 pixels, convolutional networks", _TESTED, "mnist", 12_000,
                             **_CONVOLUTIONAL),
    "stacked_digits": _of_stacked(
        "three of scikit-learn's digits as channels", "Not the published data. Of 26,000 even draws "
        "of 1,000 modes the reverse KL is about .019.", "digits", 12_000),
    "stacked_mnist": _of_stacked(
        "three MNIST digits as channels, at 16 pixels", "Published numbers have other networks. Of "
        "26,000 even draws of 1,000 modes the reverse KL is about .019.", "mnist", 12_000),
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
