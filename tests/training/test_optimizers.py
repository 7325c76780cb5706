"""OptimizerGroup: one owner a variable, learning rates, configuration."""

import keras
import numpy as np
import pytest
import tiny

from keras_multigan.models import ComMutEGAN
from keras_multigan.training import OptimizerGroup, Phase

pytestmark = pytest.mark.fast


def adam():
    return keras.optimizers.Adam(1e-3)


def test_two_phases_cannot_share_an_optimizer():
    shared = adam()
    with pytest.raises(ValueError, match="an optimizer of its own"):
        OptimizerGroup({"critic": shared, "generator": shared})


def test_members_must_be_optimizers():
    with pytest.raises(ValueError, match="critic_optimizer is expected to be.*Received"):
        OptimizerGroup({"critic": 2e-4})


def test_a_variable_has_one_owner():
    network = tiny.critic()
    group = OptimizerGroup({"a": adam(), "b": adam()})
    with pytest.raises(ValueError, match="exactly one phase"):
        group.build([Phase("a", None, [network]), Phase("b", None, [network])])


def test_variables_are_all_members():
    networks = {"a": tiny.critic(), "b": tiny.generator()}
    group = OptimizerGroup({name: adam() for name in networks})
    group.build([Phase(name, None, [network]) for name, network in networks.items()])
    for name, network in networks.items():
        # Adam: iterations, learning rate, two moments a variable.
        assert len(group[name].variables) == 2 + 2 * len(network.trainable_variables)
    members = sum(len(group[name].variables) for name in networks)
    assert len(group.variables) == 1 + members


def test_learning_rates_are_the_members():
    group = OptimizerGroup({"a": adam()})
    with pytest.raises(AttributeError, match=r"model.optimizer\['a'\].learning_rate"):
        _ = group.learning_rate


@pytest.mark.parametrize("kind", ["Adam", "Nadam", "Adagrad"])  # the last two begin with other than 0
def test_restart_is_a_new_optimizer_at_the_same_rate(kind):
    network = tiny.critic()
    group = OptimizerGroup({"a": getattr(keras.optimizers, kind)(1e-3)})
    group.build([Phase("a", None, [network])])
    first = [keras.ops.convert_to_numpy(v) for v in group["a"].variables]
    for _ in range(3):
        group["a"].apply([keras.ops.ones(v.shape) for v in network.trainable_variables])
    group["a"].learning_rate = 0.5
    group.restart()
    assert float(group["a"].learning_rate) == 0.5
    for variable, value in zip(group["a"].variables, first, strict=True):
        if variable is not group["a"].learning_rate:
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_config():
    group = OptimizerGroup({"a": keras.optimizers.Adam(3e-4, beta_1=0.5), "b": adam()})
    again = OptimizerGroup.from_config(group.get_config())
    assert list(again.members) == ["a", "b"]
    assert again["a"].get_config() == group["a"].get_config()


def test_keras_own_learning_rate_callbacks_find_the_members():
    model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT)
    model.compile(run_eagerly=True)
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model.fit(tiny.images(), batch_size=10, steps_per_epoch=1, verbose=0, callbacks=halve)
    for phase in ("critic", "generator"):
        assert float(model.optimizer[phase].learning_rate) == pytest.approx(1e-4)
