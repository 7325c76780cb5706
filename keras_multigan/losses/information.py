"""Mutual information between generators, in nats, from the probabilities of a classifier (MIM-GAN)."""

from keras import ops

# Added inside logarithms only: a probability of 0 gives a term of 0 and a finite gradient.
_EPSILON = 1e-12


def mutual_information_overlap(p, q):
    """The overlap of two distributions over classes: log 2 - JSD(p || q).

    This is the conditional entropy of the distribution that a class was drawn from, given the class, if
    both distributions are equally likely:
    1/2 sum_k -p_k log(p_k / (p_k + q_k)) - q_k log(q_k / (p_k + q_k)). No term is below 0.

    Args:
        p: float tensor (..., K) of class probabilities.
        q: float tensor (..., K) of class probabilities. The leading axes of p and q broadcast.

    Returns:
        float32 tensor (...), in [0, log 2]. It is log 2 if p and q are equal, 0 if they share no class.

    Raises:
        ValueError: p and q differ in the number of classes.
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
    """The mutual information of the classes of two generators' samples, both made from the same noise.

    This is `mutual_information` of `joint_probabilities`, the last line of MIM-GAN's Algorithm 1.

    It is minimal if the two classes are independent, not if they differ. It is 0 if one generator has
    collapsed to a single class. Two generators that never produce the same class have the same mutual
    information as two equal ones, if each class of one always occurs with one class of the other.

    Args:
        p: float tensor (N, ..., K). Row k holds the class probabilities of G_i(z_k).
        q: float tensor (N, ..., K). Row k holds the class probabilities of G_j(z_k).

    Returns:
        float32 tensor (...), in [0, log K].

    Raises:
        ValueError: the shapes differ.
    """
    return mutual_information(joint_probabilities(p, q))


def joint_probabilities(p, q):
    """The joint probabilities of the classes of paired samples: mean_k p_k q_k^T.

    With several replicas, average this result over the replicas before any logarithm is taken.

    Args:
        p: float tensor (N, ..., K). Row k holds the class probabilities of one sample.
        q: float tensor (N, ..., K). Row k holds the class probabilities of the sample paired with it.

    Returns:
        float32 tensor (..., K, K).

    Raises:
        ValueError: the shapes differ.
    """
    if len(p.shape) < 2 or tuple(p.shape) != tuple(q.shape):
        raise ValueError(
            "Paired class probabilities are expected to be of one shape (N, ..., K), one row per "
            f"noise vector. Received: {tuple(p.shape)} and {tuple(q.shape)}. Give both generators "
            "the same noise and use one classifier."
        )
    p, q = ops.cast(p, "float32"), ops.cast(q, "float32")
    return ops.mean(ops.expand_dims(p, -1) * ops.expand_dims(q, -2), axis=0)


def mutual_information(joint):
    """The mutual information sum P log(P / (P_1 P_2)) of joint probabilities: equation 4 of MIM-GAN.

    P_1 and P_2 are the marginal distributions of P.

    Args:
        joint: float tensor (..., K, L) of joint probabilities P. They sum to 1 over the last two axes.

    Returns:
        float32 tensor (...), at least 0.
    """
    joint = ops.cast(joint, "float32")
    independent = ops.sum(joint, axis=-1, keepdims=True) * ops.sum(joint, axis=-2, keepdims=True)
    terms = joint * (ops.log(joint + _EPSILON) - ops.log(independent + _EPSILON))
    return ops.maximum(ops.sum(terms, axis=(-2, -1)), 0.0)  # rounding can make it slightly negative
