"""MGAN: losses against NumPy, shared layers, bad input."""

import keras
import numpy as np
import pytest
import tiny
from zoo import mgan as make

from keras_multigan.models import MGAN

pytestmark = pytest.mark.fast

D, M, K = 3, 6, 2  # length of a sample, batch, generators


def softplus(x):
    return np.log1p(np.exp(x))


def linear(inputs, outputs, seed):
    network = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs, use_bias=False)])
    kernel = np.random.default_rng(seed).normal(size=(inputs, outputs)).astype("float32")
    network.set_weights([kernel])
    return network, kernel.astype("float64")


@pytest.mark.parametrize("own, count", [(None, 3), (4, 4)])
def test_losses_against_numpy(own, count, monkeypatch):
    """Without a batch of its own a generator makes its part of a batch."""
    (first, a), (second, b), (judge, c) = linear(2, D, 0), linear(2, D, 1), linear(D, 1 + K, 2)
    model = MGAN([first, second], judge, latent_dim=2, diversity_weight=0.3, generator_batch_size=own)
    random = np.random.default_rng(3)
    real = random.normal(size=(M, D)).astype("float32")
    noise = random.normal(size=(count, 2)).astype("float32")

    of_fakes = classified = of_generators = right = 0.0
    scores = []
    for k, kernel in enumerate((a, b)):
        for z in noise:
            score, *logits = z @ kernel @ c
            scores.append(score)
            of_fakes += softplus(score) / (K * count)
            of_generators += softplus(-score) / (K * count)
            classified -= np.log(np.exp(logits[k]) / np.exp(logits).sum()) / (K * count)
            right += (np.argmax(logits) == k) / (K * count)
    real_scores = (real @ c)[:, 0]

    left = tiny.fix_draws(model, monkeypatch, normal=[noise, noise])
    loss, logs = model.discriminator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(loss), softplus(-real_scores).mean() + of_fakes + classified,
                               rtol=1e-5)
    np.testing.assert_allclose(float(logs["score_gap"]), real_scores.mean() - np.mean(scores),
                               rtol=1e-4)
    np.testing.assert_allclose(float(logs["classifier_accuracy"]), right, rtol=1e-6)
    loss, _ = model.generator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(loss), of_generators + 0.3 * classified, rtol=1e-5)
    assert not any(left.values())


def test_shared_layers_are_drawn_from_like_others():
    """What one network with several outputs makes is what its generators make."""
    model = make(shared=True)
    assert model.draw_alike(4).shape == (3, 4, *tiny.SHAPE)
    noise = keras.random.normal((5, tiny.LATENT), seed=1)
    joint = model._joint_generators(noise, training=False)
    for k, images in enumerate(joint):
        np.testing.assert_allclose(images, model.generators[k](noise, training=False), atol=1e-6)


@pytest.mark.parametrize("kwargs, message", [
    (dict(diversity_weight=-1.0), "diversity_weight >= 0"),
    (dict(generator_batch_size=0), "generator_batch_size >= 1"),
    (dict(latent_dim=9), r"take inputs of shape \(batch, 9\)"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_a_discriminator_without_logits():
    with pytest.raises(ValueError, match=r"the 2 generators, \(batch, 3\). Received: \(None, 1\)"):
        MGAN([tiny.generator() for _ in range(2)], tiny.critic(), latent_dim=tiny.LATENT)
