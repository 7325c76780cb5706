"""Recipes: what one must be, that all are so, and that the paper's presets are the papers'."""

import dataclasses
import functools
import importlib
import inspect
import pathlib
import re

import keras
import pytest

from keras_multigan import models
from keras_multigan.cli.command import parse
from keras_multigan.recipes import RECIPES, Option, find
from keras_multigan.recipes.recipe import Recipe
from keras_multigan.runs.options import IMAGES, RUN

PRESETS = [(name, preset) for name, recipe in RECIPES.items() for preset in recipe.presets]


def _both(optimizer):
    return [f"{player}: {optimizer}" for player in ("discriminator", "generator")]


# Presets of the papers: options, lines of the dry run.
PAPERS = {
    ("commute", "paper"): (
        {"dataset": "mnist", "image_size": 32, "num_generators": 5, "latent_dim": 128, "n_critic": 3,
         "gp_weight": 10.0, "tvd_weight": "constant:12.2", "batch_size": 500, "epochs": 70,
         "steps_per_epoch": None},
        ["generator 910,660 each, 4,553,300 in all", "commute_critic 4,306,177",
         "critic: adam, rate 0.0002, betas 0.5, 0.9; 3 updates per step",
         "updates in 70 epochs of 40 steps\n  critic 120 per epoch, 8,400 in all\n"
         "  generator 40 per epoch, 2,800 in all"]),
    ("mix_plus", "paper"): (
        {"dimension": 1024, "modes": 3, "layers": 5, "width": 1024, "batch_size": 256,
         "discriminator_updates": 5, "frechet_samples": 50_000, "judge_samples": 25_600},
        ["generator 4,198,400 each, 12,595,200 in all", "mlp 3,149,825 each, 9,449,475 in all",
         "generator: adam, rate 1e-05, betas 0.5, 0.9; 1 update per step",
         "discriminator: adam, rate 0.0001, betas 0.5, 0.9; 5 updates per step"]),
    ("mix", "paper"): (
        {"dataset": "cifar10", "num_generators": 10, "num_discriminators": 10, "supervised": True,
         "latent_dim": 80, "batch_size": 50, "discriminator_updates": 4, "ema": 0.9999,
         "epochs": 100, "steps_per_epoch": 1000, "inception": "tfgan"},
        ["samples of shape (32, 32, 3)", "biggan_discriminator 4,209,942 each,",
         "generator 4,824,454 to 4,824,582 each, 9,649,036 in all",
         "discriminator: adam, rate 0.0002, betas 0.0, 0.9; 4 updates per step"]),
    ("mim", "paper"): (
        {"dataset": "mnist", "image_size": 28, "num_generators": 10, "latent_dim": 100,
         "batch_size": 64, "epochs": 200, "mutual_information": "overlap"},
        ["generator 834,369 each, 8,343,690 in all", "dcgan_discriminator 213,249",
         "generator: adam, rate 0.0002, betas 0.5, 0.999; 1 update per step"]),
    ("gm", "paper"): (
        {"dataset": "mnist", "image_size": 28, "num_components": 10, "latent_dim": 100,
         "dynamic": True, "supervised": True, "batch_size": 64, "epochs": 100},
        ["mlp_generator 1,486,352", "latent 2,000", "mlp_discriminator 1,462,538",
         "generator: adam, rate 0.0002, betas 0.5, 0.999; 1 update per step"]),
    ("mm", "paper"): (
        {"dataset": "mnist", "image_size": 28, "num_components": 10, "latent_dim": 100, "alpha": 1.0,
         "assignment": "soft", "batch_size": 64, "epochs": 100},
        ["mlp_generator 1,486,352", "mlp_discriminator 1,460,225", "mlp_discriminator 1,462,538",
         "critic: adam, rate 0.0002, betas 0.5, 0.999; 1 update per step"]),
    ("p2", "paper"): (
        {"dataset": "ring", "num_generators": 8, "growth": 10, "push_weight": 0.05,
         "latent_dim": 256, "width": 128, "batch_size": 512, "generator_batch_size": 64},
        ["samples of shape (2,)", "generator 49,666 each, 279,938 in all",
         "generator: adam, rate 0.0002, betas 0.5, 0.999; 1 update per step"]),
    ("p2", "images_paper"): (
        {"dataset": "cifar10", "num_generators": 5, "growth": 10, "push_weight": 0.01,
         "regularizer_weight": 2.0, "networks": "resnet", "batch_size": 64, "epochs": 150},
        ["samples of shape (32, 32, 3)", "generator 1,206,275 each, 2,277,379 in all",
         "p2_discriminator 1,053,825", "p2_discriminator 1,056,276",
         "generator: adam, rate 0.0002, betas 0.5, 0.999; 1 update per step"]),
    ("gan", "paper"): (
        {"adversarial_loss": "vanilla", "normalization": "batch", "image_size": 64, "latent_dim": 100,
         "batch_size": 128},
        ["samples of shape (64, 64, 3)", "generator 18,858,883 each", "dcgan_discriminator 17,236,481",
         *_both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")]),
    ("saturating_gan", "paper"): (
        {"adversarial_loss": "saturating", "dataset": "mnist", "batch_size": 100},
        ["generator 834,369 each", "dcgan_discriminator 213,249",
         *_both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")]),
    ("lsgan", "paper"): (
        {"adversarial_loss": "least_squares", "normalization": "batch", "batch_size": 64},
        _both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")),
    ("fgan", "paper"): (
        {"adversarial_loss": "kl", "dataset": "mnist", "batch_size": 4096},
        _both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")),
    ("wgan", "paper"): (
        {"adversarial_loss": "wasserstein", "clip": 0.01, "gp_weight": 0.0, "batch_size": 64},
        ["discriminator: rmsprop, rate 5e-05; 5 updates per step",
         "generator: rmsprop, rate 5e-05; 1 update per step"]),
    ("wgan_gp", "paper"): (
        {"adversarial_loss": "wasserstein", "clip": None, "gp_weight": 10.0, "normalization": "none",
         "dataset": "cifar10", "batch_size": 64, "filters": 128, "latent_dim": 128},
        ["generator 5,157,763 each", "dcgan_discriminator 4,114,689",
         "discriminator: adam, rate 0.0001, betas 0.0, 0.9; 5 updates per step",
         "generator: adam, rate 0.0001, betas 0.0, 0.9; 1 update per step"]),
    ("sngan", "paper"): (
        {"adversarial_loss": "hinge", "normalization": "spectral", "latent_dim": 128,
         "dataset": "cifar10", "batch_size": 64},
        ["generator 1,554,883 each", "dcgan_discriminator 1,033,794",
         "discriminator: adam, rate 0.0002, betas 0.0, 0.9; 5 updates per step",
         "generator: adam, rate 0.0002, betas 0.0, 0.9; 1 update per step"]),
    ("ragan", "paper"): (
        {"adversarial_loss": "relativistic_average", "dataset": "cifar10", "batch_size": 32,
         "normalization": "spectral", "latent_dim": 128},
        _both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")),
    ("rpgan", "paper"): (
        {"adversarial_loss": "relativistic_pairing", "r1_weight": 0.0, "dataset": "cifar10",
         "batch_size": 32, "normalization": "spectral", "latent_dim": 128},
        _both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")),
    ("pacgan", "paper"): (
        {"adversarial_loss": "vanilla", "pack": 2, "batch_size": 64, "filters": 64},
        _both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")),
    ("acgan", "paper"): (
        {"dataset": "cifar10", "batch_size": 100, "latent_dim": 100, "adversarial_loss": "vanilla",
         "discriminator_class_weight": 1.0, "generator_class_weight": 1.0, "classify_fakes": True,
         "dropout": 0.5, "epochs": 100},
        ["generator 2,989,731 each, 2,989,731 in all", "dcgan_discriminator 2,381,195",
         "generator 500 per epoch, 50,000 in all",
         *_both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")]),
    ("acgan", "wgan_gp_paper"): (
        {"dataset": "cifar10", "batch_size": 64, "latent_dim": 128, "adversarial_loss": "wasserstein",
         "gp_weight": 10.0, "discriminator_class_weight": 1.0, "generator_class_weight": 0.1,
         "classify_fakes": False, "normalization": "none"},
        ["generator 1,000 per epoch, 100,000 in all",
         "discriminator: adam, rate 0.0002, betas 0.0, 0.9; 5 updates per step",
         "generator: adam, rate 0.0002, betas 0.0, 0.9; 1 update per step"]),
    ("mgan", "paper"): (
        {"dataset": "cifar10", "num_generators": 10, "batch_size": 64, "generator_batch_size": 12,
         "diversity_weight": 0.01, "latent_dim": 100, "share": True, "epochs": 500},
        ["generator 4,928,387 each, 12,333,443 in all", "dcgan_discriminator 4,198,923",
         *_both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")]),
    ("madgan", "paper"): (
        {"image_size": 64, "num_generators": 4, "batch_size": 128, "generator_batch_size": None,
         "latent_dim": 128, "share": True},
        ["generator 5,358,019 each, 5,372,428 in all", "dcgan_discriminator 4,350,213",
         *_both("adam, rate 0.0001, betas 0.5, 0.999; 1 update per step")]),
    ("dmgan_pl", "paper"): (
        {"dataset": "mnist", "num_generators": 10, "batch_size": 32, "latent_dim": 100,
         "gp_weight": 10.0, "entropy_weight": 1000.0, "entropy_decay": 0.999,
         "discriminator_updates": 5},
        ["generator 834,369 each, 8,343,690 in all", "dcgan_discriminator 212,865", "prior 10",
         "discriminator: adam, rate 0.0002, betas 0.5, 0.5; 5 updates per step",
         "encoder: adam, rate 0.0002, betas 0.9, 0.999; 1 update per step",
         "prior: adam, rate 0.001, betas 0.5, 0.5; 1 update per step"]),
    ("adagan", "paper"): (
        {"dataset": "mnist", "num_generators": 10, "epochs": 200, "epochs_per_round": 20,
         "bagging": False, "round_share": None},
        ["generator 834,369 each", "dcgan_discriminator 213,249",
         "discriminator: adam, rate 0.0001, betas 0.5, 0.999; 1 update per step",
         "generator: adam, rate 0.001, betas 0.5, 0.999; 1 update per step"]),
    ("mwu", "paper"): (
        {"dataset": "fashion_mnist", "num_generators": 25, "threshold": 0.25, "epochs_per_round": 20},
        _both("adam, rate 0.001, betas 0.5, 0.999; 1 update per step")),
    ("r3gan", "paper"): (
        {"adversarial_loss": "relativistic_pairing", "r1_weight": 0.05, "r2_weight": 0.05,
         "normalization": "none", "dataset": "cifar10", "batch_size": 512},
        ["generator 1,440,195 each", "dcgan_discriminator 1,033,345",
         *_both("adam, rate 0.0002, betas 0.0, 0.99; 1 update per step")]),
    ("d2gan", "paper"): (
        {"dataset": "cifar10", "alpha": 0.2, "beta": 0.1, "batch_size": 64},
        ["generator 1,440,195 each", "dcgan_discriminator 1,034,497 each, 2,068,994 in all",
         *_both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")]),
    ("gman", "paper"): (
        {"dataset": "mnist", "num_discriminators": 5, "sharpness": None, "sharpness_weight": 0.001,
         "image_size": 32, "epochs": 25},
        ["dcgan_discriminator 1,031,297 each, 3,093,891 in all",  # three, two of less depth
         "dcgan_discriminator 215,169 each, 430,338 in all",
         *_both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")]),
    ("veegan", "paper"): (
        {"dataset": "cifar10", "latent_dim": 100, "batch_size": 64},
        ["generator 1,440,195 each", "dcgan_discriminator 1,440,100", "pair_discriminator",
         *_both("adam, rate 0.0002, betas 0.5, 0.999; 1 update per step")]),
    ("p2", "stl10_paper"): (
        {"dataset": "stl10", "train_split": "unlabelled", "image_size": 48, "num_generators": 10,
         "push_weight": 0.01, "regularizer_weight": 2.0, "networks": "resnet", "batch_size": 64,
         "epochs": 100, "inception": "tfgan"},
        ["samples of shape (48, 48, 3)", "generator 1,536,515 each, 6,918,659 in all",
         "p2_discriminator 1,053,825", "p2_discriminator 1,065,306"]),
    ("p2", "imagenet_paper"): (
        {"dataset": "imagenet_resized/32x32", "image_size": 32, "num_generators": 10,
         "push_weight": 0.01, "regularizer_weight": 2.0, "networks": "resnet", "batch_size": 64,
         "epochs": 50, "inception": "tfgan"},
        ["samples of shape (32, 32, 3)", "generator 1,206,275 each, 3,616,259 in all"]),
    ("p2", "hair_paper"): (
        {"dataset": "celeb_a", "num_generators": 2, "push_weight": 0.01, "auxiliary_push": 0.01,
         "auxiliary_pull": 0.1, "networks": "cnn", "regularizer_weight": 0.0},
        ["samples of shape (64, 64, 3)", "generator 19,334,019 each, 21,455,235 in all",
         "p2_discriminator 17,252,866", "p2_discriminator 17,269,251"]),
}
# Of those the dry run is tried; of a family's quick presets that of its first member.
DRY = [(name, preset) for name, preset in PRESETS if (name, preset) in PAPERS
       or name == next(n for n, r in RECIPES.items() if r.model is RECIPES[name].model)]


# Of 20 networks 4 will do, and of networks of one size one.
FEWER = {"mix": {"num_generators": 2, "num_discriminators": 2},
         "mwu": {"num_generators": 2, "filters": 8},
         **dict.fromkeys(["lsgan", "wgan", "pacgan"], {"filters": 8})}


@functools.cache
def described(name, preset):
    """The dry run of a preset; its model's optimizers and the model's own, by phase."""
    keras.utils.clear_session()  # names of optimizers count from here
    options, like, models = RECIPES[name].make_options(preset), Recipe.like, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recipe, "like", lambda *args: models.append(like(*args)) or models[0])
        text = RECIPES[name].describe(options.replace(**FEWER.get(name, {})))
    return text, *({phase.name: {**optimizer(phase.name).get_config(), "name": ""}
                    for phase in models[0].phases()}
                   for optimizer in (models[0].optimizer.__getitem__, models[0].default_optimizer))


@pytest.mark.parametrize("name, preset", [
    pytest.param(*key, marks=[pytest.mark.fast] if key[1] == "quick" else []) for key in DRY])
def test_dry_run(name, preset):
    options, (text, *_) = RECIPES[name].make_options(preset), described(name, preset)
    head, *rest = text.split("\n\n")
    shown = {key: value for key, *value in (line.split(maxsplit=1) for line in head.splitlines())}
    assert shown == {key: [str(value)] * (value != "") for key, value in (
        options.as_dict() | FEWER.get(name, {})).items()}
    assert (options.method, options.preset) == (name, preset)
    assert len(rest) == 2 and rest[1].startswith("optimizers\n")
    wanted, lines = PAPERS.get((name, preset), ({}, []))
    assert wanted.items() <= options.as_dict().items()
    for line in lines:
        assert f"{line}" in text


@pytest.mark.fast
def test_all_papers_presets_are_compared():
    assert set(PAPERS) == {(name, preset) for name, preset in PRESETS if "paper" in preset}


@pytest.mark.fast
def test_every_file_is_a_recipe_or_a_family_and_every_model_has_one():
    """A family is of one model, and has the name of its first member."""
    files = {path.stem for path in pathlib.Path(inspect.getfile(Recipe)).parent.glob("*.py")}
    found = []
    for name in sorted(files - {"__init__", "recipe", "experiment", "registry"}):
        module = importlib.import_module(f"keras_multigan.recipes.{name}")
        assert hasattr(module, "RECIPE") != hasattr(module, "RECIPES"), name
        family = module.RECIPES if hasattr(module, "RECIPES") else [module.RECIPE]
        assert family[0].name == name
        assert len({recipe.model for recipe in family}) == 1
        assert all(recipe.options.keys() == family[0].options.keys() for recipe in family)
        found += family
    assert [*RECIPES] == [recipe.name for recipe in found] and [*RECIPES.values()] == found
    assert {recipe.model for recipe in RECIPES.values()} == {
        value for value in vars(models).values() if inspect.isclass(value)}


@pytest.mark.fast
@pytest.mark.parametrize("name", RECIPES)
def test_what_every_recipe_is(name):
    recipe = RECIPES[name]
    assert recipe.name == name and find(name.replace("_", "-")) is find(name) is recipe
    assert {"quick", "paper"} <= set(recipe.presets)
    assert set(RUN) <= set(recipe.options)
    assert set(IMAGES) <= set(recipe.options) or not set(IMAGES) & set(recipe.options)
    module = inspect.getmodule(recipe.networks)
    # Two lines for a file, one at least for every other member of a family.
    lines = re.findall(rf"multigan train {name}\b", module.__doc__)
    assert len(lines) >= (2 if module.__name__.endswith(f".{name}") else 1)
    for key, option in recipe.options.items():
        assert option.help and len(option.help.splitlines()) == 1, key
        assert option.value_type in (int, float, bool, str), f"{key} has no type"
        option.check(key, option.default)
    for preset in recipe.presets:
        options = recipe.make_options(preset)
        assert isinstance(options, recipe.options_class) and dataclasses.is_dataclass(options)
        assert recipe.options_class(**options.as_dict()) == options
        with pytest.raises(dataclasses.FrozenInstanceError):
            options.epochs = 3
    for experiment in recipe.experiments.values():
        assert set(experiment.presets) == {"quick", "paper"}
        assert set(experiment.presets.values()) <= set(recipe.presets)


@pytest.mark.parametrize("name, preset", list(PAPERS))
def test_the_papers_optimizers_are_the_models_own(name, preset):
    options = RECIPES[name].make_options(preset)
    rates = {key: value for key, value in options.as_dict().items()
             if key.endswith("learning_rate") and key != "ratio_learning_rate"}
    assert rates and not any(rates.values())
    _, used, own = described(name, preset)
    assert used == own and len(used) >= 2


@pytest.mark.fast
def test_learning_rates():
    """One for all players, or one for each."""
    def rates(name, **given):
        model = RECIPES[name].like(RECIPES[name].make_options(**given))
        return [float(model.optimizer[phase.name].learning_rate) for phase in model.phases()]

    assert rates("mm", learning_rate=0.25, width=0.01) == [0.25, 0.25]
    assert rates("mix_plus", generator_learning_rate=0.5, discriminator_learning_rate=0.25,
                 width=2, dimension=4) == [0.5, 0.25]


@pytest.mark.fast
def test_a_method_that_is_not_there():
    with pytest.raises(ValueError, match=f"{', '.join(RECIPES)}. Received: 'other'"):
        find("other")


@pytest.mark.fast
@pytest.mark.parametrize("changes, message", [
    ({"arguments": {"alhpa": Option(1.0, "a typo")}},
     r"'mm' expects MMGAN to take its arguments. Received: \['alhpa'\], which the constructor lacks"),
    ({"presets": {"quick": {}, "paper": {"betta": 1}}},
     r"'mm' expects its presets to have its options. Received: \['betta'\] in 'paper'"),
])
def test_mistakes_in_a_recipe_are_found_when_it_is_made(changes, message):
    fields = {field.name: getattr(RECIPES["mm"], field.name)
              for field in dataclasses.fields(RECIPES["mm"]) if field.init}
    with pytest.raises(ValueError, match=message):
        Recipe(**{**fields, **changes})


@pytest.mark.fast
@pytest.mark.parametrize("given, message", [
    ({"preset": "huge"}, "--preset is expected to be one of paper, quick. Received: huge"),
    ({"n_critik": 3, "b": 1}, "Expected options of mim: .*num_generators.* Received: b, n_critik"),
    ({"epochs": 0}, "--epochs is expected to be >= 1 and <= 1000000. Received: 0"),
    ({"mutual_information": "other"}, "one of overlap, paired. Received: other"),
])
def test_wrong_options(given, message):
    with pytest.raises(ValueError, match=message):
        RECIPES["mim"].make_options(**given)


@pytest.mark.fast
def test_defaults_are_the_constructors():
    """If the recipe has none of its own."""
    for recipe in RECIPES.values():
        taken = inspect.signature(recipe.model).parameters
        for name, option in recipe.arguments.items():
            if option.default is None and taken[name].default is not inspect.Parameter.empty:
                assert recipe.options[name].default == taken[name].default, name


OLD = [("commute", "--n_generators=3", {"num_generators": 3}),
       ("commute", "--tvd_schedule=constant:1", {"tvd_weight": "constant:1"}),
       ("commute", "--n_critic=2", {"n_critic": 2}),
       ("mix_plus", "--n_critic=2", {"discriminator_updates": 2}),
       ("mix_plus", "--base=vanilla", {"adversarial_loss": "vanilla"}),
       ("mix_plus", "--n_generators=3", {"num_generators": 3}),
       ("mix_plus", "--n_discriminators=2", {"num_discriminators": 2}),
       ("mix", "--n_critic=2", {"discriminator_updates": 2}),
       ("mix", "--n_generators=3", {"num_generators": 3}),
       ("mix", "--n_discriminators=2", {"num_discriminators": 2}),
       ("mim", "--n_generators=3", {"num_generators": 3}),
       ("gm", "--base=wasserstein", {"adversarial_loss": "wasserstein"}),
       ("p2", "--n_generators=3", {"num_generators": 3}),
       ("p2", "--divergence=kl", {"adversarial_loss": "kl"})]


@pytest.mark.fast
@pytest.mark.parametrize("name, flag, given", OLD)
def test_old_flags_reach_the_new_options(name, flag, given):
    assert parse(RECIPES[name].options, [flag]) == given


@pytest.mark.fast
def test_all_old_names_are_tried():
    aliases = {(name, alias) for name, recipe in RECIPES.items()
               for option in recipe.options.values() for alias in option.aliases}
    tried = {(name, re.match(r"--(\w+)", flag)[1]) for name, flag, _ in OLD}
    assert aliases == tried - {("commute", "n_critic")}
