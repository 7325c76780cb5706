"""DMGAN-PL: losses against NumPy, draws by the shares, bad input."""

import keras
import numpy as np
import pytest
import tiny
from zoo import dmgan as make

from keras_multigan import losses, networks
from keras_multigan.models import DMGANPL

pytestmark = pytest.mark.fast

D, M, K, F = 3, 6, 3, 4  # length of a sample, batch, generators, features


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def test_losses_against_numpy(monkeypatch):
    """Of linear maps, whose gradient is the same everywhere."""
    random = np.random.default_rng(0)
    makers = [random.normal(size=(2, D)).astype("float32") for _ in range(K)]
    to_features, to_score, to_logits = (
        random.normal(size=s).astype("float32") for s in ((D, F), (F, 1), (F, K)))

    def dense(kernel):
        return keras.layers.Dense(kernel.shape[1], use_bias=False)

    generators = [keras.Sequential([keras.Input((2,)), dense(kernel)]) for kernel in makers]
    samples = keras.Input((D,))
    features = dense(to_features)(samples)
    critic = keras.Model(samples, [dense(to_score)(features), features])
    encoder = keras.Sequential([keras.Input((F,)), dense(to_logits)])
    model = DMGANPL(generators, critic, encoder, latent_dim=2, gp_weight=0.7, entropy_weight=5.0,
                    entropy_decay=0.9)
    for network, weights in zip([*generators, critic, encoder], [
            *([kernel] for kernel in makers), [to_features, to_score], [to_logits]], strict=True):
        network.set_weights(weights)
    logits = np.array([0.5, -1.0, 0.2], "float32")
    model.prior.logits.assign(logits)
    model.compile()
    model.optimizer.iterations.assign(4)

    real = random.normal(size=(M, D)).astype("float32")
    noise = [random.normal(size=(M, 2)).astype("float32") for _ in range(K)]
    places = random.uniform(size=M).astype("float32")
    epsilon = random.uniform(size=(M, 1)).astype("float32")
    shares = softmax(logits.astype("float64"))
    numbers = [int(np.searchsorted(np.cumsum(shares), u)) for u in places]
    assert len(set(numbers)) == K
    fakes = np.array([noise[k][i] @ makers[k] for i, k in enumerate(numbers)], "float64")
    scores, gap = fakes @ to_features @ to_score, 0.0
    gap = (real @ to_features @ to_score).mean() - scores.mean()
    penalty = max(0.0, np.linalg.norm(to_features @ to_score) - 1) ** 2
    assert penalty > 0
    named = softmax(fakes @ to_features @ to_logits)
    encoding = -np.mean([np.log(named[i, k]) for i, k in enumerate(numbers)])
    of_data = softmax(real.astype("float64") @ to_features @ to_logits)
    entropy = -(shares * np.log(shares)).sum()
    prior = -np.mean((of_data * np.log(shares)).sum(axis=1)) - 5 * 0.9**4 * entropy

    x = keras.ops.array(real)
    for phase, wanted, drawn, found in [
            (model.discriminator_loss, 0.7 * penalty - gap, [places, epsilon],
             {"wasserstein": gap, "gradient_penalty": penalty}),
            (model.generator_loss, encoding - scores.mean(), [places], {}),
            (model.encoder_loss, encoding, [places], {}),
            (model.prior_loss, prior, None, {"least_share": shares.min()})]:
        drawn_noise = [] if drawn is None else [np.stack(noise, axis=1)]
        left = tiny.fix_draws(model, monkeypatch, normal=drawn_noise, uniform=drawn or [])
        loss, logs = phase(x, None)
        np.testing.assert_allclose(float(loss), wanted, rtol=1e-4)
        assert logs.keys() == found.keys() and not any(left.values())
        for name, value in found.items():
            np.testing.assert_allclose(float(logs[name]), value, rtol=1e-4)
    np.testing.assert_allclose(model.mixture_weights, shares, rtol=1e-6)


def test_the_penalty_is_one_sided():
    gradients = np.array([[0.3, 0.4], [3.0, 4.0], [0.0, 0.0]], "float32")
    np.testing.assert_allclose(losses.one_sided_gradient_penalties(gradients), [0, 16, 0], atol=1e-6)


def test_the_entropy_keeps_the_shares_equal_at_first():
    """One update of r from unequal shares: with the weight 1,000 towards equal ones, without it
    towards what Q says of the data."""
    moved = []
    for weight in (1000.0, 0.0):
        model = make(entropy_weight=weight)
        model.prior.logits.assign([1.0, 0.0])
        model.encoder.layers[-2].bias.assign([9.0, 0.0])  # Q calls everything generator 0's
        phase = model.phases()[-1]
        tiny.update(model, phase, keras.ops.array(tiny.images(12)))
        moved.append(float(model.prior.logits[0] - model.prior.logits[1]) - 1)
    assert moved[0] < 0 < moved[1]


@pytest.mark.parametrize("kwargs, message", [
    (dict(entropy_decay=1.5), "entropy_decay <= 1. Received: 1.5"),
    (dict(entropy_weight=-1.0), "entropy_weight >= 0"),
    (dict(gp_weight=float("inf")), "gp_weight >= 0"),
    (dict(discriminator_updates=0), "discriminator_updates >= 1"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_bad_networks():
    generators, critic = [tiny.generator() for _ in range(2)], tiny.critic()
    with pytest.raises(ValueError, match=r"\[scores \(batch, 1\), features.*Received: \(1,\)"):
        DMGANPL(generators, critic, networks.mlp(8, 2), latent_dim=tiny.LATENT)
    critic = keras.Model(critic.inputs, [critic.outputs[0], critic.layers[-1].input])
    with pytest.raises(ValueError, match=r"the 2 generators, \(batch, 2\). Received: \(None, 3\)"):
        DMGANPL(generators, critic, networks.mlp(8, 3, 3, 4), latent_dim=tiny.LATENT)
