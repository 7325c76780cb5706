"""MIM-GAN's recipe: bad input. tests/cli/test_train.py has a run."""

import pytest

from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.experiment import arm_options

pytestmark = pytest.mark.fast
TINY = ("--num_generators=2", "--filters=2", "--latent_dim=4", "--batch_size=8", "--epochs=1",
        "--steps_per_epoch=2")


def test_figure_6_has_two_generators():
    recipe = RECIPES["mim"]
    experiment = recipe.experiments["convergence"]
    found = {arm.label: arm_options(recipe, experiment, arm, "paper", {}) for arm in experiment.arms}
    assert {label: (o.num_generators, o.epochs, o.mutual_information, o.mutual_information_weight)
            for label, o in found.items()} == {
        "overlap": (2, 200, "overlap", 1.0), "paired": (2, 200, "paired", 1.0),
        "without": (2, 200, "overlap", 0.0)}
    assert [curve.key for curve in experiment.curves] == ["mutual_information"]
    assert "mutual_information" in recipe.model.log_names


@pytest.mark.parametrize("flags, message", [
    (["--image_size=40"], "S one of 8, 16, 28, 32, 48, 64, 128"),
    (["--mutual_information=other"], "<overlap|paired>"),
    (["--learning_rate=inf"], "--learning_rate is expected to be a finite number > 0"),
    (["--mutual_information_weight=-1"], "--mutual_information_weight is expected to be a finite"),
    (["--batch_size=0"], "--batch_size is expected to be >= 1"),
])
def test_bad_input(flags, message, refused, stand_in_classifier):
    refused(["train", "mim", *TINY, "--image_size=32",
             f"--classifier={stand_in_classifier(32, 32, 1)}", *flags], message)
