"""MIX+GAN's recipe: runs on vectors, its experiments, bad input."""

import json

import numpy as np
import pytest

from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.experiment import arm_options

RECIPE = RECIPES["mix_plus"]
TINY = ("--dimension=4", "--modes=2", "--num_generators=2", "--num_discriminators=1", "--layers=3",
        "--width=8", "--discriminator_updates=1", "--batch_size=8", "--epochs=2",
        "--steps_per_epoch=2", "--frechet_samples=500", "--judge_samples=200",
        "--wasserstein_steps=50")


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
