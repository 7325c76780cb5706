"""Adversarial losses on critic scores.

Scores are float tensors of any shape, one number a sample; no sigmoid is expected.
`critic_wasserstein` and `generator_wasserstein` return a float32 scalar, the mean over all samples;
the functions of an `AdversarialLoss` one loss a sample.
"""

import dataclasses
from collections.abc import Callable

from keras import ops


def critic_wasserstein(real_scores, fake_scores):
    """E D(x~) - E D(x), which a Wasserstein critic minimises (Arjovsky et al., 2017)."""
    return _mean(fake_scores) - _mean(real_scores)


def generator_wasserstein(fake_scores):
    """-E D(x~), which a generator minimises against a Wasserstein critic."""
    return -_mean(fake_scores)


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """A game in three parts, each a function of float32 scores to losses of the same shape: `real` and
    `fake`, whose means the discriminator minimises, and `generator`, on its fakes."""

    real: Callable
    fake: Callable
    generator: Callable


ADVERSARIAL = {
    "wasserstein": AdversarialLoss(ops.negative, lambda scores: scores, ops.negative),
    # -log D and -log(1 - D) of D = sigmoid(score), the generator's loss not saturating.
    "vanilla": AdversarialLoss(
        lambda scores: ops.softplus(-scores), ops.softplus, lambda scores: ops.softplus(-scores)
    ),
}


def adversarial(name):
    """The `AdversarialLoss` of a name: "wasserstein" or "vanilla" (Goodfellow et al., 2014).

    Raises:
        ValueError: an unknown name.
    """
    if name not in ADVERSARIAL:
        raise ValueError(f"Expected one of {', '.join(ADVERSARIAL)}. Received: {name!r}")
    return ADVERSARIAL[name]


def _mean(scores):
    return ops.mean(ops.cast(scores, "float32"))
