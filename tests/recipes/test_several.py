"""The recipes of the rivals with several generators: networks, arena, rounds, bad input."""

import pytest

from keras_multigan import networks
from keras_multigan.recipes import RECIPES

NAMES = ["mgan", "madgan", "dmgan_pl", "adagan", "mwu"]
TINY = {"filters": 1, "image_size": 16, "num_generators": 2}


def make(name, **given):
    recipe = RECIPES[name]
    return recipe.like(recipe.make_options(**{**TINY, **given}))


@pytest.mark.fast
@pytest.mark.parametrize("name, index", [("mgan", 0), ("madgan", -1)])
def test_shared_layers(name, index):
    """All convolutions but, in MAD-GAN, the last one; none without --share."""
    def convolutions(model):
        return [[id(layer) for layer in g.layers if type(layer).__name__ == "Conv2DTranspose"]
                for g in model.generators]

    first, second = convolutions(make(name))
    assert (first == second) == (index == 0) and first[:-1] == second[:-1] and len(first) == 2
    first, second = convolutions(make(name, share=False))
    assert not {*first} & {*second}


@pytest.mark.fast
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kit", [networks.DenseKit((2,), latent_dim=3, num_generators=2, width=4),
                                 networks.ConvKit((8, 8, 1), latent_dim=3, num_generators=2, filters=2,
                                                  units=4)], ids=["vectors", "images"])
def test_what_they_are_in_the_arena(name, kit):
    recipe = RECIPES[name]
    model = recipe.model(**recipe.arena(kit), seed=0)
    assert model.image_shape == kit.shape and model.num_generators == 2 and model.latent_dim == 3
    assert model.num_classes is None
    given = {key: recipe.options[key].default for key in recipe.arguments if key != "latent_dim"}
    if name == "mgan":
        given["diversity_weight"] = 0.125 if kit.shape == (2,) else 0.01
    assert {key: getattr(model, key) for key in given} == given


@pytest.mark.fast
def test_options_reach_optimizers():
    def rates(name, **given):
        model = make(name, **given)
        return [float(model.optimizer[phase.name].learning_rate) for phase in model.phases()]

    assert rates("madgan", discriminator_learning_rate=0.5, generator_learning_rate=0.25) == [0.5, 0.25]
    assert rates("dmgan_pl", learning_rate=0.5, prior_learning_rate=0.25) == [0.5, 0.5, 0.5, 0.25]
    assert rates("dmgan_pl", learning_rate=0.5)[-1] == pytest.approx(1e-3)


def test_rounds_of_a_run_go_on_where_it_stopped(train_here, stand_in, stand_in_classifier, tmp_path):
    """A run that is extended keeps its rounds. Its mixture has those that are trained."""
    given = dict(filters=2, image_size=16, num_generators=3, latent_dim=4, batch_size=8,
                 steps_per_epoch=1, ratio_updates=2, dataset="own", embedding="random",
                 data_dir=str(stand_in(16, 16, 1)), classifier=stand_in_classifier(16, 16, 1))
    _, results = train_here("mwu", "quick", epochs=2, epochs_per_round=1, **given)
    assert results["last_epoch"]["round"] == 2
    recipe = RECIPES["mwu"]
    options = recipe.make_options("quick", epochs=4, epochs_per_round=1, **given)
    results = recipe.train(options, tmp_path / "run", resume=True)
    assert results["epochs"] == 4 and results["last_epoch"]["round"] == 3


@pytest.mark.fast
@pytest.mark.parametrize("words, message", [
    (["mgan", "--diversity_weight=-1"], "--diversity_weight is expected to be a finite number >= 0"),
    (["madgan", "--image_size=40"], "S one of"),
    (["madgan", "--learning_rate=1"], "Unknown command line flag 'learning_rate'"),
    (["dmgan_pl", "--entropy_decay=1.1"], "--entropy_decay is expected to be a finite number >= 0 and"),
    (["adagan", "--round_share=1"], "--round_share is expected to be a finite number > 0 and < 1"),
    (["adagan", "--bagging", "--round_share=0.5"], "None with bagging"),
    (["adagan", "--epochs=1"], "--epochs is expected to be at least --num_generators"),
    (["mwu", "--stream"], "--stream is expected to be left out"),
    (["mwu", "--threshold=2"], "--threshold is expected to be a finite number >= 0 and <= 1"),
])
def test_bad_input(words, message, refused):
    refused(["train", words[0], *(f"--{name}={value}" for name, value in TINY.items()), *words[1:],
             "--dry_run"], message)
