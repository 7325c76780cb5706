"""What layers compute for n networks at once.

A stacked form is a function (layer of the first network, x (n, N, ...) in the layer's compute dtype,
training) -> (n, N, ...). It finds the weights of all networks, (n, ...), in `layer.kernel.stack`. A
layer of another module has one as its method `stacked_call(x, training)`.
"""

import inspect

import keras
from keras import layers, ops

from keras_multigan import internals
from keras_multigan.training.engine import load_engine

# Without weights, each row of a batch for itself.
_OF_ROWS = (
    layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax, layers.Identity,
    layers.Rescaling, layers.Reshape, layers.Flatten, layers.Permute, layers.UpSampling2D,
    layers.ZeroPadding2D, layers.Cropping2D, layers.AveragePooling2D, layers.MaxPooling2D,
    layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.Add, layers.Subtract,
    layers.Multiply, layers.Average, layers.Maximum, layers.Minimum, layers.Concatenate,
    layers.Dropout, layers.GaussianNoise,
)


def of_rows(layer: keras.layers.Layer, shared: bool) -> bool:
    """Whether rows of all networks may go through the layer as rows of one batch.

    Args:
        shared: whether all networks have this layer, weights included.
    """
    graph = internals.graph_of(layer)
    if graph is not None:
        return all(of_rows(o, shared) if isinstance(o, keras.layers.Layer) else False
                   for o in internals.operations(graph))
    if not _plain_activation(layer):
        return False
    known = type(layer) in _OF_ROWS or _own(layer, "of_rows")
    return bool(known) and _keeps_rows(layer) or (
        shared and stacked_call(layer) is not None and not layer.non_trainable_weights)


def stacked_call(layer: keras.layers.Layer):
    """The layer's stacked form, or None."""
    if not _plain_activation(layer) or getattr(layer, "lora_enabled", False) or (
            isinstance(layer, layers.Wrapper) and stacked_call(layer.layer) is None):
        return None
    method = _own(layer, "stacked_call")
    fits = _FITS.get(type(layer), lambda layer: True)(layer)
    return method if method is not None else _FORMS.get(type(layer)) if fits else None


def _own(layer, name):
    """What the layer's class itself defines: a subclass may compute something else."""
    return vars(type(layer)).get(name)


def _plain_activation(layer):
    """Whether an activation is one of Keras' functions, which treat each sample for itself. A layer
    may have weights."""
    activation = getattr(layer, "activation", None)
    return activation is None or inspect.isfunction(activation) and (
        activation.__module__.startswith("keras."))


def _keeps_rows(layer):
    return getattr(layer, "axis", -1) not in (0, None) and getattr(layer, "noise_shape", None) is None


def dense(layer, x, training):
    """`keras.layers.Dense`: one batched product."""
    kernel = layer.kernel.stack
    y = ops.matmul(ops.reshape(x, (x.shape[0], -1, x.shape[-1])), ops.cast(kernel, x.dtype))
    return finish(layer, ops.reshape(y, (*x.shape[:1], -1, *x.shape[2:-1], kernel.shape[-1])))


def convolution(layer, x, training):
    """`keras.layers.Conv2D`: one grouped convolution, where the backend has a fast one."""
    kernel = ops.cast(layer.kernel.stack, x.dtype)
    return finish(layer, load_engine().convolve_each(
        x, kernel, layer.strides, layer.padding, layer.dilation_rate))


def transposed_convolution(layer, x, training):
    """`keras.layers.Conv2DTranspose`: the same."""
    kernel = ops.cast(layer.kernel.stack, x.dtype)
    shape = layer.compute_output_shape((None, *x.shape[2:]))[1:3]
    return finish(layer, load_engine().transpose_convolve_each(
        x, kernel, layer.strides, layer.padding, shape))


def finish(layer, y):
    """Bias and activation of y (n, N, ..., units)."""
    y = y if layer.bias is None else y + across(layer.bias.stack, y)
    return y if layer.activation is None else layer.activation(y)


def across(stack, y):
    """A stack of vectors (n, C) that broadcasts against y (n, N, ..., C), in its dtype."""
    count, size = stack.shape
    return ops.cast(ops.reshape(stack, (count, *[1] * (len(y.shape) - 2), size)), y.dtype)


def batch_normalization(layer, x, training):
    """`keras.layers.BatchNormalization` over the last axis, with statistics per network."""
    dtype = keras.backend.result_type(x.dtype, "float32")
    x = ops.cast(x, dtype)
    mean, variance = (ops.cast(v.stack, dtype) for v in (layer.moving_mean, layer.moving_variance))
    if training and layer.trainable:
        axes = list(range(1, len(x.shape) - 1))
        moments = ops.moments(x, axes, synchronized=layer.synchronized)
        for moving, old, new in zip((layer.moving_mean, layer.moving_variance), (mean, variance),
                                    moments, strict=True):
            moving.stack.assign(old * layer.momentum + new * (1.0 - layer.momentum))
        mean, variance = moments
    scale = ops.rsqrt(variance + layer.epsilon)
    scale = scale * ops.cast(layer.gamma.stack, dtype) if layer.scale else scale
    shift = -mean * scale
    shift = shift + ops.cast(layer.beta.stack, dtype) if layer.center else shift
    return ops.cast(x * across(scale, x) + across(shift, x), layer.compute_dtype)


def dropout(rates, seed_generator, layer, x, training):
    """`keras.layers.Dropout` with a rate per network, as GMAN has."""
    if not training:
        return x
    rates = ops.reshape(ops.convert_to_tensor(rates, dtype=x.dtype), (-1, *[1] * (len(x.shape) - 1)))
    kept = keras.random.uniform(x.shape, seed=seed_generator) >= ops.cast(rates, "float32")
    # Of a rate of 1 nothing is left to scale.
    return ops.where(kept, x / ops.maximum(1 - rates, 1e-7), 0)


_FORMS = {
    layers.Dense: dense, layers.Conv2D: convolution, layers.Conv2DTranspose: transposed_convolution,
    layers.BatchNormalization: batch_normalization,
}


def _fits_convolution(layer):
    return layer.data_format == "channels_last" and getattr(layer, "groups", 1) == 1


_FITS = {
    layers.Conv2D: _fits_convolution,
    layers.Conv2DTranspose: lambda layer: _fits_convolution(layer) and layer.output_padding is None and
    tuple(layer.dilation_rate) == (1, 1),
    layers.BatchNormalization: lambda layer: layer.axis == -1 and not layer.renorm,
}
