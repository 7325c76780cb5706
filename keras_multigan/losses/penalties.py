"""Penalties on the gradients of a critic."""

from keras import ops


def gradient_penalty(gradients):
    """The two-sided gradient penalty of WGAN-GP, E (||g||_2 - 1)^2 (Gulrajani et al., 2017).

    This is the mean of `gradient_penalties`.

    Args:
        gradients: float tensor (N, ...), the critic's gradients with respect to N inputs.

    Returns:
        float32 scalar, at least 0.

    Raises:
        ValueError: `gradients` has no axis besides the batch axis.
    """
    return ops.mean(gradient_penalties(gradients))


def gradient_penalties(gradients):
    """The two-sided gradient penalty (||g||_2 - 1)^2 of each sample.

    Args:
        gradients: float tensor (N, ...), the critic's gradients with respect to N inputs. The norm of a
            sample's gradient is taken over all axes but the first.

    Returns:
        float32 tensor (N,), at least 0.

    Raises:
        ValueError: `gradients` has no axis besides the batch axis.
    """
    # The epsilon keeps the derivative of the root finite for a gradient of zero.
    norms = ops.sqrt(squared_gradient_norms(gradients) + 1e-12)
    return ops.square(norms - 1.0)


def squared_gradient_norms(gradients):
    """The zero-centred penalty ||g||_2^2 of each sample (Mescheder et al., 2018).

    Args:
        gradients: float tensor (N, ...), the critic's gradients with respect to N inputs. The norm of a
            sample's gradient is taken over all axes but the first.

    Returns:
        float32 tensor (N,), at least 0.

    Raises:
        ValueError: `gradients` has no axis besides the batch axis.
    """
    rank = len(gradients.shape)
    if rank < 2:
        raise ValueError(
            "A gradient penalty expects gradients of shape (N, ...), one per sample. "
            f"Received: shape {tuple(gradients.shape)}. Pass the gradient with respect to the whole "
            "input batch, not its norm."
        )
    return ops.sum(ops.square(ops.cast(gradients, "float32")), axis=tuple(range(1, rank)))


def one_sided_gradient_penalties(gradients):
    """The penalty max(0, ||g||_2 - 1)^2 of each sample, which lets smaller gradients be.

    Args:
        gradients: float tensor (N, ...), the critic's gradients with respect to N inputs. The norm of a
            sample's gradient is taken over all axes but the first.

    Returns:
        float32 tensor (N,), at least 0.

    Raises:
        ValueError: `gradients` has no axis besides the batch axis.
    """
    return ops.square(ops.sqrt(ops.maximum(squared_gradient_norms(gradients), 1.0)) - 1.0)
