"""multigan card: what it makes of a run, and of which folders it makes nothing."""

import json
import shutil

import keras
import numpy as np
import pytest
from conftest import TINY

import keras_multigan
from keras_multigan import shipped
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import artifacts, card, files

pytestmark = pytest.mark.tensorflow  # it exports
TINY_VECTORS = ("--dimension=4", "--modes=2", "--num_generators=2", "--num_discriminators=1",
                "--layers=3", "--width=8", "--batch_size=8", "--epochs=1", "--steps_per_epoch=2",
                "--frechet_samples=500", "--judge_samples=200", "--wasserstein_steps=50",
                "--judge_steps=50")
FILES = ["README.md", "export", "metrics.json", "model.keras", "options.json", "samples.png"]


@pytest.fixture(scope="module")
def tiny_set(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "tiny_digits"
    assert [path.name for path in card.write_set(tiny_run, folder, RECIPES["commute"])] == FILES
    return folder


def test_the_set_draws_what_the_run_draws(tiny_run, tiny_set, monkeypatch):
    whole = artifacts.load_multigan(tiny_run)
    monkeypatch.setattr(shipped, "FOLDERS", (tiny_set.parent, tiny_set.parent / "absent"))
    model = keras_multigan.pretrained("tiny_digits")
    for k in (None, 0, 1):
        np.testing.assert_allclose(model.sample(5, generator=k, seed=1),
                                   whole.sample(5, generator=k, seed=1), atol=1e-6)
    sizes = [(folder / "model.keras").stat().st_size for folder in (tiny_set, tiny_run)]
    assert sizes[0] < sizes[1] / 3, "it has critics or optimizers"
    served = artifacts.open_model(tiny_set / "export")
    noise = np.random.default_rng(0).normal(size=(3, model.latent_dim)).astype("float32")
    np.testing.assert_allclose(artifacts.images_of(served, noise, 1),
                               model.run_network(model.generators[1], noise), atol=1e-5)
    assert 'base_path: "/models/generator_1"' in (tiny_set / "export" / "models.config").read_text()


def test_the_card_says_what_the_run_was(tiny_run, tiny_set):
    text = (tiny_set / "README.md").read_text()
    flags = [flag for flag in TINY if flag != "--image_size=32"]
    for line in ("# tiny_digits\n", RECIPES["commute"].title, "2 generators trained on digits",
                 "6 epochs, 12 steps", 'pretrained("tiny_digits")', "(10, 32, 32, 1) in [-1, 1]",
                 "    multigan sample --model=tiny_digits", "| image_size | 32 | 16 |",
                 "| num_generators | 2 | 5 |", "Data: train: 1437 images", "floor: of real images",
                 "ratio", "memorised images alike", "which is in no loss", "95 % interval",
                 "classifier trained on digits is in the loss", "the Frechet distance and",
                 "One run, seed 0", "Images have 32x32 pixels", "parameters per generator",
                 "Labels trained the classifier in the loss", "Apache 2.0", "keras 3", *flags):
        assert line in text, line
    command = next(line for line in text.splitlines() if line.startswith("    multigan train"))
    assert command.split()[2] == "commute" and "--output" not in command and "data_dir=" not in command
    was, options = (files.read_options(folder) for folder in (tiny_run, tiny_set))
    assert options == was | {"data_dir": None}
    results = json.loads((tiny_set / "metrics.json").read_text())
    assert not results.keys() & {"seconds_of_last_attempt", "history_sha256", "export"}
    assert results["sample_shape"] == [32, 32, 1] and -1 <= results["sample_mean"] <= 1
    assert "cpus" not in json.loads((tiny_set / "options.json").read_text())["versions"]


def test_a_folder_that_is_there(multigan, refused, tiny_run, tiny_set, tmp_path):
    output = shutil.copytree(tiny_set, tmp_path / "mine_digits")
    words = ["card", f"--model={tiny_run}", f"--output={output}"]
    refused(words, "which holds a run")
    (output / "samples.png").unlink()
    done = multigan(*words, "--overwrite")
    assert done.code == 0, done.err
    assert sorted(path.name for path in output.iterdir()) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["mine_digits"]
    assert "# mine_digits" in (output / "README.md").read_text()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"mine")
    refused(["card", f"--model={tiny_run}", "--output=photos", "--overwrite"], "holds other files")


