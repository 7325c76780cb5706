"""MIX-GAN's recipe: a run, its experiments' batches, bad input."""

import pytest

from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.experiment import arm_options

TINY = {"num_generators": 2, "num_discriminators": 1, "latent_dim": 4, "filters": 4,
        "discriminator_updates": 1, "batch_size": 8, "epochs": 1, "steps_per_epoch": 2}


def test_a_run_with_the_papers_preset(train_here, stand_in, stand_in_classifier):
    output, results = train_here(
        "mix", "paper", **TINY, image_size=8, inception="none", data_dir=str(stand_in(8, 8, 3)),
        classifier=stand_in_classifier(8, 8, 3))
    assert (output / "export" / "models.config").exists() and "pairwise_tvd" in results
    assert len(results["class_probabilities"]) == 2 and results["training_steps"] == 2


@pytest.mark.fast
def test_a_batch_is_shared_out_evenly():
    recipe = RECIPES["mix"]
    experiment = recipe.experiments["supervised"]
    sizes = [arm_options(recipe, experiment, arm, "quick", {"batch_size": 8}).batch_size
             for arm in experiment.arms]
    assert sizes == [8, 8, 10, 10]


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--n_discriminators=3"], "multiple of 3 (3 discriminators, 1 replicas)"),
    (["--latent_dim=6"], "latent_dim"),
    (["--latent_dim=3"], "--latent_dim is expected to be >= 4 and <= 100000. Received: 3"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number > 0"),
    (["--ema=1"], "ema is expected to be"),
])
def test_bad_input(flags, message, refused, stand_in_classifier):
    refused(["train", "mix", *(f"--{name}={value}" for name, value in TINY.items()), "--image_size=8",
             f"--classifier={stand_in_classifier(8, 8, 1)}", *flags], message)
