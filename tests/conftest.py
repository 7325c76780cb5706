"""Fixtures of several tests."""

import collections
import fcntl
import gc
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as multigan_cli, whichever test comes first
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
# Before NumPy is imported. Processes that have more threads of BLAS than cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests run few steps of small networks: of JAX's time compiling is two thirds.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # What JAX compiles is kept for this session's other processes. They inherit the name.
    _compiled = tempfile.TemporaryDirectory()
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _compiled.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

# Tracing makes many objects and few cycles: the collector's defaults cost a tenth of the time.
gc.set_threshold(50_000, 10, 10)

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
DOOR = REPOSITORY / "multigan_cli.py"
# Of `multigan train commute`.
TINY = ("--image_size=32", "--num_generators=2", "--width=0.0625", "--batch_size=8", "--epochs=6",
        "--steps_per_epoch=2", "--n_critic=2")
Done = collections.namedtuple("Done", "code out err")


def pytest_collection_modifyitems(items):
    """Tests of one engine are marked with its backend."""
    import keras

    gc.freeze()  # what is imported stays

    for item in items:
        needed = {mark.name for mark in item.iter_markers()} & {"tensorflow", "jax"}
        if needed and keras.backend.backend() not in needed:
            item.add_marker(pytest.mark.skip(reason=f"needs KERAS_BACKEND={needed.pop()}"))


@pytest.fixture
def two_workers():
    """The environments of two workers on this machine."""
    sockets = [socket.socket() for _ in range(2)]
    for s in sockets:
        s.bind(("localhost", 0))
    addresses = [f"localhost:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return [{
        "TF_CONFIG": json.dumps({"cluster": {"worker": addresses},
                                 "task": {"type": "worker", "index": k}}),
        "JAX_COORDINATOR_ADDRESS": addresses[0], "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": str(k),
    } for k in range(2)]


@pytest.fixture(scope="session")
def run_process():
    """run_process("train", "mim", "--flag=1", ...) -> subprocess.CompletedProcess of a command."""

    def run(*words, door=DOOR, code=0, cwd=None):
        done = subprocess.run(
            [sys.executable, str(door), *map(str, words)], capture_output=True, text=True, timeout=600,
            cwd=cwd, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def multigan(capsys, monkeypatch, tmp_path):
    """multigan("sample", "--flag=1", ...) -> Done of the command, which runs here, in the folder
    `tmp_path`: seconds faster than a process."""
    from keras_multigan.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*words):
        capsys.readouterr()
        try:
            main.main([str(word) for word in words])
            code = 0
        except SystemExit as stop:
            code = stop.code
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(multigan, tmp_path):
    """refused(words, message, ...): the command ends with 2, one error that has all messages, and
    writes nothing. Returns what it says."""

    def check(words, *messages):
        before = sorted(tmp_path.rglob("*"))
        done = multigan(*words)
        assert done.code == 2 and done.err.startswith("error: "), done
        for message in messages:
            assert message in done.err
        assert sorted(tmp_path.rglob("*")) == before
        return done.err

    return check


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    """stand_in(32, 32, 3) -> the path of an .npz with random images of that shape, in 10 classes, for a
    data set that is not at hand."""

    def write(*shape):
        path = tmp_path_factory.mktemp("data") / "images.npz"
        import numpy as np

        numbers = np.random.default_rng(0)
        np.savez(path, **{f"x_{split}": numbers.integers(0, 256, (60, *shape), "uint8")
                          for split in ("train", "test")},
                 **{f"y_{split}": np.arange(60) % 10 for split in ("train", "test")})
        return path

    return write


@pytest.fixture(scope="session")
def stand_in_classifier(tmp_path_factory):
    """stand_in_classifier(32, 32, 3) -> the path of an untrained classifier of such images, for runs
    whose measures need not mean anything: training one is the longest part of a tiny run."""
    import keras

    made = {}

    def write(*shape):
        if shape not in made:
            keras.utils.set_random_seed(0)
            made[shape] = tmp_path_factory.mktemp("classifier") / "classifier.keras"
            keras.Sequential([keras.Input(shape), keras.layers.Flatten(),
                              keras.layers.Dense(10)]).save(made[shape])
        return str(made[shape])

    return write


@pytest.fixture
def train_here(monkeypatch, tmp_path):
    """train_here("mim", "paper", epochs=1, ...) -> (folder of the run, its results). Measures few
    images."""
    import keras

    from keras_multigan import recipes
    from keras_multigan.runs import measures

    monkeypatch.setattr(measures, "NUM_EVALUATION_IMAGES", 200)

    def train(name, preset, **given):
        recipe, output = recipes.find(name), tmp_path / "run"
        return output, recipe.train(recipe.make_options(preset, **given), output)

    yield train
    keras.utils.clear_session()


@pytest.fixture(scope="session")
def tiny_run(run_process, tmp_path_factory):
    """The folder of a finished `multigan train commute` on digits with two tiny generators. Read only:
    pytest-xdist's workers share it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    output = folder / "tiny"
    with open(folder / "tiny.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (output / "metrics.json").exists():
            run_process("train", "commute", *TINY, f"--output={output}", cwd=folder)
    return output
