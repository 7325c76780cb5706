"""AC-GAN's recipe: networks, arena, what a run measures, bad input."""

import keras
import numpy as np
import pytest

from keras_multigan import networks
from keras_multigan.recipes import RECIPES, acgan
from keras_multigan.runs import printing

RECIPE = RECIPES["acgan"]
TINY = {"filters": 1, "image_size": 8, "latent_dim": 4, "batch_size": 8, "epochs": 1,
        "steps_per_epoch": 2}


def test_a_run_with_the_papers_preset(train_here, stand_in, stand_in_classifier):
    output, results = train_here(
        "acgan", "paper", **TINY, dataset="own", data_dir=str(stand_in(8, 8, 1)), inception="none",
        embedding="random", classifier=stand_in_classifier(8, 8, 1))
    assert (output / "export" / "generator_9").exists() and len(results["class_probabilities"]) == 10
    assert 0 <= results["least_class_accuracy"] <= results["class_accuracy"] <= 1
    assert "class accuracy" in dict(printing.shown(results, RECIPE.rows))
    assert 0 <= results["last_epoch"]["fake_accuracy"] <= 1


@pytest.mark.fast
def test_class_accuracy():
    """Of a classifier that sees two pixels, on images of three classes."""
    classifier = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(),
                                   keras.layers.Dense(3)])
    classifier.set_weights([np.array(w) for w in ([[9, 0, 0], [0, 9, 0]], [0, 0, 1])])
    first, second, none = np.array([[1, 0], [0, 1], [0, 0]], "float32")[:, None, None, :, None]
    images = [np.concatenate(x) for x in ([first] * 4, [second, second, second, first], [none, first])]
    assert acgan.measure(None, None, images, None, classifier) == {
        "class_accuracy": 0.75, "least_class_accuracy": 0.5}
    assert acgan.measure(None, None, images, None, None) == {}


@pytest.mark.fast
@pytest.mark.parametrize("kit", [
    networks.DenseKit((2,), latent_dim=3, num_generators=2, num_classes=5, width=4),
    networks.ConvKit((8, 8, 1), latent_dim=3, num_generators=2, num_classes=5, filters=2, units=4)],
    ids=["vectors", "images"])
def test_what_it_is_in_the_arena(kit):
    model = RECIPE.model(**RECIPE.arena(kit), seed=0)
    assert model.image_shape == kit.shape and model.latent_dim == 3 and model.num_generators == 5
    assert model.generator.input_shape == (None, 8) and model.discriminator.output_shape == (None, 6)
    given = {key: RECIPE.options[key].default for key in RECIPE.arguments if key != "latent_dim"}
    assert {key: getattr(model, key) for key in given} == given


@pytest.mark.fast
def test_options_reach_the_networks():
    model = RECIPE.like(RECIPE.make_options(
        **TINY, normalization="layer", dropout=0.25, gp_weight=1.0, learning_rate=0.5))
    kinds = [type(layer).__name__ for layer in model.discriminator.layers]
    assert "BatchNormalization" not in kinds and model.gp_weight == 1
    assert [layer.rate for layer in model.discriminator.layers
            if isinstance(layer, keras.layers.Dropout)] == [0.25]
    assert float(model.optimizer["generator"].learning_rate) == 0.5


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--gp_weight=10"], "--normalization is expected to be none, layer, spectral or weight"),
    (["--dropout=1"], "--dropout is expected to be a finite number >= 0 and < 1"),
    (["--generator_class_weight=-1"], "--generator_class_weight is expected to be a finite"),
    (["--adversarial_loss=other"], "<wasserstein|vanilla|hinge"),
])
def test_bad_input(flags, message, refused):
    refused(["train", "acgan", *(f"--{name}={value}" for name, value in TINY.items()), *flags,
             "--dry_run"], message)


@pytest.mark.fast
def test_data_without_labels(refused, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (80, 8, 8, 1), "uint8")
    np.savez(tmp_path / "images.npz", x_train=images, x_test=images)
    refused(["train", "acgan", *(f"--{name}={value}" for name, value in TINY.items()),
             f"--data_dir={tmp_path / 'images.npz'}", "--dataset=own", "--embedding=random",
             f"--output={tmp_path / 'run'}"],
            "a data set with labels of several classes. Received: none. multigan train gan needs")
