"""multigan evaluate: the measures of a run, again and on other data."""

import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from keras_multigan import metrics
from keras_multigan.cli.evaluate import evaluate, find_classifier, load_both
from keras_multigan.runs import measures


def test_a_run_gets_the_measures_of_its_training(multigan, tiny_run, refused, tmp_path):
    output = tmp_path / "new" / "metrics.json"
    done = multigan("evaluate", f"--model={tiny_run}", f"--output={output}")
    results = json.loads(output.read_text())
    trained = json.loads((tiny_run / "metrics.json").read_text())
    # The seeds are those of the training: the same images, up to rounding.
    for name in ("frechet_distance", "frechet_distance_by_generator", "classifier_score",
                 "pairwise_tvd", "embedded_frechet_distance", "embedded_floor", "embedded_coverage"):
        assert results[name] == pytest.approx(trained[name], rel=1e-3, abs=1e-4), name
    np.testing.assert_allclose(
        results["class_probabilities"], trained["class_probabilities"], atol=1e-4
    )
    for name in ("frechet_features", "class_probabilities_by", "generated_images", "real_images"):
        assert results[name] == trained[name], name
    assert results["measured"] == ["generator_0", "generator_1"]
    assert results["options"] == {
        "model": str(tiny_run), "dataset": "digits", "data_dir": None, "image_size": 32,
        "classifier": "compact classifier trained on digits", "split": "test",
        "num_samples": 10000, "seed": 1000,
    }
    assert "keras" in results["versions"]
    assert done.code == 0 and f"pairwise TVD                 {results['pairwise_tvd']:.4f}" in done.out
    assert done.out.endswith(f"\nmeasured: generator_0, generator_1 of {tiny_run}\n")
    refused(["evaluate", f"--model={tiny_run}", f"--output={output}"], "metrics.json, which exists")
    refused(["evaluate", f"--model={tiny_run}", "--output=x.txt"], "end in .json. Received: x.txt")


def test_nothing_is_trained_here(refused, tiny_run, tmp_path):
    shutil.copy(tiny_run / "model.keras", tmp_path)
    refused(["evaluate", "--model=model.keras", "--output=x.json"],
            "error: Expected a classifier for 'digits'", "multigan classifier --dataset=digits")


def test_exported_models(tiny_run):
    classifier = str(tiny_run / "classifier.keras")
    results = evaluate(model=tiny_run / "export", classifier=classifier, num_samples=101)
    assert results["measured"] == ["generator_0", "generator_1"]
    assert results["generated_images"] == 100
    assert results["class_probabilities_by"] == results["options"]["classifier"] == classifier
    one = evaluate(model=tiny_run / "export" / "generator_1", classifier=classifier, num_samples=50,
                   split="train", image_size=8)
    assert one["measured"] == ["generator_1"] and one["pairwise_tvd"] is None
    assert one["real_images"] == 1437 and one["options"]["image_size"] == 8
    # Generator k is drawn with seed + k, whether others are beside it or not.
    one = evaluate(model=tiny_run / "export" / "generator_1", classifier=classifier, num_samples=50)
    np.testing.assert_allclose(one["class_probabilities"][0], results["class_probabilities"][1],
                               atol=1e-4)
    with pytest.raises(ValueError, match="at least 7, 2 for each generator and 7 in all. Received: 4"):
        evaluate(model=tiny_run / "export" / "generator_1", num_samples=4)
    mixture = evaluate(model=tiny_run / "export" / "mixture", classifier=classifier, num_samples=50)
    assert mixture["measured"] == ["mixture"] and mixture["pairwise_tvd"] is None
    json.dumps(mixture, allow_nan=False)


