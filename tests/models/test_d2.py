"""D2GAN: losses against NumPy, scores of any size."""

import keras
import numpy as np
import pytest
import tiny
from zoo import d2 as make

from keras_multigan.models import D2GAN
from keras_multigan.models.d2 import log_softplus

pytestmark = pytest.mark.fast

D, M, LATENT = 3, 6, 2


def test_losses_against_numpy(monkeypatch):
    def linear(size, units):
        return keras.Sequential([keras.Input((size,)), keras.layers.Dense(units, use_bias=False)])

    model = D2GAN(linear(LATENT, D), [linear(D, 1), linear(D, 1)], latent_dim=LATENT, alpha=0.3,
                  beta=0.7)
    numbers = np.random.default_rng(0)
    real, noise = (numbers.normal(size=(M, size)).astype("float32") for size in (D, LATENT))
    to_samples, first, second = (v.astype("float64") for v in model.get_weights())
    assert not np.allclose(first, second)

    def outputs(kernel):
        return [np.log(1 + np.exp(x @ kernel)) for x in (real, noise @ to_samples)]

    (first_real, first_fake), (second_real, second_fake) = outputs(first), outputs(second)
    tiny.fix_draws(model, monkeypatch, normal=[noise])
    found, logs = model.discriminator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(
        float(found), -0.3 * np.log(first_real).mean() + first_fake.mean()
        + second_real.mean() - 0.7 * np.log(second_fake).mean(), rtol=1e-4)
    for name, of_real, of_fake in (("first_gap", first_real, first_fake),
                                   ("second_gap", second_real, second_fake)):
        assert float(logs[name]) == pytest.approx(of_real.mean() - of_fake.mean(), rel=1e-3)
    tiny.fix_draws(model, monkeypatch, normal=[noise])
    np.testing.assert_allclose(float(model.generator_loss(keras.ops.array(real), None)[0]),
                               -first_fake.mean() + 0.7 * np.log(second_fake).mean(), rtol=1e-4)


def test_the_logarithm_is_finite_for_all_scores():
    scores = np.array([-1e4, -100.0, -15.001, -14.999, -1.0, 0.0, 3.0, 1e4])
    expected = [-1e4, -100.0, -15.001, *np.log(np.log1p(np.exp(scores[3:7]))), np.log(1e4)]
    scores = keras.ops.array(scores, "float32")
    np.testing.assert_allclose(log_softplus(scores), expected, rtol=1e-6)
    gradients = make().input_gradient(log_softplus, scores)
    np.testing.assert_allclose(gradients[:3], 1.0, rtol=1e-6)
    assert np.isfinite(keras.ops.convert_to_numpy(gradients)).all()


def test_bad_arguments():
    for name in ("alpha", "beta"):
        with pytest.raises(ValueError, match=f"{name} >= 0"):
            make(**{name: -1.0})
    with pytest.raises(ValueError, match="a list of two. Received: 1"):
        D2GAN(tiny.generator(), [tiny.critic()], latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match=r"discriminators\[1\] is expected to give one score"):
        D2GAN(tiny.generator(), [tiny.critic(), tiny.classifier()], latent_dim=tiny.LATENT)
