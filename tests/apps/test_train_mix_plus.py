"""apps/train_mix_plus.py: what a run leaves, bad input."""

import json

import numpy as np
import pytest

TINY = ("--dimension=4", "--modes=2", "--n_generators=2", "--n_discriminators=1", "--layers=3",
        "--width=8", "--n_critic=1", "--batch_size=8", "--epochs=2", "--steps_per_epoch=2",
        "--frechet_samples=500", "--judge_samples=200")


def test_a_run_leaves_everything(run_app, tmp_path):
    output = tmp_path / "run"
    done = run_app("train_mix_plus.py", *TINY, f"--output={output}")
    for name in ("samples.png", "curves.png", "model.keras", "history.csv", "export/models.config",
                 "export/mixture/1/saved_model.pb", "checkpoints/epoch-00002.npz"):
        assert (output / name).stat().st_size > 0, name
    results = json.loads((output / "metrics.json").read_text())
    assert np.shape(results["mode_shares"]) == (2, 2)
    # Untrained generators are told from the data at a glance.
    assert results["judge_accuracy"] > 0.6 and results["tvd_bound"] > 0.2
    assert results["frechet_distance"] > 0 and results["wasserstein_estimate"] > 0
    assert sum(results["mixture_weights"]) == pytest.approx(1)
    assert (results["frechet_samples"], results["training_steps"]) == (500, 4)
    for line in ("Judge accuracy", "mixture weights", "generator 1", "samples by nearest mode"):
        assert line in done.stdout


def test_vectors_are_sampled_but_are_no_pictures(run_app_in_process, monkeypatch, tmp_path):
    from conftest import REPOSITORY

    monkeypatch.syspath_prepend(str(REPOSITORY / "apps"))
    import keras
    import sample
    import train_mix_plus

    options = {**train_mix_plus.PRESETS["quick"], "dimension": 3, "width": 4, "n_generators": 2}
    train_mix_plus.make(options, (3,)).save(tmp_path / "model.keras")
    drawn = sample.sample(model=tmp_path / "model.keras", num_samples=3, output=tmp_path / "x.npz")
    assert {name: vectors.shape for name, vectors in drawn.items()} == {
        "generator_0": (3, 3), "generator_1": (3, 3)}
    for app, output in (("sample", "x.png"), ("evaluate", "x.json")):
        code, error = run_app_in_process(
            app, [f"--model={tmp_path / 'model.keras'}", f"--output={tmp_path / output}"])
        assert code == 2 and "(H, W, C)" in error and not (tmp_path / output).exists()
    keras.utils.clear_session()


def test_a_finite_training_set_of_a_random_network(run_app, tmp_path):
    run_app("train_mix_plus.py", *TINY, "--data=network", "--training_samples=50", "--epochs=1",
            f"--output={tmp_path / 'run'}")
    results = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "mode_shares" not in results and results["judge_accuracy"] > 0.6


def test_the_papers_sizes(run_app):
    done = run_app("train_mix_plus.py", "--preset=paper", "--dry_run")
    assert "generator 4,198,400 each, 12,595,200 in all" in done.stdout
    assert "mlp 3,149,825 each, 9,449,475 in all" in done.stdout
    assert ["batch_size", "256"] in [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("flags, message", [
    (["--modes=5"], "num_modes is expected to be between 1 and the dimension"),
    (["--generator_learning_rate=0"], "--generator_learning_rate is expected to be a finite number"),
    (["--batch_size=0"], "batch size is expected to be a multiple of 1"),
    (["--base=hinge"], "hinge"),
    (["--judge_samples=10"], "judge_samples"),
    (["--training_samples=3", "--steps_per_epoch="], "steps_per_epoch"),
    (["--resume"], "--resume expects the folder of a run"),
])
def test_bad_input_ends_with_2_and_writes_nothing(flags, message, run_app_in_process, tmp_path):
    code, error = run_app_in_process("train_mix_plus", [*TINY, *flags, f"--output={tmp_path / 'x'}"])
    assert code == 2 and error.startswith("error: ") and message in error
    assert not (tmp_path / "x").exists()
