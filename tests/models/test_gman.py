"""GMAN: losses against NumPy, from the mean to the hardest discriminator."""

import keras
import numpy as np
import pytest
import tiny
from zoo import gman as make

from keras_multigan.models import GMAN

pytestmark = pytest.mark.fast

D, M, LATENT = 3, 6, 2


def softplus(s):
    return np.log(1 + np.exp(s))


@pytest.mark.parametrize("sharpness", [0.0, 2.5, 1e6, None])
def test_losses_against_numpy(sharpness, monkeypatch):
    def linear(size, units):
        return keras.Sequential([keras.Input((size,)), keras.layers.Dense(units, use_bias=False)])

    model = GMAN(linear(LATENT, D), [linear(D, 1) for _ in range(3)], latent_dim=LATENT,
                 sharpness=sharpness, sharpness_weight=0.3)
    numbers = np.random.default_rng(0)
    real, noise = (numbers.normal(size=(M, size)).astype("float32") for size in (D, LATENT))
    fakes = noise @ model.generator.get_weights()[0].astype("float64")
    scores = [[x @ d.get_weights()[0] for d in model.discriminators] for x in (real, fakes)]
    tiny.fix_draws(model, monkeypatch, normal=[noise])
    np.testing.assert_allclose(
        float(model.discriminator_loss(keras.ops.array(real), None)[0]),
        sum(softplus(-r).mean() + softplus(f).mean() for r, f in zip(*scores, strict=True)), rtol=1e-5)

    payoffs = np.array([softplus(-f).mean() for f in scores[1]])
    if sharpness is None:
        model.learned_sharpness.raw.assign(0.7)
    power = 1.7 if sharpness is None else sharpness
    weights = np.exp(power * (payoffs - payoffs.max()))
    weights /= weights.sum()
    expected = (weights * payoffs).sum() - (0.3 * 1.7 if sharpness is None else 0)
    tiny.fix_draws(model, monkeypatch, normal=[noise])
    found, logs = model.generator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(found), expected, rtol=1e-5)
    assert float(logs["sharpness"]) == pytest.approx(power)
    assert float(logs["largest_weight"]) == pytest.approx(weights.max(), rel=1e-4)
    if sharpness == 0:
        assert expected == pytest.approx(payoffs.mean())
    if sharpness == 1e6:
        assert expected == pytest.approx(payoffs.max())


def test_a_large_lambda_is_no_more_than_the_hardest_one():
    """Its products with the losses are large numbers, whose rounding must not become weights."""
    score = [keras.Sequential([keras.Input((D,)), keras.layers.Dense(1)]) for _ in range(3)]
    for one in score:  # all of 0
        one.set_weights([np.zeros((D, 1)), np.zeros(1)])
    generator = keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(D)])
    model = GMAN(generator, score, latent_dim=LATENT, sharpness=1e9)
    found, logs = model.generator_loss(keras.ops.zeros((4, D)), None)
    assert float(found) == pytest.approx(np.log(2))
    assert float(logs["largest_weight"]) == pytest.approx(1 / 3)
    score[2].layers[-1].bias.assign([-1.0])
    found, logs = model.generator_loss(keras.ops.zeros((4, D)), None)
    assert float(found) == pytest.approx(softplus(1.0)) and float(logs["largest_weight"]) == 1


def test_what_the_generator_gains_makes_lambda_larger():
    """Without it a smaller lambda, an easier opponent, is better."""
    for weight, larger in ((0.0, False), (10.0, True)):
        model = make(sharpness_weight=weight)
        model.compile(**{f"{p.name}_optimizer": keras.optimizers.SGD(0.1) for p in model.phases()})
        phase = model.phases()[1]
        assert [v.path for v in model.learned_sharpness.trainable_variables] == [
            v.path for v in phase.variables if "raw" in v.path]
        tiny.update(model, phase, keras.ops.array(tiny.images(12)))
        assert (float(model.learned_sharpness.value()) > 1) == larger
        assert float(model.learned_sharpness.value()) != 1


def test_the_learned_lambda_is_positive_and_does_not_run_away():
    sharpness = make().learned_sharpness
    for raw, expected in ((-3.0, np.exp(-3)), (0.0, 1.0), (50.0, 51.0)):
        sharpness.raw.assign(raw)
        assert float(sharpness.value()) == pytest.approx(expected)


def test_one_discriminator_is_a_gan():
    model = GMAN(tiny.generator(), [tiny.critic()], latent_dim=tiny.LATENT, sharpness=3.0)
    assert [len(phase.networks) for phase in model.phases()] == [1, 1]
    assert float(model.generator_loss(keras.ops.array(tiny.images(4)), None)[1]["largest_weight"]) == 1


def test_bad_arguments():
    for name in ("sharpness", "sharpness_weight"):
        with pytest.raises(ValueError, match=f"{name} >= 0"):
            make(**{name: -1.0})
    with pytest.raises(ValueError, match="discriminators is expected to be a list"):
        GMAN(tiny.generator(), [], latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match=r"discriminators\[0\] is expected to give one score"):
        GMAN(tiny.generator(), [tiny.classifier()], latent_dim=tiny.LATENT)
