"""Layers that Keras does not have, or that are slower or differentiated incorrectly in Keras."""

import math
import statistics
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_multigan.training import load_engine
from keras_multigan.training.stacked_layers import across, convolution, finish, stacked_call


@keras.saving.register_keras_serializable("keras_multigan")
class LayerNormalization(keras.layers.LayerNormalization):
    """Keras' layer over the last axis, with correct second derivatives on TensorFlow, too.

    A gradient penalty differentiates a gradient. `tf.nn.moments`, which Keras' layer calls, treats the
    mean within the variance as a constant. This does not change a gradient, but it does change the
    gradient of a gradient. It computes in float32 under any dtype policy but float64.

    Input and output: (..., features), of the same shape; the output has the policy's compute dtype.

    Args:
        axis: has to be -1.
        **kwargs: arguments of `keras.layers.LayerNormalization`, except rms_scaling.

    Raises:
        ValueError: another axis than the last one, or rms_scaling.
    """

    def __init__(self, axis: int | list[int] = -1, **kwargs):
        super().__init__(axis=axis, **kwargs)
        if axis not in (-1, [-1]) or self.rms_scaling:  # saved layers have [-1]
            raise ValueError(
                "Expected axis=-1 and no rms_scaling. Received: "
                f"axis={axis}, rms_scaling={self.rms_scaling}. Use keras.layers.LayerNormalization."
            )

    def call(self, inputs):
        x = self._standardized(inputs)
        x = x if self.gamma is None else x * ops.cast(self.gamma, x.dtype)
        x = x if self.beta is None else x + ops.cast(self.beta, x.dtype)
        return ops.cast(x, self.compute_dtype)

    def stacked_call(self, x, training):
        x = self._standardized(x)
        x = x if self.gamma is None else x * across(self.gamma.stack, x)
        x = x if self.beta is None else x + across(self.beta.stack, x)
        return ops.cast(x, self.compute_dtype)

    def _standardized(self, inputs):
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        x = x - ops.mean(x, axis=-1, keepdims=True)
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon)


@keras.saving.register_keras_serializable("keras_multigan")
class Conv2D(keras.layers.Conv2D):
    """Keras' layer, with the same arguments, weights and results, but faster on small images.

    If the image has at most as many pixels as the kernel, one matrix product of all pixels with all
    outputs is cheaper than padding the image and sliding a kernel over it. In the last block of a
    critic (5x5 kernels on 4x4 pixels) this saves 36 % of the arithmetic.
    """

    def convolution_op(self, inputs, kernel):
        height, width = inputs.shape[1:3]
        rows, columns = self.kernel_size
        if (self.padding != "same" or self.groups > 1 or self.data_format != "channels_last"
                or self.dilation_rate != (1, 1) or None in (height, width)
                or height * width > rows * columns):
            return super().convolution_op(inputs, kernel)
        out_height, top = _same(height, rows, self.strides[0])
        out_width, left = _same(width, columns, self.strides[1])
        # Pixel (y, x) has the weight (y - i stride + top, x - j stride + left) in output (i, j).
        last_y, last_x = (out_height - 1) * self.strides[0], (out_width - 1) * self.strides[1]
        kernel = ops.pad(kernel, [[max(last_y - top, 0), max(height + top - rows, 0)],
                                  [max(last_x - left, 0), max(width + left - columns, 0)],
                                  [0, 0], [0, 0]])
        size = (height, width, *kernel.shape[2:])
        weights = ops.stack(
            [ops.slice(kernel, (max(last_y, top) - i * self.strides[0],
                                max(last_x, left) - j * self.strides[1], 0, 0), size)
             for i in range(out_height) for j in range(out_width)], axis=3,
        )
        pixels = math.prod(size[:3])
        outputs = ops.matmul(ops.reshape(inputs, (-1, pixels)), ops.reshape(weights, (pixels, -1)))
        return ops.reshape(outputs, (-1, out_height, out_width, kernel.shape[3]))

    stacked_call = convolution


