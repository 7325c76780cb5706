"""The JAX engine: what changes inside differentiated functions."""

import keras
import numpy as np
import pytest
import tiny

from keras_multigan.models import ComMutEGAN

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
