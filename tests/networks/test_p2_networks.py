"""P2GAN's networks: sizes, what is shared."""

import keras
import numpy as np
import pytest

from keras_multigan import networks


def dense(inputs, outputs):
    return inputs * outputs + outputs


@pytest.mark.parametrize("shape, size", [((2,), 2), ((8, 8, 1), 64)])
@pytest.mark.parametrize("share", [True, False])
def test_generators(shape, size, share):
    made = networks.p2_generators(3, 5, lambda: networks.p2_mlp_body(shape, 7), share=share)
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
    (alone,) = networks.p2_generators(1, 5, lambda: networks.p2_mlp_body((2,), 7))
    assert alone.count_params() == dense(5, 7) + dense(7, 7) + dense(7, 2)


@pytest.mark.parametrize("share, count", [(True, dense(4, 7) + dense(7, 3)),
                                          (False, 3 * (dense(4, 7) + dense(7, 1)))])
def test_discriminators(share, count):
    def trunk():
        return networks.p2_mlp_trunk((2, 2, 1), 7)

    model = networks.p2_discriminators(3, trunk, share=share)
    assert model.count_params() == count and model.output_shape == (None, 3)
    assert networks.p2_discriminators(1, trunk, share=share).output_shape == (None, 1)
