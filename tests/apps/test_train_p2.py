"""apps/train_p2.py: what a run leaves, on the ring and with a constraint; bad input."""

import json
import pathlib

import numpy as np
import pytest

APPS = pathlib.Path(__file__).resolve().parents[2] / "apps"
TINY = ("--n_generators=3", "--latent_dim=4", "--width=8", "--batch_size=12",
        "--generator_batch_size=4", "--epochs=3", "--steps_per_epoch=2", "--growth=2")


def test_a_ring_that_is_still_growing(run_app, tmp_path):
    output = tmp_path / "run"
    done = run_app("train_p2.py", *TINY, f"--output={output}")
    for name in ("samples.png", "evolution.png", "curves.png", "model.keras",
                 "export/generator_2/1/saved_model.pb"):
        assert (output / name).stat().st_size > 0, name
    results = json.loads((output / "metrics.json").read_text())
    assert np.shape(results["mode_shares"]) == (2, 8)  # the third has not joined
    assert 0 <= results["modes_covered"] <= 8 and results["frechet_distance"] > 0
    assert "modes covered" in done.stdout
    again = run_app("train_p2.py", f"--output={output}", "--resume")
    assert again.stdout.splitlines()[-1] == done.stdout.splitlines()[-1]


def test_a_constraint(run_app, tiny_run, tmp_path):
    output = tmp_path / "run"
    run_app("train_p2.py", "--preset=constraints", *TINY, "--n_generators=2", "--growth=1",
            f"--classifier={tiny_run / 'classifier.keras'}", f"--output={output}")
    results = json.loads((output / "metrics.json").read_text())
    table = np.array(results["class_probabilities"])
    assert table.shape == (2, 10)
    assert results["first_outside_auxiliary_class"] == pytest.approx(1 - table[0, 3], abs=1e-5)
    assert results["real_images"] < 100  # two classes of the test set
    assert json.loads((output / "options.json").read_text())["options"]["classes"] == "8,3"


def test_images_while_growing(run_app, stand_in, tmp_path):
    output = tmp_path / "run"
    run_app("train_p2.py", "--preset=images_paper", *TINY, "--n_generators=2", "--width=2",
            "--epochs=1", "--inception=none", f"--data_dir={stand_in(32, 32, 3)}", f"--output={output}")
    results = json.loads((output / "metrics.json").read_text())
    assert np.shape(results["class_probabilities"]) == (1, 10)  # the second has not joined
    assert results["generated_images"] == 5000


def test_table_1_as_the_paper_has_it(monkeypatch):
    monkeypatch.syspath_prepend(str(APPS))
    import pipeline
    import reproduce
    import train_p2

    runs = reproduce.make_plan("p2", "generators", "paper", [0], {})["runs"]
    found = [tuple(o[key] for key in ("n_generators", "growth", "dataset", "epochs", "steps_per_epoch",
                                      "batch_size", "push_weight", "regularizer_weight", "networks"))
             for o in runs.values()]
    assert found == [(k, growth, "cifar10", 150, None, 64, 0.01, 2.0, "resnet")
                     for k, growth in ((1, None), (3, 15), (5, 10), (10, 5), (15, 3))]
    model = pipeline.build(train_p2.make, runs["3"])
    assert model.image_shape == (32, 32, 3)
    # First layers and batch normalisations, of 4 x 7 x 128 numbers, are each generator's own.
    own = 129 * 2048 + 28 * 128
    assert pipeline.count_parameters(model.generators) == 3 * own + 940_291 - 14 * 128
    assert pipeline.count_parameters([model.pull_discriminator]) == 1_053_696 + 129
    assert pipeline.count_parameters([model.push_discriminator]) == 1_053_696 + 6 * 129


def test_an_auxiliary_class_leaves_the_data(monkeypatch):
    monkeypatch.syspath_prepend(str(APPS))
    import train_p2

    labels = np.array([8, 3, 3, 8, 3, 3])
    images = np.arange(6, dtype="float32").reshape(6, 1, 1, 1)
    samples, sources = train_p2.with_auxiliary_class(images, labels, {"auxiliary_class": 3})
    assert sources.tolist() == [0, 0, 0, 1, 1, 1]
    assert samples[:3].ravel().tolist() == [0, 1, 2]  # half of each class
    assert samples[3:].ravel().tolist() == [4, 5, 4]


@pytest.mark.parametrize("flags, message", [
    (["--dataset=digits", "--classes=8,33"], "Received: ['33', '8']"),
    (["--dataset=digits", "--auxiliary_class=12"], "Classes are expected to be of"),
    (["--dataset=digits", "--classes=8,3", "--auxiliary_class=5"], "one of --classes. Received: 5 and"),
    (["--classes=1,2"], "--classes is expected to be left out with --dataset=ring"),
    (["--dataset=digits", "--auxiliary_class=3", "--n_generators=1"], "--n_generators of at least 2"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number"),
    (["--divergence=kl", "--regularizer_weight=1"], "divergence='js' with a regularizer_weight"),
    (["--push=some"], "some"),
    (["--networks=resnet"], "--networks=resnet expects images"),
])
def test_bad_input_ends_with_2_and_writes_nothing(flags, message, run_app_in_process, tiny_run,
                                                  tmp_path):
    code, error = run_app_in_process("train_p2", [
        *TINY, f"--classifier={tiny_run / 'classifier.keras'}", *flags, f"--output={tmp_path / 'x'}"])
    assert code == 2 and error.startswith("error: ") and message in error
    assert not (tmp_path / "x").exists()
