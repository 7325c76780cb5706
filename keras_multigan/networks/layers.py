"""Layers that Keras does not have, or not as critics need them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_multigan")
class LayerNormalization(keras.layers.LayerNormalization):
    """Keras' layer over the last axis, with right second derivatives on TensorFlow, too.

    A gradient penalty differentiates a gradient. `tf.nn.moments`, behind Keras' layer, holds the mean
    in the variance constant, which changes no gradient, but the gradient of a gradient. Statistics
    are float32 in any precision.

    Input and output: (..., features), of one shape and dtype.

    Raises:
        ValueError: another axis than the last one, or rms_scaling.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(axis=axis, **kwargs)
        if axis not in (-1, [-1]) or self.rms_scaling:  # Keras makes a list of it
            raise ValueError(
                "Expected axis=-1 and no rms_scaling. Received: "
                f"axis={axis}, rms_scaling={self.rms_scaling}. Use keras.layers.LayerNormalization."
            )

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        x = x - ops.mean(x, axis=-1, keepdims=True)
        x = x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon)
        x = ops.cast(x, inputs.dtype)
        x = x if self.gamma is None else x * self.gamma
        return x if self.beta is None else x + self.beta
