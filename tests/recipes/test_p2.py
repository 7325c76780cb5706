"""P2GAN's recipe: runs on the ring, with a constraint and on images; table 1; bad input."""

import json

import keras
import numpy as np
import pytest

from keras_multigan import metrics
from keras_multigan.callbacks import Evaluate, read_history
from keras_multigan.data import ImageSet
from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.experiment import arm_options
from keras_multigan.recipes.p2 import select, with_auxiliary_class
from keras_multigan.runs import Run, measures
from keras_multigan.runs.images import combinations
from keras_multigan.runs.run import count_parameters

RECIPE = RECIPES["p2"]
TINY = {"num_generators": 3, "latent_dim": 4, "width": 8, "batch_size": 12, "generator_batch_size": 4,
        "epochs": 3, "steps_per_epoch": 2, "growth": 2}
FLAGS = [f"--{name}={value}" for name, value in TINY.items()]


def test_a_ring_that_is_still_growing(run_process, multigan, tmp_path):
    """The real command, on vectors."""
    output = tmp_path / "run"
    done = run_process("train", "p2", *FLAGS, f"--output={output}", cwd=tmp_path)
    for name in ("samples.png", "evolution.png", "curves.png", "model.keras",
                 "export/generator_2/1/saved_model.pb"):
        assert (output / name).stat().st_size > 0, name
    results = json.loads((output / "metrics.json").read_text())
    assert np.shape(results["mode_shares"]) == (2, 8)  # the third has not joined
    assert 0 <= results["modes_covered"] <= 8 and results["frechet_distance"] > 0
    assert "modes covered" in done.stdout
    again = multigan("train", "p2", f"--output={output}", "--resume")
    assert again.code == 0 and again.out.strip() and done.stdout.endswith(again.out)


def test_a_constraint(train_here, stand_in_classifier):
    output, results = train_here("p2", "constraints", **{**TINY, "num_generators": 2, "growth": 1},
                                 classifier=stand_in_classifier(8, 8, 1))
    table = np.array(results["class_probabilities"])
    assert table.shape == (2, 10)
    assert results["first_outside_auxiliary_class"] == pytest.approx(1 - table[0, 3], abs=1e-5)
    assert results["real_images"] < 100  # two classes of the test set
    assert json.loads((output / "options.json").read_text())["options"]["classes"] == "8,3"


def test_images_while_growing(train_here, stand_in, stand_in_classifier, monkeypatch):
    """The standard CNN, with FIDs by epoch."""
    seen = []

    def outputs(images, weights):
        seen.append(len(images))
        features = np.asarray(images).reshape(len(images), -1)[:, ::20]
        return metrics.InceptionOutputs(features, features, weights)

    monkeypatch.setattr(metrics, "inception_outputs", outputs)
    monkeypatch.setattr(measures, "NUM_FID_IMAGES", 30)
    output, results = train_here(
        "p2", "images_paper", **{**TINY, "num_generators": 2, "width": 2, "epochs": 2}, image_size=8,
        networks="cnn", regularizer_weight=0.0, fid_every=2, inception="stub",
        data_dir=str(stand_in(8, 8, 3)), classifier=stand_in_classifier(8, 8, 3))
    assert np.shape(results["class_probabilities"]) == (1, 10)  # the second has not joined
    assert results["generated_images"] == 100
    history = read_history(output)
    fids = [row["fid"] for row in history]
    assert len(fids) == 2 and min(fids) > 0 and fids[0] != fids[1]
    assert seen.count(30) == 2 and results["last_epoch"]["fid"] == fids[1]
    # A resumed run goes on with the last one; one that began without has none.
    run = Run(RECIPE, None, output)
    fid = Evaluate(None, 30, 5)
    assert run._going_on(fid, history) == [fid] and fid.results == {"fid": fids[1]}
    assert run._going_on(fid, [{"epoch": 0}]) == run._going_on(None, history) == []