def _same(size, kernel_size, stride):
    """Returns, for padding="same" on one axis, the number of outputs and the padding in front."""
    outputs = -(-size // stride)
    return outputs, max((outputs - 1) * stride + kernel_size - size, 0) // 2


@keras.saving.register_keras_serializable("keras_multigan")
class UpSamplingConv2D(keras.layers.Conv2D):
    """`UpSampling2D(2)` followed by `Conv2D(filters, 3, padding="same")`, in one faster layer.

    The large image between them is not computed.

    Each pixel occurs four times in the enlarged image, so that the 3x3 kernel sees only 2x2 different
    pixels. Each of the four copies is therefore computed by its own 2x2 kernel of sums of the weights.
    This needs 4/9 of the arithmetic, in one convolution of the small image.

    Input (N, H, W, C), output (N, 2 H, 2 W, filters). The weights are those of `keras.layers.Conv2D`.

    Args:
        filters: number of output channels.
        **kwargs: arguments of `keras.layers.Conv2D`, such as use_bias and kernel_initializer.

    Raises:
        ValueError: kernel_size, padding, strides, dilation_rate, groups or data_format is not that of
            the layers above.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(filters, **{"kernel_size": 3, "padding": "same", **kwargs})
        fixed = dict(kernel_size=(3, 3), padding="same", strides=(1, 1), dilation_rate=(1, 1),
                     groups=1, data_format="channels_last")
        received = {name: getattr(self, name) for name in fixed}
        if received != fixed:
            raise ValueError(
                f"Expected {fixed}. Received: {received}. Use keras.layers.UpSampling2D and Conv2D."
            )

    def compute_output_shape(self, input_shape):
        height, width = (None if size is None else 2 * size for size in input_shape[1:3])
        return (input_shape[0], height, width, self.filters)

    def convolution_op(self, inputs, kernel):
        height, width = inputs.shape[1:3]
        padded = ops.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return self._interleave(ops.conv(padded, self._of_corners(kernel), 1, "valid"), height, width)

    def stacked_call(self, x, training):
        padded = ops.pad(x, [[0, 0], [0, 0], [1, 1], [1, 1], [0, 0]])
        kernels = self._of_corners(ops.cast(self.kernel.stack, x.dtype))
        y = load_engine().convolve_each(padded, kernels, (1, 1), "valid", (1, 1))
        height, width = x.shape[2:4]
        y = self._interleave(ops.reshape(y, (-1, *y.shape[2:])), height, width)
        return finish(self, ops.reshape(y, (x.shape[0], -1, *y.shape[1:])))

    def _interleave(self, outputs, height, width):
        """Copies (N, H + 1, W + 1, 4 filters) at their places, (N, 2 H, 2 W, filters)."""
        # Copy k = (a, b) of pixel (y, x) is at (y + a, x + b), in the k-th group of channels.
        size = (ops.shape(outputs)[0], height, width, self.filters)
        outputs = ops.stack(
            [ops.slice(outputs, (0, a, b, k * self.filters), size)
             for k, (a, b) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1)))], axis=3,
        )
        outputs = ops.reshape(outputs, (-1, height, width, 2, 2, self.filters))
        outputs = ops.transpose(outputs, (0, 1, 3, 2, 4, 5))
        return ops.reshape(outputs, (-1, 2 * height, 2 * width, self.filters))

    def _of_corners(self, kernel):
        """The four copies' kernels, (..., 2, 2, C, 4 filters), of kernels (..., 3, 3, C, filters)."""
        # Indices: copy, pixel, weight. Copy 0 adds the last two of three weights, copy 1 the first two.
        sums = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
        sums = np.einsum("aip,bjq->ijabpq", sums, sums).reshape(16, 9)
        # One product: TensorFlow's graph optimiser is slow on many small sums.
        *rows, _, _, channels, filters = kernel.shape
        kernels = ops.matmul(ops.cast(sums, kernel.dtype),
                             ops.reshape(kernel, (*rows, 9, channels * filters)))
        kernels = ops.swapaxes(ops.reshape(kernels, (*rows, 4, 4, channels, filters)), -3, -2)
        return ops.reshape(kernels, (*rows, 2, 2, channels, 4 * filters))


@keras.saving.register_keras_serializable("keras_multigan")
class Dropout(keras.layers.Dropout):
    """Keras' layer, with one random byte per element instead of four.

    Random numbers take a large part of a critic's time on a CPU. The rate is rounded to a multiple of
    1/256 (0.3 to 0.30078). The remaining elements are scaled by the rounded rate, so that the expected
    output is exact.

    Args:
        rate: fraction of elements to set to 0: 0, or in [1/256, 255/256].
        **kwargs: arguments of `keras.layers.Dropout`, except noise_shape.

    Raises:
        ValueError: a rate that is out of range, or noise_shape.
    """

    of_rows = True

    def __init__(self, rate: float, **kwargs):
        super().__init__(rate, **kwargs)
        self._dropped = round(256 * rate)
        if self.noise_shape is not None or not (rate == 0 or 0 < self._dropped < 256):
            raise ValueError(
                "Expected a rate of 0 or in [1/256, 255/256], and no noise_shape. Received: "
                f"rate={rate}, noise_shape={self.noise_shape}. Use keras.layers.Dropout."
            )

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        random_bytes = load_engine().random_bytes(ops.shape(inputs), self.seed_generator.next())
        kept = ops.cast(random_bytes >= self._dropped, inputs.dtype)
        return inputs * (kept * (256 / (256 - self._dropped)))


@keras.saving.register_keras_serializable("keras_multigan")
class MixtureWeights(keras.layers.Layer):
    """`count` trainable weights > 0 that sum to 1, initially equal.

    Args:
        count: number of weights.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(self, count: int, **kwargs):
        super().__init__(**kwargs)
        self.count = count
        self.logits = self.add_weight(shape=(count,), initializer="zeros", dtype="float32",
                                      name="logits", autocast=False)
        self.built = True

    def shares(self):
        """Returns the weights, a float32 tensor (count,): the softmax of the layer's logits."""
        # ops.softmax would warn if there is a single weight.
        return ops.exp(self.logits - ops.logsumexp(self.logits))

    def get_config(self) -> dict:
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("keras_multigan")
class SpectralNormalization(keras.layers.Wrapper):
    """Wrapper that divides the kernel W of a layer by an estimate sigma of its largest singular value.

    W is taken as a matrix (inputs, outputs). Each call with training=True makes one step of power
    iteration, u <- W^T W u / ||W^T W u||, and sigma = ||W u||. The gradient with respect to W includes
    that of sigma. Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks"
    (2018).

    Keras' own layer overwrites the kernel instead. The gradient includes this division on JAX, but not
    on TensorFlow. It also changes the kernel in each phase that calls the discriminator, even if the
    phase does not train it.

    Input and output are those of the wrapped layer, whose dtype policy it has if none is given.

    Args:
        layer: Dense or convolutional layer, linear except for its bias and activation.
        **kwargs: arguments of `keras.layers.Wrapper`.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs):
        super().__init__(layer, autocast=False, **{"dtype": layer.dtype_policy, **kwargs})

    def build(self, input_shape):
        super().build(input_shape)
        # Not random, so that all backends start from the same u.
        self.u = self.add_weight(shape=self.layer.kernel.shape[-1:], initializer="ones",
                                 dtype="float32", trainable=False, autocast=False, name="u")

    def call(self, inputs, training=False):
        sigma = self._sigma(self.layer.kernel, self.u, training)
        # The layer is linear, so dividing its input is the same as dividing its kernel.
        return ops.cast(self.layer(inputs / ops.cast(sigma, inputs.dtype)), self.compute_dtype)

    def stacked_call(self, x, training):
        sigma = self._sigma(self.layer.kernel.stack, self.u.stack, training)
        x = x / ops.cast(ops.reshape(sigma, (-1, *[1] * (len(x.shape) - 1))), x.dtype)
        return ops.cast(stacked_call(self.layer)(self.layer, x, training), self.compute_dtype)

    def _sigma(self, kernel, vectors, training):
        """The estimates (...) for kernels (..., inputs, outputs) and the variable u (..., outputs)."""
        rank = len(vectors.shape) - 1
        kernel = ops.cast(kernel, "float32")
        kernel = ops.reshape(kernel, (*kernel.shape[:rank], -1, kernel.shape[-1]))
        u = ops.expand_dims(vectors.value, -1)
        if training:
            u = ops.matmul(ops.swapaxes(kernel, -2, -1), ops.matmul(kernel, u))
        u = ops.stop_gradient(ops.normalize(u, axis=-2, epsilon=1e-24))
        if training:
            vectors.assign(ops.squeeze(u, -1))
        return ops.sqrt(ops.sum(ops.square(ops.matmul(kernel, u)), axis=(-2, -1)))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


@keras.saving.register_keras_serializable("keras_multigan")
class WeightNormalization(keras.layers.Wrapper):
    """Wrapper that gives every output of a layer a kernel of learned length, w = g v / ||v||.

    v is the layer's kernel and g a weight per output, at first ||v||. Source: Salimans and Kingma,
    "Weight Normalization" (2016), without the initialisation from data.

    Input and output are those of the wrapped layer, whose dtype policy it has if none is given. It has
    no activation.

    Args:
        layer: Dense or convolutional layer with channels last, without activation.
        **kwargs: arguments of `keras.layers.Wrapper`.

    Raises:
        ValueError: the layer has an activation, or is a transposed convolution.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs):
        if isinstance(layer, (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose,
                              keras.layers.Conv3DTranspose)):
            raise ValueError("Expected a dense or convolutional layer, whose kernel ends in its "
                             f"outputs. Received: {type(layer).__name__} {layer.name!r}.")
        if layer.activation is not keras.activations.linear:
            raise ValueError("Expected a layer without activation. Received: "
                             f"{layer.activation.__name__} in {layer.name!r}. Add it after this one.")
        super().__init__(layer, autocast=False, **{"dtype": layer.dtype_policy, **kwargs})

    def build(self, input_shape):
        super().build(input_shape)
        self.length = self.add_weight(shape=self.layer.kernel.shape[-1:], initializer="ones",
                                      dtype="float32", autocast=False, name="length")
        self.length.assign(ops.cast(self._lengths(), "float32"))

    def call(self, inputs):
        outputs = self.layer(inputs)
        bias = 0 if self.layer.bias is None else ops.cast(self.layer.bias, outputs.dtype)
        # The layer is linear, so scaling its output is the same as scaling its kernel.
        scale = ops.cast(self.length / self._lengths(), outputs.dtype)
        return ops.cast((outputs - bias) * scale + bias, self.compute_dtype)

    def _lengths(self):
        kernel = ops.cast(self.layer.kernel, "float32")
        return ops.sqrt(ops.sum(ops.square(kernel), axis=tuple(range(len(kernel.shape) - 1))))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


