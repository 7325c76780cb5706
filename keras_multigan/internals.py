"""All that this package needs of Keras' and TensorFlow's private names.

A new version of either may rename them: `tests/test_internals.py` has one test per function.
"""

import copy
import functools
from collections.abc import Iterable

import keras
from keras.src.backend.common.stateless_scope import get_stateless_scope, in_stateless_scope
from keras.src.models.functional import Functional

_SEED_STATE = "seed_generator_state"  # the name that keras.random.SeedGenerator gives its variable


def flatten_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers in `model`, at any depth, without the model itself."""
    return list(model._flatten_layers(include_self=False))


def layers_that_added_losses(networks: Iterable[keras.Model]) -> list[str]:
    """The names of the layers in `networks` that have called `add_loss`; forgets what they added."""
    names = []
    for network in networks:
        names += [layer.name for layer in [network, *flatten_layers(network)]
                  if layer._get_own_losses()]
        network._clear_losses()
    return names


def is_seed_state(variable: keras.Variable) -> bool:
    """Whether `variable` is the state of a seed generator, which Keras does not save."""
    return variable.path.endswith(_SEED_STATE)


def drop_loss_tracker(model: keras.Model) -> None:
    """Removes the metric "loss" of a compiled model, which has one loss per phase instead."""
    model._loss_tracker = None


def skip_symbolic_build(model: keras.Model) -> None:
    """Keeps `fit` from building what is built. Under a TensorFlow strategy it would take a batch for
    that, and fail on batches with labels if there are several workers."""
    model._maybe_symbolic_build = lambda *args, **kwargs: None


def check_compiled(model: keras.Model, method: str) -> None:
    """Raises ValueError if `model` is not compiled."""
    model._assert_compile_called(method)


def trained_variables(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The variables that a built optimizer updates."""
    return optimizer._trainable_variables


def single_threaded(step):
    """A traced TensorFlow function whose operations run one after the other in a fixed order.

    TensorFlow's public interface does not name the executor of a function. A step for which
    `check_single_threaded` finds that it cannot be so runs as usual.
    """
    import tensorflow as tf
    from tensorflow.python.eager import context

    options = copy.copy(context.context().function_call_options)
    options.executor_type = "SINGLE_THREADED_EXECUTOR"
    # Grappler's memory optimizer writes additions in a way that this executor does not know.
    config = tf.compat.v1.ConfigProto.FromString(options.config_proto_serialized)
    config.graph_options.rewrite_options.memory_optimization = (
        config.graph_options.rewrite_options.NO_MEM_OPT)
    options.config_proto_serialized = config

    chosen = [options]

    def run(*arguments):
        usual = context.context().function_call_options
        context.context().function_call_options = chosen[0]
        try:
            return step(*arguments)
        except _NeedsThreads:
            chosen[0] = context.context().function_call_options = usual
            return step(*arguments)
        finally:
            context.context().function_call_options = usual

    return run


class _NeedsThreads(Exception):
    """A step has conditions, for which the single-threaded executor would wait for ever."""


def check_single_threaded() -> None:
    """At the end of tracing a step: lets `single_threaded` run it as usual if it has conditions."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    if context.context().function_call_options.executor_type != "SINGLE_THREADED_EXECUTOR":
        return
    graph = tf.compat.v1.get_default_graph().as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    if {"If", "StatelessIf", "Case", "StatelessCase"} & {node.op for node in nodes}:
        raise _NeedsThreads


def make_view(variable: keras.Variable, stack: keras.Variable, row: int) -> None:
    """Turns a variable into a view of a row of the variable `stack` (n, ...): it is read and assigned
    there, and has no memory of its own. `variable.stack` and `variable.row` say where."""
    variable.__class__ = _view_class(type(variable))
    variable.stack, variable.row, variable._value = stack, row, None


def end_view(variable: keras.Variable) -> None:
    """Gives a view a value of its own again, the one that it shows."""
    value = variable.value
    variable.__class__ = type(variable).__base__
    del variable.stack, variable.row
    variable._initialize(value)


def forget_traces(network: keras.Model) -> None:
    """Lets a network and the models in it trace `predict` and the like anew: TensorFlow's traces have
    the variables of their time."""
    for model in [network, *flatten_layers(network)]:
        if isinstance(model, keras.Model):
            model.train_function = model.test_function = model.predict_function = None


def is_view(variable: keras.Variable) -> bool:
    """Whether `make_view` has made a view of the variable."""
    return hasattr(variable, "stack")


@functools.cache
def _view_class(base):
    class View(base):
        @property
        def value(self):
            scope = get_stateless_scope() if in_stateless_scope() else None
            own = scope and scope.get_current_value(self)  # as in `stateless_call` of its network
            return self._maybe_autocast(self.stack.value[self.row] if own is None else own)

        def assign(self, value):
            value = self._convert_to_tensor(value, dtype=self.dtype)
            if tuple(value.shape) != tuple(self.shape):
                raise ValueError(f"The value of {self.path} is expected to have the shape "
                                 f"{tuple(self.shape)}. Received: {tuple(value.shape)}")
            scope = get_stateless_scope() if in_stateless_scope() else None
            if scope and scope.get_current_value(self) is not None:
                scope.add_update((self, value))
            else:
                assign_row(self.stack, self.row, value)
            return value

    View.__name__ = View.__qualname__ = base.__name__
    return View


def assign_row(stack: keras.Variable, row: int, value) -> None:
    """Sets one row of a variable (n, ...)."""
    rows = stack.value
    value = keras.ops.convert_to_tensor(value, dtype=rows.dtype)
    stack.assign(keras.ops.concatenate([rows[:row], value[None], rows[row + 1:]]))


def graph_of(network: keras.Model):
    """The graph of layers that a functional or sequential model computes; None of another, and of a
    class of the user's own with another `call`."""
    call = getattr(type(network), "call", None)
    if isinstance(network, keras.Sequential) and call is keras.Sequential.call:
        return network._functional
    return network if isinstance(network, Functional) and call is Functional.call else None


def operations(graph) -> list:
    """The layers of a graph and its other operations, without its inputs."""
    return [o for o in graph._operations if not isinstance(o, keras.layers.InputLayer)]


def run_graph(graph, inputs, of_operation):
    """What a graph makes of `inputs`, if `of_operation(o)` takes the place of each operation o."""
    outputs = graph._run_through_graph(inputs, operation_fn=of_operation)
    return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs


def takes_training(layer: keras.layers.Layer) -> bool:
    """Whether a layer is told if it is called in training."""
    return layer._call_has_training_arg


def slots(optimizer: keras.optimizers.Optimizer) -> list[tuple[str, list[keras.Variable]]]:
    """The attributes of a built optimizer that hold one variable of its own per trained variable, such
    as ("_momentums", [...])."""
    trained = trained_variables(optimizer)
    own = {id(v) for v in optimizer.variables}
    return [(name, list(value)) for name, value in vars(optimizer).items()
            if name != "_variables" and isinstance(value, list) and len(value) == len(trained)
            and all(id(v) in own for v in value)]


def excludes_from_weight_decay(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether some variables of an optimizer are spared its weight decay."""
    return bool(getattr(optimizer, "_exclude_from_weight_decay", None)
                or getattr(optimizer, "_exclude_from_weight_decay_pattern", None))
