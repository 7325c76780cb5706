"""multigan train: what a run leaves, exact resume after SIGKILL, several workers, every bad input."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import DOOR, REPOSITORY, TINY

from keras_multigan.callbacks import read_history
from keras_multigan.runs.files import write_json


def test_a_run_leaves_everything(tiny_run):
    for name in ("samples.png", "curves.png", "class_table.png", "model.keras", "classifier.keras",
                 "export/models.config", "export/generator_1/1/saved_model.pb",
                 "export/mixture/1/saved_model.pb", "checkpoints/epoch-00006.npz"):
        assert (tiny_run / name).stat().st_size > 0, name
    assert list((tiny_run / "tensorboard").iterdir())
    stored = json.loads((tiny_run / "options.json").read_text())
    options = stored["options"]
    assert (options["method"], options["preset"]) == ("commute", "quick")
    assert options["num_generators"] == 2 and options["seed"] == 0
    assert stored["versions"]["keras"]
    with open(tiny_run / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == list("012345")
    results = json.loads((tiny_run / "metrics.json").read_text())
    assert results["frechet_distance"] > 0 and 0 <= results["pairwise_tvd"] <= 1
    table = np.array(results["class_probabilities"])
    assert table.shape == (2, 10) and np.allclose(table.sum(axis=1), 1, atol=1e-4)
    assert len(results["frechet_distance_by_generator"]) == 2
    assert results["frechet_features"] == "logits of: compact classifier trained on digits"
    assert (results["training_steps"], results["generated_images"]) == (12, 10_000)
    assert results["last_epoch"] == read_history(tiny_run)[-1]


def test_a_finished_run_is_reported_again(tiny_run, multigan):
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    done = multigan("train", "commute", f"--output={tiny_run}", "--resume")
    assert done.code == 0 and done.out.endswith(f"\nrun folder: {tiny_run}\n")
    tvd = json.loads((tiny_run / "metrics.json").read_text())["pairwise_tvd"]
    assert f"pairwise TVD                 {tvd:.4f}" in done.out and "generator 1" in done.out
    # Which devices share the work is no property of the run.
    again = multigan("train", "commute", f"--output={tiny_run}", "--resume", "--strategy=mirrored",
                     "--devices=2")
    assert again.code == 0 and again.out == done.out
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before


def train_until(epoch, flags, output):
    """Runs the command until its checkpoint after `epoch` epochs is there, then kills it."""
    with open(output.with_suffix(".log"), "w") as log:
        process = subprocess.Popen([sys.executable, DOOR, "train", "commute", *flags,
                                    f"--output={output}"], stdout=log, stderr=log)
    note = output / "checkpoints" / f"epoch-{epoch:05d}.json"
    while not note.exists() and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    printed = output.with_suffix(".log").read_text()
    assert note.exists() or list(note.parent.glob("*.json")), printed
    return printed


@pytest.mark.parametrize("strategy", [[], ["--strategy=mirrored", "--devices=2", "--n_critic=1"]],
                         ids=["one device", "two replicas"])
def test_killed_and_resumed_is_bitwise_the_same(strategy, tmp_path, tiny_run):
    # The tiny run's classifier spares training more of them, and a kill at the end the measuring.
    flags = [*TINY, *strategy, f"--classifier={tiny_run / 'classifier.keras'}"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    train_until(2, flags, killed)
    assert not (killed / "checkpoints" / "epoch-00006.json").exists(), "it was killed too late"
    assert "Going on after epoch" in train_until(6, ["--resume"], killed)
    if strategy:
        assert "Going on" not in train_until(6, flags, whole)
    else:
        whole = tiny_run
    first, second = (np.load(run / "checkpoints" / "epoch-00006.npz") for run in (killed, whole))
    assert len(first.files) == len(second.files) > 100
    different = [name for name in first.files if not np.array_equal(first[name], second[name])]
    if not strategy:  # the tiny run has trained the classifier, whose dropout the others never use
        (dropout,) = different
        assert [first[dropout][1], second[dropout][1]] == [0, 1125], "times that it was drawn"
        different = []
    assert not different
    assert (killed / "history.csv").read_text() == (whole / "history.csv").read_text()


def test_two_workers_share_a_run(two_workers, tiny_run, tmp_path):
    """The first one alone writes."""
    flags = [*TINY, "--epochs=1", "--n_critic=1", "--strategy=multiworker",
             f"--classifier={tiny_run / 'classifier.keras'}", f"--output={tmp_path / 'run'}"]
    workers = [
        subprocess.Popen([sys.executable, DOOR, "train", "commute", *flags], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env={**os.environ, **environment})
        for environment in two_workers
    ]
    printed = [worker.communicate(timeout=600) for worker in workers]
    assert not any(worker.returncode for worker in workers), printed
    assert "pairwise TVD" in printed[0][0] and "pairwise TVD" not in printed[1][0]
    for name in ("metrics.json", "samples.png", "model.keras", "export/models.config"):
        assert (tmp_path / "run" / name).stat().st_size > 0, name


def test_a_door_in_apps_with_the_flags_that_it_had(run_process, stand_in, stand_in_classifier,
                                                   tmp_path):
    """The paper's preset of MIM-GAN."""
    output = tmp_path / "run"
    done = run_process(
        "--preset=paper", "--n_generators=2", "--filters=2", "--latent_dim=4", "--batch_size=8",
        "--epochs=1", "--steps_per_epoch=2", "--dataset=fashion_mnist",
        f"--data_dir={stand_in(28, 28, 1)}", f"--classifier={stand_in_classifier(28, 28, 1)}",
        f"--output={output}", door=REPOSITORY / "apps" / "train_mim.py", cwd=tmp_path)
    results = json.loads((output / "metrics.json").read_text())
    assert 0 <= results["last_epoch"]["mutual_information"] <= 0.7  # log 2 = 0.693
    assert results["classifier_score"] >= 1 and "pairwise TVD" in done.stdout
    assert len(results["class_probabilities"]) == 2
    assert (output / "class_table.png").exists() and (output / "export/models.config").exists()
    assert not (output / "classifier.keras").exists()  # it is another's


