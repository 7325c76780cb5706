"""apps/train_mix.py: what a run leaves, bad input."""

import json

import pytest

TINY = ("--n_generators=2", "--n_discriminators=2", "--latent_dim=4", "--filters=4", "--n_critic=1",
        "--batch_size=8", "--epochs=1", "--steps_per_epoch=2")


def test_a_run_with_the_papers_preset(run_app, stand_in, tmp_path):
    output = tmp_path / "run"
    done = run_app("train_mix.py", "--preset=paper", *TINY, "--inception=none",
                   f"--data_dir={stand_in(32, 32, 3)}", f"--output={output}")
    results = json.loads((output / "metrics.json").read_text())
    assert "pairwise TVD" in done.stdout and (output / "export" / "models.config").exists()
    assert len(results["class_probabilities"]) == 2 and results["training_steps"] == 2


@pytest.mark.parametrize("flags, message", [
    (["--n_discriminators=3"], "multiple of 3 (3 discriminators, 1 replicas)"),
    (["--latent_dim=6"], "latent_dim"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number"),
])
def test_bad_input_ends_with_2_and_writes_nothing(flags, message, run_app_in_process, tiny_run,
                                                  tmp_path):
    code, error = run_app_in_process("train_mix", [
        *TINY, f"--classifier={tiny_run / 'classifier.keras'}", "--image_size=32", *flags,
        f"--output={tmp_path / 'x'}"])
    assert code == 2 and error.startswith("error: ") and message in error
    assert not (tmp_path / "x").exists()
