"""multigan classifier: what it leaves, bad input."""

import json

import numpy as np
import pytest

from keras_multigan.cli.classifier import OPTIONS
from keras_multigan.runs import files


def test_a_classifier_of_digits(multigan, refused, tmp_path):
    flags = ["--image_size=8", "--filters=8", "--epochs=6", "--batch_size=32",
             "--output=new/classifier"]
    done = multigan("classifier", *flags)
    assert done.code == 0, done
    output = tmp_path / "new" / "classifier"
    assert {path.name for path in output.iterdir()} == {
        "classifier.keras", "options.json", "metrics.json"}
    stored = files.read_options(output)
    assert stored.keys() == OPTIONS.keys()
    assert stored == {name: option.default for name, option in OPTIONS.items()} | {
        "image_size": 8, "filters": 8, "epochs": 6, "batch_size": 32}
    results = json.loads((output / "metrics.json").read_text())
    assert results["test_images"] == 360 and 0.2 < results["test_accuracy"] <= 1
    network = files.load_model(output / "classifier.keras")
    assert results["parameters"] == network.count_params()
    assert network.predict(np.zeros((2, 8, 8, 1)), verbose=0).shape == (2, 10)
    assert f"test accuracy {100 * results['test_accuracy']:.2f} % on 360 images" in done.out
    # A classifier has no --resume.
    error = refused(["classifier", *flags], "new/classifier, which holds a run. Choose another")
    assert "--resume" not in error


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--epochs=0"], "--epochs is expected to be >= 1 and <= 1000000. Received: 0"),
    (["--network=other"], "<paper|compact|embedding>"),
    (["--blends=1.5"], "--blends is expected to be a finite number >= 0 and <= 1. Received: 1.5"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number > 0"),
    (["--filters=0"], "--filters is expected to be >= 1"),
    (["--dataset=digts"], "digits"),
    (["--dataset=mnist", "--data_dir=/nonexistent"], "/nonexistent"),
])
def test_bad_input(flags, message, refused):
    refused(["classifier", *flags], message)


@pytest.mark.fast
def test_a_data_set_without_labels(refused, tmp_path):
    images = np.zeros((4, 8, 8), "uint8")
    np.savez(tmp_path / "plain.npz", x_train=images, x_test=images)
    refused(["classifier", "--dataset=plain", "--data_dir=plain.npz", "--image_size=8"], "labels")
