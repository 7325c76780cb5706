"""The TensorFlow engine: replicas, data."""

import itertools
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tiny

from keras_multigan.models import ComMutEGAN
from keras_multigan.training import load_engine

pytestmark = pytest.mark.tensorflow
engine = load_engine()


def test_as_dataset():
    def make_stream():
        return ((np.full((2,), i, "float32"),) for i in itertools.count())

    dataset = engine.as_dataset(make_stream)
    for _ in range(2):  # every iteration starts the stream anew
        assert [float(x[0]) for (x,) in dataset.take(3)] == [0, 1, 2]


# The executor, and whether the memory optimizer is off, which rewrites large steps so that it fails.
@pytest.mark.parametrize("steps, expected", [(1, ("SINGLE_THREADED_EXECUTOR", True)), (2, ("", False))])
def test_operations_of_a_step_have_a_fixed_order(steps, expected, monkeypatch):
    seen = []
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT,
                       tvd_weight=0, n_critic=2, seed=5)
    step = model.step
    monkeypatch.setattr(model, "step", lambda *batch: (seen.append(executor()), step(*batch)))
    model.compile(steps_per_execution=steps)
    for _ in range(2):  # the second goes on with the same function
        model.fit(tiny.images(), batch_size=4, steps_per_epoch=2, verbose=0)
    assert {*seen} == {expected} and executor() == ("", False)
    assert model.steps_trained == 4


def executor():
    import tensorflow as tf
    from tensorflow.python.eager import context
    options = context.context().function_call_options
    rewrites = tf.compat.v1.ConfigProto.FromString(
        options.config_proto_serialized).graph_options.rewrite_options
    return options.executor_type or "", rewrites.memory_optimization == rewrites.NO_MEM_OPT


MIRRORED = """
import keras, numpy as np, tiny, tensorflow as tf
from keras_multigan import distribute
from keras_multigan.models import ComMutEGAN


def make():
    keras.utils.set_random_seed(7)
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(),
                       tiny.classifier(), latent_dim=tiny.LATENT, seed=5)
    model.compile()
    return model


with distribute.scope("mirrored", 2):
    strategy = tf.distribute.get_strategy()
    assert strategy.num_replicas_in_sync == 2
    model = make()
    dropout = next(x for x in model.critic.layers if isinstance(x, keras.layers.Dropout))
    for draw in (lambda: model.draw(keras.random.normal, 4),
                 lambda: dropout(keras.ops.ones((40,)), training=True)):
        draw = tf.function(draw)
        a, b = (np.array(x) for x in strategy.experimental_local_results(strategy.run(draw)))
        assert not np.allclose(a, b), "replicas draw the same noise"

    def fit(model, images, first=0):
        model.fit(images, batch_size=12, epochs=first + 1, initial_epoch=first, steps_per_epoch=2,
                  verbose=0)

    model, images = make(), tiny.images()
    fit(model, images)
    model.save("model.keras")
    for v in model.variables + model.optimizer.variables:
        values = [np.array(x) for x in strategy.experimental_local_results(v.value)]
        assert all(np.array_equal(values[0], x) for x in values), f"replicas differ in {v.path}"
    fit(model, images, first=1)
    loaded = keras.saving.load_model("model.keras")
    fit(loaded, images, first=1)
    assert tiny.same(model, loaded), "resume is not exact"
    assert model.sample(5).shape == (5, *tiny.SHAPE)
    try:
        model.fit(images, batch_size=6)
    except ValueError as error:
        assert "multiple of 4 (2 generators, 2 replicas). Received: 6" in str(error)
    else:
        raise AssertionError("a batch of 6 was accepted")
print("all well")
"""


def test_two_replicas(tmp_path):
    tests = pathlib.Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(tests), str(tests.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", MIRRORED], capture_output=True, text=True,
                          timeout=600, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
    assert done.stdout.endswith("all well\n"), done.stdout + done.stderr


def test_the_step_compiles_with_xla():
    """What a TPU needs of it: static shapes, no host code. (XLA draws other random numbers.)"""
    keras.utils.set_random_seed(7)
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), tiny.classifier(),
                       latent_dim=tiny.LATENT, seed=5)
    model.compile(jit_compile=True)
    kernels = [v for player in (*model.generators, model.critic)
               for v in player.trainable_variables if len(v.shape) > 1]
    before = [keras.ops.convert_to_numpy(v) for v in kernels]
    model.fit(tiny.images(), batch_size=12, steps_per_epoch=1, verbose=0)
    assert len(kernels) == 6
    assert not any(map(np.array_equal, before, map(keras.ops.convert_to_numpy, kernels)))
    assert all(np.isfinite(v).all() for v in tiny.state(model))


@pytest.mark.parametrize("arguments", [dict(jit_compile=True), dict(steps_per_execution=2)])
def test_what_several_replicas_cannot_do(arguments, monkeypatch):
    monkeypatch.setattr(engine, "num_replicas", lambda: 2)
    model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match="2 replicas, compile expects jit_compile='auto' or False"):
        model.compile(**arguments)
