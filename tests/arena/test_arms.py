"""The arms of experiments: equal discriminators and updates, and the parameters that they are about."""

import pytest

from keras_multigan import models
from keras_multigan.arena import arms, worker
from keras_multigan.networks import ConvKit
from keras_multigan.recipes import RECIPES

ARMS = ("one", "one_large", "one_labels", "several", "several_constant", "several_linear",
        "several_sudden")


def build(name):
    kit = ConvKit((8, 8, 1), latent_dim=4, num_generators=3, num_classes=4, filters=8, units=4)
    kit.classifier = kit.discriminator(4)
    job = worker.Job("digits", name, "generator", 0, 1200, 24, 1e-3, 3, "", None)
    model, epochs, steps = worker.build(job, kit)
    return kit, model, epochs, steps


@pytest.mark.parametrize("suffix, updates", [("", 3), ("_critic6", 6)])
@pytest.mark.parametrize("name", ARMS)
def test_arms_have_the_same_discriminator_and_updates(name, suffix, updates):
    kit, model, epochs, steps = build(name + suffix)
    assert worker.discriminator_updates(model) == updates and epochs * steps == 1200 / updates
    critic = model.discriminator if name == "one_labels" else model.critic
    outputs = 5 if name == "one_labels" else 1
    assert [v.shape for v in critic.trainable_variables] == [
        v.shape for v in kit.discriminator(outputs).trainable_variables]
    labels = worker.uses_labels(arms.of(name).arguments(kit, epochs))
    assert labels == (name not in ("one", "one_large", "several"))


def test_parameters():
    kit, one, *_ = build("one")
    count = worker.trained_parameters(one.generators)
    assert one.num_generators == 1 and count == worker.trained_parameters([kit.generator()])
    several = build("several")[1]
    assert several.num_generators == 3
    assert worker.trained_parameters(several.generators) == 3 * count
    large = build("one_large")[1]
    assert large.num_generators == 1
    assert worker.trained_parameters(large.generators) == pytest.approx(3 * count, rel=0.02)


@pytest.mark.parametrize("name", ["gan", "r3gan"])
def test_the_large_gan_is_the_small_one_with_a_large_generator(name):
    kit, large, epochs, steps = build(f"{name}_large")
    plain = build(name)[1]
    assert type(large) is models.GAN and worker.discriminator_updates(large) == 1
    assert epochs * steps == 1200
    count = worker.trained_parameters(kit.generators())
    assert worker.trained_parameters(large.generators) == pytest.approx(count, rel=0.02)
    different = [name for name, value in plain.get_config().items()
                 if isinstance(value, (int, float, str)) and value != large.get_config()[name]]
    assert different in ([], ["name"])


@pytest.mark.parametrize("name, first, last", [
    ("several", 0.0, 0.0), ("several_constant", 12.2, 12.2), ("several_linear", 20.0, 5.0),
    ("several_sudden", 20.0, 0.0), ("several_sudden_critic6", 20.0, 0.0),
    ("several_linear_critic6", 20.0, 5.0)])
def test_weights_of_the_term(name, first, last):
    _, model, epochs, _ = build(name)
    assert isinstance(model, models.ComMutEGAN) and epochs == 5
    weights = [float(model.tvd_weight(epoch)) for epoch in range(epochs)]
    assert (weights[0], weights[-1]) == pytest.approx((first, last))
    if name.startswith("several_sudden"):
        assert weights == [20.0, 0.0, 0.0, 0.0, 0.0]  # two sevenths of 5 are 1.4


@pytest.mark.parametrize("name, generators, discriminators", [
    ("mix", 3, 3), ("mix_pair", 1, 1), ("mix_one_generator", 1, 3), ("mix_one_discriminator", 3, 1)])
def test_parts_of_mix(name, generators, discriminators):
    kit, model, epochs, steps = build(name)
    assert isinstance(model, models.MIXGAN) and epochs * steps * model.discriminator_updates == 1200
    for networks, one, count in ((model.generators, kit.generator(), generators),
                                 (model.discriminators, kit.discriminator(), discriminators)):
        assert len(networks) == count
        assert worker.trained_parameters(networks) == count * worker.trained_parameters([one])


def test_the_large_pair_has_the_parameters_of_all():
    pair, whole = build("mix_large_pair")[1], build("mix")[1]
    for name in ("generators", "discriminators"):
        assert len(getattr(pair, name)) == 1
        assert worker.trained_parameters(getattr(pair, name)) == pytest.approx(
            worker.trained_parameters(getattr(whole, name)), rel=0.02)


@pytest.mark.parametrize("name, generators, weight", [
    ("one", 1, 0.0), ("one_large", 1, 0.0), ("several", 3, 0.0), ("several_constant", 3, 12.2)])
def test_critic_updates(name, generators, weight):
    for updates in (1, 6, 12):
        _, model, epochs, steps = build(f"{name}_critic{updates}")
        assert worker.discriminator_updates(model) == updates == 1200 // (epochs * steps)
        assert model.num_generators == generators
        assert {float(model.tvd_weight(epoch)) for epoch in range(epochs)} == {weight}


@pytest.mark.parametrize("name, number, weight", [
    ("several_2_critic6", 2, 0.0), ("several_10_critic6", 10, 0.0),
    ("several_constant_4_critic6", 4, 12.2), ("several_weight_5_critic6", 3, 5.0)])
def test_other_numbers_of_generators_and_weights(name, number, weight):
    kit, model, epochs, _ = build(name)
    assert worker.discriminator_updates(model) == 6 and model.num_generators == number
    assert {float(model.tvd_weight(epoch)) for epoch in range(epochs)} == {weight}
    assert worker.trained_parameters(model.generators) == number * worker.trained_parameters(
        [kit.generator()])
    assert worker.uses_labels(arms.of(name).arguments(kit, epochs)) == (weight > 0)


@pytest.mark.parametrize("number", [2, 10])
def test_other_numbers_of_pairs(number):
    _, model, epochs, steps = build(f"mix_{number}")
    assert (len(model.generators), len(model.discriminators)) == (number, number)
    assert epochs * steps * model.discriminator_updates == 1200


def test_larger_batches():
    for name in arms.EXPERIMENTS["larger_batches"]:
        *_, plain = name.partition("_batch")
        job = worker.Job("digits", name, "generator", 0, 1200, 30, 1e-3, 3, "", None)
        model = build(name)[1]
        assert worker.batch_size(job, model) == (150 if plain else 30)
        assert arms.of(name).batches == (5 if plain else 1)
        if plain:
            same = build(name.removesuffix("_batch5"))[1]
            assert type(model) is type(same) and model.num_generators == same.num_generators
            assert worker.trained_parameters(model.generators) == worker.trained_parameters(
                same.generators)


@pytest.mark.fast
def test_names():
    assert arms.chosen(["all"]) == list(RECIPES)
    assert sorted(arms.chosen(["several_against_one"])) == sorted(
        ["gan", "gan_large", "r3gan", "r3gan_large", "d2gan", "mgan", "mim", "mix", "mix_plus", "p2",
         *ARMS, *(f"{name}_critic6" for name in ARMS)])
    assert arms.chosen(["several", "gan"]) == ["gan", "several"]
    assert arms.chosen(["one", " one", "several_against_one"])[8:15] == list(ARMS)
    assert {name for recipe in RECIPES.values() for name in recipe.arena_arms} == set(
        arms.names()[len(RECIPES):])
    assert not set(arms.names()[len(RECIPES):]) & set(RECIPES)
    for bad in ([], ["nope"], ["gan", ""]):
        with pytest.raises(ValueError, match="Received"):
            arms.chosen(bad)
