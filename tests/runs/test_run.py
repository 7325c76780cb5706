"""A run that is ended by signals, goes on, is trained on; its lock. On P2GAN's ring, the quickest."""

import json
import os
import signal

import numpy as np
import pytest

from keras_multigan import callbacks
from keras_multigan.runs import files

FLAGS = ("--num_generators=2", "--latent_dim=4", "--width=8", "--batch_size=12", "--steps_per_epoch=4",
         "--generator_batch_size=4")


@pytest.fixture
def train(multigan):
    def run(output, *flags):
        done = multigan("train", "p2", f"--output={output}", *flags)
        assert "Traceback" not in done.err
        return done

    return run


def arrays(folder, epoch):
    with np.load(folder / "checkpoints" / f"epoch-{epoch:05d}.npz") as file:
        return {name: file[name] for name in file.files}


def same(folder, other, epoch):
    ours, theirs = arrays(folder, epoch), arrays(other, epoch)
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[k], theirs[k]) for k in ours) and (
        folder / "history.csv").read_text() == (other / "history.csv").read_text()


def results(folder):
    content = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in content.items()
            if "seconds" not in name and name != "sha256"}


@pytest.fixture
def signals(monkeypatch):
    """signals(number, after=k): the process gets a signal after k steps."""
    def send(number, after):
        steps = iter(range(1, 1000))
        usual = callbacks.RunProgress.on_train_batch_end

        def on_train_batch_end(self, batch, logs=None):
            usual(self, batch, logs)
            if next(steps) == after:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(callbacks.RunProgress, "on_train_batch_end", on_train_batch_end)

    yield send
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "the handlers are those of before"


def test_signals_end_a_step_and_the_run_goes_on_bit_for_bit(train, signals, tmp_path):
    """In the midst of the second epoch, after its last step, and in the first step of all."""
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    train(whole, *FLAGS, "--epochs=3")
    for after, number, code, told in (
            (1, signal.SIGINT, 130, "error: interrupted. Go on with --resume"),
            (5, signal.SIGTERM, 143, "error: terminated. Go on with --resume"),
            (2, signal.SIGTERM, 143, "terminated")):
        signals(number, after)
        done = train(ended, *(["--resume"] if ended.exists() else [*FLAGS, "--epochs=3"]))
        assert done.code == code and told in done.err
        assert "Stopping after this step" in done.err and not (ended / "metrics.json").exists()
    names = sorted(p.stem for p in (ended / "checkpoints").glob("*.json"))
    assert names == ["epoch-00001-step-000002", "epoch-00002"]
    signals(signal.SIGTERM, 10_000)
    done = train(ended, "--resume")
    assert done.code == 0 and "Going on after epoch 2 of 3." in done.out
    assert same(ended, whole, 3) and results(ended) == results(whole)


def test_a_run_that_was_ended_within_an_epoch_can_end_before_it(train, signals, tmp_path):
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    train(whole, *FLAGS, "--epochs=1")
    signals(signal.SIGTERM, 6)
    assert train(ended, *FLAGS, "--epochs=3").code == 143
    assert train(ended, "--resume", "--epochs=1").code == 0
    assert results(ended)["training_steps"] == 4 and results(ended) == results(whole)
    assert same(ended, whole, 1)


def test_a_finished_run_is_trained_on(train, tmp_path):
    whole, longer = tmp_path / "whole", tmp_path / "longer"
    train(whole, *FLAGS, "--epochs=2")
    train(longer, *FLAGS, "--epochs=1")
    first = results(longer)
    assert train(longer, "--resume", "--epochs=2").code == 0
    assert same(longer, whole, 2) and results(longer) == results(whole)
    assert json.loads((longer / "metrics-1.json").read_text())["epochs"] == first["epochs"] == 1
    started = json.loads((longer / "options.json").read_text())
    assert started["options"]["epochs"] == 2 and started["earlier_epochs"] == [1]
    fewer = train(longer, "--resume", "--epochs=1")
    assert fewer.code == 2 and "at least the 2 that the run in" in fewer.err
    assert train(longer, "--resume").code == 0 and results(longer) == results(whole)


def test_a_run_killed_while_it_is_extended_is_whole(train, tmp_path, monkeypatch):
    """Between its renamed results and its new options it is the earlier run, to be ended again."""
    folder = tmp_path / "run"
    train(folder, *FLAGS, "--epochs=1")
    first = results(folder)

    def killed(path, content):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_json", killed)
        assert train(folder, "--resume", "--epochs=2").code == 130
    assert not (folder / "metrics.json").exists()
    assert train(folder, "--resume").code == 0 and results(folder) == first
    assert train(folder, "--resume", "--epochs=2").code == 0 and results(folder)["epochs"] == 2


@pytest.mark.fast
def test_one_process_trains_in_a_folder(train, tmp_path):
    folder = tmp_path / "run"
    with files.locked(folder):
        done = train(folder, *FLAGS, "--epochs=1")
        assert done.code == 2 and "in which another process does" in done.err
    assert not folder.exists(), "nothing was written"
    with files.locked(folder / "deeper"):
        (folder / "deeper" / "kept").touch()
    assert (folder / "deeper" / "kept").exists()


@pytest.mark.fast
def test_a_folder_that_cannot_be_made_is_found_before_the_work(train, tmp_path):
    (tmp_path / "file").touch()
    done = train(tmp_path / "file" / "run", *FLAGS, "--epochs=1")
    assert done.code == 2 and "Not a directory" in done.err and "Training" not in done.out
