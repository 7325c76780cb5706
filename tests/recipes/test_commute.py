"""The experiments that ComMutE-GAN's recipe declares are the paper's."""

import keras
import numpy as np
import pytest

from keras_multigan import networks
from keras_multigan.metrics import pairwise_tvd
from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.experiment import arm_options
from keras_multigan.runs.options import lacking
from keras_multigan.runs.run import count_parameters

RECIPE = RECIPES["commute"]
TINY = {"epochs": 2, "steps_per_epoch": 1, "width": 0.0625, "batch_size": 10}
# From the paper, sections 3.3, 4, 5 and appendix C: label, number and kind of generators, weight of
# the TVD loss, batch size, epochs at most, until converged, Frechet distance, TVD.
PAPER = {
    "batch_concatenation": [
        ("n2-gamma0", 2, "small", "constant:0", 500, 250, True, 4.738, 0.9832),
        ("n2-gamma5", 2, "small", "constant:5", 500, 250, True, 3.602, 0.9965),
        ("n4-gamma0", 4, "small", "constant:0", 500, 250, True, 2.9439, 0.9633),
    ],
    "gamma_sweep": [
        ("gamma0", 5, "small", "constant:0", 500, 70, False, None, None),
        ("gamma5", 5, "small", "constant:5", 500, 70, False, None, None),
        ("gamma10", 5, "small", "constant:10", 500, 70, False, None, None),
        ("gamma11", 5, "small", "constant:11", 500, 70, False, None, None),
        ("gamma12", 5, "small", "constant:12", 500, 70, False, None, None),
        ("gamma13", 5, "small", "constant:13", 500, 70, False, None, None),
        ("gamma14", 5, "small", "constant:14", 500, 70, False, None, None),
        ("gamma15", 5, "small", "constant:15", 500, 70, False, None, None),
        ("gamma20", 5, "small", "constant:20", 500, 70, False, None, None),
    ],
    "schedules": [
        ("constant", 5, "small", "constant:12.2", 500, 70, False, None, None),
        ("linear-decay", 5, "small", "linear:20:5:70", 500, 70, False, 3.5379, 0.9999),
        ("sudden-death", 5, "small", "sudden_death:20:20", 500, 70, False, 2.6685, 0.9998),
    ],
    "n_sweep": [
        ("n1", 1, "small", "constant:12.2", 500, 250, True, 4.25, None),
        ("n2", 2, "small", "constant:12.2", 500, 250, True, None, None),
        ("n3", 3, "small", "constant:12.2", 504, 250, True, None, None),
        ("n4", 4, "small", "constant:12.2", 500, 250, True, None, None),
        ("n5", 5, "small", "constant:12.2", 500, 250, True, None, None),
        ("n6", 6, "small", "constant:12.2", 504, 250, True, None, None),
        ("n7", 7, "small", "constant:12.2", 504, 250, True, None, None),
        ("n8", 8, "small", "constant:12.2", 504, 250, True, None, None),
        ("n9", 9, "small", "constant:12.2", 504, 250, True, None, None),
        ("n10", 10, "small", "constant:12.2", 500, 250, True, None, None),
    ],
    "model_size": [
        ("4-small", 4, "small", "constant:12.5", 500, 70, False, 2.6, None),
        ("1-deep", 1, "deep", "constant:0", 500, 70, False, 5.56, None),
        ("1-residual", 1, "residual", "constant:0", 500, 70, False, 23.42, None),
    ],
}


def runs(experiment, scale, overrides):
    """Label -> options of an experiment's runs."""
    experiment = RECIPE.experiments[experiment]
    return {arm.label: arm_options(RECIPE, experiment, arm, scale, overrides)
            for arm in experiment.arms}


