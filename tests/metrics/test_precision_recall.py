"""precision_recall and density_coverage, by hand and against loops."""

import numpy as np
import pytest
import sklearn

from keras_multigan import metrics

pytestmark = pytest.mark.fast


def line(*points):
    return np.array(points, "float32")[:, None]


def test_by_hand():
    real, generated = line(0, 1, 3, 7), line(1.5, 4.5, 20)
    # k = 1: the real balls have radii 1, 1, 2, 4; the generated ones 3, 3, 15.5.
    # 1.5 is in the balls of 1 and 3, 4.5 in those of 3 and 7, 20 in none.
    assert metrics.density_coverage(real, generated, k=1) == (4 / 3, 3 / 4)
    # All real points but none of them twice: 0, 1 and 3 are near 1.5, 7 is near 4.5 (and 20).
    assert metrics.precision_recall(real, generated, k=1) == (pytest.approx(2 / 3), 1.0)
    assert metrics.precision_recall(generated, real, k=1) == (1.0, pytest.approx(2 / 3))
    # k = 2: radii 3, 2, 3, 6; 1.5 is in the balls of 0, 1, 3 and 7, 4.5 in those of 3 and 7.
    assert metrics.density_coverage(real, generated, k=2) == (6 / (2 * 3), 1.0)
    far = metrics.precision_recall(line(0, 1), line(100, 101), k=1)
    assert far == (0.0, 0.0) and type(far.precision) is type(far.recall) is float
    far = metrics.density_coverage(line(0, 1), line(100), k=1)
    assert far == (0.0, 0.0) and type(far.density) is type(far.coverage) is float


@pytest.mark.parametrize("dimension", [2, 20])  # scikit-learn has another algorithm for many
def test_against_loops(dimension):
    random = np.random.default_rng(dimension)
    real, generated = random.normal(size=(90, dimension)), random.normal(1, 0.8, (70, dimension))

    def balls(points, k):
        return [sorted(np.linalg.norm(p - q) for q in points)[k] for p in points]  # [0] is itself

    def inside(point, centres, radii):
        return [np.linalg.norm(point - c) <= r for c, r in zip(centres, radii, strict=True)]

    radii = balls(real, 3)
    precision = np.mean([any(inside(g, real, radii)) for g in generated])
    fake_radii = balls(generated, 3)
    recall = np.mean([any(inside(r, generated, fake_radii)) for r in real])
    radii = balls(real, 5)
    table = np.array([inside(g, real, radii) for g in generated])
    with sklearn.config_context(working_memory=0.02):  # MB: about 30 rows at a time
        assert metrics.precision_recall(real, generated) == pytest.approx((precision, recall))
        assert metrics.density_coverage(real, generated) == pytest.approx(
            (table.sum() / (5 * 70), table.any(axis=0).mean()))
    assert 0 < precision < 1 and 0 < recall < 1


def test_dropped_modes_cost_recall_and_coverage_not_precision_and_density():
    random = np.random.default_rng(0)
    real = np.concatenate([random.normal(c, 1, (250, 2)) for c in (-30, -10, 10, 30)])
    generated = np.concatenate([random.normal(c, 1, (500, 2)) for c in (-30, 10)])
    quality, variety = metrics.precision_recall(real, generated)
    assert quality > 0.8 and 0.4 < variety <= 0.5
    density, coverage = metrics.density_coverage(real, generated)
    assert 0.7 < density < 1.3 and 0.4 < coverage <= 0.5


@pytest.mark.parametrize("measure", [metrics.precision_recall, metrics.density_coverage])
@pytest.mark.parametrize("real, generated, k, message", [
    (np.zeros((9, 2)), np.zeros((9, 3)), 3, "real and generated of one dimension"),
    (np.zeros((3, 2)), np.zeros((9, 2)), 3, r"real of shape \(samples >= 4"),
    (np.zeros((9, 2)), np.zeros((0, 2)), 3, "generated of shape"),
    (np.zeros((9, 2, 1)), np.zeros((9, 2)), 3, "real of shape"),
    (np.zeros((9, 2)), np.full((9, 2), np.nan), 3, "finite generated"),
    (np.zeros((9, 2)), np.zeros((9, 2)), 0, "k >= 1"),
])
def test_errors(measure, real, generated, k, message):
    with pytest.raises(ValueError, match=message):
        measure(real, generated, k)
