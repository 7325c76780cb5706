"""The main app: what it leaves, exact resume after SIGKILL, every bad input."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import REPOSITORY, TINY

TINY = [*TINY]


def test_a_run_leaves_everything(tiny_run):
    for name in ("samples.png", "curves.png", "class_table.png", "model.keras", "classifier.keras",
                 "export/models.config", "export/generator_1/1/saved_model.pb",
                 "export/mixture/1/saved_model.pb", "checkpoints/epoch-00002.npz"):
        assert (tiny_run / name).stat().st_size > 0, name
    assert list((tiny_run / "tensorboard").iterdir())
    options = json.loads((tiny_run / "options.json").read_text())
    assert options["options"]["n_generators"] == 2 and options["options"]["seed"] == 0
    assert options["versions"]["keras"]
    with open(tiny_run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    results = json.loads((tiny_run / "metrics.json").read_text())
    assert results["frechet_distance"] > 0 and 0 <= results["pairwise_tvd"] <= 1
    table = np.array(results["class_probabilities"])
    assert table.shape == (2, 10) and np.allclose(table.sum(axis=1), 1, atol=1e-4)
    assert len(results["frechet_distance_by_generator"]) == 2
    assert results["frechet_features"] == "logits of: compact classifier trained on digits"
    assert (results["training_steps"], results["generated_images"]) == (4, 10_000)


def test_a_finished_run_is_reported_again(tiny_run, run_app):
    before = (tiny_run / "metrics.json").stat().st_mtime_ns
    done = run_app("train_commute.py", f"--output={tiny_run}", "--resume")
    assert "pairwise TVD" in done.stdout and "generator 1" in done.stdout
    assert (tiny_run / "metrics.json").stat().st_mtime_ns == before


def train_until(epoch, flags, output):
    """Runs the app until its checkpoint after `epoch` epochs is there, then kills it."""
    app = str(REPOSITORY / "apps" / "train_commute.py")
    with open(output.with_suffix(".log"), "w") as log:
        process = subprocess.Popen([sys.executable, app, *flags, f"--output={output}"],
                                   stdout=log, stderr=log)
    note = output / "checkpoints" / f"epoch-{epoch:05d}.json"
    while not note.exists() and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    printed = output.with_suffix(".log").read_text()
    assert note.exists() or list(note.parent.glob("*.json")), printed
    return printed


@pytest.mark.parametrize("flags", [[], ["--strategy=mirrored", "--devices=2", "--n_critic=1"]],
                         ids=["one device", "two replicas"])
def test_killed_and_resumed_is_bitwise_the_same(flags, tmp_path, tiny_run):
    # The tiny run's classifier spares training two more, and a kill at the end the measuring.
    flags = [*TINY, *flags, "--epochs=6", f"--classifier={tiny_run / 'classifier.keras'}"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    train_until(2, flags, killed)
    assert not (killed / "checkpoints" / "epoch-00006.json").exists(), "it was killed too late"
    assert "Going on after epoch" in train_until(6, ["--resume"], killed)
    assert "Going on" not in train_until(6, flags, whole)
    first, second = (np.load(run / "checkpoints" / "epoch-00006.npz") for run in (killed, whole))
    assert len(first.files) == len(second.files) > 100
    different = [name for name in first.files if not np.array_equal(first[name], second[name])]
    assert not different
    assert (killed / "history.csv").read_text() == (whole / "history.csv").read_text()


def test_two_workers_share_a_run(two_workers, tiny_run, tmp_path):
    """The first one alone writes."""
    app = str(REPOSITORY / "apps" / "train_commute.py")
    flags = [*TINY, "--strategy=multiworker", f"--classifier={tiny_run / 'classifier.keras'}",
             f"--output={tmp_path / 'run'}"]
    workers = [
        subprocess.Popen([sys.executable, app, *flags], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env={**os.environ, "TF_CONFIG": config})
        for config in two_workers
    ]
    printed = [worker.communicate(timeout=600) for worker in workers]
    assert not any(worker.returncode for worker in workers), printed
    assert "pairwise TVD" in printed[0][0] and "pairwise TVD" not in printed[1][0]
    for name in ("metrics.json", "samples.png", "model.keras", "export/models.config"):
        assert (tmp_path / "run" / name).stat().st_size > 0, name


def test_dry_run(run_app, tmp_path):
    done = run_app("train_commute.py", "--preset=paper", "--n_generators=3", "--dry_run",
                   f"--output={tmp_path / 'run'}")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["batch_size", "504"] in lines and ["epochs", "70"] in lines
    for line in ("generator 910,660 each, 2,731,980 in all", "commute_critic 4,306,177"):
        assert line in done.stdout
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("flags, message", [
    (["--batch_size=9"], "multiple of the 2 generators. Received: 9. Use 8 or 10"),
    (["--n_generators=0"], "--n_generators is expected to be >= 1. Received: 0"),
    (["--tvd_schedule=cosine:1"], "Received: 'cosine:1'"),
    (["--preset=huge"], "huge"),
    (["--n_critik=3"], "n_critik"),
    (["--dataset=digts"], "digits"),
    (["--dataset=mnist", "--data_dir=/nonexistent"], "/nonexistent"),
    (["--classifier=/nonexistent.keras"], "/nonexistent.keras"),
    (["--learning_rate=nan"], "--learning_rate is expected to be a finite number"),
    (["--strategy=multiworker"], "variable TF_CONFIG, JSON that names all workers"),
    (["--width=0"], "--width is expected to be a finite number"),
    (["--resume"], "--resume expects the folder of a run"),
    (["extra"], "Only flags are expected"),
])
def test_bad_input_ends_with_2_and_writes_nothing(flags, message, run_app_in_process, tmp_path):
    code, error = run_app_in_process("train_commute", [*TINY, *flags, f"--output={tmp_path / 'x'}"])
    assert code == 2 and error.startswith("error: ") and message in error
    assert not (tmp_path / "x").exists()


def test_resume_with_other_options(tiny_run, run_app_in_process):
    before = (tiny_run / "options.json").read_bytes()
    code, error = run_app_in_process(
        "train_commute", [f"--output={tiny_run}", "--resume", "--seed=3", "--n_critic=5"])
    assert code == 2
    assert "--seed: the run has 0, received 3" in error
    assert "--n_critic: the run has 2, received 5" in error
    # Which devices share the work is no property of the run.
    code, error = run_app_in_process(
        "train_commute", [f"--output={tiny_run}", "--resume", "--strategy=mirrored", "--devices=2"])
    assert code == 0, error
    assert (tiny_run / "options.json").read_bytes() == before


def test_resume_with_another_app(tiny_run, run_app_in_process):
    code, error = run_app_in_process("train_gm", [f"--output={tiny_run}", "--resume"])
    assert code == 2 and "expects a run of this app, gm. Received" in error and "commute" in error


def test_help_has_the_shared_flags(run_app):
    for flag in ("--seed", "--dataset", "--strategy", "--n_critic"):
        assert f"  {flag}: " in run_app("train_commute.py", "--help", code=1).stdout


def test_a_classifier_that_does_not_fit_is_found_before_training(run_app_in_process, tmp_path):
    keras.Sequential([keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()]).save(
        tmp_path / "colour.keras")
    code, error = run_app_in_process("train_gm", [
        "--image_size=32", f"--classifier={tmp_path / 'colour.keras'}", f"--output={tmp_path / 'x'}"])
    assert code == 2 and "3 channel(s)" in error and not (tmp_path / "x").exists()


def test_output_that_is_taken(tiny_run, run_app_in_process, tmp_path):
    code, error = run_app_in_process("train_commute", [f"--output={tiny_run}"])
    assert code == 2 and "holds a run. Go on with it by --resume" in error
    (tmp_path / "notes.txt").write_text("mine")
    code, error = run_app_in_process("train_commute", [f"--output={tmp_path}"])
    assert code == 2 and "holds other files" in error
    assert (tmp_path / "notes.txt").read_text() == "mine"
