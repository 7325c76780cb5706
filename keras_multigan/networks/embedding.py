"""A classifier whose last hidden layer is a measure's embedding, and that no loss uses."""

import keras
from keras import layers

from keras_multigan.networks.channels import channels_last


@channels_last
def embedding_classifier(image_shape: tuple[int, int, int] = (32, 32, 1), num_classes: int = 10,
                         filters: int = 32) -> keras.Model:
    """Blocks of two 3x3 convolutions with ReLU and max pooling, no normalisation, then 64 features.

    Its architecture differs from those of the classifiers in losses. Its layer "features" is the last
    hidden one; `metrics.Embedding` gives it.

    Args:
        image_shape: (H, W, C).
        num_classes: number of logits.
        filters: channels of the first block; the next ones have 2, 4 and 4 times as many.

    Returns:
        A `keras.Model` that maps images (N, H, W, C) in [-1, 1] to logits (N, num_classes).
    """
    inputs = x = keras.Input(image_shape)
    for times in (1, 2, 4, 4):
        for _ in range(2):
            x = layers.Conv2D(times * filters, 3, padding="same", activation="relu")(x)
        if min(x.shape[1:3]) < 8:
            break
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dense(64, activation="relu")(layers.Dropout(0.3)(layers.Flatten()(x)))
    features = layers.Activation("linear", dtype="float32", name="features")(x)
    logits = layers.Dense(num_classes)(features)
    return keras.Model(inputs, layers.Activation("linear", dtype="float32")(logits),
                       name="embedding_classifier")
