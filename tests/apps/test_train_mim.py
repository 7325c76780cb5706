"""apps/train_mim.py: what a run leaves, bad input."""

import json

import pytest

TINY = ("--n_generators=2", "--filters=2", "--latent_dim=4", "--batch_size=8", "--epochs=1",
        "--steps_per_epoch=2")


def test_a_run_with_the_papers_preset(run_app, stand_in, tmp_path):
    output = tmp_path / "run"
    done = run_app("train_mim.py", "--preset=paper", *TINY, "--dataset=fashion_mnist",
                   f"--data_dir={stand_in(28, 28, 1)}", f"--output={output}")
    results = json.loads((output / "metrics.json").read_text())
    assert 0 <= results["last_epoch"]["mutual_information"] <= 0.7  # log 2 = 0.693
    assert results["classifier_score"] >= 1 and "pairwise TVD" in done.stdout
    assert (output / "class_table.png").exists()


def test_the_papers_configuration(run_app):
    done = run_app("train_mim.py", "--preset=paper", "--dry_run")
    assert "generator 834,369 each, 8,343,690 in all" in done.stdout
    assert ["epochs", "200"] in [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("flags, message", [
    (["--image_size=40"], "S one of 16, 28, 32, 64, 128"),
    (["--mutual_information=other"], "other"),
    (["--learning_rate=inf"], "--learning_rate is expected to be a finite number"),
    (["--batch_size=0"], "batch size is expected to be a multiple of 1"),
])
def test_bad_input_ends_with_2_and_writes_nothing(flags, message, run_app_in_process, tiny_run,
                                                  tmp_path):
    code, error = run_app_in_process("train_mim", [
        *TINY, f"--classifier={tiny_run / 'classifier.keras'}", "--image_size=32", *flags,
        f"--output={tmp_path / 'x'}"])
    assert code == 2 and error.startswith("error: ") and message in error
    assert not (tmp_path / "x").exists()
