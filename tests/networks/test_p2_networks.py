"""P2GAN's networks: sizes, what is shared."""

import keras
import numpy as np
import pytest

from keras_multigan import networks

pytestmark = pytest.mark.fast


def dense(inputs, outputs):
    return inputs * outputs + outputs


@pytest.mark.parametrize("shape, size", [((2,), 2), ((8, 8, 1), 64)])
@pytest.mark.parametrize("share", [True, False])
def test_generators(shape, size, share):
    made = networks.p2_generators(3, 5, 7, lambda: networks.p2_mlp_body(shape, 7), share=share)
    one, rest = dense(5, 7), dense(7, 7) + dense(7, size)
    noise = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    if share:
        assert made.count_params() == 3 * one + rest
        samples = made(noise)
    else:
        assert [g.count_params() for g in made] == [one + rest] * 3
        samples = [g(noise) for g in made]
    samples = [keras.ops.convert_to_numpy(s) for s in samples]
    assert all(s.shape == (4, *shape) and s.dtype == np.float32 for s in samples)
    assert not np.allclose(samples[0], samples[1])
    assert len(shape) == 1 or np.abs(samples).max() <= 1


def test_one_generator_is_a_list():
    (alone,) = networks.p2_generators(1, 5, 7, lambda: networks.p2_mlp_body((2,), 7))
    assert alone.count_params() == dense(5, 7) + dense(7, 7) + dense(7, 2)


@pytest.mark.parametrize("share, count", [(True, dense(4, 7) + dense(7, 3)),
                                          (False, 3 * (dense(4, 7) + dense(7, 1)))])
def test_discriminators(share, count):
    def trunk():
        return networks.p2_mlp_trunk((2, 2, 1), 7)

    model = networks.p2_discriminators(3, trunk, share=share)
    assert model.count_params() == count and model.output_shape == (None, 3)
    assert networks.p2_discriminators(1, trunk, share=share).output_shape == (None, 1)


@pytest.mark.parametrize("share", [True, False])
def test_half_precision_ends_in_float32(share):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = networks.p2_discriminators(3, lambda: networks.p2_mlp_trunk((2,), 7), share=share)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(model(np.zeros((2, 2), "float32")).dtype) == "float32"


def test_residual_generators_share_all_but_first_layers_and_normalisations(tmp_path):
    made = networks.p2_generators(2, 5, 32, lambda: networks.resnet_body((8, 8, 1), 2))
    kinds = [type(layer).__name__ for layer in made.layers]
    assert kinds.count("Dense") == 2 and kinds.count("BatchNormalization") == 2 * 3
    assert kinds.count("Conv2D") == 3 and kinds.count("UpSamplingConv2D") == 1
    made.save(tmp_path / "made.keras")
    again = keras.saving.load_model(tmp_path / "made.keras", safe_mode=True)
    noise = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    for a, b in zip(made(noise), again(noise), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))
    assert again.count_params() == made.count_params()
