"""Fixtures of several tests."""

import importlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in the apps, whichever test comes first
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # What JAX compiles is kept for this session's other processes. They inherit the name.
    _compiled = tempfile.TemporaryDirectory()
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _compiled.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
TINY = ("--n_generators=2", "--width=0.0625", "--batch_size=8", "--epochs=2", "--steps_per_epoch=2",
        "--n_critic=2")


def pytest_collection_modifyitems(items):
    """Tests of one engine are marked with its backend."""
    import keras

    for item in items:
        needed = {mark.name for mark in item.iter_markers()} & {"tensorflow", "jax"}
        if needed and keras.backend.backend() not in needed:
            item.add_marker(pytest.mark.skip(reason=f"needs KERAS_BACKEND={needed.pop()}"))


@pytest.fixture
def two_workers():
    """TF_CONFIG of two workers on this machine."""
    sockets = [socket.socket() for _ in range(2)]
    for s in sockets:
        s.bind(("localhost", 0))
    addresses = [f"localhost:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return [json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": k}})
            for k in range(2)]


@pytest.fixture(scope="session")
def run_app():
    """run_app("sample.py", "--flag=1", ...) -> subprocess.CompletedProcess, in the repository."""

    def run(name, *flags, code=0, **kwargs):
        done = subprocess.run(
            [sys.executable, str(REPOSITORY / "apps" / name), *map(str, flags)],
            capture_output=True, text=True, timeout=600, cwd=REPOSITORY, **kwargs,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    """stand_in(32, 32, 3) -> the path of an .npz with random images of that shape, in 10 classes, for a
    data set that is not at hand."""

    def write(*shape):
        path = tmp_path_factory.mktemp("data") / "images.npz"
        numbers = np.random.default_rng(0)
        np.savez(path, **{f"x_{split}": numbers.integers(0, 256, (60, *shape), "uint8")
                          for split in ("train", "test")},
                 **{f"y_{split}": np.arange(60) % 10 for split in ("train", "test")})
        return path

    return write


@pytest.fixture
def run_app_in_process(capsys, monkeypatch):
    """run("train_commute", flags) -> (exit code, standard error): seconds faster than a process."""
    from absl import flags

    monkeypatch.syspath_prepend(str(REPOSITORY / "apps"))
    monkeypatch.chdir(REPOSITORY)

    def run(name, arguments):
        module = importlib.import_module(name)
        known = set(flags.FLAGS)
        module.define_flags()
        capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as stop:
                module.common.run(module.main, [name, *map(str, arguments)])
        finally:
            for flag in set(flags.FLAGS) - known:
                delattr(flags.FLAGS, flag)
            flags.FLAGS.unparse_flags()
        return stop.value.code or 0, capsys.readouterr().err

    return run


@pytest.fixture(scope="session")
def tiny_run(run_app, tmp_path_factory):
    """The folder of a finished run of apps/train_commute.py on digits with two tiny generators."""
    output = tmp_path_factory.mktemp("runs") / "tiny"
    run_app("train_commute.py", *TINY, f"--output={output}")
    return output