@pytest.mark.fast
def test_dry_run(multigan, tmp_path):
    done = multigan("train", "commute", "--preset=paper", "--num_generators=3", "--dry_run",
                    "--output=run")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["batch_size", "504"] in lines and ["epochs", "70"] in lines
    for line in ("generator 910,660 each, 2,731,980 in all", "commute_critic 4,306,177"):
        assert line in done.out
    assert done.code == 0 and not list(tmp_path.iterdir())


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--batch_size=9"], "multiple of the 2 generators. Received: 9. Use 8 or 10"),
    (["--batch_size=0"], "--batch_size is expected to be >= 1 and <= 100000. Received: 0"),
    (["--num_generators=0"], "--num_generators is expected to be >= 1 and <= 1000. Received: 0"),
    (["--tvd_weight=cosine:1"], "Received: 'cosine:1'"),
    (["--generator=large"], "small|deep|residual"),
    (["--seed=-1"], "--seed is expected to be >= 0 and <= 4294967295. Received: -1"),
    (["--epochs=0"], "--epochs is expected to be >= 1 and <= 1000000. Received: 0"),
    (["--image_size=7"], "--image_size is expected to be >= 8 and <= 2048. Received: 7"),
    (["--gp_weight=-1"], "finite number >= 0 and <= 1000000000. Received: -1.0"),
    (["--dataset=digts"], "digits"),
    (["--dataset=mnist", "--data_dir=/nonexistent"], "/nonexistent"),
    (["--classifier=/nonexistent.keras"], "/nonexistent.keras"),
    (["--learning_rate=nan"], "finite number > 0 and <= 10. Received: nan"),
    (["--learning_rate=inf"], "finite number > 0 and <= 10. Received: inf"),
    (["--devices=2"], "One device is expected without a strategy. Received: devices=2"),
    (["--width=0"], "--width is expected to be a finite number > 0 and <= 64. Received: 0.0"),
    (["--resume"], "--resume expects the folder of a run in --output. Received: runs/commute-quick"),
    (["--resume", "--preset=paper"], "Received: runs/commute-paper"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bad_input(flags, message, refused):
    refused(["train", "commute", *TINY, *flags], message)


@pytest.mark.fast
def test_several_workers_must_be_named(refused, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    refused(["train", "commute", *TINY, "--strategy=multiworker"],
            "variable TF_CONFIG, JSON" if keras.backend.backend() == "tensorflow" else
            "Received: JAX_COORDINATOR_ADDRESS=None JAX_NUM_PROCESSES=2 JAX_PROCESS_ID=None")


def test_resume_with_other_options(tiny_run, refused):
    before = (tiny_run / "options.json").read_bytes()
    error = refused(["train", "commute", f"--output={tiny_run}", "--resume", "--seed=3",
                     "--n_critic=5", "--num_generators=2"],
                    "--seed: the run has 0, received 3", "--n_critic: the run has 2, received 5")
    assert "--num_generators" not in error
    refused(["train", "gm", f"--output={tiny_run}", "--resume"],
            "expects a run of the method gm. Received", "a run of commute")
    assert (tiny_run / "options.json").read_bytes() == before


def test_a_finished_run_of_an_earlier_version(tiny_run, multigan, refused, tmp_path):
    """Its options have other names and its learning rate is written out."""
    output = tmp_path / "old"
    output.mkdir()
    shutil.copy(tiny_run / "metrics.json", output)
    options = json.loads((tiny_run / "options.json").read_text())["options"]
    old = {"app": "commute", **options, "n_generators": options["num_generators"],
           "tvd_schedule": options["tvd_weight"], "learning_rate": 2e-4}
    for name in ("method", "num_generators", "tvd_weight", "generator_batch_size"):
        del old[name]
    write_json(output / "options.json", {"options": old, "versions": {}})
    done = multigan("train", "commute", "--output=old", "--resume", "--n_generators=2")
    assert done.code == 0 and "pairwise TVD" in done.out
    refused(["train", "commute", "--output=old", "--resume", "--tvd_schedule=constant:1"],
            "--tvd_weight: the run has 'constant:3', received 'constant:1'")


@pytest.mark.fast
def test_a_classifier_that_does_not_fit_is_found_before_training(refused, tmp_path):
    keras.Sequential([keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()]).save(
        tmp_path / "colour.keras")
    refused(["train", "gm", "--image_size=32", "--width=0.02", "--classifier=colour.keras"],
            "3 channel(s)")


def test_output_that_is_taken(tiny_run, refused, tmp_path):
    refused(["train", "commute", f"--output={tiny_run}"], "holds a run. Go on with it by --resume")
    (tmp_path / "notes.txt").write_text("mine")
    refused(["train", "commute", f"--output={tmp_path}"], "holds other files")
    refused(["train", "commute", "--output=notes.txt"], "new or empty folder")
    assert (tmp_path / "notes.txt").read_text() == "mine"
