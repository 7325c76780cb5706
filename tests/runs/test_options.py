"""Options: what one allows, and where those of a run come from."""

import dataclasses
import json
import math

import pytest

from keras_multigan.recipes import RECIPES
from keras_multigan.runs import files
from keras_multigan.runs.options import Option, options_class, renamed, resolve

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("option, good, bad, wanted", [
    (Option(1, least=1), [1, 10**9, None], [0, -5, math.inf], ">= 1"),
    (Option(0.5, least=0), [0.0, 7.5], [-0.1, math.nan, math.inf, -math.inf], "a finite number >= 0"),
    (Option(0.5, above=0), [1e-9, 3], [0.0, -1, math.nan, math.inf], "a finite number > 0"),
    (Option(0.5, least=0, most=1), [0.0, 1.0], [1.01, math.nan], "a finite number >= 0 and <= 1"),
    (Option(0, kind=int, least=0, most=9), [0, 9], [10, -1], ">= 0 and <= 9"),
    (Option(0.5, least=0, below=1), [0.0, 0.99], [1.0, 5], "a finite number >= 0 and < 1"),
    (Option("a", choices=("a", "b")), ["a", "b", None], ["c", ""], "one of a, b"),
    (Option(kind=str), ["x", "", None], [], ""),
    (Option(True), [True, False], [], ""),
])
def test_what_an_option_allows(option, good, bad, wanted):
    for value in good:
        option.check("it", value)
    for value in bad:
        with pytest.raises(ValueError) as error:
            option.check("it", value)
        assert str(error.value) == f"--it is expected to be {wanted}. Received: {value}"


def test_the_type_of_an_option():
    assert [o.value_type for o in (Option(1), Option(0.5), Option(""), Option(False))] == [
        int, float, str, bool]
    assert Option(kind=int).value_type is int and Option(1, kind=float).value_type is float


def test_a_class_of_options():
    Some = options_class("Some", {"rate": Option(0.5, above=0), "name": Option(kind=str)})
    options = Some(method="m", preset="p", rate=2.0)
    assert options.as_dict() == {"method": "m", "preset": "p", "rate": 2.0, "name": None}
    assert options.replace(name="x") == Some(method="m", preset="p", rate=2.0, name="x")
    for make in (lambda: Some(method="m", preset="p", rate=0.0), lambda: options.replace(rate=0.0)):
        with pytest.raises(ValueError, match="--rate is expected to be a finite number > 0"):
            make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.rate = 1.0
    with pytest.raises(TypeError):
        Some(method="m", preset="p", other=1)


def store(folder, **options):
    files.write_json(folder / "options.json", {"options": options, "versions": {}})
    return folder


def test_a_new_run_has_the_presets_options_but_those_given(tmp_path):
    recipe = RECIPES["mim"]
    assert resolve(recipe, {}, tmp_path, False) == recipe.make_options("quick")
    options = resolve(recipe, {"preset": "paper", "epochs": 3}, tmp_path, False)
    assert options == recipe.make_options("paper").replace(epochs=3)
    with pytest.raises(ValueError, match="--preset is expected to be one of paper, quick"):
        resolve(recipe, {"preset": "huge"}, tmp_path, False)


def test_a_resumed_run_has_its_own_options(tmp_path):
    recipe = RECIPES["mim"]
    started = recipe.make_options("paper", epochs=3, seed=5, data_dir="here")
    store(tmp_path, **started.as_dict())
    assert resolve(recipe, {}, tmp_path, True) == started
    # Where the data lie and which devices share the work may differ.
    moved = {"data_dir": "there", "strategy": "mirrored", "devices": 2, "tpu": "local"}
    assert resolve(recipe, {**moved, "seed": 5, "preset": "paper"}, tmp_path, True) == (
        started.replace(**moved))
    with pytest.raises(ValueError) as error:
        resolve(recipe, {"seed": 6, "preset": "quick", "epochs": 3, "devices": 2}, tmp_path, True)
    assert str(error.value).splitlines()[1:3] == [
        "  --seed: the run has 5, received 6", "  --preset: the run has 'paper', received 'quick'"]
    assert len(str(error.value).splitlines()) == 4


def test_a_resumed_run_may_lack_options_that_are_new(tmp_path):
    recipe = RECIPES["commute"]
    started = recipe.make_options("quick", epochs=3)
    older = started.as_dict()
    del older["inception"], older["generator_batch_size"]
    store(tmp_path, **older)
    assert resolve(recipe, {}, tmp_path, True) == started


