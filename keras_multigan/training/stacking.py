"""Networks of one form as one: their weights in stacks, one pass for all of them.

A stack is a variable (n, ...) with a row per network. The networks' own variables become views of its
rows: they keep their names and places, are read and assigned as before, and have no memory of their
own. What trains is the stack. So every network is up to date at any time, and files hold what they hold
without stacks.
"""

import contextlib
import functools
import itertools
from collections.abc import Iterable, Sequence

import keras
import numpy as np
from keras import ops, tree

from keras_multigan import internals
from keras_multigan.training.stacked_layers import dropout, of_rows, stacked_call

# They update each number for itself, so that a stack is updated as its rows would be.
_ELEMENTWISE = ("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Nadam", "Ftrl",
                "Lion")
# In the configurations of layers that run as one.
_MAY_DIFFER = ("name", "seed", "build_config", "shared_object_id", "rate")


class NotStacked(Exception):
    """Says why networks cannot run as one."""


class Stacked:
    """Networks that run as one. While this exists their variables are views.

    Args:
        name: of their list, such as "generators"; paths of stacks begin with it.
        networks: at least two functional or sequential models of one form, of layers that
            `stacked_layers` knows. Layers that all of them share are called once.

    Raises:
        NotStacked: they are not like that.
    """

    def __init__(self, name: str, networks: Sequence[keras.Model]):
        self.networks = list(networks)
        if len(self.networks) < 2:
            raise NotStacked("there is only one")
        self._calls = {}  # id of an operation of the first network -> what takes its place
        columns = list(self._columns([_graph(network) for network in self.networks]))
        # Only now, since networks that do not fit have to stay as they are.
        for column in columns:
            first = column[0]
            values = [ops.convert_to_numpy(v) for v in column]
            with keras.name_scope(f"stacked_{name}"):
                stack = keras.Variable(np.stack(values), dtype=first.dtype, trainable=first.trainable,
                                       autocast=False, aggregation=first.aggregation,
                                       synchronization=first.synchronization,
                                       name=first.path.replace("/", "_"))
            for row, variable in enumerate(column):
                internals.make_view(variable, stack, row)
        for network in self.networks:
            internals.forget_traces(network)

    def __call__(self, inputs, training: bool = True):
        """Outputs (n, N, ...) of the networks, each on its own of `inputs` (n, N, ...)."""
        count, size = inputs.shape[:2]
        outputs = self._run(_graph(self.networks[0]), ops.reshape(inputs, (-1, *inputs.shape[2:])),
                            training)
        return tree.map_structure(lambda x: ops.reshape(x, (count, size, *x.shape[1:])), outputs)

    def separate(self) -> None:
        """Gives all networks variables of their own again."""
        for network in self.networks:
            for variable in network.weights:
                if internals.is_view(variable):
                    internals.end_view(variable)
            internals.forget_traces(network)

    def _run(self, graph, rows, training):
        def call(operation):
            form = self._calls[id(operation)]
            if form is None:  # rows of all networks are rows to it
                told = {"training": training} if internals.takes_training(operation) else {}
                return lambda *args, **kwargs: operation(*args, **{**kwargs, **told})
            if form == "graph":
                return lambda x, **told: self._run(internals.graph_of(operation), x, training)

            def of_stack(x, **told):  # a mask or training, as the network was built with
                x = ops.reshape(ops.cast(x, operation.compute_dtype),
                                (len(self.networks), -1, *x.shape[1:]))
                y = form(operation, x, training)
                return ops.reshape(y, (-1, *y.shape[2:]))

            return of_stack

        return internals.run_graph(graph, rows, call)

    def _columns(self, graphs):
        """Checks graphs and fills `_calls`; yields variables that make one stack."""
        if any(_form(graph) != _form(graphs[0]) for graph in graphs):
            raise NotStacked("they differ in their layers")
        for layers in zip(*(internals.operations(graph) for graph in graphs), strict=True):
            first, distinct = layers[0], len({id(layer) for layer in layers})
            if not isinstance(first, keras.layers.Layer):
                raise NotStacked(f"the operation {first.name!r} may mix samples")
            if distinct not in (1, len(layers)):
                raise NotStacked(f"some share the layer {first.name!r}")
            if internals.graph_of(first) is not None and distinct > 1:
                self._calls[id(first)] = "graph"
                yield from self._columns([internals.graph_of(layer) for layer in layers])
            elif len({getattr(layer, "rate", None) for layer in layers}) > 1:
                if type(first) is not keras.layers.Dropout or first.noise_shape is not None:
                    raise NotStacked(f"the layers {first.name!r} have several rates")
                drawn = next(layer for layer in layers if layer.rate)  # with a rate of 0 none is
                self._calls[id(first)] = functools.partial(
                    dropout, [layer.rate for layer in layers], drawn.seed_generator)
            elif of_rows(first, shared=distinct == 1):
                self._calls[id(first)] = None
            elif distinct == 1 or stacked_call(first) is None:
                raise NotStacked(f"the layer {first.name!r}, {type(first).__name__}, has no stacked "
                                 "form" + (" if it is shared" if distinct == 1 else ""))
            else:
                self._calls[id(first)] = stacked_call(first)
                yield from zip(*(layer.weights for layer in layers), strict=True)


