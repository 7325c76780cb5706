"""A run that is killed at any call of the file system ends as one that was never killed.

    KILLS=7 pytest tests/runs/test_kills.py      as many of each method

A kill is an exception at a call that opens, renames, removes or makes a file of the run folder, as
Python's audit events see them. The file that was opened last is cut off, and no code that cleans up
can change the folder. That is much cheaper than processes; tests/cli/test_train.py kills some.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import sys

import numpy as np
import pytest

from keras_multigan.callbacks import records
from keras_multigan.cli import main as cli
from keras_multigan.runs import measures
from keras_multigan.runs import run as runs

KILLS = int(os.environ.get("KILLS", 1))
SEED = 7
_STEPS = ("--batch_size=8", "--epochs=3", "--steps_per_epoch=1")
_SMALL = ("--latent_dim=4", *_STEPS)
_PAIR = ("--num_generators=2", *_SMALL)
METHODS = {
    "commute": ("commute", *_PAIR, "--width=0.02", "--n_critic=1"),
    "gan": ("gan", "--filters=2", *_SMALL),
    "gm": ("gm", "--num_components=11", "--width=0.02", *_SMALL),
    "mim": ("mim", *_PAIR, "--filters=2"),
    "mix": ("mix", *_PAIR, "--num_discriminators=1", "--filters=4", "--discriminator_updates=1"),
    "mix_plus": ("mix_plus", *_STEPS, "--num_generators=2", "--num_discriminators=1",
                 "--dimension=4", "--modes=2", "--layers=3", "--width=8",
                 "--discriminator_updates=1", "--frechet_samples=500",
                 "--judge_samples=200", "--judge_steps=20", "--wasserstein_steps=50"),
    "mm": ("mm", "--num_components=2", "--width=0.02", *_SMALL),
    "p2": ("p2", *_PAIR, "--width=4", "--generator_batch_size=4", "--growth=1"),
    "p2 on images": ("p2", *_PAIR, "--preset=images", "--width=4", "--networks=mlp", "--growth=1"),
}
_VECTORS = ("mix_plus", "p2")


class Killed(BaseException):
    """No code catches it."""


class Killer:
    """Counts the calls that change files in `folder`; raises `Killed` at the one with the number `at`
    and at every later one."""

    def __init__(self):
        self.folder = None
        sys.addaudithook(self._hook)  # there is no way to remove it

    @contextlib.contextmanager
    def watch(self, folder, at=None, numbers=None):
        self.folder, self.at, self.calls, self.opened, self.numbers = folder, at, 0, None, numbers
        try:
            yield self
        finally:
            self.folder = None

    def _hook(self, event, arguments):
        if self.folder is None or event not in ("open", "os.rename", "os.remove", "os.mkdir",
                                                "os.rmdir"):
            return
        path = arguments[0]
        if event == "open" and not (isinstance(arguments[2], int)
                                    and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        if isinstance(path, int) or not str(path).startswith(str(self.folder)):
            return
        self.calls += 1
        if self.at is not None and self.calls >= self.at:
            if self.calls == self.at:
                self.what = f"{event} {os.path.relpath(path, self.folder)}"
                self._cut_off()
            raise Killed
        if event == "open":
            self.opened = pathlib.Path(path)

    def _cut_off(self):
        folder, self.folder = self.folder, None
        if self.opened is not None and self.opened.is_file():
            size = self.opened.stat().st_size
            os.truncate(self.opened, self.numbers.randrange(size + 1))
        self.folder = folder


@pytest.fixture(scope="module")
def killer():
    return Killer()


def command(*words):
    """The exit code of `multigan`."""
    try:
        cli.main([str(word) for word in words])
    except SystemExit as stop:
        return stop.code
    return 0


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def same_arrays(first, second):
    first, second = arrays(first), arrays(second)
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first)


def results(folder):
    found = json.loads((folder / "metrics.json").read_text())
    del found["seconds_of_last_attempt"], found["sha256"]
    return found


def page(folder):
    text = (folder / "report.html").read_text()
    return [re.findall(what, text) for what in (
        r'aria-label="(\w+) by epoch"', r'base64,([\w+/=]+)"',
        r'<th scope="row">(.+)</th><td>(.+)</td>', r"<figcaption>(.+)</figcaption>",
        r'<p role="note">(.+)</p>')]


def export(model, folder):
    """In place of TensorFlow's export, which takes seconds and writes from C++: files in its order."""
    for name in [f"generator_{k}/1/saved_model.pb" for k in range(model.num_generators)]:
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(model.sample(2, seed=1).tobytes())
    (folder / "models.config").write_text("done")


def to_tensorboard(directory, kind, values, step):
    """In place of TensorFlow's writer, which writes from C++. A kill may lose its last lines, and the
    epochs that run again are logged again: only what follows must not suffer."""
    path = directory / "tensorboard" / f"events.{os.getpid()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        file.write(f"{kind} {step} {sorted(values)}\n".encode())


def check_same(folder, whole):
    assert not [*folder.rglob("partial-*")]
    assert (folder / "export/models.config").read_bytes() == b"done"
    for path in whole.glob("export/*/1/*"):
        assert (folder / path.relative_to(whole)).read_bytes() == path.read_bytes(), path
    assert same_arrays(folder / "checkpoints/epoch-00003.npz", whole / "checkpoints/epoch-00003.npz")
    assert (folder / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()
    frames = [sorted(path.name for path in (run / "frames").glob("epoch-*")) for run in (folder, whole)]
    assert frames[0] == frames[1]
    for name in frames[0]:
        first, second = folder / "frames" / name, whole / "frames" / name
        assert same_arrays(first, second) if name.endswith(".npz") else (
            first.read_bytes() == second.read_bytes()), name
    for name in ("samples.png", "curves.png", "class_table.png", "evolution.png"):
        assert (folder / name).exists() == (whole / name).exists(), name
        if (whole / name).exists():
            assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    assert results(folder) == results(whole)
    assert page(folder) == page(whole)


@pytest.mark.parametrize("method", METHODS)
def test_killed_runs_end_as_if_they_were_not(method, killer, tmp_path, monkeypatch, stand_in,
                                             stand_in_classifier):
    tensorflow = pytest.importorskip("tensorflow")
    monkeypatch.setattr(measures, "NUM_EVALUATION_IMAGES", 100)
    monkeypatch.setattr(runs.export, "export_generators", export)
    monkeypatch.setattr(records, "_to_tensorboard", to_tensorboard)
    words = METHODS[method]
    if method not in _VECTORS:
        size = 8 if method in ("p2 on images", "mix") else 16
        words += (f"--image_size={size}", "--dataset=own", "--embedding=random",
                  f"--data_dir={stand_in(size, size, 1)}",
                  f"--classifier={stand_in_classifier(size, size, 1)}")
    monkeypatch.chdir(tmp_path)
    numbers, whole = random.Random(f"{SEED} {method}"), tmp_path / "whole"
    tensorflow.config.run_functions_eagerly(True)  # three steps need no compiled function
    try:
        with killer.watch(whole):
            assert command("train", *words, f"--output={whole}") == 0
        for number, at in enumerate(numbers.sample(range(1, killer.calls + 1), KILLS)):
            folder = tmp_path / f"killed-{number}"
            with killer.watch(folder, at, numbers), pytest.raises(Killed):
                command("train", *words, f"--output={folder}")
            print(f"{method}: killed at call {at}, {killer.what}")
            resume = ["--resume"] * (folder / "options.json").exists()
            assert command("train", *words, f"--output={folder}", *resume) == 0
            check_same(folder, whole)
    finally:
        tensorflow.config.run_functions_eagerly(False)
