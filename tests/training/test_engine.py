"""What every engine does: gradients of a loss that holds a gradient."""

import keras
import numpy as np
import pytest

from keras_multigan.training import Phase, load_engine

pytestmark = pytest.mark.fast

engine = load_engine()


def test_input_gradient_of_a_square():
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    gradient = engine.input_gradient(lambda y: keras.ops.square(y), keras.ops.array(x))
    np.testing.assert_allclose(gradient, 2 * x, rtol=1e-6)


def test_minimize_with_a_penalty_on_the_input_gradient():
    """D(x) = a x^2 at x = 3: D' = 6a, the loss (6a - 1)^2 has the derivative 12 (6a - 1)."""
    a = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    a.set_weights([np.array([[2.0]])])
    x = keras.ops.array([[3.0]])

    def loss(images, labels):
        gradient = engine.input_gradient(lambda y: a(y * y), images)
        return keras.ops.mean((gradient - 1) ** 2), {"gradient": gradient[0, 0]}

    sgd = keras.optimizers.SGD(0.01)
    logs = engine.minimize(Phase("critic", loss, [a]), sgd, x, None)
    assert float(logs["gradient"]) == pytest.approx(12)
    assert float(logs["critic_loss"]) == pytest.approx(121)
    np.testing.assert_allclose(a.get_weights()[0], [[2 - 0.01 * 12 * 11]], rtol=1e-6)
