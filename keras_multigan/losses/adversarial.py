"""Adversarial losses on critic scores.

Scores are float tensors of any shape, one number a sample (`multi_hinge`: one a class); no sigmoid
is expected. `critic_wasserstein` and `generator_wasserstein` return a float32 scalar, the mean over all
samples; `multi_hinge` and the functions of an `AdversarialLoss` one loss a sample.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
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
    "hinge": AdversarialLoss(
        lambda scores: ops.relu(1 - scores), lambda scores: ops.relu(1 + scores), ops.negative
    ),
}


def adversarial(name):
    """The `AdversarialLoss` of a name: "wasserstein", "vanilla" (Goodfellow et al., 2014) or
    "hinge" (Lim and Ye, 2017).

    Raises:
        ValueError: an unknown name.
    """
    if name not in ADVERSARIAL:
        raise ValueError(f"Expected one of {', '.join(ADVERSARIAL)}. Received: {name!r}")
    return ADVERSARIAL[name]


def multi_hinge(scores, labels):
    """max(0, 1 - s_y + max_{k != y} s_k), the multi-class hinge loss of MHingeGAN.

    Args:
        scores: float tensor (N, K), K at least 2.
        labels: int tensor (N,), y in 0..K-1.

    Returns:
        float32 tensor (N,), at least 0.

    Raises:
        ValueError: other shapes.
    """
    if len(scores.shape) != 2 or scores.shape[1] < 2 or len(labels.shape) != 1:
        raise ValueError(
            "multi_hinge expects scores (N, K), K >= 2, and labels (N,). Received: shapes "
            f"{tuple(scores.shape)} and {tuple(labels.shape)}."
        )
    scores = ops.cast(scores, "float32")
    wanted = ops.expand_dims(ops.cast(labels, "int32"), 1) == ops.arange(scores.shape[1], dtype="int32")
    own = ops.sum(ops.where(wanted, scores, 0.0), axis=1)
    return ops.relu(1 - own + ops.max(ops.where(wanted, -np.inf, scores), axis=1))


def _mean(scores):
    return ops.mean(ops.cast(scores, "float32"))