@keras.saving.register_keras_serializable("keras_multigan")
class Orthonormal(keras.regularizers.Regularizer):
    """weight ||W^T W - I||_F^2 of a kernel W as a matrix (inputs, outputs), which makes its columns
    orthonormal (Brock et al., "Neural Photo Editing", 2016).

    Args:
        weight: number, at least 0.
    """

    def __init__(self, weight: float):
        self.weight = weight

    def __call__(self, kernel):
        kernel = ops.reshape(ops.cast(kernel, "float32"), (-1, kernel.shape[-1]))
        gram = ops.matmul(ops.transpose(kernel), kernel)
        return self.weight * ops.sum(ops.square(gram - ops.eye(kernel.shape[-1])))

    def get_config(self) -> dict:
        return {"weight": self.weight}


@keras.saving.register_keras_serializable("keras_multigan")
class ClassFromNoise(keras.layers.Layer):
    """Derives a class from noise, so that a conditional generator becomes a function of noise alone.

    The last coordinate e of the noise selects `classes[floor(Phi(e) * len(classes))]`. Phi is the
    distribution function of the standard normal distribution, so that all classes are equally likely
    for standard normal noise.

    Input: noise (N, d + 1). Output: the other coordinates z (N, d), float32, and the classes (N,),
    int32.

    Args:
        classes: list of at least one int >= 0.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: `classes` is not such a list.
    """

    def __init__(self, classes: Sequence[int], **kwargs):
        # Noise rounded to bfloat16 would select other classes.
        super().__init__(autocast=False, **kwargs)
        self.classes = [int(c) for c in classes]
        if not self.classes or self.classes != list(classes) or min(self.classes) < 0:
            raise ValueError("classes is expected to be a list of at least one int >= 0. Received: "
                             f"{classes!r}. models.partition_classes makes such lists.")

    def call(self, noise):
        noise = ops.cast(noise, "float32")
        count = len(self.classes)
        # Comparison with fixed quantiles selects the same class on every device.
        ends = [statistics.NormalDist().inv_cdf(k / count) for k in range(1, count)]
        passed = noise[:, -1:] >= ops.array(ends, dtype="float32")
        index = ops.sum(ops.cast(passed, "int32"), axis=-1)
        return noise[:, :-1], ops.take(ops.array(self.classes, dtype="int32"), index)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] - 1), input_shape[:-1]

    def get_config(self) -> dict:
        return {**super().get_config(), "classes": self.classes}
