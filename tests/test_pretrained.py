"""The trained sets that ship: each loads by its name and draws what its card says."""

import json
import re
import shlex

import keras
import numpy as np
import pytest
from conftest import REPOSITORY

import keras_multigan
from keras_multigan import metrics, models, shipped
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import artifacts, files, printing
from keras_multigan.runs.options import lacking

SETS = shipped.sets()
EMBEDDINGS = {"digits": metrics.digits_embedding, "mnist": metrics.mnist_embedding}
COUNT = 500


@pytest.fixture(scope="module", params=SETS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return keras_multigan.pretrained(name)


@pytest.fixture(scope="module")
def card(name):
    """The content of README.md, options.json (the options) and metrics.json."""
    folder = SETS[name]
    return ((folder / "README.md").read_text(), files.read_options(folder),
            files.read_object(folder / "metrics.json", "Make the set again."))


def test_it_draws_what_its_card_says(model, card):
    _, options, results = card
    samples = model.sample(COUNT, seed=1)
    assert samples.shape == (COUNT, *results["sample_shape"]) and samples.dtype == np.float32
    assert model.generators[0].output_shape == (None, *results["sample_shape"])
    assert np.isfinite(samples).all()
    if len(model.image_shape) == 3:
        assert samples.min() >= -1 and samples.max() <= 1
    # The first two moments of a pixel, within six standard errors of the two means.
    mean = results["sample_mean"]
    second = results["sample_deviation"] ** 2 + mean**2
    rows = samples.reshape(COUNT, -1).astype("float64")
    for values, wanted in ((rows.mean(axis=1), mean), ((rows**2).mean(axis=1), second)):
        error = values.std() * (1 / COUNT + 1 / 2000) ** 0.5
        assert values.mean() == pytest.approx(wanted, abs=6 * error)
    if embedding := EMBEDDINGS.get(options.get("dataset")):
        wanted = np.array(results["embedded_class_shares"])
        classes = embedding().classes(embedding()(samples))
        shares = np.bincount(classes, minlength=len(wanted)) / COUNT
        np.testing.assert_allclose(shares, wanted, atol=6 * 0.5 / COUNT**0.5)


def test_the_command_draws_the_same(name, model, multigan, tmp_path):
    done = multigan("sample", f"--model={name}", "--num_samples=2", "--seed=3", "--output=x.npz")
    assert done.code == 0, done.err
    with np.load(tmp_path / "x.npz", allow_pickle=False) as drawn:
        assert len(drawn) == model.num_generators
        for k in range(model.num_generators):
            np.testing.assert_allclose(drawn[f"generator_{k}"], model.sample(2, generator=k, seed=3),
                                       atol=1e-6)


@pytest.mark.tensorflow
def test_its_saved_models_give_the_same(name, model):
    served = artifacts.open_model(SETS[name] / "export")
    noise = np.random.default_rng(0).normal(size=(8, model.latent_dim)).astype("float32")
    for k in range(model.num_generators):
        np.testing.assert_allclose(artifacts.images_of(served, noise, k),
                                   model.generators[k](noise, training=False), atol=1e-5)
    assert served.sample(3).shape == (3, *model.image_shape)


def test_the_card_is_of_this_set(name, card):
    text, options, results = card
    assert text.startswith(f"# {name}\n") and f'pretrained("{name}")' in text
    recipe = RECIPES[options["method"]]
    for title, value in printing.shown(results, recipe.rows):
        if not title.strip().startswith(("best", "to training images")):
            assert f"{title.strip()} | {value} |" in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (SETS[name] / target).is_file()
    assert re.search(r"labels?\b", text, re.IGNORECASE) and "## Limits" in text
    # Its command has its options.
    (line,) = re.findall(r"^ +multigan train (.*)$", text, re.M)
    method, *flags = shlex.split(line)
    from keras_multigan.cli import train
    from keras_multigan.cli.command import parse

    given = parse(train.command(recipe).options, flags)
    assert method == recipe.name
    assert recipe.make_options(**given).as_dict() == options | lacking(recipe, options)


@pytest.mark.fast
def test_no_machine_is_in_the_sets():
    for folder in SETS.values():
        for path in [*folder.glob("*.json"), folder / "README.md", folder / "export" / "models.config"]:
            assert not re.search(r"/(root|home|tmp|work|Users)\b", path.read_text()), path
        assert "cpus" not in json.loads((folder / "options.json").read_text())["versions"]
        assert not [path for path in folder.rglob("*") if path.name.startswith((".", "partial-"))]


@pytest.mark.fast
def test_the_page_lists_all_sets():
    page = (REPOSITORY / "docs" / "pretrained.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| .* \| .*(?:MNIST|Gaussians)", page, re.M) == [*SETS]


@pytest.mark.fast
def test_all_sets_are_small():
    sizes = [path.stat().st_size for path in (REPOSITORY / "savedmodels").rglob("*") if path.is_file()]
    assert sum(sizes) < 40e6


@pytest.mark.fast
@pytest.mark.parametrize("wrong", ["absent", "", ".", "..", "../savedmodels/gm_mnist", "gm_mnist/",
                                   "mnist_classifier", str(SETS["gm_mnist"]), None])
def test_names_that_are_none(wrong):
    with pytest.raises(ValueError, match="trained set that ships: .*gm_mnist.*Received: "):
        keras_multigan.pretrained(wrong)


@pytest.mark.fast
def test_a_local_path_comes_first(refused, tmp_path):
    refused(["sample", "--model=gm_mnisst"], "gm_mnist", "gm_mnisst, which is none of these")
    assert artifacts.find("gm_mnist") == SETS["gm_mnist"]  # in the folder tmp_path, see `multigan`
    (tmp_path / "gm_mnist").mkdir()
    assert str(artifacts.find("gm_mnist")) == "gm_mnist"
    refused(["sample", "--model=gm_mnist"], "Received: ", "gm_mnist, which is none of these")


def test_evaluate_takes_a_name(multigan, stand_in):
    done = multigan("evaluate", "--model=gm_mnist", "--num_samples=200", "--output=x.json",
                    f"--data_dir={stand_in(28, 28)}")
    assert done.code == 0, done.err
    assert f"of {SETS['gm_mnist']}" in done.out or "of gm_mnist" in done.out
    assert "Frechet distance" in done.out


def test_trained_generators_are_not_trained():
    model = keras_multigan.pretrained("gm_mnist")
    with pytest.raises(ValueError, match="sampled from.*Received: compile"):
        model.compile()
    trained = {id(v) for v in model.trainable_variables}
    model.summary(print_fn=lambda text: None)
    assert trained and trained == {id(v) for v in model.trainable_variables}
    critic = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    gan = models.GAN(model.generators[3], critic, latent_dim=model.latent_dim)
    gan.compile()
    assert gan.phases()[1].variables


@pytest.mark.fast
@pytest.mark.parametrize("shares", [[1.0], [0.5, -0.5], [0.0, 0.0], [np.nan, 1.0]])
def test_shares_that_are_none(shares):
    generators = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]) for _ in range(2)]
    with pytest.raises(ValueError, match="shares are expected to be 2 finite numbers.*Received"):
        keras_multigan.TrainedGenerators(generators, latent_dim=2, shares=shares)


@pytest.mark.fast
def test_shares_are_those_of_the_mixture(tmp_path):
    generators = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, bias_initializer=value)])
                  for value in ("zeros", keras.initializers.Constant(100.0))]
    model = keras_multigan.TrainedGenerators(generators, latent_dim=2, shares=[1, 3])
    np.testing.assert_array_equal(model.mixture_weights, [0.25, 0.75])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.mixture_weights, [0.25, 0.75])
    of_second = (loaded.sample(2000, seed=0) > 50).mean()
    assert of_second == pytest.approx(0.75, abs=6 * 0.5 / 2000**0.5)
