"""Adversarial losses on critic scores.

Scores are float tensors of any shape, one number a sample (`multi_hinge`: one a class); no sigmoid
is expected. `critic_wasserstein` and `generator_wasserstein` return a float32 scalar, the mean over all
samples; `multi_hinge` and the functions of an `AdversarialLoss` one loss a sample.
"""

import dataclasses
import math
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


def f_divergence(activation, conjugate):
    """f-GAN's game (Nowozin et al., 2016) for a divergence D_f(P || Q) = E_Q f(p / q).

    With T = g(score), E_P T - E_Q f*(T) bounds it from below and reaches it at T = f'(p / q). The
    discriminator maximises the bound. The generator, Q, minimises -E_Q T, which does not saturate;
    to be pushed away from P it minimises E_Q f*(T), the loss `fake`.

    Args:
        activation: g, scores -> the domain of f*.
        conjugate: f*(g(scores)), written as one function of scores to be stable.
    """
    return AdversarialLoss(
        real=lambda scores: -activation(scores), fake=conjugate,
        generator=lambda scores: -activation(scores),
    )


ADVERSARIAL = {
    "wasserstein": AdversarialLoss(ops.negative, lambda scores: scores, ops.negative),
    # -log D and -log(1 - D) of D = sigmoid(score), the generator's loss not saturating.
    "vanilla": AdversarialLoss(
        lambda scores: ops.softplus(-scores), ops.softplus, lambda scores: ops.softplus(-scores)
    ),
    "hinge": AdversarialLoss(
        lambda scores: ops.relu(1 - scores), lambda scores: ops.relu(1 + scores), ops.negative
    ),
    # "vanilla" but for constants: D_f is twice the Jensen-Shannon divergence.
    "js": f_divergence(lambda scores: math.log(2) - ops.softplus(-scores),
                       lambda scores: ops.softplus(scores) - math.log(2)),
    "kl": f_divergence(lambda scores: scores, lambda scores: ops.exp(scores - 1)),
    "reverse_kl": f_divergence(lambda scores: -ops.exp(-scores), lambda scores: scores - 1),
    "pearson": f_divergence(lambda scores: scores, lambda scores: ops.square(scores) / 4 + scores),
}


def adversarial(name):
    """The `AdversarialLoss` of a name: "wasserstein", "vanilla" (Goodfellow et al., 2014), "hinge" (Lim
    and Ye, 2017), or one of f-GAN's divergences, "js", "kl", "reverse_kl" and "pearson", see
    `f_divergence`.

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
