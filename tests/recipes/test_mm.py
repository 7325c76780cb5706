"""MMGAN's recipe: what a run measures, bad input."""

import pytest

TINY = {"num_components": 3, "latent_dim": 4, "width": 0.02, "batch_size": 8, "epochs": 1,
        "steps_per_epoch": 2}


def test_a_run_with_the_papers_preset(train_here, stand_in, stand_in_classifier):
    output, results = train_here(
        "mm", "paper", **TINY, dataset="fashion_mnist", data_dir=str(stand_in(28, 28, 1)),
        classifier=stand_in_classifier(28, 28, 1))
    assert (output / "export" / "models.config").exists() and "pairwise_tvd" in results
    assert 0 < results["clustering_accuracy"] <= 1
    assert 0 <= results["normalized_mutual_information"] <= 1


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    (["--assignment=hard"], "<soft|straight_through>"),
    (["--alpha=-1"], "--alpha is expected to be a finite number >= 0"),
    (["--learning_rate=0"], "--learning_rate is expected to be a finite number > 0"),
])
def test_bad_input(flags, message, refused):
    refused(["train", "mm", *(f"--{name}={value}" for name, value in TINY.items()), *flags], message)
