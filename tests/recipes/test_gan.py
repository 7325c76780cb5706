"""The recipes of one generator against one or more discriminators: networks, families, bad input."""

import keras
import pytest

from keras_multigan import networks
from keras_multigan.recipes import RECIPES

pytestmark = pytest.mark.fast

FAMILY = [name for name, recipe in RECIPES.items() if recipe.model is RECIPES["gan"].model]
RIVALS = [*FAMILY, "d2gan", "gman", "veegan"]
TINY = ("--filters=1", "--image_size=16", "--batch_size=8")


def make(name, **given):
    recipe = RECIPES[name]
    return recipe.like(recipe.make_options(**{"filters": 1, "image_size": 8, **given}))


def test_members_of_the_family_differ_in_their_defaults_alone():
    first = RECIPES["gan"].options
    assert len(FAMILY) == 11
    defaults = set()
    for name in FAMILY:
        options = RECIPES[name].options
        assert {(key, option.help, option.choices) for key, option in options.items()} == {
            (key, option.help, option.choices) for key, option in first.items()}
        defaults.add(tuple(option.default for option in options.values()))
    assert len(defaults) == len(FAMILY)


def test_options_reach_networks_and_optimizers():
    model = make("pacgan", pack=4, normalization="spectral", orthonormal_weight=0.5,
                 generator_learning_rate=0.25, discriminator_learning_rate=0.5)
    assert model.pack == 4 and model.discriminator.input_shape == (None, 8, 8, 4)
    inner = [layer.layer for layer in model.discriminator.layers
             if isinstance(layer, networks.SpectralNormalization)]
    assert [layer.kernel_regularizer.weight for layer in inner] == [0.5, 0.5]
    rates = [float(model.optimizer[phase.name].learning_rate) for phase in model.phases()]
    assert rates == [0.5, 0.25]
    plain = make("r3gan")
    assert not [layer for layer in plain.discriminator.layers
                if "Normalization" in type(layer).__name__]


def test_gmans_discriminators_differ():
    model = make("gman", num_discriminators=3, image_size=16)
    rates = [layer.rate for d in model.discriminators for layer in d.layers
             if isinstance(layer, keras.layers.Dropout)]
    assert rates == pytest.approx([0.4, 0.5, 0.6])
    first, second, third = (d.count_params() for d in model.discriminators)
    assert first == third > second


@pytest.mark.parametrize("name", ["pacgan", "gman", "veegan"])
def test_augmented_discriminators(name):
    model = make(name, augment="cutout")
    players = getattr(model, "discriminators", None) or [model.discriminator]
    assert all(any(isinstance(layer, networks.DiffAugment) for layer in d.layers) for d in players)


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("kit", [networks.DenseKit((2,), latent_dim=3, num_generators=2, width=4),
                                 networks.ConvKit((8, 8, 1), latent_dim=3, num_generators=2, filters=2,
                                                  units=4)], ids=["vectors", "images"])
def test_what_they_are_in_the_arena(name, kit):
    recipe = RECIPES[name]
    model = recipe.model(**recipe.arena(kit), seed=0)
    assert model.image_shape == kit.shape and model.num_generators == 1 and model.latent_dim == 3
    given = {key: recipe.options[key].default for key in recipe.arguments if key != "latent_dim"}
    if len(kit.shape) == 1:  # the papers' own on such data
        given |= {"wgan_gp": {"gp_weight": 0.1}, "d2gan": {"alpha": 1.0, "beta": 1.0}}.get(name, {})
    assert {key: getattr(model, key) for key in given} == given


@pytest.mark.parametrize("words, message", [
    (["gan", "--gp_weight=10"], "--normalization is expected to be none, layer, spectral or weight"),
    (["r3gan", "--normalization=batch"], "Received: batch with {'r1_weight': 1.0, 'r2_weight': 1.0}"),
    (["pacgan", "--pack=3"], "multiple of 3 (packs of 3, 1 replicas). Received: 8"),
    (["pacgan", "--augment=cutout,color"], "without color if the discriminator sees several samples"),
    (["gan", "--adversarial_loss=square"], "relativistic_pairing>"),
    (["wgan", "--clip=0"], "--clip is expected to be a finite number > 0"),
    (["gan", "--normalization=instance"], "<none|batch|layer|spectral|weight>"),
    (["gan", "--learning_rate=1"], "Unknown command line flag 'learning_rate'"),
    (["gman", "--sharpness=nan"], "--sharpness is expected to be a finite number >= 0"),
    (["veegan", "--image_size=40"], "S one of 8, 16, 28, 32, 48, 64, 128"),
    (["d2gan", "--beta=-1"], "--beta is expected to be a finite number >= 0"),
])
def test_bad_input(words, message, refused):
    refused(["train", words[0], *TINY, *words[1:], "--dry_run"], message)
