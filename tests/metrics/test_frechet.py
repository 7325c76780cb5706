"""frechet_distance against closed forms, SciPy and TF-GAN."""

import numpy as np
import pytest
from scipy import linalg

from keras_multigan.metrics import _tfgan, frechet_distance

pytestmark = pytest.mark.fast


def correlated(num_samples, num_features, seed):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(num_features, num_features))
    return rng.normal(size=(num_samples, num_features)) @ mixing + rng.normal(size=num_features)


def exactly(mean, root, num_samples=50, seed=0):
    """Samples whose mean is `mean` and whose unbiased covariance is `root^T root`, exactly."""
    x = np.random.default_rng(seed).normal(size=(num_samples, len(root)))
    orthonormal, _ = np.linalg.qr(x - x.mean(axis=0))
    return orthonormal * np.sqrt(num_samples - 1) @ root + mean


def scipy_distance(a, b):
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(cov_a @ cov_b).real
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a + cov_b - 2 * root)


@pytest.mark.parametrize(
    ("num_features", "n", "m"), [(2, 20, 30), (10, 3000, 2000), (64, 500, 400)]
)
def test_matches_scipy(num_features, n, m):
    a, b = correlated(n, num_features, 1), correlated(m, num_features, 2)
    assert frechet_distance(a, b) == pytest.approx(scipy_distance(a, b), rel=1e-8)


def test_closed_form_for_diagonal_covariances():
    scale_a, scale_b = np.array([1.0, 2.0, 0.5]), np.array([3.0, 2.0, 0.1])
    mean_a, mean_b = np.array([0.0, 1.0, -2.0]), np.array([1.0, 1.0, 1.0])
    a = exactly(mean_a, np.diag(scale_a), seed=1)
    b = exactly(mean_b, np.diag(scale_b), num_samples=70, seed=2)
    expected = np.sum((mean_a - mean_b) ** 2) + np.sum((scale_a - scale_b) ** 2)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_one_feature_uses_the_unbiased_variance():
    a, b = np.array([[0.0], [2.0]]), np.array([[0.0], [0.0], [3.0]])  # variances 2 and 3
    assert frechet_distance(a, b) == pytest.approx((np.sqrt(2) - np.sqrt(3)) ** 2, rel=1e-12)


def test_singular_covariances_are_exact():
    # Rank one: C_a = u u^T and C_b = v v^T, so the trace of the root is |u . v|.
    u, v = np.array([1.0, 2.0, 0.0, -1.0]), np.array([0.5, -1.0, 3.0, 0.0])
    a, b = (
        exactly(np.zeros(4), np.outer(np.eye(4)[0], u)),
        exactly(np.zeros(4), np.outer(np.eye(4)[1], v)),
    )
    expected = u @ u + v @ v - 2 * abs(u @ v)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)
    # Orthogonal directions share nothing; constant features have covariance 0.
    b = exactly(np.zeros(4), np.outer(np.eye(4)[1], [0.0, 0.0, 3.0, 0.0]))
    assert frechet_distance(a, b) == pytest.approx(u @ u + 9.0, rel=1e-10)
    assert frechet_distance(np.ones((5, 2)), np.zeros((5, 2))) == pytest.approx(2.0, rel=1e-12)


def test_symmetric_zero_on_itself_and_never_negative():
    a, b = correlated(200, 20, 3), correlated(300, 20, 4)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)
    scale = np.trace(np.cov(a, rowvar=False))
    assert 0.0 <= frechet_distance(a, a) <= 1e-12 * scale
    assert 0.0 <= frechet_distance(a, a[::-1]) <= 1e-12 * scale


def test_precise_in_float64_for_float32_features_far_from_zero():
    a = correlated(300, 4, 5).astype("float32") + np.float32(1000)
    b = correlated(300, 4, 6).astype("float32") + np.float32(1000)
    expected = scipy_distance(a.astype("float64"), b.astype("float64"))
    result = frechet_distance(a, b)
    assert type(result) is float
    assert result == pytest.approx(expected, rel=1e-8)


def test_fewer_samples_than_features_warns_and_works():
    a = correlated(10, 16, 7)
    with pytest.warns(UserWarning, match="features_a has fewer samples"):
        assert frechet_distance(a, correlated(40, 16, 8)) > 0
    with pytest.warns(UserWarning, match="features_b has fewer samples"):
        assert frechet_distance(correlated(40, 16, 8), a) > 0


@pytest.mark.filterwarnings("ignore:.* has fewer samples:UserWarning")
def test_zero_on_itself_with_fewer_samples_than_features():
    a = correlated(10, 16, 7)
    assert frechet_distance(a, a) <= 1e-10


def test_matches_tfgan():
    pytest.importorskip("tensorflow")
    a, b = correlated(40, 10, 9), correlated(60, 10, 10)  # so few that N and N - 1 differ by 2.5 %
    expected = _tfgan.tfgan().eval.frechet_classifier_distance_from_activations(a, b)
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros(4), np.zeros((4, 1)), "features_a of shape"),
        (np.zeros((4, 2)), np.zeros((4, 2, 2)), "features_b of shape"),
        (np.zeros((4, 2)), np.zeros((4, 3)), "same number of features"),
        (np.zeros((1, 2)), np.zeros((4, 2)), "features_a with at least 2 samples"),
        (np.zeros((4, 2)), np.zeros((0, 2)), "features_b with at least 2 samples"),
        (np.zeros((4, 0)), np.zeros((4, 0)), "1 feature"),
        (np.full((4, 2), np.nan), np.zeros((4, 2)), "finite features_a"),
        (np.zeros((4, 2)), np.array([[0.0, np.inf], [0.0, 1.0]]), "1 of 2 samples"),
    ],
)
def test_errors(a, b, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, b)
