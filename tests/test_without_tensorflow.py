"""JAX alone: where TensorFlow is not installed all but export, TF-GAN's measures and tfds works."""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_trains_killed_and_resumed_is_bitwise_the_same(tmp_path):
    def train(name, kill_after=0):
        return subprocess.run(
            [sys.executable, str(pathlib.Path(__file__).with_name("without_tensorflow.py")),
             str(tmp_path / name), str(kill_after)],
            env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True, timeout=600,
        )

    straight = train("straight")
    assert straight.returncode == 0 and "first epoch: 0" in straight.stdout, straight.stderr
    killed = train("killed", kill_after=12)  # within the third epoch of 5 steps
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = train("killed")
    assert resumed.returncode == 0 and "first epoch: 2" in resumed.stdout, resumed.stderr
    with np.load(tmp_path / "straight/state.npz") as expected, \
            np.load(tmp_path / "killed/state.npz") as received:
        assert len(expected.files) == len(received.files) > 20
        for name in expected.files:
            np.testing.assert_array_equal(received[name], expected[name])
