"""All that this package needs of Keras' and TensorFlow's private names.

A new version of either may rename them: `tests/test_internals.py` has one test per function.
"""

import copy
from collections.abc import Iterable

import keras

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
