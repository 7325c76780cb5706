"""What a protocol of an arena is: data, budget, networks and measures."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

SEED = 10_000  # of the noise behind what is measured, apart from all seeds of runs


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


TVD = Measure("pairwise_tvd", "TVD of generators", ".3f")
KL = Measure("reverse_kl", "reverse KL", ".4f", "low")
