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


def test_the_step_lowers_for_tpu():
    import jax
    import jax.export

    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), tiny.classifier(),
                       latent_dim=tiny.LATENT, seed=0)
    model.compile()
    model.fit(tiny.images(24), batch_size=4, steps_per_epoch=1, verbose=0)
    groups = [model.trainable_variables, model.non_trainable_variables, model.optimizer.variables,
              model.metrics_variables]
    state = tuple([v.value for v in group] for group in groups)
    data = (tiny.images(4 * model.batches_per_step),)
    exported = jax.export.export(jax.jit(model.train_step), platforms=["tpu"])(state, data)
    assert exported.platforms == ("tpu",)
    received = [(v.shape, v.dtype) for v in exported.out_avals]
    for v in jax.tree.leaves(state):  # the new state has the shapes of the old one
        assert (v.shape, v.dtype) in received
