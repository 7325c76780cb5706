"""Losses that make generators differ."""

from keras import ops


def entropy_regularizer(weights):
    """The entropy regulariser of mixture weights, -1/n sum_i log w_i: MIX+GAN's equations 7 and 8.

    For weights that sum to 1, its minimum is log n. It is reached if all n weights are equal.

    Args:
        weights: float tensor (n,) of positive numbers.

    Returns:
        float32 scalar.
    """
    return -ops.mean(ops.log(ops.cast(weights, "float32")))


def total_variation_distance(p, q):
    """The total variation distance 1/2 sum_k |p_k - q_k|: equation 6 of ComMutE-GAN.

    Args:
        p: float tensor (..., K) of class probabilities.
        q: float tensor (..., K) of class probabilities. The leading axes of p and q broadcast.

    Returns:
        float32 tensor (...), in [0, 1].

    Raises:
        ValueError: p and q differ in the number of classes.
    """
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(
            "total_variation_distance expects two distributions over the same classes. Received: "
            f"shapes {tuple(p.shape)} and {tuple(q.shape)}. Use one classifier for both."
        )
    difference = ops.cast(p, "float32") - ops.cast(q, "float32")
    return 0.5 * ops.sum(ops.abs(difference), axis=-1)


def mean_pairwise_tvd(probs):
    """The mean total variation distance over the n(n-1)/2 pairs of rows: equation 7 of ComMutE-GAN.

    Args:
        probs: float tensor (n, K), n at least 2. Row i holds the class probabilities of generator i.

    Returns:
        float32 scalar in [0, 1]. It is 0 if all rows are equal, and 1 if no two rows share a class.

    Raises:
        ValueError: `probs` is not of rank 2 or has fewer than two rows.
    """
    if len(probs.shape) != 2 or probs.shape[0] is None or probs.shape[0] < 2:
        raise ValueError(
            "mean_pairwise_tvd expects probs of shape (n, K) with n >= 2. Received: shape "
            f"{tuple(probs.shape)}. A single generator has no pairs: omit this loss."
        )
    n = probs.shape[0]
    distances = total_variation_distance(probs[:, None, :], probs[None, :, :])
    return ops.sum(distances) / (n * (n - 1))
