"""How far the generators of a model differ: their average class probabilities."""

import numpy as np

from keras_multigan.metrics.logits import classifier_logits, log_softmax


def class_probabilities(images_by_generator, classifier, batch_size=500):
    """Returns the table of average class probabilities, one row a generator.

    Source: the ComMutE-GAN paper's table of average class probabilities.

    Args:
        images_by_generator: list of n arrays `(N_i, H, W, C)`, or one array `(n, N, H, W, C)`;
            values in the range that the classifier was trained on.
        classifier: a Keras model from images to `(N, K)` logits; images are resized to its size.
        batch_size: how many images go through the classifier at a time.

    Returns:
        `(n, K)` float64 NumPy array: row i is the mean, over generator i's images, of the softmax
        of the classifier's logits.

    Raises:
        ValueError: no generator, or what `classifier_logits` raises for a generator's images.
    """
    if len(images_by_generator) == 0:
        raise ValueError("Expected the images of at least one generator, received none.")
    return np.stack(
        [
            np.exp(log_softmax(classifier_logits(images, classifier, batch_size))).mean(axis=0)
            for images in images_by_generator
        ]
    )


def pairwise_tvd(class_probabilities):
    """Returns the mean total variation distance between the rows of a table of probabilities.

    The mean over the n (n - 1) / 2 pairs i < j of 1/2 sum_k |p_ik - p_jk|. Source: equation 7 of
    the ComMutE-GAN paper; the same number as `losses.mean_pairwise_tvd`, in float64 NumPy.

    Args:
        class_probabilities: `(n, K)` array, n >= 1; every row non-negative with sum 1 within 1e-3.

    Returns:
        A float in [0, 1]: 0 if all generators have the same distribution of classes, 1 if no two
        share a class. A single generator has no pair: 0.0.

    Raises:
        ValueError: not of rank 2, empty, or a row that is no probability vector.
    """
    p = np.asarray(class_probabilities).astype(np.float64)
    if p.ndim != 2 or 0 in p.shape:
        raise ValueError(
            "Expected class_probabilities of shape (generators >= 1, classes >= 1), received shape "
            f"{p.shape}."
        )
    # Written so that NaN, too, counts as bad.
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
