"""Mutual information: closed cases, loops in NumPy, gradients at the edge, errors."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_multigan import losses

pytestmark = pytest.mark.fast

RANDOM = np.random.default_rng(0)


def close(actual, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(actual), expected, rtol=1e-5, atol=1e-6)


def overlap(p, q):
    """log 2 minus the Jensen-Shannon divergence, class by class."""
    divergence = 0.0
    for a, b in zip(p, q, strict=True):
        for c in (a, b):
            divergence += 0.5 * c * np.log(c / ((a + b) / 2)) if c > 0 else 0
    return np.log(2) - divergence


def information(joint):
    return sum(value * np.log(value / (sum(row) * sum(r[j] for r in joint)))
               for row in joint for j, value in enumerate(row) if value > 0)


def test_overlap():
    p, q = RANDOM.dirichlet(np.ones(6) / 2, size=(2, 3))
    close(losses.mutual_information_overlap(ops.array(p), ops.array(q)),
          [overlap(a, b) for a, b in zip(p, q, strict=True)])
    close(losses.mutual_information_overlap(ops.array(p), ops.array(p)), [np.log(2)] * 3)
    close(losses.mutual_information_overlap(ops.array(p)[:, None], ops.array(q)),
          [[overlap(a, b) for b in q] for a in p])


@pytest.mark.parametrize("p, q, expected", [
    ([1.0, 0, 0], [1.0, 0, 0], np.log(2)),
    ([0.5, 0.5, 0], [0.5, 0.5, 0], np.log(2)),
    ([0.5, 0.5, 0], [0, 0, 1.0], 0),
    ([0.5, 0.5, 0], [0, 0.5, 0.5], np.log(2) / 2),
])
def test_overlap_with_zeros(p, q, expected):
    close(losses.mutual_information_overlap(ops.array(p), ops.array(q)), expected)


def test_paired():
    p, q = RANDOM.dirichlet(np.ones(4) / 2, size=(2, 7))
    joint = np.zeros((4, 4))
    for a, b in zip(p, q, strict=True):
        for i in range(4):
            for j in range(4):
                joint[i, j] += a[i] * b[j] / 7
    close(losses.joint_probabilities(ops.array(p), ops.array(q)), joint)
    close(losses.mutual_information(ops.array(joint)), information(joint))
    close(losses.mutual_information_paired(ops.array(p), ops.array(q)), information(joint))
    # Axes between the samples and the classes are pairs of their own.
    pairs = [ops.array(np.stack(x, axis=1)) for x in ([p, q], [q, q])]
    close(losses.mutual_information_paired(*pairs), [information(joint), information(q.T @ q / 7)])


def test_paired_takes_disjoint_generators_for_equal_ones_if_their_classes_go_together():
    classes = np.arange(40) % 4
    p = np.eye(8, dtype="float32")[classes]
    for other in (p, np.eye(8)[classes + 4], np.eye(8)[7 - classes]):
        close(losses.mutual_information_paired(ops.array(p), ops.array(other)), np.log(4))
    collapsed = np.eye(8)[np.zeros(40, int)]
    close(losses.mutual_information_paired(ops.array(p), ops.array(collapsed)), 0)
    close(losses.mutual_information_paired(ops.array(collapsed), ops.array(collapsed)), 0)


def test_paired_is_never_negative():
    p, q = RANDOM.dirichlet(np.ones(5), size=(2, 200))
    joint = p[:, :, None] * q[:, None, :]  # independent, but for rounding
    assert ops.convert_to_numpy(losses.mutual_information(ops.array(joint))).min() >= 0


def gradient(function, x):
    """Of a scalar function, by the backend."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(function)(ops.array(x)))
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x).numpy()


@pytest.mark.parametrize("p, q", [
    ([[1, 0, 0]], [[0, 1, 0]]), ([[1, 0, 0]], [[1, 0, 0]]), ([[0.5, 0.5, 0]], [[0, 0.5, 0.5]]),
    ([[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [0, 0, 1]]),
])
@pytest.mark.parametrize("loss", [losses.mutual_information_overlap, losses.mutual_information_paired])
def test_gradients_are_finite(loss, p, q):
    both = np.array([p, q], "float32")
    assert np.isfinite(gradient(lambda x: ops.sum(loss(x[0], x[1])), both)).all()


def test_gradients():
    p, q = RANDOM.dirichlet(np.ones(4), size=(2, 3)).astype("float32")
    step = 1e-6

    def moved(sample, k, by):
        x = p.astype("float64")
        x[sample, k] += by
        return x

    # Outside the simplex the loss is that of its second form, sum -p log(p / (p + q)) / 2 + ...
    def second_form(x):
        return sum(-0.5 * (a * np.log(a / (a + b)) + b * np.log(b / (a + b)))
                   for rows in zip(x, q, strict=True) for a, b in zip(*rows, strict=True))

    expected = [[(second_form(moved(i, k, step)) - second_form(moved(i, k, -step))) / (2 * step)
                 for k in range(4)] for i in range(3)]
    found = gradient(lambda x: ops.sum(losses.mutual_information_overlap(x, ops.array(q))), p)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match=r"same classes. Received: shapes \(2, 3\) and \(2, 4\)"):
        losses.mutual_information_overlap(ops.zeros((2, 3)), ops.zeros((2, 4)))
    for p, q in [((2, 3), (3, 3)), ((2, 3), (2, 4)), ((3,), (3,))]:
        with pytest.raises(ValueError, match=r"of one shape \(N, ..., K\).*Received"):
            losses.mutual_information_paired(ops.zeros(p), ops.zeros(q))
