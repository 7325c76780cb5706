"""What the commands print into files and pipes."""

import os
import re
import subprocess
import sys

import pytest
from conftest import REPOSITORY

TINY_VECTORS = ("--dimension=3", "--width=4", "--num_generators=1", "--num_discriminators=1",
                "--epochs=3", "--steps_per_epoch=2", "--batch_size=8", "--wasserstein_steps=2",
                "--judge_width=4", "--frechet_samples=100", "--judge_samples=1000",
                "--judge_steps=20")


@pytest.fixture(params=["tensorflow", "jax"])
def backend(request, monkeypatch):
    pytest.importorskip(request.param)
    monkeypatch.setenv("KERAS_BACKEND", request.param)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


def test_a_pipe_gets_lines_and_no_start_up_messages(backend, run_process, tmp_path):
    done = run_process("train", "mix_plus", *TINY_VECTORS, "--output=run", cwd=tmp_path)
    assert done.stderr == ""
    assert not re.search("[\r\b\x1b]", done.stdout)
    assert re.findall("^epoch .*?:", done.stdout, re.M) == [f"epoch {k} of 3:" for k in (1, 2, 3)]


def run_code(code):
    return subprocess.run([sys.executable, "-c", "import os, multigan_cli\n" + code], text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})


@pytest.mark.fast
def test_only_start_up_lines_are_left_out():
    lines = ("WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
             "I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on. You may see ...",
             "E0000 00:00:1.2 3 x.cc:1] a real error")
    code = "with multigan_cli.without_start_up_lines():\n    os.write(2, {!r})\n    {}\n"
    content = ("\n".join(lines) + "\n").encode()
    for end in ("pass", "raise ImportError('no library')", "os.abort()"):
        done = run_code(code.format(content, end))
        assert done.stderr.startswith(lines[2]) and "oneDNN" not in done.stderr, (end, done)
        assert ("ImportError: no library" in done.stderr) == ("raise" in end)
        assert (done.returncode != 0) == (end != "pass")


@pytest.mark.tensorflow
@pytest.mark.parametrize("words, level", [(("--verbosity=0",), "3"), ((), "0")])
def test_who_asks_for_more_gets_the_start_up_lines(words, level, run_process, monkeypatch):
    """If TensorFlow has any on this machine; nothing else is done to them."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    plain = subprocess.run([sys.executable, "-c", "import tensorflow"], capture_output=True, text=True,
                           env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"})
    done = run_process("report", "absent", *words, code=2)
    assert ("oneDNN" in done.stderr) == ("oneDNN" in plain.stderr)
