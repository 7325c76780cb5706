"""The GAN family: losses and penalties against NumPy, packs, clipped weights, default optimizers."""

import keras
import numpy as np
import pytest
import tiny
from zoo import gan as make

from keras_multigan.models import GAN

pytestmark = pytest.mark.fast

D, M, LATENT = 3, 6, 2  # length of a sample, batch


def softplus(s):
    return np.log1p(np.exp(s))


def relu(s):
    return np.maximum(s, 0)


# Name -> (L_D, L_G) of scores of real and of generated samples.
GAMES = {
    "vanilla": (lambda r, f: softplus(-r).mean() + softplus(f).mean(),
                lambda r, f: softplus(-f).mean()),
    "saturating": (lambda r, f: softplus(-r).mean() + softplus(f).mean(),
                   lambda r, f: np.log(1 - 1 / (1 + np.exp(-f))).mean()),
    "least_squares": (lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(),
                      lambda r, f: 0.5 * ((f - 1) ** 2).mean()),
    "js": (lambda r, f: (softplus(-r) - np.log(2)).mean() + (softplus(f) - np.log(2)).mean(),
           lambda r, f: (softplus(-f) - np.log(2)).mean()),
    "kl": (lambda r, f: -r.mean() + np.exp(f - 1).mean(), lambda r, f: -f.mean()),
    "reverse_kl": (lambda r, f: np.exp(-r).mean() + (f - 1).mean(), lambda r, f: np.exp(-f).mean()),
    "pearson": (lambda r, f: -r.mean() + (f**2 / 4 + f).mean(), lambda r, f: -f.mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "hinge": (lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(), lambda r, f: -f.mean()),
    "relativistic_average": (
        lambda r, f: (-np.log(1 / (1 + np.exp(-(r - f.mean())))).mean()
                      - np.log(1 - 1 / (1 + np.exp(-(f - r.mean())))).mean()),
        lambda r, f: (-np.log(1 - 1 / (1 + np.exp(-(r - f.mean())))).mean()
                      - np.log(1 / (1 + np.exp(-(f - r.mean())))).mean())),
    "relativistic_pairing": (lambda r, f: softplus(f - r).mean(), lambda r, f: softplus(r - f).mean()),
}


def vector_model(pack=1, **kwargs):
    """A model of vectors. D(x) = v tanh(W x), of which the gradient is known."""
    keras.utils.set_random_seed(1)
    generator = keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(D)])
    discriminator = keras.Sequential([
        keras.Input((pack * D,)), keras.layers.Dense(5, "tanh", use_bias=False),
        keras.layers.Dense(1, use_bias=False)])
    model = GAN(generator, discriminator, latent_dim=LATENT, pack=pack, **kwargs)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(sum(variable.shape)).normal(size=variable.shape))
    return model