def test_what_is_no_finished_run(refused, tiny_run, tmp_path):
    refused(["card", "--model=absent", "--output=x"], "Expected a run folder", "absent")
    for name in ("a b", ".hidden", "x.keras", "-x"):
        refused(["card", f"--model={tiny_run}", f"--output={name}"], "the set's name", "Received")
    shutil.copyfile(tiny_run / "options.json", tmp_path / "options.json")
    refused(["card", "--model=.", "--output=x"], "no model.keras", "--resume")
    shutil.copyfile(tiny_run / "model.keras", tmp_path / "model.keras")
    refused(["card", "--model=.", "--output=x"], "no metrics.json", "--resume")
    (tmp_path / "metrics.json").write_text('{"epochs": "six"}')
    refused(["card", "--model=.", "--output=x"], "no samples.png")
    shutil.copyfile(tiny_run / "samples.png", tmp_path / "samples.png")
    refused(["card", "--model=.", "--output=x"], "Expected the results of a run")


def test_an_error_leaves_what_was_there(monkeypatch, tiny_run, tiny_set, tmp_path):
    output = shutil.copytree(tiny_set, tmp_path / "mine_digits")
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}

    def fail(*args, **kwargs):
        raise OSError("no space")

    monkeypatch.setattr(card, "export_generators", fail)
    for target in (output, tmp_path / "new"):
        with pytest.raises(OSError, match="no space"):
            card.write_set(tiny_run, target, RECIPES["commute"], overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_set_of_a_run_on_vectors(multigan, tmp_path):
    assert multigan("train", "mix_plus", *TINY_VECTORS, "--output=run").code == 0
    assert multigan("card", "--model=run", "--output=vectors").code == 0
    text = (tmp_path / "vectors" / "README.md").read_text()
    for line in ("the mixture, (10, 4); generator=0", "samples.npy", "| Judge accuracy |",
                 "The training had no labels.\n", "no images", "| dimension | 4 | 64 |"):
        assert line in text, line
    for line in ("evaluate", "pixels", "in [-1, 1]", "data_dir", "is in the loss"):
        assert line not in text, line
    model = keras.saving.load_model(tmp_path / "vectors" / "model.keras", compile=False)
    wanted = json.loads((tmp_path / "run" / "metrics.json").read_text())["mixture_weights"]
    np.testing.assert_allclose(model.mixture_weights, wanted)


def test_paths_of_options_become_names(tmp_path):
    recipe, file = RECIPES["mim"], tmp_path / "own.keras"
    file.write_bytes(b"")
    options = recipe.make_options(classifier=str(file), data_dir="/data/mnist.npz", validation=0.25)
    options, results = card._without_places(recipe, options, {
        "frechet_features": f"logits of: {file}", "classifier_score": 2.0})
    assert results == {"frechet_features": "logits of: own.keras", "classifier_score": 2.0}
    assert options["data_dir"] is None
    assert card.command(recipe, options) == (
        "multigan train mim --classifier=own.keras --validation=0.25")


@pytest.mark.fast
def test_a_command_gives_its_options_again():
    from keras_multigan.cli import train
    from keras_multigan.cli.command import parse

    for method, given in (("mix", {"supervised": False, "num_discriminators": 2}),
                          ("p2", {"preset": "images", "growth": 0}),
                          ("commute", {"preset": "paper", "tvd_weight": "linear:20:5:70"})):
        recipe = RECIPES[method]
        options = recipe.make_options(**given).as_dict()
        _, _, name, *flags = card.command(recipe, options).split()
        again = parse(train.command(recipe).options, flags)
        assert name == method and recipe.make_options(**again).as_dict() == options
        assert len(again) == len(given)
