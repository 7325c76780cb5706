"""MIM-GAN's recipe: bad input. tests/cli/test_train.py has a run."""

import pytest

pytestmark = pytest.mark.fast
TINY = ("--num_generators=2", "--filters=2", "--latent_dim=4", "--batch_size=8", "--epochs=1",
        "--steps_per_epoch=2")


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
