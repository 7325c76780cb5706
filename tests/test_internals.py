"""The private names of Keras and TensorFlow that the package needs still do what it needs."""

import keras
import numpy as np
import pytest

from keras_multigan import internals

pytestmark = pytest.mark.fast


def nested():
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    return keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(1)])


def test_flatten_layers_goes_to_any_depth():
    model = nested()
    kinds = [type(layer) for layer in internals.flatten_layers(model)]
    assert kinds.count(keras.layers.Dense) == 2 and keras.layers.Dropout in kinds
    assert all(layer is not model for layer in internals.flatten_layers(model))


def test_is_seed_state():
    states = [v for v in nested().variables if internals.is_seed_state(v)]
    assert len(states) == 1 and states[0].shape == (2,)


def test_drop_loss_tracker():
    model = nested()
    model.compile("sgd", loss=None)
    internals.drop_loss_tracker(model)
    assert "loss" not in [metric.name for metric in model.metrics]


def test_skip_symbolic_build():
    model = nested()
    model.compile("sgd", "mse")
    x = np.zeros((4, 2), "float32")
    internals.skip_symbolic_build(model)
    model._maybe_symbolic_build(iterator=None)  # the name that Keras' fit calls
    model.fit(x, x[:, :1], verbose=0)


def test_layers_that_added_losses():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activity_regularizer="l2"),
                              keras.layers.Dense(1)])
    assert internals.layers_that_added_losses([model]) == []
    model(np.ones((1, 2), "float32"))
    assert internals.layers_that_added_losses([model]) == [model.layers[0].name]
    assert internals.layers_that_added_losses([model]) == []


def test_check_compiled():
    with pytest.raises(ValueError, match="compile"):
        internals.check_compiled(nested(), "fit")
    model = nested()
    model.compile("sgd")
    internals.check_compiled(model, "fit")


def test_trained_variables():
    model, optimizer = nested(), keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    assert internals.trained_variables(optimizer) == model.trainable_variables


@pytest.mark.tensorflow
def test_single_threaded_gives_the_same_numbers():
    import tensorflow as tf

    step = tf.function(lambda x: tf.add_n([x, 2 * x, tf.exp(x)]))
    x = tf.constant(np.linspace(0, 1, 5, dtype="float32"))
    np.testing.assert_allclose(internals.single_threaded(step)(x), step(x), rtol=1e-6)


def view(rows=3):
    stack = keras.Variable(np.arange(2.0 * rows).reshape(rows, 2), dtype="float32")
    variable = keras.Variable([7.0, 8.0], dtype="float32")
    internals.make_view(variable, stack, 1)
    return variable, stack


def test_make_view_reads_and_assigns_a_row_of_the_stack():
    variable, stack = view()
    assert internals.is_view(variable) and not internals.is_view(stack)
    np.testing.assert_array_equal(variable.numpy(), [2, 3])
    variable.assign([5.0, 6.0])
    np.testing.assert_array_equal(stack.numpy(), [[0, 1], [5, 6], [4, 5]])
    variable.assign_add([1.0, 1.0])
    np.testing.assert_array_equal(variable.numpy(), stack.numpy()[1])
    with pytest.raises(ValueError, match=r"shape \(2,\). Received: \(3,\)"):
        variable.assign([1.0, 2.0, 3.0])


def test_a_view_has_the_value_of_a_stateless_scope():
    variable, stack = view()
    with keras.StatelessScope([(variable, keras.ops.array([9.0, 9.0]))]) as scope:
        assert float(variable.value[0]) == 9
        variable.assign([1.0, 1.0])
    assert float(scope.get_current_value(variable)[0]) == 1
    np.testing.assert_array_equal(stack.numpy()[1], [2, 3])


def test_end_view_keeps_the_value_and_leaves_the_stack():
    variable, stack = view()
    internals.end_view(variable)
    assert not internals.is_view(variable) and type(variable) is type(stack)
    variable.assign([0.0, 0.0])
    np.testing.assert_array_equal(stack.numpy()[1], [2, 3])


def test_assign_row():
    stack = keras.Variable(np.zeros((3, 2)), dtype="float32")
    for row in (2, 0):
        internals.assign_row(stack, row, [row + 1.0, 4.0])
    np.testing.assert_array_equal(stack.numpy(), [[1, 4], [0, 0], [3, 4]])


def test_graph_of():
    functional = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    assert internals.graph_of(functional) is not None
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    assert internals.graph_of(model) is model

    class Own(keras.Model):
        pass

    assert internals.graph_of(Own()) is None


def test_run_graph_puts_another_function_in_the_place_of_each_operation():
    x = keras.Input((2,))
    dense = keras.layers.Dense(2)
    graph = internals.graph_of(keras.Model(x, keras.layers.ReLU()(dense(x) * 2.0)))
    kinds = [type(o).__name__ for o in internals.operations(graph)]
    assert sorted(kinds) == ["Dense", "Multiply", "ReLU"]
    seen = []

    def of_operation(operation):
        seen.append(type(operation).__name__)
        return operation

    given = np.array([[1.0, -1.0]], "float32")
    result = internals.run_graph(graph, given, of_operation)
    np.testing.assert_allclose(result, np.maximum(2 * given @ dense.kernel.numpy(), 0), rtol=1e-6)
    assert sorted(seen) == sorted(kinds)


def test_takes_training():
    layers = keras.layers
    assert [internals.takes_training(layer) for layer in (
        layers.Dropout(0.5), layers.BatchNormalization(), layers.ReLU(), layers.Flatten())] == [
            True, True, False, False]


@pytest.mark.parametrize("optimizer, names", [
    (keras.optimizers.SGD, []), (keras.optimizers.Adam, ["_momentums", "_velocities"]),
    (keras.optimizers.RMSprop, ["_velocities"])])
def test_slots(optimizer, names):
    optimizer, model = optimizer(), nested()
    optimizer.build(model.trainable_variables)
    found = internals.slots(optimizer)
    assert [name for name, _ in found if "loss" not in name] == names
    for _, variables in found:
        assert [v.shape for v in variables] == [v.shape for v in model.trainable_variables]


def test_excludes_from_weight_decay():
    optimizer = keras.optimizers.AdamW()
    assert not internals.excludes_from_weight_decay(optimizer)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert internals.excludes_from_weight_decay(optimizer)
