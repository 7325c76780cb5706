"""classifier_score against closed forms, NumPy and TF-GAN."""

import numpy as np
import pytest

from keras_multigan.metrics import _tfgan, classifier_score

pytestmark = pytest.mark.fast


def random_logits(num_samples=300, num_classes=10, seed=0):
    return np.random.default_rng(seed).normal(scale=3.0, size=(num_samples, num_classes))


def test_matches_numpy():
    logits = random_logits()
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = np.exp(np.mean(np.sum(p * np.log(p / p.mean(axis=0)), axis=1)))
    result = classifier_score(logits)
    assert type(result) is float
    assert result == pytest.approx(expected, rel=1e-8)
    assert classifier_score(logits + 50.0) == pytest.approx(expected, rel=1e-8)


def test_matches_tfgan():
    pytest.importorskip("tensorflow")
    logits = random_logits(seed=1)
    tfgan = _tfgan.tfgan()
    for expected in (
        tfgan.eval.classifier_score_from_logits(logits),
        tfgan.eval.classifier_score(logits, lambda x: x),
    ):
        assert classifier_score(logits) == pytest.approx(float(expected), rel=1e-3)


def test_closed_forms():
    same = np.tile([[2.0, -1.0, 0.5]], (7, 1))
    assert classifier_score(same) == pytest.approx(1.0, rel=1e-12)
    assert classifier_score(same[:1]) == pytest.approx(1.0, rel=1e-12)
    # Certain predictions: the score is the exponential of the entropy of the class shares.
    assert classifier_score(1000.0 * np.eye(10)) == pytest.approx(10.0, rel=1e-12)
    shares = np.array([0.5, 0.25, 0.25, 0.0])  # The last class has probability 0 everywhere.
    expected = np.exp(-np.sum(shares[:3] * np.log(shares[:3])))
    assert classifier_score(1e4 * np.eye(4)[[0, 0, 1, 2]]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(10,), (0, 10), (3, 0), (3, 10, 1)])
def test_wrong_shape(shape):
    with pytest.raises(ValueError, match="Expected logits of shape"):
        classifier_score(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(value):
    with pytest.raises(ValueError, match="Expected finite logits"):
        classifier_score(np.array([[0.0, value], [0.0, 0.0]]))