def drawn(pack=1):
    numbers = np.random.default_rng(0)
    real, noise = (numbers.normal(size=(M, size)).astype("float32") for size in (D, LATENT))
    return real, noise, numbers.uniform(size=(M // pack, 1)).astype("float32")


def packed(samples, pack):
    """One pack after the other."""
    return np.stack([np.concatenate(samples[k * pack : (k + 1) * pack])
                     for k in range(len(samples) // pack)])


def score(model, x):
    inner, outer = model.discriminator.get_weights()
    return np.tanh(x @ inner) @ outer


def squared_norm(model, x):
    inner, outer = model.discriminator.get_weights()
    return ((((1 - np.tanh(x @ inner) ** 2) * outer[:, 0]) @ inner.T) ** 2).sum(axis=1)


@pytest.mark.parametrize("name, pack", [*((name, 1) for name in GAMES), ("relativistic_average", 2),
                                        ("vanilla", 3)])
def test_losses_against_numpy(name, pack, monkeypatch):
    model = vector_model(adversarial_loss=name, pack=pack)
    real, noise, _ = drawn()
    kernel, bias = model.generator.get_weights()
    r, f = (score(model, packed(x, pack)) for x in (real, noise @ kernel + bias))
    losses = model.discriminator_loss, model.generator_loss
    for loss, expected in zip(losses, GAMES[name], strict=True):
        tiny.fix_draws(model, monkeypatch, normal=[noise])
        found, logs = loss(keras.ops.array(real), None)
        np.testing.assert_allclose(float(found), expected(r, f), rtol=1e-4)
        if loss == model.discriminator_loss:
            assert logs.keys() == {"score_gap"}
            assert float(logs["score_gap"]) == pytest.approx(r.mean() - f.mean(), rel=1e-4)


@pytest.mark.parametrize("pack", [1, 2])
def test_penalties_against_numpy(pack, monkeypatch):
    weights = {"gp_weight": 0.3, "r1_weight": 0.5, "r2_weight": 0.9}
    real, noise, epsilon = drawn(pack)
    for chosen in ([*weights], ["gp_weight"], ["r1_weight"], ["r2_weight"]):
        model = vector_model(adversarial_loss="wasserstein", pack=pack,
                             **{name: weights[name] for name in chosen})
        kernel, bias = model.generator.get_weights()
        x, y = (packed(samples, pack) for samples in (real, noise @ kernel + bias))
        between = np.sqrt(squared_norm(model, epsilon * x + (1 - epsilon) * y))
        terms = {"gp_weight": 0.3 * ((between - 1) ** 2).mean(),
                 "r1_weight": 0.25 * squared_norm(model, x).mean(),
                 "r2_weight": 0.45 * squared_norm(model, y).mean()}
        tiny.fix_draws(model, monkeypatch, normal=[noise], uniform=[epsilon])
        found, logs = model.discriminator_loss(keras.ops.array(real), None)
        penalty = sum(terms[name] for name in chosen)
        np.testing.assert_allclose(float(logs["penalty"]), penalty, rtol=1e-5)
        np.testing.assert_allclose(
            float(found), score(model, y).mean() - score(model, x).mean() + penalty, rtol=1e-5)


def test_packs_of_images_are_joined_along_the_channels():
    model = make(pack=3)
    images = tiny.images(6)
    packs = keras.ops.convert_to_numpy(model.packed(keras.ops.array(images)))
    assert packs.shape == (2, 4, 4, 3)
    for k in range(2):
        np.testing.assert_array_equal(packs[k], np.concatenate([*images[3 * k : 3 * k + 3]], axis=-1))
    with pytest.raises(ValueError, match=r"multiple of 3 \(packs of 3, 1 replicas\). Received: 8"):
        model.check_batch_size(8)


def test_weights_are_clipped_after_every_update():
    model = make(adversarial_loss="wasserstein", clip=0.01, discriminator_updates=2)
    before = model.generator.get_weights()
    model.fit(tiny.images(), batch_size=12, steps_per_epoch=1, verbose=0)
    sizes = [float(keras.ops.max(keras.ops.abs(v))) for v in model.discriminator.trainable_variables]
    assert max(sizes) == pytest.approx(0.01) and all(size <= 0.01 * (1 + 1e-6) for size in sizes)
    assert max(np.abs(w).max() for w in before) > 0.1
    assert max(np.abs(w).max() for w in model.generator.get_weights()) > 0.1


@pytest.mark.parametrize("kwargs, kind, rate, betas", [
    ({}, "Adam", 2e-4, (0.5, 0.999)),
    ({"adversarial_loss": "least_squares"}, "Adam", 2e-4, (0.5, 0.999)),
    ({"adversarial_loss": "wasserstein", "clip": 0.01}, "RMSprop", 5e-5, None),
    ({"adversarial_loss": "wasserstein", "gp_weight": 10.0}, "Adam", 1e-4, (0, 0.9)),
    ({"adversarial_loss": "hinge"}, "Adam", 2e-4, (0, 0.9)),
    ({"adversarial_loss": "relativistic_pairing", "r1_weight": 1.0}, "Adam", 2e-4, (0, 0.99)),
])
def test_the_papers_optimizers(kwargs, kind, rate, betas):
    optimizer = vector_model(**kwargs).default_optimizer("generator")
    assert type(optimizer).__name__ == kind and float(optimizer.learning_rate) == pytest.approx(rate)
    assert betas is None or (optimizer.beta_1, optimizer.beta_2) == betas


@pytest.mark.parametrize("kwargs, message", [
    (dict(adversarial_loss="square"), "relativistic_pairing. Received: 'square'"),
    (dict(gp_weight=-1.0), "gp_weight >= 0"),
    (dict(r2_weight=float("nan")), "r2_weight >= 0"),
    (dict(clip=0.0), "clip is expected to be None or a finite number > 0. Received: 0.0"),
    (dict(clip=float("inf")), "clip is expected"),
    (dict(discriminator_updates=0), "discriminator_updates >= 1"),
    (dict(latent_dim=9), r"take inputs of shape \(batch, 9\)"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_bad_networks():
    with pytest.raises(ValueError, match="pack >= 1. Received: 0"):
        GAN(tiny.generator(), tiny.critic(), latent_dim=tiny.LATENT, pack=0)
    with pytest.raises(ValueError, match=r"inputs of shape \(batch, 4, 4, 2\)"):
        GAN(tiny.generator(), tiny.critic(), latent_dim=tiny.LATENT, pack=2)
    with pytest.raises(ValueError, match=r"one score, \(batch, 1\)"):
        GAN(tiny.generator(), tiny.classifier(), latent_dim=tiny.LATENT)
    mixing = keras.Sequential([*tiny.critic().layers[:2], keras.layers.BatchNormalization(name="bn"),
                               keras.layers.Dense(1)])
    mixing.build((None, *tiny.SHAPE))
    GAN(tiny.generator(), mixing, latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match="no batch normalization, which mixes .*Received: 'bn'"):
        GAN(tiny.generator(), mixing, latent_dim=tiny.LATENT, r1_weight=1.0)
