"""GM-GAN's recipe: what a run measures, bad input."""

import pytest

from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.experiment import arm_options

TINY = {"num_components": 11, "latent_dim": 4, "width": 0.02, "batch_size": 8, "epochs": 1,
        "steps_per_epoch": 2}


def test_a_run_with_the_papers_preset(train_here, stand_in, stand_in_classifier):
    output, results = train_here(
        "gm", "paper", **TINY, dataset="fashion_mnist", data_dir=str(stand_in(28, 28, 1)),
        classifier=stand_in_classifier(28, 28, 1))
    assert (output / "export" / "models.config").exists() and "pairwise_tvd" in results
    assert all(0 <= results[key] <= 1 for key in ("precision", "recall", "coverage"))
    assert results["moved_means"] > 0 and len(results["class_probabilities"]) == 11


@pytest.mark.fast
def test_the_sweep_of_sigma_is_of_the_static_mixture_with_wgan_gp():
    recipe = RECIPES["gm"]
    arms = recipe.experiments["sigma"].arms
    for arm in arms:
        o = arm_options(recipe, recipe.experiments["sigma"], arm, "paper", {})
        assert (o.dynamic, o.supervised, o.adversarial_loss, o.num_components, o.latent_dim) == (
            False, False, "wasserstein", 10, 200)
        assert o.scale == arm.x and arm.paper == ({"fid_train": 110.47} if arm.x == 1 else {})
    assert 1.0 in [arm.x for arm in arms] and len({arm.x for arm in arms}) == len(arms) > 3


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--base=wasserstein"], "adversarial_loss='wasserstein' expects supervised=False"),
    (["--adversarial_loss=hinge"], "<sigmoid|wasserstein>"),
    (["--num_components=9"], "outputs one of"),
    (["--scale=0"], "--scale is expected to be a finite number > 0"),
    (["--center_range=nan"], "--center_range is expected to be a finite number >= 0"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number > 0"),
])
def test_bad_input(flags, message, refused, stand_in_classifier):
    refused(["train", "gm", *(f"--{name}={value}" for name, value in TINY.items()), "--image_size=32",
             f"--classifier={stand_in_classifier(32, 32, 1)}", *flags], message)