@pytest.mark.fast
def test_the_classes_of_hair_and_the_papers_fids():
    hair = RECIPE.make_options("hair_paper")
    # Women with black hair, and with blond; the first are the auxiliary class.
    labels, names = combinations(np.array([[0, 1, 0], [0, 0, 1], [1, 1, 0]]), hair.label.split(","))
    assert select(hair, labels).tolist() == [True, True, False]
    assert names[hair.auxiliary_class] == "Black_Hair"
    fids = {(key, arm.label): (o.networks, o.regularizer_weight, arm.paper["fid_train"])
            for key in ("networks", "stl10", "imagenet") for arm in RECIPE.experiments[key].arms
            for o in [arm_options(RECIPE, RECIPE.experiments[key], arm, "paper", {})]}
    assert fids == {
        ("networks", "resnet"): ("resnet", 2.0, 20.1), ("networks", "cnn"): ("cnn", 0.0, 25.2),
        ("stl10", "resnet"): ("resnet", 2.0, 38.2), ("stl10", "cnn"): ("cnn", 0.0, 53.3),
        ("imagenet", "resnet"): ("resnet", 2.0, 18.1)}


def test_table_1_as_the_paper_has_it():
    experiment = RECIPE.experiments["generators"]
    runs = {arm.label: arm_options(RECIPE, experiment, arm, "paper", {}) for arm in experiment.arms}
    found = [(o.num_generators, o.growth, o.dataset, o.epochs, o.steps_per_epoch, o.batch_size,
              o.push_weight, o.regularizer_weight, o.networks) for o in runs.values()]
    assert found == [(k, growth, "cifar10", 150, None, 64, 0.01, 2.0, "resnet")
                     for k, growth in ((1, None), (3, 15), (5, 10), (10, 5), (15, 3))]
    assert [arm.paper for arm in experiment.arms] == [
        {"fid_train": fid} for fid in (26.7, 25.7, 20.1, 23.1, 23.5)]
    model = RECIPE.like(runs["3"])
    assert model.image_shape == (32, 32, 3)
    # First layers and batch normalisations, of 4 x 7 x 128 numbers, are each generator's own.
    own = 129 * 2048 + 28 * 128
    assert count_parameters(model.generators) == 3 * own + 940_291 - 14 * 128
    assert count_parameters([model.pull_discriminator]) == 1_053_696 + 129
    assert count_parameters([model.push_discriminator]) == 1_053_696 + 6 * 129
    keras.utils.clear_session()


@pytest.mark.fast
def test_an_auxiliary_class_leaves_the_data():
    labels = np.array([8, 3, 3, 8, 3, 3])
    images = np.arange(6, dtype="float32").reshape(6, 1, 1, 1)
    options = RECIPE.make_options("constraints")
    data = ImageSet(images, labels)
    samples, sources = with_auxiliary_class(options, data)
    assert sources.tolist() == [0, 0, 0, 1, 1, 1]
    assert samples[:3].ravel().tolist() == [0, 1, 2]  # half of each class
    assert samples[3:].ravel().tolist() == [4, 5, 4]
    samples, sources = with_auxiliary_class(options.replace(auxiliary_class=None), data)
    assert len(samples) == 6 and samples.labels is None and sources is None


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--dataset=digits", "--classes=8,33"], "Received: ['33', '8']"),
    (["--dataset=digits", "--auxiliary_class=12"], "Classes are expected to be of"),
    (["--dataset=digits", "--classes=8,3", "--auxiliary_class=5"], "one of --classes. Received: 5 and"),
    (["--classes=1,2"], "--classes is expected to be left out with --dataset=ring"),
    (["--auxiliary_class=1"], "--auxiliary_class is expected to be left out with --dataset=ring"),
    (["--dataset=digits", "--auxiliary_class=3", "--num_generators=1"],
     "--num_generators of at least 2"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number > 0"),
    (["--divergence=kl", "--regularizer_weight=1"], "adversarial_loss='js' with a regularizer_weight"),
    (["--push=some"], "<all|earlier>"),
    (["--growth=-1"], "--growth is expected to be >= 0"),
    (["--image_size=8"], "--image_size is expected to be left out with --dataset=ring"),
    (["--inception=tfgan"], "--inception is expected to be left out with --dataset=ring"),
    (["--networks=resnet"], "--networks=resnet expects images"),
])
def test_bad_input(flags, message, refused, stand_in_classifier):
    of_images = ["--image_size=8", f"--classifier={stand_in_classifier(8, 8, 1)}"]
    refused(["train", "p2", *FLAGS, *of_images * ("--dataset=digits" in flags), *flags], message)