def test_which_classifier(tiny_run, tmp_path, monkeypatch):
    found, name = find_classifier(tiny_run, "digits", "auto", "digits")
    assert found.output_shape == (None, 10) and name == "compact classifier trained on digits"
    own = find_classifier(tiny_run, "digits", "paper", "digits")[1]
    assert own == "ComMutE-GAN classifier trained on digits"
    monkeypatch.setattr(metrics, "shipped_classifier", lambda: "shipped")
    # A run's own classifier has learnt the run's data set, no other.
    for dataset in ("mnist", "mnist:3.0.1"):
        assert find_classifier(tiny_run, dataset, "auto", "digits")[0] == "shipped"
    for dataset, trained_on in (("cifar10", "digits"), ("digits", None)):
        with pytest.raises(FileNotFoundError, match=f"--dataset={dataset}"):
            find_classifier(tiny_run, dataset, "auto", trained_on)
    with pytest.raises(FileNotFoundError, match="absent.keras"):
        find_classifier(tiny_run, "digits", "absent.keras", "digits")
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(b"no zip file")
    with pytest.raises(ValueError, match="damaged.keras.*multigan classifier --dataset=digits"):
        find_classifier(tiny_run, "digits", damaged, "digits")


def test_a_run_on_other_data_than_its_own(tiny_run, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "gray.npz", x_test=rng.integers(0, 256, (12, 9, 9), "uint8"),
             y_test=np.arange(12) % 3)
    np.savez(tmp_path / "colour.npz", x_test=rng.integers(0, 256, (12, 9, 9, 3), "uint8"),
             y_test=np.arange(12) % 3)
    given = {"model": tiny_run, "classifier": str(tiny_run / "classifier.keras"), "num_samples": 40}
    results = evaluate(dataset="gray", data_dir=str(tmp_path), **given)
    assert results["real_images"] == 12 and results["options"]["dataset"] == "gray"
    with pytest.raises(ValueError, match=r"\(32, 32, 1\).*Received: 'colour' with \(32, 32, 3\)"):
        evaluate(dataset="colour", data_dir=str(tmp_path), **given)


def test_classes_are_chosen_before_images_are_drawn(tiny_run, tmp_path, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    options = json.loads((run / "options.json").read_text())
    options.pop("sha256", None)
    options.get("options", options)["classes"] = "0,1"
    (run / "options.json").write_text(json.dumps(options))
    monkeypatch.setattr(measures, "NUM_EVALUATION_IMAGES", 20)
    monkeypatch.setattr(measures, "evaluation_count", lambda shape: 20)
    assert evaluate(model=run, num_samples=24)["real_images"] == 24  # of 71


@pytest.mark.fast
def test_a_training_split_that_cannot_be_read(tmp_path):
    images, labels = np.zeros((20, 8, 8), "uint8"), np.arange(20) % 2
    path = tmp_path / "images.npz"
    np.savez(path, x_train=np.full((20, 8, 8), "a"), y_train=labels, x_test=images, y_test=labels)
    assert load_both("other", "test", 8, str(path), {})[0] is None
    with pytest.raises(ValueError, match="uint8 images"):
        load_both("other", "test", 8, str(path), {"dataset": "other"})


@pytest.mark.fast
def test_the_background_is_that_of_the_run(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for k in range(2):
            Image.new("RGBA", (8, 8)).save(tmp_path / split / f"{k}.png")
    for colour, value in (("white", 1), ("black", -1)):
        for found in load_both("photos", "test", 8, tmp_path, {"background": colour}):
            assert np.all(found.floats() == value)


def test_bad_arguments(tiny_run, refused, tmp_path):
    with pytest.raises(ValueError, match="at least 8, 2 for each generator and 7 in all.*Received: 3"):
        evaluate(model=tiny_run, num_samples=3)
    refused(["evaluate", f"--model={tiny_run}", "--num_samples=1"],
            "--num_samples is expected to be >= 2 and <= 10000000. Received: 1")
    refused(["evaluate", f"--model={tiny_run}", "--seed=1000000001"], "<= 1000000000")
    colour = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()])
    colour.save(tmp_path / "colour.keras")
    with pytest.raises(ValueError, match="3 channel"):
        evaluate(model=tiny_run, classifier=tmp_path / "colour.keras")
    (tmp_path / "options.json").write_text("[]")
    with pytest.raises(ValueError, match="JSON object.*Received: .*options.json"):
        evaluate(model=tmp_path)
