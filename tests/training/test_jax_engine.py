"""The JAX engine: gradients, and what changes inside differentiated functions."""

import keras
import numpy as np
import pytest
import tiny

from keras_multigan.models import ComMutEGAN
from keras_multigan.training import Phase, load_engine

pytestmark = pytest.mark.jax


def test_moving_averages_and_dropout_of_a_critic_leave_the_penalty():
    """Batch normalisation in a critic with a penalty on its gradient: its averages must move, in
    `fit` as elsewhere, and no value of a differentiated function be left in them."""
    critic = keras.Sequential([
        keras.Input(tiny.SHAPE), keras.layers.Flatten(), keras.layers.Dense(8),
        keras.layers.BatchNormalization(), keras.layers.Dropout(0.2), keras.layers.Dense(1)])
    model = ComMutEGAN([tiny.generator(), tiny.generator()], critic, tiny.classifier(),
                       latent_dim=tiny.LATENT, seed=0)
    model.compile()
    before = [np.array(v) for v in critic.non_trainable_variables]
    model.fit(tiny.images(24), batch_size=12, steps_per_epoch=2, verbose=0)
    after = [np.array(v) for v in critic.non_trainable_variables]
    assert len(after) == 3 and not any(map(np.array_equal, before, after))
    assert all(np.isfinite(a).all() for a in after)


def test_repeats_are_updates_in_turn():
    """A loop compiled once does what as many single updates do, each on its own batch."""
    engine = load_engine()
    start = np.ones((2, 1), "float32")
    images = [keras.ops.array(np.full((3, 2), k, "float32")) for k in (1, 2, 3)]
    weights = []
    for together in (True, False):
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
        network.set_weights([start])
        phase = Phase("critic", lambda x, labels: (keras.ops.mean(network(x) ** 2), {}), [network])
        adam = keras.optimizers.Adam(0.1)
        adam.build(phase.variables)

        def update(images, labels):
            engine.minimize(phase, adam, images, labels)

        for batches in [images] if together else [[x] for x in images]:
            engine.repeat(update, batches, [None] * len(batches))
        assert int(adam.iterations) == 3
        weights.append(network.get_weights()[0])
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-6)
    assert not np.allclose(weights[0], start)
