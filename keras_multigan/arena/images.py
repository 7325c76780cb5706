"""Images, single and stacked: data, measures and protocols of an arena."""

import functools
import pathlib
import types
import zlib
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_multigan import data, metrics, networks, plots
from keras_multigan.arena.protocol import KL, SEED, TVD, Data, Measure, Protocol
from keras_multigan.data import synthetic
from keras_multigan.runs import classifiers, files
from keras_multigan.runs.images import hold_out


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
        found = data.load_image_set(name, split, 16, data_dir, stream=False)
        if found.labels is None:
            raise ValueError("The arena's images are expected to have labels. Received: "
                             f"{name}, {split}, from {data_dir}, without. Give a --data_dir with a "
                             "folder per class.")
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
    images = [model.sample(max(1, round(share * count)), generator=k, seed=SEED + k)
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
        measured = metrics.embedded_measures(real, embedding(model.sample(count, seed=SEED)))
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
           Measure("near_copies", "near copies", ".3f"), TVD,
           Measure("least_generator_coverage", "least coverage of a generator", ".3f"))
DENSE = {"kit": functools.partial(networks.DenseKit, (16, 16, 1), latent_dim=64, width=128),
         "learning_rate": 2e-3, "backend": "jax"}
CONVOLUTIONAL = {"kit": functools.partial(networks.ConvKit, (16, 16, 1), latent_dim=64, filters=16),
                 "learning_rate": 5e-4, "backend": "tensorflow"}


def single(title, note, name, updates, **networks_and_rate):
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
    samples, embedding = model.sample(count, seed=SEED), found.aid.embedding
    features = [embedding(samples[..., k : k + 1]) for k in range(3)]
    digits = np.stack([embedding.classes(f) for f in features], axis=1)
    counted = metrics.count_modes(digits @ [100, 10, 1], 1000)
    train = found.aid.train
    real = embedding(train.floats(np.arange(min(len(train), 5000))))
    of_channels = metrics.embedded_measures(real, np.concatenate([f[: len(real)] for f in features]))
    return {"modes": counted.modes, "precision": of_channels.precision,
            "reverse_kl": counted.reverse_kl, "frechet_distance": of_channels.frechet_distance}


def stacked(title, note, name, updates):
    return Protocol(
        title, note, functools.partial(_stacked, name), _first_channel_classifier,
        functools.partial(networks.DenseKit, (16, 16, 3), latent_dim=64, width=256),
        measure_stacked, _grid, (
            Measure("modes", "modes of 1,000", ".0f", "high"),
            Measure("precision", "precision of channels", ".3f", "high"), KL,
            Measure("frechet_distance", "Frechet distance of channels", ".2f", "low")),
        updates=updates, batch_size=64, learning_rate=1e-3, num_generators=4, backend="jax",
        needs_data=name != "digits", has_images=True)
