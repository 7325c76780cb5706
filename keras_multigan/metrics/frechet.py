"""The Frechet distance between two sets of feature vectors."""

import warnings

import numpy as np


def frechet_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Returns the Frechet distance between Gaussians fitted to two sets of features.

    |mu_a - mu_b|^2 + Tr(C_a + C_b - 2 (C_a C_b)^(1/2)), computed in float64.

    Matches `tfgan.eval.frechet_classifier_distance_from_activations` of TF-GAN 2.1: covariances are the
    unbiased ones, divided by N - 1. Both implementations are biased upwards for small N, so compare
    only distances that were measured with the same numbers of samples.

    Args:
        features_a: array (N, F), N >= 2, finite.
        features_b: array (M, F), M >= 2, finite.

    Returns:
        A float >= 0. The order of the arguments does not matter, up to rounding.

    Raises:
        ValueError: a wrong rank, different F, fewer than 2 samples, or values that are not finite.

    Warns:
        UserWarning: fewer samples than features, which gives a singular covariance and a strong bias.
    """
    a = _checked_features(features_a, "features_a")
    b = _checked_features(features_b, "features_b")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            "Expected features_a and features_b with the same number of features, received shapes "
            f"{a.shape} and {b.shape}. Use the same feature extractor for both."
        )
    for name, x in (("features_a", a), ("features_b", b)):
        if x.shape[0] < x.shape[1]:
            warnings.warn(
                f"{name} has fewer samples ({x.shape[0]}) than features ({x.shape[1]}): its "
                "covariance is singular and the distance strongly biased. Use more samples.",
                stacklevel=2,
            )
    return distance_of_moments(mean_and_root(a), mean_and_root(b))


def distance_of_moments(a, b) -> float:
    """The Frechet distance of two Gaussians, each given as `mean_and_root`."""
    (mean_a, root_a), (mean_b, root_b) = a, b
    # With C = R^T R, the trace of (C_a C_b)^(1/2) is the sum of the singular values of R_a R_b^T.
    # A zero eigenvalue of a covariance would add an error of sqrt(rounding), a singular value does not.
    trace_of_root = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = (
        np.sum((mean_a - mean_b) ** 2) + np.sum(root_a**2) + np.sum(root_b**2) - 2.0 * trace_of_root
    )
    return max(float(distance), 0.0)


def mean_and_root(features):
    """The mean (F,) and a matrix R (min(N, F), F) with R^T R = the unbiased covariance, of features
    (N, F)."""
    mean = features.mean(axis=0)
    return mean, np.linalg.qr((features - mean) / np.sqrt(len(features) - 1), mode="r")


def _checked_features(features, name):
    features = np.asarray(features).astype(np.float64)
    if features.ndim != 2:
        raise ValueError(
            f"Expected {name} of shape (samples, features), received shape {features.shape}. "
            "Flatten every sample to one vector."
        )
    if features.shape[0] < 2 or features.shape[1] < 1:
        raise ValueError(
            f"Expected {name} with at least 2 samples and 1 feature, received shape "
            f"{features.shape}. A covariance needs 2 samples or more."
        )
    if not np.isfinite(features).all():
        raise ValueError(
            f"Expected finite {name}, received NaN or infinite values in "
            f"{np.sum(~np.isfinite(features).all(axis=1))} of {len(features)} samples. "
            "Has the generator or the classifier diverged?"
        )
    return features
