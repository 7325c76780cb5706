"""Strategies: their errors here, their arithmetic in processes of their own (virtual devices)."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import zoo

from keras_multigan import distribute

TESTS = pathlib.Path(__file__).resolve().parent.parent
JAX_VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")

# Three steps of SGD without dropout; the chief writes the weights.
STEPS = """
import sys
import keras, numpy as np, tiny
from keras_multigan import distribute
from keras_multigan.models import ComMutEGAN

strategy, devices, path = sys.argv[1], int(sys.argv[2]) or None, sys.argv[3]
with distribute.scope(strategy, devices):
    keras.utils.set_random_seed(7)
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(dropout=0.0),
                       tiny.classifier(), latent_dim=tiny.LATENT, seed=5, generator_batch_size=4)
    sgd = lambda: keras.optimizers.SGD(0.01)
    model.compile(critic_optimizer=sgd(), generator_optimizer=sgd())
    history = model.fit(tiny.images(), batch_size=12, steps_per_epoch=3, verbose=0).history
    assert np.shape(history["critic_loss"]) == (1,), history
    if distribute.is_chief():
        assert model.sample(5).shape == (5, *tiny.SHAPE)  # does not wait for the other workers
        np.savez(path, *model.get_weights())
    print("replicas", model.engine.num_replicas())
"""


def start(strategy, devices, path, program=STEPS, **environment):
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", program, strategy, str(devices or 0), str(path)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=path.parent,
        env={**os.environ, "PYTHONPATH": paths, **environment},
    )


def finish(*processes):
    """What the processes print; they run together."""
    results = [process.communicate(timeout=600) for process in processes]
    assert not any(process.returncode for process in processes), "\n\n".join(
        f"{process.returncode}: {errors[-3000:]}"
        for process, (_, errors) in zip(processes, results, strict=True))
    return [output for output, _ in results]


def weights(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]


def same(ours, expected):
    return len(ours) == len(expected) and all(
        np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(b) + 1e-7
        for a, b in zip(ours, expected, strict=True)
    )


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "weights.npz"
    finish(start("none", None, path))
    return weights(path)


def test_two_local_devices_compute_what_one_does(one_device, tmp_path):
    (output,) = finish(start("mirrored", 2, tmp_path / "weights.npz"))
    assert keras.backend.backend() == "jax" or "replicas 2" in output
    assert same(weights(tmp_path / "weights.npz"), one_device)


def test_batches_that_the_devices_cannot_share():
    code = """
import keras, pytest, tiny
from keras_multigan import distribute
from keras_multigan.models import ComMutEGAN

with distribute.scope("mirrored", 2):
    for n_critic, own, message in ((1, None, "multiple"), (2, 3, "generator_batch_size .* 2. Rec")):
        model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT,
                           n_critic=n_critic, generator_batch_size=own)
        if own is None or keras.backend.backend() == "tensorflow":
            with pytest.raises(ValueError, match=message):
                model.check_batch_size(9 if own is None else 10)
        else:  # one program computes on the global batch
            model.check_batch_size(9)
"""
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": paths})


def test_two_workers_compute_what_one_device_does(one_device, two_workers, tmp_path):
    processes = [start("multiworker", None, tmp_path / f"{k}.npz", **environment)
                 for k, environment in enumerate(two_workers)]
    outputs = finish(*processes)
    assert keras.backend.backend() == "jax" or all("replicas 2" in output for output in outputs)
    assert [path.name for path in tmp_path.glob("*.npz")] == ["0.npz"], "the chief alone writes"
    assert same(weights(tmp_path / "0.npz"), one_device)


# The same steps with a checkpoint after each; SIGTERM ends a worker before the third one, the second
# worker unless $VICTIM says so.
KILLED = STEPS[: STEPS.index("    history =")].replace("import sys", "import os, signal, sys") + """
    first, _ = callbacks.restore_progress(model, path)
    distribute.check_same_on_all_workers(first, "epoch to go on from")
    killer = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch == 2 != first
        and distribute.is_chief() == ("VICTIM" in os.environ) and os.kill(os.getpid(), signal.SIGTERM))
    model.fit(tiny.images(), batch_size=12, steps_per_epoch=1, epochs=3, initial_epoch=first, verbose=0,
              callbacks=[killer, callbacks.StopOnNonFinite(),
                         *[callbacks.Checkpoint(path)] * distribute.is_chief()])
    if distribute.is_chief():
        np.savez(os.path.join(path, "weights.npz"), *model.get_weights())
    print("began with", first)
