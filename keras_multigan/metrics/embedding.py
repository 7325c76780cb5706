"""Features of images from networks that are in no loss."""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from keras_multigan.metrics.logits import check_images, resize, to_numpy
from keras_multigan.training import inference

_FEATURES = 64
_BATCH_SIZE = 500


class Embedding(NamedTuple):
    """Features for measures.

    Attributes:
        network: Keras model, images (N, H, W, C) in [-1, 1] -> features (N, F).
        name: what to call it in results.
    """

    network: keras.Model
    name: str

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns the features of images of any size, a NumPy array (N, F), float64."""
        images = to_numpy(images)
        check_images(images)
        size = self.network.input_shape[1:3]
        run = inference(self.network)
        batches = (resize(images[start : start + _BATCH_SIZE], size)
                   for start in range(0, len(images), _BATCH_SIZE))
        return np.concatenate([keras.ops.convert_to_numpy(run(b)) for b in batches]).astype("float64")


def random_embedding(image_shape: tuple[int, int, int], seed: int = 0) -> Embedding:
    """A fixed random convolutional network, for images without labels.

    Source: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models" (2020), who
    show that a randomly initialised network is a fair embedding if no trained one is made for the data.
    Theirs is VGG16 with 64 features. This one has blocks of two convolutions of width 32, 64, 128, 128
    with pooling between them, down to 4 to 7 pixels, and 64 features.

    Args:
        image_shape: (H, W, C).
        seed: int that fixes the weights, whatever Keras' random state.
    """
    network = _network(image_shape, None)
    numbers = np.random.default_rng(seed)
    for variable in network.weights:
        fan_in = math.prod(variable.shape[:-1])
        variable.assign(numbers.normal(0, math.sqrt(2 / fan_in), variable.shape)
                        if len(variable.shape) > 1 else np.zeros(variable.shape))
    return Embedding(network, f"random convolutional network ({_FEATURES} features, seed {seed})")


def trained_embedding(images: np.ndarray, labels: np.ndarray, seed: int = 1001, epochs: int = 15,
                      name: str = "images") -> Embedding:
    """The last hidden layer of a classifier that is trained here and used for nothing else.

    Its architecture (convolutions without normalisation, max pooling) and its seed differ from those of
    the classifiers that losses use. Its own test accuracy is not measured here.

    Args:
        images: float array (N, H, W, C) in [-1, 1]: training images.
        labels: int array (N,) in 0..K-1, at least two classes.
        seed: int that fixes weights and order.
        epochs: passes over the images.
        name: of the data set, for the embedding's name.

    Raises:
        ValueError: images of another rank, fewer than two classes.
    """
    images, labels = to_numpy(images), np.asarray(labels)
    check_images(images)
    count = int(labels.max()) + 1
    if len(np.unique(labels)) < 2:
        raise ValueError("Labels of at least two classes are expected. Received: one. Use "
                         "random_embedding.")
    state = np.random.get_state(), keras.config.dtype_policy()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy("float32")
    try:
        network = _network(images.shape[1:], count)
        steps = -(-len(images) // 64) * epochs
        network.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        network.fit(images, labels, batch_size=64, epochs=epochs, verbose=0)
    finally:
        np.random.set_state(state[0])
        keras.config.set_dtype_policy(state[1])
    features = keras.Model(network.input, network.get_layer("features").output)
    return Embedding(features, f"independent network trained on {name} ({_FEATURES} features)")


def _network(image_shape, num_classes):
    """Images -> features, or logits if there is a number of classes."""
    inputs = x = keras.Input(image_shape)
    for width in (32, 64, 128, 128):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        if min(x.shape[1:3]) < 8:
            break
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    if num_classes is None:
        return keras.Model(inputs, layers.Dense(_FEATURES)(x))
    x = layers.Dense(_FEATURES, activation="relu", name="features")(layers.Dropout(0.3)(x))
    return keras.Model(inputs, layers.Dense(num_classes)(x))
