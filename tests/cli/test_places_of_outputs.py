"""Outputs that cannot be written are found before any work: nothing is read, built or trained."""

import json
import os
import pathlib
import shutil

import pytest

from keras_multigan.recipes import RECIPES
from keras_multigan.runs import artifacts, report
from keras_multigan.runs.run import Run

pytestmark = pytest.mark.fast


@pytest.fixture(params=["below a file", "below /proc", "a read-only folder"])
def place(request, tmp_path):
    """A folder in which no file can be made."""
    (tmp_path / "notes.txt").write_text("mine")
    if request.param == "below a file":
        return tmp_path / "notes.txt"
    if request.param == "below /proc":
        return pathlib.Path("/proc") if os.path.isdir("/proc") else pytest.skip("needs /proc")
    if os.geteuid() == 0:
        pytest.skip("root can write there")
    (tmp_path / "fixed").mkdir(mode=0o500)
    return tmp_path / "fixed"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    options = RECIPES["p2"].make_options().as_dict()
    (folder / "options.json").write_text(json.dumps({"options": options}))
    return folder


@pytest.fixture
def idle(monkeypatch):
    """The work fails the test."""
    def work(*_, **__):
        raise AssertionError("it has begun to work")

    for owner, name in ((artifacts, "load_multigan"), (Run, "build"), (report, "describe")):
        monkeypatch.setattr(owner, name, work)


@pytest.mark.parametrize("words", [
    ("train", "p2", "--output={}/run"),
    ("train", "commute", "--dataset=digits", "--output={}/deep/run"),
    ("report", "run", "run", "--output={}/page.html"),
    ("sample", "--model=run", "--output={}/samples.png"),
    ("sample", "--model=run", "--output={}/samples"),
    ("evaluate", "--model=run", "--output={}/measures.json"),
    ("export", "--model=run", "--output={}/export"),
    ("classifier", "--dataset=digits", "--output={}/classifier"),
], ids=lambda words: " ".join(words[:2]))
def test_nothing_can_be_made_there(place, run, idle, refused, words):
    refused([word.format(place) for word in words], "where files can be written",
            f"Received: {place}", "Choose another place")


def test_a_resumed_run_and_its_page(run, idle, multigan):
    (run / "report.html").mkdir()
    done = multigan("report", run)
    assert done.code == 2 and "which is a folder. Remove it" in done.err
    shutil.rmtree(run)
    run.mkdir()
    (run / "options.json").mkdir()
    for words in (("report", run), ("train", "p2", "--resume", f"--output={run}")):
        done = multigan(*words)
        assert done.code == 2 and "options.json" in done.err and "Put it back" in done.err