""".replace("callbacks.", "multigan_callbacks.").replace("keras.multigan_callbacks", "keras.callbacks")


@pytest.mark.parametrize("victim", [pytest.param(0, marks=pytest.mark.jax), 1])
def test_a_worker_that_is_ended(victim, one_device, two_workers, tmp_path):
    """The other one ends with a message, and both go on to what one device computes."""
    program = KILLED.replace("from keras_multigan import distribute",
                             "from keras_multigan import callbacks as multigan_callbacks, distribute")

    def both():
        return [start("multiworker", None, tmp_path / "checkpoints", program, **environment,
                      **({} if victim else {"VICTIM": "0"})) for environment in two_workers]

    workers = both()
    said = [worker.communicate(timeout=300)[1] for worker in workers]
    assert workers[victim].returncode == -signal.SIGTERM, said
    jax = keras.backend.backend() == "jax"
    assert workers[1 - victim].returncode == (2 if jax else 1), said
    whose = "" if jax else " that TF_CONFIG names"
    assert f"Expected all workers{whose} to be running. Received: one has ended" in said[1 - victim]
    assert all("began with 2\n" in output for output in finish(*both()))
    assert same(weights(tmp_path / "checkpoints" / "weights.npz"), one_device)


METHODS = """
import os, sys
import numpy as np, tiny, zoo
from keras_multigan import distribute

with distribute.scope(sys.argv[1], int(sys.argv[2]) or None):
    for row in zoo.REPLICATED[:: int(os.environ["EVERY"])]:
        model = zoo.ROWS[row]()
        y = None if model.num_classes is None else np.arange(60) % model.num_classes
        history = model.fit(tiny.images(), y, batch_size=12, steps_per_epoch=2, epochs=2, verbose=0)
        assert np.isfinite(list(history.history.values())).all(), (row, history.history)
        print(row, *(float(np.abs(w).sum()) for w in model.get_weights()))
"""


GENERATORS = """
import sys
import keras
import numpy as np
from keras_multigan import distribute, models, networks

strategy, devices, path = sys.argv[1], int(sys.argv[2]) or None, sys.argv[3]
with distribute.scope(strategy, devices):
    keras.utils.set_random_seed(0)
    model = models.MixPlusGAN(
        [networks.mlp(4, 6, 3, 16) for _ in range(8)], [networks.mlp(6, 1, 3, 16) for _ in range(2)],
        latent_dim=4, discriminator_updates=2, ema=0.9, seed=0)
    adam = keras.optimizers.Adam
    model.compile(generator_optimizer=adam(1e-3), discriminator_optimizer=adam(1e-3))
    data = np.random.default_rng(0).uniform(-1, 1, (36, 6)).astype("float32")
    model.fit(data, batch_size=6, steps_per_epoch=3, verbose=0)
    stacks = [v for v in model.variables + model.optimizer.variables if "stacked_generators" in v.path
              or "stacked_averaged" in v.path or v.path.startswith("generator/stacked_generators")]
    held = [s.data.nbytes / v.value.nbytes for v in stacks for s in v.value.addressable_shards]
    print("held", len(stacks), min(held), max(held))
    arrays = [np.asarray(v.numpy()) for v in model.variables_in_files()]
    np.savez(path, *arrays, model.sample(5, seed=1))
"""


def test_generators_on_devices_of_their_own(tmp_path):
    """They compute what one device computes, and every device has its share of them."""
    outputs = finish(start("generators", 8, tmp_path / "8.npz", GENERATORS, KERAS_BACKEND="jax"),
                     start("none", None, tmp_path / "1.npz", GENERATORS, KERAS_BACKEND="jax"))
    held = [line.split()[1:] for out in outputs for line in out.splitlines() if line.startswith("held")]
    assert held[0] == [held[1][0], "0.125", "0.125"] and held[1][1:] == ["1.0", "1.0"]
    ours, theirs = np.load(tmp_path / "8.npz"), np.load(tmp_path / "1.npz")
    assert int(held[0][0]) > 12 and len(ours.files) == len(theirs.files)
    for name in ours.files:
        assert np.linalg.norm(ours[name] - theirs[name]) <= 1e-5 * np.linalg.norm(theirs[name]) + 5e-7


def test_generators_that_do_not_fit_the_devices_are_refused(tmp_path):
    for old, new, message in (("range(8)", "range(6)", "a multiple of the 8 devices"),
                              ("adam(1e-3)", "adam(1e-3, clipnorm=1.0)", "run as one")):
        process = start("generators", 8, tmp_path / "no", GENERATORS.replace(old, new),
                        KERAS_BACKEND="jax")
        assert message in process.communicate(timeout=120)[1]


@pytest.mark.parametrize("strategy, every", [("mirrored", 1), ("multiworker", 3)])
def test_methods_train_on_several_replicas(strategy, every, two_workers, tmp_path):
    """With labels, where the method takes them. All workers have the same weights afterwards. To an
    engine workers are replicas: every third method will do."""
    given = two_workers if strategy == "multiworker" else [{}]
    devices = 2 if strategy == "mirrored" else None
    outputs = finish(*(start(strategy, devices, tmp_path / "none", METHODS, EVERY=str(every), **g)
                       for g in given))
    # Gloo, too, writes to the standard output.
    lines = [[line.split() for line in output.splitlines() if not line.startswith("[Gloo]")]
             for output in outputs]
    assert [line[0] for line in lines[0]] == zoo.REPLICATED[::every]
    assert all(each == lines[0] for each in lines)


@pytest.mark.tensorflow
@pytest.mark.parametrize("config", [
    None, "not JSON", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}'])
def test_multiworker_needs_tf_config(config, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    match = "TF_CONFIG.*Received.*Set it on every host"
    with pytest.raises(ValueError, match=match):
        distribute.scope("multiworker")
    if config is not None:
        with pytest.raises(ValueError, match=match):
            distribute.is_chief()


@pytest.mark.jax
@pytest.mark.parametrize("given", [
    ("a:1", "2", None), (None, "2", "0"), ("a:1", "2", "2"), ("a:1", "x", "0"), ("a", "2", "0"),
    ("a:99999", "2", "0")])
def test_jax_processes_in_the_environment(given, monkeypatch):
    for name, value in zip(JAX_VARIABLES, given, strict=True):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="JAX_COORDINATOR_ADDRESS.*Received: .*JAX_PROCESS_ID="):
        distribute.check("multiworker")
    assert distribute.is_chief()  # none has been joined


@pytest.mark.jax
def test_jax_finds_no_processes():
    code = """
