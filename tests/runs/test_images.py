"""Runs on images: which classifier, which samples, what is found before the training."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_multigan import data
from keras_multigan.data import ImageSet
from keras_multigan.metrics import shipped_classifier
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import classifiers, images, measures
from keras_multigan.runs.images import (
    ImageTask,
    class_names,
    combinations,
    hold_out,
    load_split,
    load_splits,
    of_classes,
    without_single_class,
)

pytestmark = pytest.mark.fast
RECIPE = RECIPES["mim"]
DATA = ImageSet(np.zeros((20, 16, 16, 1), "float32"), np.arange(20) % 10)


def test_which_classifier_measures(stand_in_classifier, tmp_path):
    saved = tmp_path / "classifier.keras"

    def find(**given):
        network, name, trained = classifiers.find(RECIPE.make_options(**given), DATA, saved)
        return network.count_params(), name, trained

    count, name, trained = find()
    assert name == "compact classifier trained on digits" and not trained
    keras.utils.set_random_seed(9)
    first = classifiers.find(RECIPE.make_options(seed=1), DATA, saved)[0].get_weights()
    again = classifiers.find(RECIPE.make_options(seed=2), DATA, saved)[0].get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(first, again))  # one for all runs on a data set
    chosen = stand_in_classifier(16, 16, 1)
    small = 16 * 16 * 10 + 10
    assert find(classifier=chosen) == (small, chosen, True)
    keras.saving.load_model(chosen).save(saved)
    assert find() == (small, name, True)
    assert find(dataset="mnist", image_size=28) == (small, "compact classifier trained on mnist", True)
    shipped = shipped_classifier().count_params()
    for dataset in ("mnist", "mnist:3.0.1"):
        assert find(dataset=dataset, image_size=32) == (
            shipped, "keras_multigan MNIST classifier (shipped)", True)
    assert count not in (small, shipped)


def test_which_embedding_measures(tmp_path):
    def name(data=DATA, **given):
        return classifiers.embedding(RECIPE.make_options(**given), data, data, tmp_path).name

    assert name() == "independent network trained on digits (shipped, 64 features)"
    assert name(dataset="mnist:3.0.1").startswith("independent network trained on mnist (shipped")
    for found in (name(embedding="random"), name(DATA.without_labels()),
                  name(dataset="mine", embedding="random")):
        assert found == "fixed random convolutional network (64 features, seed 0)"


@pytest.mark.parametrize("dataset", ["digits", "mnist"])
def test_an_embedding_for_images_with_colours(dataset, tmp_path, monkeypatch):
    """The shipped ones have one channel."""
    monkeypatch.setattr(classifiers, "fit", lambda *args, **kwargs: None)
    colours = ImageSet(np.zeros((20, 16, 16, 3), "uint8"), np.arange(20) % 10)
    found = classifiers.embedding(RECIPE.make_options(dataset=dataset), colours, colours, tmp_path)
    assert "shipped" not in found.name and (tmp_path / "embedding.keras").exists()


def test_splits_of_two_shapes_are_refused(monkeypatch):
    shapes = {"train": (16, 16, 1), "test": (16, 16, 3)}
    monkeypatch.setattr(images, "load_split", lambda options, split: ImageSet(
        np.zeros((20, *shapes[split]), "uint8"), None))
    with pytest.raises(ValueError, match="of one shape are expected. Received: .*1. and .*3.. Convert"):
        images.load_both(RECIPE.make_options())


def test_no_accuracy_without_labels(capsys):
    train = ImageSet(np.zeros((32, 8, 8, 1), "uint8"), np.arange(32) % 2)
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    classifiers.train(network, train, train.without_labels(), "mine")
    assert "not known: the test images have no labels" in capsys.readouterr().out


def test_a_validation_part_is_held_out():
    """A share of the training images of each class, the same one in all runs."""
    def splits(seed=0, **given):
        return load_splits(RECIPE.make_options(seed=seed, image_size=8, **given))

    (train, test), (kept, held_out), (again, _) = (
        splits(), splits(validation=0.2), splits(1, validation=0.2))
    assert (len(kept), len(held_out), len(test)) == (1149, 288, 360)
    both = np.concatenate([kept.floats(), held_out.floats()]).reshape(len(train), -1)
    np.testing.assert_array_equal(np.unique(both, axis=0),
                                  np.unique(train.floats().reshape(len(train), -1), axis=0))
    np.testing.assert_array_equal(kept.floats(), again.floats())
    shares = np.bincount(held_out.labels) / len(held_out)
    np.testing.assert_allclose(shares, np.bincount(train.labels) / len(train), atol=0.004)
    assert "288 are held out and measured" in kept.note
    with pytest.raises(ValueError, match="images of every class. Received: 0.2 of 20 images"):
        hold_out(DATA, 0.2)


def test_labels_and_splits_of_the_options(monkeypatch):
    asked = []

    def load(name, split, size, data_dir, *, label, **others):
        asked.append((name, split, label))
        columns = None if label is None else np.arange(8).reshape(4, 2) % 3 % 2
        return ImageSet(DATA.images[:4], columns if isinstance(label, list) else columns[:, 0]
                        if label else None)

    monkeypatch.setattr(images.data, "load_image_set", load)

    def split(name, **given):
        return load_split(RECIPE.make_options(dataset="faces", **given), name)

    assert split("train").labels is None
    assert split("test", label="Male").labels.tolist() == [0, 0, 1, 0]
    both = split("train", label="Male, Hat")
    assert both.labels.tolist() == [1, 0, 2, 1] and both.class_names == ["none", "Hat", "Male"]
    assert split("train", label="Male", train_split="unlabelled").labels is None
    split("test", train_split="unlabelled")
    assert asked == [("faces", "train", None), ("faces", "test", "Male"),
                     ("faces", "train", ["Male", "Hat"]), ("faces", "unlabelled", None),
                     ("faces", "test", None)]


@pytest.mark.parametrize("train, test, kept", [
    ([0, 1, 0], [1, 1], (True, True)), ([0, 0, 0], [0, 0], (False, False)),
    (None, [1, 1], (False, False)), (None, [0, 1], (False, True)), (None, None, (False, False))])
def test_a_test_set_may_lack_classes(train, test, kept):
    sets = [ImageSet(DATA.images[: 3 - k], None if labels is None else np.array(labels))
            for k, labels in enumerate((train, test))]
    assert tuple(x.labels is not None for x in without_single_class(*sets)) == kept


def test_combinations_of_labels():
    labels, names = combinations(np.array([[0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 0, 0]]),
                                 ["Male", "Black", "Blond"])
    assert labels.tolist() == [2, 1, 5, 0]
    assert names == ["none", "Blond", "Black", "Black+Blond", "Male", "Male+Blond"]
    for wrong, message in ((np.zeros((2, 11), int), "a, a"), (np.array([[0, 5]]), "a, up to 5")):
        with pytest.raises(ValueError, match=f"at most 10, of 0 and 1. Received: .*{message}"):
            combinations(wrong, ["a"] * wrong.shape[1])


def test_training_images_of_a_distance():
    assert measures.drawn(DATA) is DATA
    numbered = ImageSet(np.arange(20, dtype="float32").reshape(20, 1, 1, 1))
    drawn = measures.drawn(numbered, 5).floats().ravel()
    assert len(drawn) == 5 and (np.diff(drawn) > 0).all()


def test_the_papers_classifier(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(classifiers.networks, "commute_classifier", lambda shape, classes: (
        made.append((shape, classes)) or keras.Sequential()))
    for dataset, size in (("digits", 16), ("mnist", 32)):
        options = RECIPE.make_options(dataset=dataset, image_size=size, classifier="paper")
        _, name, trained = classifiers.find(options, DATA, tmp_path / "classifier.keras")
        assert name == f"ComMutE-GAN classifier trained on {dataset}" and not trained
    assert made == [((16, 16, 1), 10)] * 2
    options = options.replace(strategy="multiworker")  # which cannot train one
    assert classifiers.find(options, DATA, tmp_path / "classifier.keras")[1].endswith("(shipped)")


def test_several_workers_need_a_trained_classifier(tmp_path):
    options = RECIPE.make_options(strategy="multiworker")
    with pytest.raises(ValueError, match="multigan classifier --dataset=digits. and pass it as --cl"):
        classifiers.find(options, DATA, tmp_path / "classifier.keras")


def test_a_classifier_is_float32_whatever_the_run(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network, _, _ = classifiers.find(RECIPE.make_options(), DATA, tmp_path / "classifier.keras")
        assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_classes():
    labels = np.array([8, 3, 5, 3])
    assert of_classes(labels, "8, 3").tolist() == [True, True, False, True]
    assert class_names(" 8,3 ") == {"8", "3"}
    with pytest.raises(ValueError, match=r"of \['3', '5', '8'\]. Received: \['33', '8'\]"):
        of_classes(labels, "8,33")


@pytest.mark.parametrize("dataset, shape", [
    ("digits", (16, 16, 1)), ("mnist:3.0.1", (16, 16, 1)), ("emnist/letters", (16, 16, 1)),
    ("cifar10", (16, 16, 3)), ("stacked_mnist", (16, 16, 3))])
def test_the_shape_of_data_that_are_not_loaded(dataset, shape):
    samples = ImageTask().like(RECIPE.make_options(dataset=dataset))
    assert samples.shape == shape and samples.num_classes == 10
    assert samples.classifier.output_shape == (None, 10)


def test_inception_that_is_not_there_is_found_before_training(refused, stand_in_classifier):
    refused(["train", "mim", "--filters=2", f"--classifier={stand_in_classifier(16, 16, 1)}",
             "--inception=absent.h5"], "The flag is --inception=absent.h5")


@pytest.mark.parametrize("count, flags, message", [
    (2, ["mm"], "At least 3 test images are expected"),
    (20, ["gm"], "--supervised expects a data set with labels"),
    (20, ["mix"], "--supervised expects a data set with labels"),
    (20, ["commute"], "A classifier is expected if tvd_weight is not 0"),
    (20, ["mim"], "A classifier is expected if mutual_information_weight is not 0"),
    (20, ["p2", "--preset=constraints"], "Labels are expected to choose the classes 3"),
])
def test_data_without_labels(count, flags, message, refused, tmp_path):
    images = np.zeros((count, 16, 16), "uint8")
    np.savez(tmp_path / "plain.npz", x_train=images, x_test=images)
    method, *flags = flags
    refused(["train", method, *flags, "--data_dir=plain.npz", "--image_size=16"], message)


def test_other_images_under_the_name_of_shipped_ones(caplog):
    digits = data.load_image_set("digits", "test", 16)
    assert classifiers.shipped_embedding("digits", digits) is not None and not caplog.text
    others = ImageSet(digits.images[::-1], digits.labels)
    for name in ("digits", "mnist:3.0.1"):
        caplog.clear()
        assert classifiers.shipped_embedding(name, others) is not None
        assert f"--dataset={name} expects the images of that name" in caplog.text
    caplog.clear()
    assert classifiers.shipped_embedding("fashion_mnist", digits) is None
    assert classifiers.shipped_embedding("mnist", others.without_labels()) and not caplog.text


def test_a_classifier_of_more_classes_than_the_folders(train_here, stand_in_classifier, tmp_path):
    numbers = np.random.default_rng(0)
    for index in range(80):
        path = tmp_path / "photos" / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbers.integers(0, 256, (16, 16), "uint8")).save(path)
    output, results = train_here(
        "gan", "quick", dataset="photos", data_dir=str(tmp_path / "photos"), image_size=16, epochs=1,
        steps_per_epoch=1, batch_size=8, filters=2, classifier=stand_in_classifier(16, 16, 1))
    assert "class_names" not in results and len(results["class_probabilities"][0]) == 10
    assert (output / "class_table.png").exists()