class Stacks:
    """The networks of a model that run as one. Keras does not look into it."""

    def __init__(self):
        self._found = {}

    def add(self, name, networks):
        self._found[tuple(map(id, networks))] = Stacked(name, networks)

    def remove(self, networks):
        stacked = self._found.pop(tuple(map(id, networks)), None)
        if stacked is not None:
            stacked.separate()

    def find(self, networks):
        return self._found.get(tuple(map(id, networks)))

    def __len__(self):
        return len(self._found)

    def separate(self):
        for stacked in self._found.values():
            stacked.separate()
        self._found = {}


def _graph(network):
    graph = internals.graph_of(network)
    if graph is None:
        raise NotStacked(f"{network.name!r} is no functional or sequential model")
    return graph


def _form(graph):
    """What graphs must have in common: their layers, how these are connected, their weights."""
    names = {}

    def gather(graph):
        for layer in [*graph.layers, *internals.operations(graph)]:
            names.setdefault(layer.name, f"#{len(names)}")
            if internals.graph_of(layer) is not None:
                gather(internals.graph_of(layer))

    def plain(config):
        if isinstance(config, dict):
            return {key: plain(value) for key, value in config.items()
                    if key not in _MAY_DIFFER and not key.endswith("_initializer")}
        if isinstance(config, (list, tuple)):
            return [plain(value) for value in config]
        return names.get(config, config) if isinstance(config, str) else config

    gather(graph)
    weights = [(tuple(v.shape), v.dtype, v.trainable, v.constraint is None) for v in graph.weights]
    if not all(free for *_, free in weights):
        raise NotStacked("their weights have constraints")
    return plain(graph.get_config()), weights, [layer.compute_dtype
                                                for layer in internals.flatten_layers(graph)]


def elementwise(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer updates a stack as it would update its rows."""
    known = any(type(optimizer) is getattr(keras.optimizers, name) for name in _ELEMENTWISE)
    return (known and optimizer.clipnorm is None and optimizer.global_clipnorm is None
            and not internals.excludes_from_weight_decay(optimizer))


def stored(variables: Iterable[keras.Variable]) -> list[keras.Variable]:
    """The variables that hold what `variables` show: stacks in place of views, each once.

    Raises:
        ValueError: `variables` has some views of a stack, but not all.
    """
    found, rows = {}, {}
    for variable in variables:
        kept = variable
        if internals.is_view(variable):
            kept = variable.stack
            rows.setdefault(id(kept), set()).add(variable.row)
        found.setdefault(id(kept), kept)
    for key, seen in rows.items():
        if len(seen) < found[key].shape[0]:
            raise ValueError(
                "Networks that are trained as one are expected to be frozen together. Received: only "
                f"{len(seen)} of {found[key].shape[0]} weights {found[key].name!r} that can be "
                "trained. Call compile after setting trainable.")
    return list(found.values())


@contextlib.contextmanager
def apart(networks: Iterable[keras.Model]):
    """While it is open, the networks have variables of their own, which nobody may assign."""
    views = {id(v): (v, v.stack, v.row) for network in networks for v in network.weights
             if internals.is_view(v)}
    for variable, _, _ in views.values():
        internals.end_view(variable)
    try:
        yield
    finally:
        for view in views.values():
            internals.make_view(*view)


class Row:
    """A row of a stack as a variable that can be read and assigned."""

    def __init__(self, stack: keras.Variable, row: int):
        self.stack, self.row = stack, row
        self.path, self.shape = f"{stack.path}/{row}", tuple(stack.shape[1:])

    def numpy(self):
        return ops.convert_to_numpy(self.stack.value)[self.row]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numpy(), dtype=dtype)

    def assign(self, value):
        internals.assign_row(self.stack, self.row, value)


def unstacked(optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable]) -> list:
    """An optimizer's variables, as many and in the order that it would have without stacks.

    Args:
        optimizer: it is built on `stored(weights)`.
        weights: trainable variables, views among them.

    Returns:
        List of `keras.Variable` and `Row`.
    """
    if not any(internals.is_view(v) for v in weights):
        return list(optimizer.variables)
    slots = {name: dict(zip(map(id, internals.trained_variables(optimizer)), kept, strict=True))
             for name, kept in internals.slots(optimizer)}
    in_slots = {id(v) for kept in slots.values() for v in kept.values()}
    others = iter([v for v in optimizer.variables if id(v) not in in_slots])

    def slot(name, weight):
        if internals.is_view(weight):
            return Row(slots[name][id(weight.stack)], weight.row)
        return slots[name][id(weight)]

    found = []
    for names in _order(optimizer):
        found += ([slot(name, weight) for weight in weights for name in names] if names
                  else [next(others)])
    return found


def _order(optimizer):
    """In which order an optimizer makes its variables: [] for one of its own, ["_momentums",
    "_velocities"] for these two of every trained variable in turn."""
    blank = type(optimizer).from_config(optimizer.get_config())
    blank.build([keras.Variable(0.0, name="blank") for _ in range(2)])
    places = {id(kept[k]): (name, k) for name, kept in internals.slots(blank) for k in range(2)}
    made = [places.get(id(v)) for v in blank.variables]
    order = []
    while made:
        names = [place[0] for place in itertools.takewhile(lambda place: place and not place[1], made)]
        order.append(names)
        del made[: max(2 * len(names), 1)]
    return order
