"""Mutual information between generators, in nats, from a classifier's probabilities (MIM-GAN)."""

from keras import ops

# In logarithms only: where a probability is 0, so is its term, and the gradient stays finite.
_EPSILON = 1e-12


def mutual_information_overlap(p, q):
    """log 2 - JSD(p || q), how much two distributions over classes overlap.

    This is what is left unknown of which of the two a class came from, both being as likely:
    1/2 sum_k -p_k log(p_k / (p_k + q_k)) - q_k log(q_k / (p_k + q_k)). No term is below 0.

    Args:
        p, q: float tensors (..., K) of class probabilities; leading axes broadcast.

    Returns:
        float32 tensor (...), in [0, log 2]: log 2 where p and q are equal, 0 where they are disjoint.

    Raises:
        ValueError: the number of classes differs.
    """
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(
            "mutual_information_overlap expects two distributions over the same classes. Received: "
            f"shapes {tuple(p.shape)} and {tuple(q.shape)}. Use one classifier for both."
        )
    p, q = ops.cast(p, "float32"), ops.cast(q, "float32")
    total = p + q + 2 * _EPSILON
    terms = p * ops.log((p + _EPSILON) / total) + q * ops.log((q + _EPSILON) / total)
    return -0.5 * ops.sum(terms, axis=-1)


def mutual_information_paired(p, q):
    """The mutual information of the classes of two generators' samples of the same noise:
    `mutual_information` of `joint_probabilities`, MIM-GAN's Algorithm 1 as it is written.

    Its minimum is independence, not disjointness: it is 0 where one generator has collapsed, and as
    high for generators that never make the same class, if each class of one goes with one class of
    the other, as for equal ones.

    Args:
        p, q: float tensors (N, ..., K), row k the class probabilities of G_i(z_k) and of G_j(z_k).

    Returns:
        float32 tensor (...), in [0, log K].

    Raises:
        ValueError: the shapes differ.
    """
    return mutual_information(joint_probabilities(p, q))


def joint_probabilities(p, q):
    """mean_k p_k q_k^T; the mean over replicas must be taken of this, before any logarithm.

    Args:
        p, q: float tensors (N, ..., K), a sample's class probabilities.

    Returns:
        float32 tensor (..., K, K).

    Raises:
        ValueError: the shapes differ.
    """
    if len(p.shape) < 2 or tuple(p.shape) != tuple(q.shape):
        raise ValueError(
            "Paired class probabilities are expected to be of one shape (N, ..., K), a row for each "
            f"noise vector. Received: {tuple(p.shape)} and {tuple(q.shape)}. Give both generators "
            "the same noise and use one classifier."
        )
    p, q = ops.cast(p, "float32"), ops.cast(q, "float32")
    return ops.mean(ops.expand_dims(p, -1) * ops.expand_dims(q, -2), axis=0)


def mutual_information(joint):
    """sum P log(P / (P_1 P_2)) of joint probabilities P with the margins P_1 and P_2, equation 4 of
    MIM-GAN.

    Args:
        joint: float tensor (..., K, L) that sums to 1 over its last two axes.

    Returns:
        float32 tensor (...), at least 0.
    """
    joint = ops.cast(joint, "float32")
    independent = ops.sum(joint, axis=-1, keepdims=True) * ops.sum(joint, axis=-2, keepdims=True)
    terms = joint * (ops.log(joint + _EPSILON) - ops.log(independent + _EPSILON))
    return ops.maximum(ops.sum(terms, axis=(-2, -1)), 0.0)  # rounding can leave it just below
