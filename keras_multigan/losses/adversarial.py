"""Adversarial losses of critic scores.

Scores are float tensors of any shape with one number per sample, or one per class for `multi_hinge`.
No sigmoid is expected. `critic_wasserstein` and `generator_wasserstein` return a float32 scalar, the
mean over all samples. `multi_hinge` and the functions of an `AdversarialLoss` return one loss per
sample.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from keras import ops


def critic_wasserstein(real_scores, fake_scores):
    """The loss of a Wasserstein critic: E D(x~) - E D(x).

    Source: Arjovsky et al., "Wasserstein GAN" (2017).

    Args:
        real_scores: float tensor, the critic's scores D(x) of real samples.
        fake_scores: float tensor, the critic's scores D(x~) of generated samples.

    Returns:
        float32 scalar.
    """
    return _mean(fake_scores) - _mean(real_scores)


def generator_wasserstein(fake_scores):
    """The loss of a generator against a Wasserstein critic: -E D(x~).

    Args:
        fake_scores: float tensor, the critic's scores D(x~) of generated samples.

    Returns:
        float32 scalar.
    """
    return -_mean(fake_scores)


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """The loss functions of a two-player game, which map float32 scores to losses of the same shape.

    The discriminator minimises the means of `real` and `fake`. The generator minimises the mean of
    `generator`.

    Attributes:
        real: the discriminator's loss of the scores of real samples.
        fake: the discriminator's loss of the scores of generated samples.
        generator: the generator's loss of the scores of its samples.
    """

    real: Callable
    fake: Callable
    generator: Callable


def f_divergence(activation: Callable, conjugate: Callable) -> AdversarialLoss:
    """Returns the losses of f-GAN (Nowozin et al., 2016) for a divergence D_f(P || Q) = E_Q f(p / q).

    With T = g(score), E_P T - E_Q f*(T) is a lower bound of the divergence. The two are equal if
    T = f'(p / q). The discriminator maximises the bound. The generator, with distribution Q, minimises
    -E_Q T, which does not saturate. A generator that has to move away from P minimises E_Q f*(T), the
    loss `fake`.

    Args:
        activation: g, a function from scores to the domain of f*.
        conjugate: the function f*(g(scores)) of the scores, written in a numerically stable way.

    Returns:
        An `AdversarialLoss`.
    """
    return AdversarialLoss(
        real=lambda scores: -activation(scores), fake=conjugate,
        generator=lambda scores: -activation(scores),
    )


@dataclasses.dataclass(frozen=True)
class AdversarialGame:
    """A two-player game whose losses may compare the scores of real and of generated samples.

    Both functions take (real_scores, fake_scores, batch_mean), float32 scores (m, 1) and a function
    that takes their mean over the whole batch, and return one loss for each place of the batch.

    Attributes:
        discriminator: the discriminator's loss.
        generator: the generator's loss. If not `relativistic`, it ignores real_scores.
        relativistic: whether the generator's loss depends on the scores of real samples.
    """

    discriminator: Callable
    generator: Callable
    relativistic: bool


ADVERSARIAL = {
    "wasserstein": AdversarialLoss(ops.negative, lambda scores: scores, ops.negative),
    # -log D and -log(1 - D) with D = sigmoid(score); the generator's loss is the non-saturating one.
    "vanilla": AdversarialLoss(
        lambda scores: ops.softplus(-scores), ops.softplus, lambda scores: ops.softplus(-scores)
    ),
    "hinge": AdversarialLoss(
        lambda scores: ops.relu(1 - scores), lambda scores: ops.relu(1 + scores), ops.negative
    ),
    "saturating": AdversarialLoss(
        lambda scores: ops.softplus(-scores), ops.softplus, lambda scores: -ops.softplus(scores)
    ),
    "least_squares": AdversarialLoss(
        lambda scores: ops.square(scores - 1) / 2, lambda scores: ops.square(scores) / 2,
        lambda scores: ops.square(scores - 1) / 2,
    ),
    # Equal to "vanilla" up to constants. D_f is twice the Jensen-Shannon divergence.
    "js": f_divergence(lambda scores: math.log(2) - ops.softplus(-scores),
                       lambda scores: ops.softplus(scores) - math.log(2)),
    "kl": f_divergence(lambda scores: scores, lambda scores: ops.exp(scores - 1)),
    "reverse_kl": f_divergence(lambda scores: -ops.exp(-scores), lambda scores: scores - 1),
    "pearson": f_divergence(lambda scores: scores, lambda scores: ops.square(scores) / 4 + scores),
}
RELATIVISTIC = {
    "relativistic_average": AdversarialGame(
        lambda real, fake, batch_mean: (ops.softplus(batch_mean(fake) - real)
                                        + ops.softplus(fake - batch_mean(real))),
        lambda real, fake, batch_mean: (ops.softplus(real - batch_mean(fake))
                                        + ops.softplus(batch_mean(real) - fake)), relativistic=True),
    "relativistic_pairing": AdversarialGame(
        lambda real, fake, batch_mean: ops.softplus(fake - real),
        lambda real, fake, batch_mean: ops.softplus(real - fake), relativistic=True),
}


def adversarial_loss(name: str) -> AdversarialLoss:
    """Returns the `AdversarialLoss` of a name.

    Args:
        name: "wasserstein" (Arjovsky et al., 2017); "vanilla" (Goodfellow et al., 2014), of which the
            generator's loss does not saturate, or "saturating", where it does; "hinge" (Lim and Ye,
            2017); "least_squares" (Mao et al., 2017), with the targets 0 for generated samples and 1
            for real ones and for the generator; or a divergence of f-GAN: "js", "kl", "reverse_kl" or
            "pearson", see `f_divergence`.

    Returns:
        An `AdversarialLoss`.

    Raises:
        ValueError: unknown name.
    """
    if name not in ADVERSARIAL:
        raise ValueError(f"Expected one of {', '.join(ADVERSARIAL)}. Received: {name!r}")
    return ADVERSARIAL[name]


def adversarial_game(name: str) -> AdversarialGame:
    """Returns the `AdversarialGame` of a name.

    Args:
        name: "relativistic_average" (RaGAN, Jolicoeur-Martineau, 2018), "relativistic_pairing" (the
            same, and R3GAN, Huang et al., 2024; real and generated samples are paired by their places
            in the batch), or a name of `adversarial_loss`.

    Returns:
        An `AdversarialGame`.

    Raises:
        ValueError: unknown name.
    """
    if name in RELATIVISTIC:
        return RELATIVISTIC[name]
    if name not in ADVERSARIAL:
        raise ValueError(f"Expected one of {', '.join([*ADVERSARIAL, *RELATIVISTIC])}. Received: "
                         f"{name!r}")
    loss = ADVERSARIAL[name]
    return AdversarialGame(lambda real, fake, batch_mean: loss.real(real) + loss.fake(fake),
                           lambda real, fake, batch_mean: loss.generator(fake), relativistic=False)


def cross_entropy(scores, labels):
    """The cross entropy -log softmax(scores)_y.

    Args:
        scores: float tensor (N, K) of logits.
        labels: int tensor (N,), the classes y in 0..K-1.

    Returns:
        float tensor (N,), at least 0.
    """
    return ops.sparse_categorical_crossentropy(labels, scores, from_logits=True)


def multi_hinge(scores, labels):
    """The multi-class hinge loss of MHingeGAN: max(0, 1 - s_y + max_{k != y} s_k).

    Args:
        scores: float tensor (N, K), K at least 2.
        labels: int tensor (N,), the classes y in 0..K-1.

    Returns:
        float32 tensor (N,), at least 0.

    Raises:
        ValueError: `scores` or `labels` has another shape.
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
