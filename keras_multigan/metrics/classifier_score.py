"""The classifier score, which is the inception score if the classifier is Inception."""

import numpy as np

from keras_multigan.metrics.logits import log_softmax


def classifier_score(logits: np.ndarray) -> float:
    """Returns exp(mean KL(p(y|x) || p(y))), computed in float64.

    Matches `tfgan.eval.classifier_score_from_logits` of TF-GAN 2.1, which takes logits and applies the
    softmax itself.

    Args:
        logits: array (N, K) of logits (not probabilities), N >= 1, finite.
            `classifier_logits(images, classifier)` computes it.

    Returns:
        A float in [1, K]. It is 1 if all images get the same prediction, and K if predictions are
        certain and classes are equally frequent.

    Raises:
        ValueError: `logits` is not of rank 2, is empty, or is not finite.
    """
    logits = np.asarray(logits).astype(np.float64)
    if logits.ndim != 2 or 0 in logits.shape:
        raise ValueError(
            f"Expected logits of shape (samples >= 1, classes >= 1), received shape {logits.shape}."
        )
    if not np.isfinite(logits).all():
        raise ValueError(
            "Expected finite logits, received NaN or infinite values. Give logits, not "
            "logarithms of probabilities that can be 0. Check whether the generator has diverged."
        )
    log_p = log_softmax(logits)
    # In log space, because a class whose probabilities all underflow to 0 must add 0, not NaN.
    peak = log_p.max(axis=0)
    log_marginal = peak + np.log(np.mean(np.exp(log_p - peak), axis=0))
    divergence = np.sum(np.exp(log_p) * (log_p - log_marginal), axis=1)
    return float(np.exp(divergence.mean()))