@pytest.mark.fast
@pytest.mark.parametrize("experiment", PAPER)
def test_the_declared_runs_are_the_papers(experiment):
    options = runs(experiment, "paper", {})
    found = []
    for arm in RECIPE.experiments[experiment].arms:
        o = options[arm.label]
        assert (o.method, o.preset, o.dataset) == ("commute", "paper", "mnist")
        assert (o.width, o.n_critic, o.gp_weight) == (1.0, 3, 10.0)
        assert o.steps_per_epoch is None and o.learning_rate is None
        # The paper's text, taken literally.
        assert (o.normalization, o.critic_dropout, o.fresh_batches, o.classifier) == (
            "after", "all", True, "paper")
        found.append((arm.label, o.num_generators, o.generator, o.tvd_weight, o.batch_size, o.epochs,
                      o.until_converged, arm.paper.get("frechet_distance"),
                      arm.paper.get("pairwise_tvd")))
    assert found == PAPER[experiment]
    assert set(RECIPE.experiments) == {*PAPER, "readings", "five_against_one", "dropout"}


@pytest.mark.fast
@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_the_readings_differ_in_nothing_else(scale):
    found = {label: o.as_dict() for label, o in runs("readings", scale, {}).items()}
    text = found.pop("text")
    assert (text["n_critic"], text["num_generators"], text["tvd_weight"]) == (3, 5, "constant:12.2")
    before, middle, one = ({"normalization": "before"}, {"critic_dropout": "middle"},
                           {"fresh_batches": False})
    assert found == {"before": text | before, "middle-dropout": text | middle, "one-batch": text | one,
                     "keras-io": text | before | middle | one | {"generator_dropout": False}}


@pytest.mark.fast
@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_the_dropouts_differ_in_nothing_else(scale):
    found = {label: o.as_dict() for label, o in runs("dropout", scale, {}).items()}
    both = found.pop("both")
    assert (both["dataset"], both["critic_dropout"]) == ("mnist", "all") and both["generator_dropout"]
    critic, generators = {"generator_dropout": False}, {"critic_dropout": "none"}
    none = both | critic | generators
    assert found == {"critic": both | critic, "generators": both | generators, "none": none,
                     "none-one-generator": none | {"num_generators": 1}}


def test_generators_that_are_compared_have_about_as_many_parameters():
    samples = type("Samples", (), {"shape": (16, 16, 1), "classifier": None})
    found = runs("five_against_one", "quick", {})
    five = found["five"].as_dict()
    assert found["five-small"].as_dict() == five | {"generator_width": 0.25}
    assert found["one"].as_dict() == five | {"num_generators": 1}
    assert found["five-critic-dropout"].as_dict() == five | {"critic_dropout": "all"}
    no_term = {"tvd_weight": "constant:0"}
    assert found["five-no-term"].as_dict() == five | no_term
    assert found["five-small-no-term"].as_dict() == five | {"generator_width": 0.25} | no_term

    def parameters(label):
        return [sum(int(np.prod(v.shape)) for v in g.trainable_variables)
                for g in RECIPE.networks(found[label], samples)["generators"]]

    assert parameters("five") == 5 * parameters("one")
    assert len(parameters("five-small")) == 5
    assert 0.8 * parameters("one")[0] < sum(parameters("five-small")) < parameters("one")[0]
    assert 0.98 < parameters("one-large")[0] / sum(parameters("five")) < 1.02


@pytest.mark.fast
def test_a_run_of_before_the_options_has_dropout():
    assert RECIPE.make_options("quick").critic_dropout == "none"
    old = lacking(RECIPE, {"preset": "quick"})
    assert (old["critic_dropout"], old["generator_dropout"], old["generator_width"]) == ("all", True, 1)


@pytest.mark.fast
def test_its_penalty_in_the_arena_is_wgan_gps():
    vectors = networks.DenseKit((2,), latent_dim=3, num_generators=2, width=4)
    images = networks.DenseKit((8, 8, 1), latent_dim=3, num_generators=2, width=4)
    assert RECIPE.arena(vectors)["gp_weight"] == RECIPES["wgan_gp"].arena(vectors)["gp_weight"]
    assert "gp_weight" not in RECIPE.arena(images)


def test_dropout_is_where_the_options_say():
    samples = type("Samples", (), {"shape": (16, 16, 1), "classifier": None})

    def layers(preset="short", **options):
        made = RECIPE.networks(
            RECIPE.make_options(preset, width=0.0625, num_generators=2, **options), samples)
        return [sum(isinstance(layer, keras.layers.Dropout) for layer in network.layers)
                for network in (*made["generators"], made["critic"])]

    assert layers() == layers(generator="deep") == [1, 1, 4]
    assert layers("quick") == [0, 0, 0]
    assert layers(generator_dropout=False) == [0, 0, 4] and layers(critic_dropout="none") == [1, 1, 0]
    assert layers(generator="residual", critic_dropout="middle") == [0, 0, 3]