import pytest
from keras_multigan import distribute

with pytest.raises(ValueError, match="expects on JAX a job of Slurm.*Received: none of these"):
    distribute.scope("multiworker")
"""
    environment = {k: v for k, v in os.environ.items() if k not in JAX_VARIABLES}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.tensorflow
@pytest.mark.parametrize("cluster, kind, index, chief", [
    ("worker", "worker", 0, True), ("worker", "worker", 1, False),
    ("chief", "chief", 0, True), ("chief", "worker", 0, False)])
def test_is_chief(cluster, kind, index, chief, monkeypatch):
    hosts = {cluster: ["a:1"], "worker": ["b:1", "c:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps(
        {"cluster": hosts, "task": {"type": kind, "index": index}}))
    assert distribute.is_chief() == chief


def test_a_scope_can_be_entered_again():
    code = """
import keras
from keras_multigan import distribute

def inside():
    if keras.backend.backend() == "jax":
        return keras.distribution.distribution() is not None
    import tensorflow as tf
    return tf.distribute.get_strategy().num_replicas_in_sync == 2

scope = distribute.scope("mirrored", 2)
for _ in range(2):
    assert not inside()
    with scope:
        with scope:
            assert inside()
        assert inside()
assert not inside()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.tensorflow
def test_what_several_replicas_cannot_do_and_what_they_save(tmp_path):
    code = """
import keras, pytest, sys, tiny
from keras_multigan import distribute
from keras_multigan.models import ComMutEGAN

with distribute.scope("mirrored", 2):
    model = ComMutEGAN([tiny.generator() for _ in range(2)], tiny.critic(), latent_dim=3, tvd_weight=0,
                       seed=0)
    for setting in ({"clipnorm": 1.0}, {"clipvalue": 1.0}, {"global_clipnorm": 1.0},
                    {"gradient_accumulation_steps": 2}):
        with pytest.raises(ValueError, match=f"optimizer is expected to have no {[*setting][0]}"):
            model.compile(critic_optimizer=keras.optimizers.Adam(**setting))
    model.compile()
with pytest.raises(ValueError, match="train_on_batch expects one replica. Received: 2"):
    model.train_on_batch(tiny.images(8))
kept = keras.callbacks.ModelCheckpoint(sys.argv[1])
model.fit(tiny.images(24), batch_size=8, verbose=0, callbacks=[kept])
saved = keras.saving.load_model(sys.argv[1])
layers = [layer for layer in saved._flatten_layers() if isinstance(
    layer, keras.layers.BatchNormalization)]
assert layers and not any(layer.synchronized for layer in layers)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "kept.keras")], check=True,
                   env=environment)


def test_no_tpu_says_what_was_looked_for():
    with pytest.raises(ValueError, match="strategy='tpu' expects a TPU. Received: .*TPU VM"):
        with distribute.scope("tpu"):
            pass


@pytest.mark.parametrize("arguments, message", [
    (dict(strategy="parallel"), "one of .*'mirrored'.*Received: 'parallel'"),
    (dict(strategy="mirrored", devices=0), "devices is expected to be >= 1"),
    (dict(devices=2), "Use strategy='mirrored'"),
    (dict(strategy="tpu", devices=2), "takes all of them"),
    pytest.param(dict(strategy="generators"), "expects the JAX backend", marks=pytest.mark.tensorflow),
    (dict(strategy="mirrored", devices=99), "Expected at most .* Received: 99"),
])
def test_bad_arguments(arguments, message):
    keras.ops.convert_to_numpy(keras.ops.ones(1))  # the backend has started
    with pytest.raises(ValueError, match=message):
        with distribute.scope(**arguments):
            pass


@pytest.mark.parametrize("arguments, message", [
    (("none", None, "grpc://x:1"), "tpu is expected to be given with strategy='tpu' alone"),
    (("mirrored", 10**6), "At most 128 devices are expected. Received: 1000000"),
    (("none", 10**6), "One device is expected without a strategy"),
])
def test_arguments_that_do_not_fit_start_no_device(arguments, message):
    with pytest.raises(ValueError, match=message):
        distribute.check(*arguments)
