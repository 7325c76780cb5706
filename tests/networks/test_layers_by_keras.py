"""Keras' own checks of a layer, over every layer of this package: configuration, saving, shapes and
dtypes, symbolic calls, mixed precision, training."""

import keras
import numpy as np
import pytest
from keras.src.testing import TestCase

from keras_multigan import networks

pytestmark = pytest.mark.fast
IMAGES = (2, 4, 4, 3)


@keras.saving.register_keras_serializable("tests")
class OfOneComponent(networks.GaussianMixtureLatent):
    """Keras calls a layer with its first argument alone."""

    def call(self, noise):
        return super().call(noise, 1)


@keras.saving.register_keras_serializable("tests")
class OfOneClass(networks.ClassLatent):
    def call(self, noise):
        return super().call(noise, 1)


class TestLayers(TestCase):
    def check(self, layer, arguments, **expected):
        self.run_layer_test(layer, arguments, **{"supports_masking": None, **expected})

    def test_conv2d(self):
        for padding, size in (("same", 2), ("valid", 1)):
            self.check(networks.Conv2D, dict(filters=2, kernel_size=3, strides=2, padding=padding),
                       input_shape=IMAGES, expected_output_shape=(2, size, size, 2),
                       expected_num_trainable_weights=2)

    def test_conv2d_on_few_pixels(self):
        self.check(networks.Conv2D, dict(filters=2, kernel_size=5, padding="same"), input_shape=IMAGES,
                   expected_output_shape=(2, 4, 4, 2), expected_num_trainable_weights=2)

    def test_up_sampling_conv2d(self):
        self.check(networks.UpSamplingConv2D, dict(filters=2), input_shape=IMAGES,
                   expected_output_shape=(2, 8, 8, 2), expected_num_trainable_weights=2)

    def test_layer_normalization(self):
        for arguments in ({}, dict(center=False), dict(scale=False)):
            self.check(networks.LayerNormalization, arguments, input_shape=(3, 5),
                       expected_output_shape=(3, 5),
                       expected_num_trainable_weights=2 - len(arguments))

    def test_dropout(self):
        self.check(networks.Dropout, dict(rate=0.5), input_shape=(3, 5), expected_output_shape=(3, 5),
                   call_kwargs=dict(training=True), expected_num_trainable_weights=0,
                   expected_num_seed_generators=1)

    def test_spectral_normalization(self):
        self.check(networks.SpectralNormalization, dict(layer=keras.layers.Dense(4)),
                   input_shape=(3, 5), expected_output_shape=(3, 4), expected_num_trainable_weights=2,
                   expected_num_non_trainable_weights=1)

    def test_weight_normalization(self):
        self.check(networks.WeightNormalization, dict(layer=keras.layers.Dense(4)),
                   input_shape=(3, 5), expected_output_shape=(3, 4), expected_num_trainable_weights=3)

    def test_diff_augment(self):
        self.check(networks.DiffAugment, dict(seed=1), input_shape=IMAGES,
                   expected_output_shape=IMAGES, call_kwargs=dict(training=True),
                   expected_num_trainable_weights=0, expected_num_seed_generators=1)

    def test_gaussian_mixture_latent(self):
        self.check(OfOneComponent, dict(num_components=3, latent_dim=5, seed=1), input_shape=(2, 5),
                   expected_output_shape=(2, 5), expected_num_trainable_weights=2)

    def test_class_latent(self):
        self.check(OfOneClass, dict(num_components=3, latent_dim=5), input_shape=(2, 5),
                   expected_output_shape=(2, 8), expected_num_trainable_weights=0,
                   run_training_check=False)

    def test_class_from_noise(self):
        # It keeps float32 and int32 under any precision, and has nothing to train.
        self.check(networks.ClassFromNoise, dict(classes=[0, 2]), input_shape=(2, 5),
                   expected_output_shape=((2, 4), (2,)), expected_num_trainable_weights=0,
                   run_mixed_precision_check=False, run_training_check=False)

    def test_mixture_weights(self):
        """It is never called; its configuration and its values."""
        layer = networks.MixtureWeights(3)
        again = self.run_class_serialization_test(layer)
        again = networks.MixtureWeights.from_config(layer.get_config()) if again is None else again
        np.testing.assert_allclose(keras.ops.convert_to_numpy(again.shares()), 3 * [1 / 3], rtol=1e-6)


def test_every_layer_is_checked():
    exported = {name for name, value in vars(networks).items()
                if isinstance(value, type) and issubclass(value, keras.layers.Layer)}
    assert exported == {"ClassFromNoise", "ClassLatent", "Conv2D", "DiffAugment", "Dropout",
                        "GaussianMixtureLatent", "LayerNormalization", "MixtureWeights",
                        "SpectralNormalization", "UpSamplingConv2D", "WeightNormalization"}
