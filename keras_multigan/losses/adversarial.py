"""Adversarial losses on critic scores.

Scores are float tensors of any shape, one number a sample; no sigmoid is expected. Every function
returns a float32 scalar, the mean over all samples.
"""

from keras import ops


def critic_wasserstein(real_scores, fake_scores):
    """E D(x~) - E D(x), which a Wasserstein critic minimises (Arjovsky et al., 2017)."""
    return _mean(fake_scores) - _mean(real_scores)


def generator_wasserstein(fake_scores):
    """-E D(x~), which a generator minimises against a Wasserstein critic."""
    return -_mean(fake_scores)


def _mean(scores):
    return ops.mean(ops.cast(scores, "float32"))
