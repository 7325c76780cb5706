"""VEEGAN: losses against NumPy, which networks each term moves."""

import keras
import numpy as np
import pytest
import tiny
from keras import layers
from zoo import veegan as make

from keras_multigan.models import VEEGAN

pytestmark = pytest.mark.fast

D, M, LATENT = 3, 6, 2


def linear_model():
    """G, F and D are linear maps. D's kernel is that of the sample, then of the noise."""
    samples, noise = keras.Input((D,)), keras.Input((LATENT,))
    score = layers.Dense(1, use_bias=False)(layers.Concatenate()([samples, noise]))
    generator, reconstructor = (
        keras.Sequential([keras.Input((size,)), layers.Dense(units, use_bias=False)])
        for size, units in ((LATENT, D), (D, LATENT)))
    return VEEGAN(generator, keras.Model([samples, noise], score), reconstructor, latent_dim=LATENT)


def test_losses_against_numpy(monkeypatch):
    model, numbers = linear_model(), np.random.default_rng(0)
    x, z = (numbers.normal(size=(M, size)).astype("float32") for size in (D, LATENT))
    g, d, f = (network.get_weights()[0].astype("float64") for network in (
        model.generator, model.discriminator, model.reconstructor))
    of_fakes = z @ g @ d[:D] + z @ d[D:]
    of_samples = x @ d[:D] + x @ f @ d[D:]
    left = tiny.fix_draws(model, monkeypatch, normal=[z])
    found, logs = model.discriminator_loss(keras.ops.array(x), None)
    np.testing.assert_allclose(float(found), np.log(1 + np.exp(-of_fakes)).mean()
                               + np.log(1 + np.exp(of_samples)).mean(), rtol=1e-5)
    assert float(logs["score_gap"]) == pytest.approx(of_fakes.mean() - of_samples.mean(), rel=1e-3)
    assert not left["normal"]
    tiny.fix_draws(model, monkeypatch, normal=[z])
    found, logs = model.generator_loss(keras.ops.array(x), None)
    reconstruction = ((z - z @ g @ f) ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(float(found), of_fakes.mean() + reconstruction, rtol=1e-4)
    assert float(logs["reconstruction"]) == pytest.approx(reconstruction, rel=1e-5)


def test_the_reconstructor_learns_of_the_noise_alone():
    """As in algorithm 1: D's score of (z, G(z)) does not depend on it."""
    before, moved = None, []
    for sign in (1, -1):
        keras.utils.set_random_seed(0)
        model = linear_model()
        model.compile(**{f"{p.name}_optimizer": keras.optimizers.SGD(0.1) for p in model.phases()})
        model.seed_generator.state.assign([0, 0])
        model.discriminator.set_weights([sign * w for w in model.discriminator.get_weights()])
        before = [network.get_weights()[0] for network in (model.generator, model.reconstructor)]
        model.update(model.phases()[1], keras.ops.ones((M, D)))
        moved.append([network.get_weights()[0] - old for network, old in zip(
            (model.generator, model.reconstructor), before, strict=True)])
    assert np.abs(moved[0][0] - moved[1][0]).max() > 1e-3
    assert np.abs(moved[0][1]).max() > 1e-3
    np.testing.assert_allclose(moved[0][1], moved[1][1], atol=1e-6)


def test_bad_networks():
    pairs = make().discriminator
    noise = dict(latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match=r"reconstructor is expected to give a noise vector, \(batch, 3"
                                         r"\). Received: \(None, 1\). End it with Dense\(3\)"):
        VEEGAN(tiny.generator(), pairs, tiny.critic(), **noise)
    with pytest.raises(ValueError, match="discriminator is expected to take inputs of shape"):
        VEEGAN(tiny.generator(), tiny.critic(), tiny.classifier(), **noise)
    with pytest.raises(ValueError, match="discriminator is expected to take inputs of shape"):
        VEEGAN(tiny.generator(5), pairs, tiny.classifier(classes=5), latent_dim=5)
    probabilities = keras.Sequential([keras.Input(tiny.SHAPE), layers.Flatten(),
                                      layers.Dense(tiny.LATENT, activation="softmax")])
    with pytest.raises(ValueError, match="reconstructor is expected to give scores without activation"):
        VEEGAN(tiny.generator(), pairs, probabilities, **noise)
