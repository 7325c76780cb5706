"""MAD-GAN: losses against NumPy, bad input."""

import keras
import numpy as np
import pytest
import tiny
from zoo import madgan as make

from keras_multigan.models import MADGAN

pytestmark = pytest.mark.fast

D, M, K = 3, 6, 2  # length of a sample, batch, generators


def cross_entropy(logits, wanted):
    return -np.log(np.exp(logits[wanted]) / np.exp(logits).sum())


@pytest.mark.parametrize("own, count", [(None, M), (2, 2)])
def test_losses_against_numpy(own, count, monkeypatch):
    """Every class counts equally, however many samples of it there are."""
    random = np.random.default_rng(0)
    kernels = [random.normal(size=shape).astype("float32") for shape in ((2, D), (2, D), (D, K + 1))]
    networks = []
    for kernel in kernels:
        network = keras.Sequential([keras.Input(kernel.shape[:1]),
                                    keras.layers.Dense(kernel.shape[1], use_bias=False)])
        network.set_weights([kernel])
        networks.append(network)
    model = MADGAN(networks[:2], networks[2], latent_dim=2, generator_batch_size=own)
    real = random.normal(size=(M, D)).astype("float32")
    noise = random.normal(size=(count, 2)).astype("float32")
    *makers, judge = (kernel.astype("float64") for kernel in kernels)

    of_real = np.mean([cross_entropy(x @ judge, K) for x in real])
    logits = [[z @ maker @ judge for z in noise] for maker in makers]
    named = [np.mean([cross_entropy(x, k) for x in logits[k]]) for k in range(K)]
    fooled = np.mean([[cross_entropy(x, K) for x in each] for each in logits])
    right = np.mean([[np.argmax(x[:K]) == k for x in logits[k]] for k in range(K)])

    left = tiny.fix_draws(model, monkeypatch, normal=[noise, noise])
    loss, logs = model.discriminator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(loss), (of_real + sum(named)) / (K + 1), rtol=1e-5)
    np.testing.assert_allclose(float(logs["classifier_accuracy"]), right, rtol=1e-6)
    loss, _ = model.generator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(loss), fooled, rtol=1e-5)
    assert not any(left.values())


def test_bad_arguments():
    with pytest.raises(ValueError, match="generator_batch_size >= 1"):
        make(generator_batch_size=0)
    with pytest.raises(ValueError, match=r"one for real samples, \(batch, 3\). Received: \(None, 1\)"):
        MADGAN([tiny.generator() for _ in range(2)], tiny.critic(), latent_dim=tiny.LATENT)
