"""Features of images from a network that is in no loss."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from keras_multigan import networks, shipped
from keras_multigan.metrics.frechet import frechet_distance
from keras_multigan.metrics.logits import check_images, resize, to_numpy
from keras_multigan.metrics.precision_recall import density_coverage, precision_recall
from keras_multigan.training import inference

_BATCH_SIZE = 500
_MOST = 5000  # images of precision, recall, density and coverage, whose time grows with the square


class Embedding:
    """Features of images: the layer "features" of a classifier, 64 numbers per image.

    Args:
        classifier: Keras model with such a layer, images (N, H, W, C) in [-1, 1] -> logits;
            `networks.embedding_classifier` is one.
        name: what to call it in results.
        classifies: whether its logits mean something, as those of a trained network do.

    Raises:
        ValueError: there is no such layer.
    """

    def __init__(self, classifier: keras.Model, name: str, classifies: bool = True):
        if "features" not in [layer.name for layer in classifier.layers]:
            raise ValueError("An embedding is expected to have a layer named features. Received: "
                             f"{classifier.name!r}. Build it with networks.embedding_classifier.")
        self.name = name
        features = classifier.get_layer("features").output
        self.network = keras.Model(classifier.input, features)
        self._run = inference(self.network)
        self._head = keras.Model(features, classifier.output) if classifies else None

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns the features of images (N, H, W, C) of any size, a NumPy array (N, F), float64."""
        images = to_numpy(images)
        check_images(images)
        size = self.network.input_shape[1:3]
        batches = (resize(images[start : start + _BATCH_SIZE], size)
                   for start in range(0, len(images), _BATCH_SIZE))
        return np.concatenate(
            [keras.ops.convert_to_numpy(self._run(b)) for b in batches]).astype("float64")

    def classes(self, features: np.ndarray) -> np.ndarray | None:
        """The classes int (N,) of features (N, F) by the classifier; None if it was not trained."""
        if self._head is None:
            return None
        return keras.ops.convert_to_numpy(self._head(features.astype("float32"))).argmax(axis=1)


def random_embedding(image_shape: tuple[int, int, int], seed: int = 0) -> Embedding:
    """A fixed random network, for images without labels.

    Source: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models" (2020), who
    show that a randomly initialised network is a fair embedding if no trained one is made for the data.
    Theirs is VGG16 with 64 features, this one `networks.embedding_classifier` with normal weights of
    variance 2 / fan-in.

    Args:
        image_shape: (H, W, C).
        seed: int that fixes the weights, whatever Keras' random state.
    """
    network, numbers = networks.embedding_classifier(image_shape, 2), np.random.default_rng(seed)
    for variable in network.weights:
        if len(variable.shape) > 1:
            deviation = math.sqrt(2 / math.prod(variable.shape[:-1]))
            variable.assign(numbers.normal(0, deviation, variable.shape))
    return Embedding(network, f"fixed random convolutional network (64 features, seed {seed})",
                     classifies=False)


def digits_embedding() -> Embedding:
    """The embedding that ships for "digits", loaded once per process: images (N, H, W, 1).

    Its classifier has 99.4 % on the test images; savedmodels/digits_embedding has its options.

    Raises:
        FileNotFoundError: it is neither in the installed package nor in a checkout.
    """
    return _shipped("digits")


def mnist_embedding() -> Embedding:
    """The embedding that ships for "mnist", loaded once per process: images (N, H, W, 1).

    savedmodels/mnist_embedding has its accuracy on the test images and its options.

    Raises:
        FileNotFoundError: it is neither in the installed package nor in a checkout.
    """
    return _shipped("mnist")


@functools.cache
def _shipped(dataset):
    paths = shipped.paths(f"{dataset}_embedding", "classifier.keras")
    for path in paths:
        if path.is_file():
            return Embedding(keras.saving.load_model(path, compile=False, safe_mode=True),
                             f"independent network trained on {dataset} (shipped, 64 features)")
    raise FileNotFoundError(f"Expected the shipped embedding at {paths[0]} or {paths[1]}. Received: "
                            "neither. Install keras_multigan again.")


class EmbeddedMeasures(NamedTuple):
    """Result of `embedded_measures`.

    Attributes:
        frechet_distance: between the features of the two sets.
        precision, recall, density, coverage: of as many features of both sets; None if there are fewer
            than 7, too few for their nearest neighbours.
        count: of features in these four.
    """

    frechet_distance: float
    precision: float | None
    recall: float | None
    density: float | None
    coverage: float | None
    count: int


def embedded_measures(real: np.ndarray, generated: np.ndarray, seed: int = 0) -> EmbeddedMeasures:
    """All measures of two sets of features.

    Args:
        real, generated: arrays (N, F) and (M, F).
        seed: int that fixes which ones are compared if the numbers differ.
    """
    count = min(len(real), len(generated), _MOST)
    chosen = [x[np.random.default_rng(seed).permutation(len(x))[:count]] for x in (real, generated)]
    of_sets = [None] * 4 if count < 7 else [*precision_recall(*chosen), *density_coverage(*chosen)]
    return EmbeddedMeasures(frechet_distance(real, generated), *of_sets, count)


def against(real: np.ndarray, embedding: Embedding | None = None,
            prefix: str = "") -> Callable[[np.ndarray], dict]:
    """A function of generated images that returns their `embedded_measures` against `real`.

    Args:
        real: float array (N, H, W, C) in [-1, 1]. To choose between epochs take images of a validation
            set or of the training set; those of the test set are for the end.
        embedding: None is `random_embedding`.
        prefix: of the keys.

    Returns:
        A function of an array (M, H, W, C) -> dict with the keys frechet_distance, precision, recall,
        density and coverage. The features of `real` are computed once.

    Raises:
        ValueError: fewer than 7 images, too few for their nearest neighbours.
    """
    if len(real) < 7:
        raise ValueError(f"At least 7 real images are expected. Received: {len(real)}. Add some.")
    embedding = embedding or random_embedding(real.shape[1:])
    features = embedding(real)

    def measure(images):
        found = embedded_measures(features, embedding(images))
        return {prefix + name: value for name, value in found._asdict().items()
                if name != "count" and value is not None}

    return measure
