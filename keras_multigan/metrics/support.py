"""How many different samples there are, and whether they are the training images."""

import numpy as np

from keras_multigan.metrics import _vectors


def nearest_distances(features: np.ndarray) -> np.ndarray:
    """The distance of each of the features (N, F) to its nearest other one, array (N,), N >= 2."""
    from sklearn.neighbors import NearestNeighbors

    features = _vectors.vectors(features, "features", minimum=2)
    return NearestNeighbors(n_neighbors=1).fit(features).kneighbors()[0][:, 0]


def support_size(features: np.ndarray, radius: float) -> float:
    """Estimates the number of different samples by the birthday paradox.

    Source: Arora and Zhang, "Do GANs actually learn the distribution?" (2017): if two random samples
    are duplicates with probability p, the support has about 1/p members. They let people look for
    duplicates; here two samples are, if their features are at most `radius` apart.

    Args:
        features: array (N, F), N >= 2, finite.
        radius: a distance >= 0. The median distance of a real sample to its nearest other one is a fair
            choice. Real samples then have an estimate of about their number, and more than that
            cannot be told apart.

    Returns:
        The number of pairs per pair of duplicates. N (N - 1) / 2 if there is none.

    Raises:
        ValueError: a wrong rank, fewer than 2 samples, values that are not finite, radius < 0.
    """
    from sklearn.metrics import pairwise_distances_chunked

    if not radius >= 0:
        raise ValueError(f"Expected radius >= 0. Received: {radius}")
    features = _vectors.vectors(features, "features", minimum=2)
    least = 1e-6 * np.abs(features).max()  # distances of equal samples are not exactly 0
    if radius < least:
        features, radius = features - features.mean(axis=0), least
    close = sum(int((distances <= radius).sum()) for distances in pairwise_distances_chunked(features))
    count = len(features)
    # Every sample is next to itself, and every pair is counted twice.
    return count * (count - 1) / max(close - count, 2)


def near_copies(generated: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Which samples are nearer to a training sample than that is to its nearest other training sample.

    Samples of the same distribution that are new are so about half of the time. Copies always are.

    Args:
        generated: array (N, F), finite, N >= 1.
        training: array (M, F), finite, M >= 2.

    Returns:
        bool array (N,).

    Raises:
        ValueError: a wrong rank, different F, too few samples, or values that are not finite.
    """
    from sklearn.neighbors import NearestNeighbors

    generated, training = _vectors.pair(generated, training, ("generated", "training"), minimum=1)
    _vectors.vectors(training, "training", minimum=2)
    tree = NearestNeighbors(n_neighbors=2).fit(training)
    distances, nearest = tree.kneighbors(generated, 1)
    # The first neighbour of a training sample is itself, or its twin.
    others = tree.kneighbors(training[np.unique(nearest)], 2)[0][:, 1]
    radii = dict(zip(np.unique(nearest).tolist(), others, strict=True))
    # A training sample with a twin has the radius 0.
    return distances[:, 0] <= np.array([radii[k] for k in nearest[:, 0].tolist()])
