"""apps/train_gm.py: what a run leaves, bad input."""

import json

import pytest

TINY = ("--num_components=11", "--latent_dim=4", "--width=0.02",
        "--batch_size=8", "--epochs=1", "--steps_per_epoch=2")


def test_a_run_with_the_papers_preset(run_app, stand_in, tmp_path):
    output = tmp_path / "run"
    done = run_app("train_gm.py", "--preset=paper", *TINY, "--dataset=fashion_mnist",
                   f"--data_dir={stand_in(28, 28, 1)}", f"--output={output}")
    results = json.loads((output / "metrics.json").read_text())
    assert "pairwise TVD" in done.stdout and (output / "export" / "models.config").exists()
    assert all(0 <= results[key] <= 1 for key in ("precision", "recall", "coverage"))
    assert results["moved_means"] > 0 and len(results["class_probabilities"]) == 11


@pytest.mark.parametrize("flags, message", [
    (["--base=wasserstein"], "base='wasserstein' with supervised=False"),
    (["--num_components=9"], "outputs one of"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number"),
])
def test_bad_input_ends_with_2_and_writes_nothing(flags, message, run_app_in_process, tiny_run,
                                                  tmp_path):
    code, error = run_app_in_process("train_gm", [
        *TINY, f"--classifier={tiny_run / 'classifier.keras'}", "--image_size=32", *flags,
        f"--output={tmp_path / 'x'}"])
    assert code == 2 and error.startswith("error: ") and message in error
    assert not (tmp_path / "x").exists()