# As version 0.1 wrote them.
OLD = {
    "commute": (
        {"app": "commute", "preset": "quick", "epochs": 3, "n_generators": 4, "batch_size": 100,
         "tvd_schedule": "linear:20:5:3", "n_critic": 2, "learning_rate": 2e-4},
        {"epochs": 3, "num_generators": 4, "batch_size": 100, "tvd_weight": "linear:20:5:3",
         "n_critic": 2, "learning_rate": 2e-4, "ema": None}),
    "mix_plus": (
        {"app": "mix-plus", "preset": "quick", "n_generators": 2, "n_discriminators": 1, "n_critic": 3,
         "base": "vanilla", "dimension": 8},
        {"num_generators": 2, "num_discriminators": 1, "discriminator_updates": 3,
         "adversarial_loss": "vanilla", "dimension": 8}),
    "mix": (
        {"app": "mix", "preset": "quick", "n_generators": 2, "n_discriminators": 5, "n_critic": 3},
        {"num_generators": 2, "num_discriminators": 5, "discriminator_updates": 3}),
    "mim": ({"app": "mim", "preset": "paper", "n_generators": 2}, {"num_generators": 2}),
    "gm": ({"app": "gm", "preset": "quick", "base": "wasserstein", "supervised": False},
           {"adversarial_loss": "wasserstein", "supervised": False}),
    "mm": ({"preset": "quick", "alpha": 0.5}, {"alpha": 0.5}),  # the first runs have no name
    "p2": ({"app": "p2", "preset": "quick", "n_generators": 3, "divergence": "kl", "dimension": 2},
           {"num_generators": 3, "adversarial_loss": "kl"}),
}


@pytest.mark.parametrize("name", OLD)
def test_a_run_of_version_0_1_is_resumed(name, tmp_path):
    recipe, (stored, wanted) = RECIPES[name], OLD[name]
    store(tmp_path, **stored)
    # What presets have got since has the value that it had before there was an option.
    since = {key: option.default for key, option in recipe.options.items() if option.later}
    assert resolve(recipe, {}, tmp_path, True) == recipe.make_options(
        stored["preset"], **{**since, **wanted})
    assert resolve(recipe, dict(wanted), tmp_path, True).method == name


def test_names_of_version_0_1():
    assert set(OLD) <= set(RECIPES)
    options = {"new": Option(1, aliases=("old", "older")), "same": Option(2)}
    assert renamed({"old": 3, "same": 4, "other": 5}, options) == {"new": 3, "same": 4, "other": 5}
    for recipe in RECIPES.values():
        assert renamed({name: 0 for name in recipe.options}, recipe.options).keys() == (
            recipe.options.keys())


@pytest.mark.parametrize("stored, message", [
    ({"method": "gm", "preset": "quick"}, "expects a run of the method mim. Received: .*, a run of gm"),
    ({"app": "mix-plus", "preset": "quick"}, "a run of mix_plus. Resume it with the command that made"),
    ({"method": "mim", "preset": "huge"}, "expects a run of the method mim"),
    ({"method": "mim", "preset": "quick", "b": 1, "a": 2},
     r"with known options. Received: .*, whose options.json has \['a', 'b'\]"),
    ({"method": "mim", "preset": "quick", "epochs": 0}, "--epochs is expected to be >= 1"),
])
def test_runs_that_cannot_be_resumed(stored, message, tmp_path):
    store(tmp_path, **stored)
    with pytest.raises(ValueError, match=message):
        resolve(RECIPES["mim"], {}, tmp_path, True)


def test_folders_without_a_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="--resume expects the folder of a run in --output"):
        resolve(RECIPES["mim"], {}, tmp_path, True)
    for content in ("[]", "{", json.dumps({"versions": {}}), json.dumps({"options": 3})):
        (tmp_path / "options.json").write_text(content)
        with pytest.raises(ValueError, match="JSON object.*Received: .*options.json"):
            resolve(RECIPES["mim"], {}, tmp_path, True)


def test_a_run_of_an_earlier_version_has_nothing_of_todays_preset(tmp_path):
    """Averaged generators came into the quick preset later."""
    recipe = RECIPES["commute"]
    options = recipe.make_options("quick").as_dict()
    assert options.pop("ema") is not None
    files.open_folder(tmp_path / "quick", options)
    assert resolve(recipe, {}, tmp_path / "quick", True).ema is None
    # So did the readings of the paper into its preset.
    options = recipe.make_options("paper").as_dict() | {"classifier": "auto"}
    assert options.pop("normalization") == "after"
    del options["critic_dropout"], options["fresh_batches"]
    files.open_folder(tmp_path / "paper", options)
    resumed = resolve(recipe, {}, tmp_path / "paper", True)
    assert (resumed.normalization, resumed.critic_dropout, resumed.fresh_batches,
            resumed.classifier) == ("before", "all", True, "auto")
    with pytest.raises(ValueError, match="--normalization: the run has None, received 'after'"):
        resolve(recipe, {"normalization": "after"}, tmp_path / "paper", True)
