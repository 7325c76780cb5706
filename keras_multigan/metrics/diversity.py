"""Measures of how much the generators of a model differ, from their average class probabilities."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_multigan.metrics.logits import classifier_logits, log_softmax


def class_probabilities(
    images_by_generator: Sequence[np.ndarray] | np.ndarray,
    classifier: keras.Model,
    batch_size: int = 500,
) -> np.ndarray:
    """Returns the table of average class probabilities, one row per generator.

    Source: the ComMutE-GAN paper's table of average class probabilities.

    Args:
        images_by_generator: list of n arrays (N_i, H, W, C), or one array (n, N, H, W, C), with values
            in the range that the classifier was trained on.
        classifier: Keras model that maps images to logits (N, K). Images are resized to its input size.
        batch_size: images per batch.

    Returns:
        NumPy array (n, K), float64. Row i is the softmax of the classifier's logits, averaged over
        generator i's images.

    Raises:
        ValueError: no generator, or images that `classifier_logits` does not accept.
    """
    if len(images_by_generator) == 0:
        raise ValueError("Expected the images of at least one generator, received none.")
    return np.stack(
        [
            np.exp(log_softmax(classifier_logits(images, classifier, batch_size))).mean(axis=0)
            for images in images_by_generator
        ]
    )


def pairwise_tvd(class_probabilities: np.ndarray) -> float:
    """Returns the mean total variation distance between the rows of a table of probabilities.

    This is the mean of 1/2 sum_k |p_ik - p_jk| over the n (n - 1) / 2 pairs i < j. Source: equation 7
    of the ComMutE-GAN paper. `losses.mean_pairwise_tvd` computes the same number with `keras.ops`; this
    function uses NumPy and float64.

    Args:
        class_probabilities: array (n, K), n >= 1. Each row is non-negative and sums to 1 within 1e-3.

    Returns:
        A float in [0, 1]. It is 0 if all generators have the same distribution of classes, and 1 if no
        two share a class. It is 0 for a single generator, which has no pair.

    Raises:
        ValueError: the array is not of rank 2 or is empty, or a row is not a probability vector.
    """
    p = np.asarray(class_probabilities).astype(np.float64)
    if p.ndim != 2 or 0 in p.shape:
        raise ValueError(
            "Expected class_probabilities of shape (generators >= 1, classes >= 1), received shape "
            f"{p.shape}."
        )
    # `not`, so that NaN counts as bad, too.
    bad = [i for i, row in enumerate(p) if not (row.min() >= 0 and abs(row.sum() - 1) <= 1e-3)]
    if bad:
        raise ValueError(
            "Expected rows that are non-negative and sum to 1 within 1e-3, received row "
            f"{bad[0]} with minimum {p[bad[0]].min():.6g} and sum {p[bad[0]].sum():.6g}. Give "
            "probabilities (class_probabilities() makes them), not logits or counts."
        )
    if len(p) == 1:
        return 0.0
    distances = 0.5 * np.abs(p[:, None] - p[None, :]).sum(axis=-1)
    return float(distances[np.triu_indices(len(p), k=1)].mean())
