"""Networks of affine layers, for vectors."""

import keras
from keras import layers


def mlp(inputs, outputs, num_layers=5, width=1024, negative_slope=0.2):
    """Affine layers, with LeakyReLU between them; MIX+GAN's generators (inputs = outputs = 1024) and
    discriminators (outputs = 1), which have 4,198,400 and 3,149,825 parameters.

    Args:
        inputs, outputs: lengths of the vectors.
        num_layers: layers as MIX+GAN counts them: input, output, and the hidden ones between, at
            least 2. There is one affine map less.
        width: length of the hidden layers.
        negative_slope: of the LeakyReLU.

    Returns:
        `keras.Model`, (N, inputs) -> (N, outputs) float32.

    Raises:
        ValueError: num_layers < 2.
    """
    if num_layers < 2:
        raise ValueError("num_layers is expected to be >= 2, an input and an output layer. "
                         f"Received: {num_layers}")
    x = vectors = keras.Input((inputs,))
    for _ in range(num_layers - 2):
        x = layers.LeakyReLU(negative_slope)(layers.Dense(width)(x))
    x = layers.Dense(outputs)(x)
    return keras.Model(vectors, layers.Activation("linear", dtype="float32")(x))
