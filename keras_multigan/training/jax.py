"""The JAX engine: Keras' variables as values in a `StatelessScope`, gradients with `jax.grad`.

What is assigned inside a function that JAX transforms (random state, moving averages, weights) is a
value of that function: it is returned from it and assigned again outside.
"""

import contextlib

import jax
import keras


class _Scope(keras.StatelessScope):
    """A scope that sees the values of the one around it and notes which variables are assigned."""

    around = []

    def __init__(self, pairs=(), collect_losses=False):
        super().__init__(state_mapping=list(pairs), collect_losses=collect_losses)
        if self.around:
            self.state_mapping = {**self.around[-1].state_mapping, **self.state_mapping}
        self.assigned = {}

    def add_update(self, update):
        self.assigned[id(update[0])] = update[0]
        super().add_update(update)

    def changes(self):
        """What `_assign` takes outside: the values of the variables assigned so far, and which."""
        return [self.state_mapping[key] for key in self.assigned], _Static(self.assigned)

    def __enter__(self):
        self.around.append(self)
        return super().__enter__()

    def __exit__(self, *error):
        self.around.pop()
        return super().__exit__(*error)


def train_step(model, state, data):
    """Keras' train step: one `model.run_step(data)` as a function of all variables' values."""
    groups = [model.trainable_variables, model.non_trainable_variables, model.optimizer.variables,
              model.metrics_variables]
    pairs = [pair for group, values in zip(groups, state, strict=True)
             for pair in zip(group, values, strict=True)]
    with _Scope(pairs) as scope:
        logs = model.run_step(data)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)


def minimize(phase, optimizer, *batch):
    """Runs one update of `phase`; as in the TensorFlow engine."""
    variables = phase.variables

    def loss(values):
        with _Scope(zip(variables, values, strict=True), collect_losses=True) as scope:
            value, logs = phase.value(*batch)
            return optimizer.scale_loss(value), (value, logs, scope.changes())

    values = [variable.value for variable in variables]
    gradients, (value, logs, changes) = jax.grad(loss, has_aux=True)(values)
    _assign(*changes)
    optimizer.apply(gradients, variables)
    return {f"{phase.name}_loss": value, **logs}


def input_gradient(fn, x):
    """The gradient of sum(fn(x)) with respect to x, itself differentiable; same shape as x."""

    def total(x):
        with _Scope() as scope:
            return jax.numpy.sum(fn(x).astype("float32")), scope.changes()

    gradient, changes = jax.grad(total, has_aux=True)(x)
    _assign(*changes)
    return gradient


def repeat(update, batches):
    """Calls update(*batch) for each batch of a list, in a loop that is compiled once."""
    if len(batches) == 1 or not isinstance(batches[0][0], jax.core.Tracer):  # as with run_eagerly
        for batch in batches:
            update(*batch)
        return

    def changes(*batch):
        with _Scope() as scope:
            update(*batch)
            return scope.changes()

    assigned = list(jax.eval_shape(changes, *batches[0])[1].value.values())

    def body(values, batch):
        with _Scope(zip(assigned, values, strict=True)) as scope:
            update(*batch)
            return [scope.get_current_value(v) for v in assigned], None

    stacked = jax.tree.map(lambda *b: jax.numpy.stack(b), *batches)
    values, _ = jax.lax.scan(body, [v.value for v in assigned], stacked)
    for variable, value in zip(assigned, values, strict=True):
        variable.assign(value)


def in_fixed_order(step, model):
    return step


def unless_ended(step, model):
    """Keras takes an element before it begins a step."""
    return step


@jax.tree_util.register_static
class _Static:
    """Carries what is no array out of a transformed function."""

    def __init__(self, value):
        self.value = value


def _assign(values, assigned):
    for variable, value in zip(assigned.value.values(), values, strict=True):
        variable.assign(value)


def check_compile(jit_compile, steps_per_execution, optimizers):
    """Everything can be compiled."""


def inference(network):
    """A function that runs a network in inference mode, compiled for each number of rows."""

    @jax.jit
    def run(weights, state, inputs):
        return network.stateless_call(weights, state, inputs, training=False)[0]

    return lambda inputs: run([_here(v.value) for v in network.trainable_variables],
                              [_here(v.value) for v in network.non_trainable_variables], inputs)


def _here(value):
    """A variable's value; of several processes, which all have a copy, this one's."""
    return value if value.is_fully_addressable else value.addressable_data(0)


def local_copies(model):
    """A context in which this process computes with a model's variables alone."""
    return keras.StatelessScope([(v, _here(v.value)) for v in model.variables])


def convolve_each(x, kernels, strides, padding, dilations):
    """As in the TensorFlow engine."""
    return _for_each(lambda x, kernel: keras.ops.conv(
        x, kernel, strides, padding, dilation_rate=dilations), x, kernels)


def transpose_convolve_each(x, kernels, strides, padding, size):
    """As in the TensorFlow engine."""
    return _for_each(lambda x, kernel: keras.ops.conv_transpose(x, kernel, strides, padding),
                     x, kernels)


def _for_each(convolve, x, kernels):
    # On CPUs XLA's grouped convolutions take a hundred times the time of single ones.
    if jax.default_backend() == "cpu":
        return jax.numpy.stack([convolve(a, k) for a, k in zip(x, kernels, strict=True)])
    return jax.vmap(convolve)(x, kernels)


def random_bytes(shape, seed):
    """Random uint8 of a shape, from a seed (shape (2,))."""
    return jax.random.bits(seed, shape, "uint8")


def after(tensor):
    """A context without effect: a step that has no data does not run."""
    return contextlib.nullcontext()


# One program computes on the global batch, however many devices share it.


def fold_in_replica(seed):
    return seed


def replica_share(tensor):
    return tensor


def mean_over_replicas(tensor):
    return tensor


def check_one_batch():
    """A step can have it."""


def scope(model):
    return contextlib.nullcontext()


def deal(dataset, parts):
    """Of every element the rows that this process hands over."""
    if not _is_one_of_several():
        return dataset
    if hasattr(dataset, "element_spec"):
        return dataset.map(lambda *x: tuple(map(local_rows, x)) if len(x) > 1 else local_rows(x[0]))
    return (tuple(map(local_rows, element)) for element in dataset)


def local_rows(array):
    """Of an array (rows, ...) for all processes the rows that this one hands over."""
    if not _is_one_of_several():
        return array
    rows = array.shape[0] // jax.process_count()
    return array[rows * jax.process_index() : rows * (jax.process_index() + 1)]


def _is_one_of_several():
    return jax.process_count() > 1 and keras.distribution.distribution() is not None


def num_replicas():
    return 1


def num_devices():
    """The devices that share a batch."""
    return _along("batch")


def parts_of(name):
    """The devices to which the networks of the list `name` are dealt out, equally many each."""
    return _along("generator") if name == "generators" else 1


def _along(axis):
    shared = keras.distribution.distribution()
    if shared is None or axis not in shared.device_mesh.axis_names:
        return 1
    return shared.device_mesh.shape[shared.device_mesh.axis_names.index(axis)]


def as_dataset(make_stream, batch=None, ahead=0):
    """An iterator of the tuples of arrays from `make_stream()`."""
    return make_stream()