@pytest.mark.fast
def test_the_papers_class_tables():
    experiment = RECIPE.experiments["batch_concatenation"]
    tables = experiment.class_tables
    assert {label: np.shape(table) for label, table in tables.items()} == {
        "n2-gamma0": (2, 10), "n2-gamma5": (2, 10), "n4-gamma0": (4, 10)}
    for table, tvd in zip(tables.values(), ("0.884", "0.981", "0.839"), strict=True):
        np.testing.assert_allclose(np.sum(table, axis=1), 100, atol=0.05)
        assert f"{pairwise_tvd(np.divide(table, 100)):.3f}" == tvd
        assert tvd in experiment.note
    # Which generator has most of a class: bold in tables 2 and 3.
    assert np.argmax(tables["n2-gamma0"], axis=0).tolist() == [1, 0, 0, 1, 0, 1, 1, 0, 1, 0]
    assert np.argmax(tables["n2-gamma5"], axis=0).tolist() == [0, 0, 1, 1, 0, 1, 1, 0, 1, 0]
    assert np.argmax(tables["n4-gamma0"], axis=0).tolist() == [1, 2, 3, 1, 2, 1, 0, 3, 0, 3]


@pytest.mark.fast
@pytest.mark.parametrize("experiment", PAPER)
def test_at_quick_scale_all_runs_have_the_presets_budget(experiment):
    found = runs(experiment, "quick", {})
    assert list(found) == [row[0] for row in PAPER[experiment]]
    quick = RECIPE.make_options("short")
    for name in ("dataset", "epochs", "steps_per_epoch", "until_converged", "width"):
        assert {getattr(o, name) for o in found.values()} == {getattr(quick, name)}, name
    if experiment == "schedules":
        assert [o.tvd_weight for o in found.values()] == [
            "constant:12.2", f"linear:20:5:{quick.epochs}",
            f"sudden_death:20:{round(quick.epochs * 20 / 70)}"]


@pytest.mark.fast
def test_flags_override_every_run():
    found = runs("n_sweep", "quick", TINY).values()
    assert {(o.epochs, o.steps_per_epoch, o.width) for o in found} == {(2, 1, 0.0625)}
    # A batch is shared out evenly.
    assert [o.batch_size for o in found] == [10, 10, 12, 12, 10, 12, 14, 16, 18, 10]
    assert runs("schedules", "quick", {"epochs": 1})["sudden-death"].tvd_weight == "sudden_death:20:1"


@pytest.mark.fast
def test_batch_sizes_are_the_papers_or_fit_generators_and_devices():
    def size(**given):
        return RECIPE.make_options(**given).batch_size

    assert [size(preset="paper", num_generators=n) for n in (5, 9, 11)] == [500, 504, 506]
    assert size(num_generators=3) == 102 and size(num_generators=5, devices=3) == 105
    assert size(num_generators=3, batch_size=33) == 33
    assert RECIPE.make_options("paper", until_converged=True).epochs == 250
    assert RECIPE.make_options("paper", until_converged=True, epochs=7).epochs == 7


def test_parameters_are_the_papers():
    options = runs("model_size", "paper", {})
    sizes = {label: count_parameters(RECIPE.like(options[label]).generators)
             for label in ("4-small", "1-residual")}
    assert sizes == {"4-small": 3_642_640, "1-residual": pytest.approx(3_882_049, rel=0.01)}
    keras.utils.clear_session()


@pytest.mark.fast
def test_a_run_until_convergence_goes_on_where_it_was():
    rows = [{"critic_loss": 1.0}] * 6
    assert RECIPE.stops(RECIPE.make_options(), rows) == []
    (stop,) = RECIPE.stops(RECIPE.make_options(until_converged=True), rows)
    assert stop.converged()
    (stop,) = RECIPE.stops(RECIPE.make_options(until_converged=True), rows[:5])
    assert not stop.converged()
