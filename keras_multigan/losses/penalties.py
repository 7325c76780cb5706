"""Regularisers of a critic."""

from keras import ops


def gradient_penalty(gradients):
    """Two-sided gradient penalty E (||g||_2 - 1)^2 of WGAN-GP (Gulrajani et al., 2017): the mean of
    `gradient_penalties`, which see.

    Returns:
        float32 scalar, at least 0.
    """
    return ops.mean(gradient_penalties(gradients))


def gradient_penalties(gradients):
    """(||g||_2 - 1)^2 of each sample.

    Args:
        gradients: float tensor (N, ...), the critic's gradient at each of N inputs. The norm of a
            sample is taken over all its axes.

    Returns:
        float32 tensor (N,), at least 0.

    Raises:
        ValueError: `gradients` has no axis besides the batch.
    """
    rank = len(gradients.shape)
    if rank < 2:
        raise ValueError(
            "A gradient penalty expects gradients of shape (N, ...), one a sample. "
            f"Received: shape {tuple(gradients.shape)}. Pass the gradient with respect to the whole "
            "input batch, not its norm."
        )
    squares = ops.square(ops.cast(gradients, "float32"))
    # The epsilon keeps the derivative of the root finite where the gradient vanishes.
    norms = ops.sqrt(ops.sum(squares, axis=tuple(range(1, rank))) + 1e-12)
    return ops.square(norms - 1.0)
