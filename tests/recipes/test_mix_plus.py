"""MIX+GAN's recipe: runs on vectors, its experiments, bad input."""

import json

import numpy as np
import pytest

from keras_multigan.recipes import RECIPES, mix_plus
from keras_multigan.recipes.experiment import arm_options
from keras_multigan.runs import files
from keras_multigan.runs.options import resolve

RECIPE = RECIPES["mix_plus"]
TINY = ("--dimension=4", "--modes=2", "--num_generators=2", "--num_discriminators=1", "--layers=3",
        "--width=8", "--discriminator_updates=1", "--batch_size=8", "--epochs=2",
        "--steps_per_epoch=2", "--frechet_samples=500", "--judge_samples=200",
        "--wasserstein_steps=50", "--judge_steps=50")


def test_a_run_leaves_everything(multigan, tmp_path):
    done = multigan("train", "mix-plus", *TINY, "--output=run")
    assert done.code == 0, done.err
    output = tmp_path / "run"
    for name in ("samples.png", "curves.png", "model.keras", "history.csv", "export/models.config",
                 "export/mixture/1/saved_model.pb", "checkpoints/epoch-00002.npz"):
        assert (output / name).stat().st_size > 0, name
    results = json.loads((output / "metrics.json").read_text())
    assert np.shape(results["mode_shares"]) == (2, 2)
    # Untrained generators are told from the data at a glance.
    assert results["judge_accuracy"] > 0.6 and results["tvd_bound"] > 0.2
    assert results["frechet_distance"] > 0 and results["wasserstein_estimate"] > 0
    assert sum(results["mixture_weights"]) == pytest.approx(1)
    assert (results["frechet_samples"], results["training_steps"]) == (500, 4)
    for line in ("Judge accuracy", "mixture weights", "generator 1", "samples by nearest mode"):
        assert line in done.out


def test_a_finite_training_set_of_a_random_network(train_here):
    given = {name: kind(value) for name, kind, value in (
        (name, RECIPE.options[name].value_type, value)
        for name, value in (flag[2:].split("=") for flag in TINY))}
    _, results = train_here("mix_plus", "quick", **{
        **given, "data": "network", "training_samples": 50, "epochs": 1})
    assert "mode_shares" not in results and results["judge_accuracy"] > 0.6
    # Beside the distribution, the training set (figure 11).
    for name in ("judge_accuracy", "tvd_bound", "frechet_distance", "wasserstein_estimate"):
        assert 0 < results[f"train_{name}"] != results[name]
    assert results["judge_steps"] == 50 and results["updates"] == {"generator": 2, "discriminator": 2}


@pytest.mark.fast
def test_random_network_and_training_set_are_of_the_runs_seed():
    def data(**given):
        options = RECIPE.make_options(dimension=4, training_samples=5, **given)
        source = mix_plus.source(options)
        assert source.dimension == 4
        weights = getattr(source, "weights", [source.means if hasattr(source, "means") else 0])
        return weights[0], mix_plus.training_set(options, source)

    for kind in ("network", "gaussians"):
        runs = [data(data=kind, seed=seed) for seed in (1, 1, 2)]
        same = [[np.array_equal(a, b) for a, b in zip(runs[0], run)] for run in runs[1:]]
        assert same == [[True, True], [kind == "gaussians", False]]
        # Earlier runs, whose options name no seed of the data, had 0 for all.
        early = [data(data=kind, seed=seed, data_seed=0) for seed in (1, 2)]
        assert all(np.array_equal(a, b) for a, b in zip(*early))
        source = mix_plus.source(RECIPE.make_options(dimension=4, data=kind, data_seed=0))
        np.testing.assert_array_equal(early[0][1], source.sample(5, seed=0)[0])
        # Another data_seed goes before the run's.
        other = [data(data=kind, seed=seed, data_seed=7) for seed in (1, 2)]
        assert all(np.array_equal(a, b) for a, b in zip(*other))
        assert not np.array_equal(other[0][1], early[0][1])


@pytest.mark.fast
def test_an_earlier_run_keeps_its_data_and_its_judge(tmp_path):
    for preset in ("quick", "paper"):
        options = RECIPE.make_options(preset, seed=3).as_dict()
        assert options.pop("data_seed") is None and options.pop("judge_steps") > 0
        files.open_folder(tmp_path / preset, options)
        resumed = resolve(RECIPE, {}, tmp_path / preset, True)
        assert (resumed.seed, resumed.data_seed, resumed.judge_steps) == (3, 0, None)


@pytest.mark.fast
def test_figures_4_to_9():
    def of(key, scale="paper"):
        return {label: (o.num_generators, o.num_discriminators, o.modes, o.layers, o.width)
                for label, o in runs(key, scale, {}).items()}

    assert of("modes") == {"2-modes": (2, 2, 2, 5, 1024), "3-modes": (3, 3, 3, 5, 1024),
                           "4-modes": (4, 4, 4, 5, 1024), "10G10D": (10, 10, 3, 5, 1024)}
    assert of("depth") == {f"{n}-layers": (1, 1, 3, n, 1024) for n in (3, 5, 7, 9)}
    assert of("width") == {f"{n}-times": (1, 1, 3, 5, 1024 * n) for n in (1, 2, 4)}
    assert of("width", "quick")["4-times"] == (1, 1, 3, 5, 384)


def runs(experiment, scale, overrides):
    experiment = RECIPE.experiments[experiment]
    return {arm.label: arm_options(RECIPE, experiment, arm, scale, overrides)
            for arm in experiment.arms}


@pytest.mark.fast
def test_what_a_run_multiplies_stays_so_under_flags():
    assert {label: o.width for label, o in runs("size_of_a_pair", "quick", {"width": 8}).items()} == {
        "1G1D": 8, "deeper": 8, "wider": 16, "3G3D": 8}
    assert runs("size_of_a_pair", "paper", {})["wider"].width == 2048
    with pytest.raises(ValueError, match="--inception .* none of this name. Received: tfgan"):
        runs("mixtures", "quick", {"inception": "tfgan"})


@pytest.mark.fast
def test_random_network_data_as_the_paper_has_them():
    found = runs("random_network", "paper", {})
    assert {label: (o.num_generators, o.num_discriminators, o.data_layers, o.layers,
                    o.generator_layers) for label, o in found.items()} == {
        f"layers{depth}-{n}G{n}D": (n, n, 2, 5, depth) for depth in (2, 3, 5) for n in (1, 3)}


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--modes=5"], "num_modes is expected to be between 1 and the dimension"),
    (["--generator_learning_rate=0"], "--generator_learning_rate is expected to be a finite number"),
    (["--batch_size=0"], "--batch_size is expected to be >= 1"),
    (["--base=hinge"], "hinge"),
    (["--judge_samples=10"], "--judge_samples is expected to be >= 100 and <= 10000000. Received: 10"),
    (["--training_samples=3", "--steps_per_epoch="], "steps_per_epoch"),
    (["--training_samples=0"], "--training_samples is expected to be >= 1"),
    (["--layers=1"], "--layers is expected to be >= 2"),
    (["--dataset=digits"], "Unknown command line flag 'dataset'"),
    (["--resume"], "in --output. Received: runs/mix-plus-quick, which has no options.json"),
])
def test_bad_input(flags, message, refused):
    refused(["train", "mix_plus", *TINY, *flags], message)
