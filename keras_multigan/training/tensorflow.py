"""The TensorFlow engine: gradients with GradientTape, replicas with tf.distribute."""

import contextlib
import functools

import keras
import tensorflow as tf

from keras_multigan import internals


def train_step(model, data):
    """Keras' train step."""
    logs = model.run_step(data)
    if not tf.executing_eagerly():
        internals.check_single_threaded()
    if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
        # Keras takes the mean of every log over workers along axis 0, which a scalar does not have.
        logs = {name: value[None] for name, value in logs.items()}
    return logs


@contextlib.contextmanager
def scope(model):
    """The scope of the strategy in which `model` was made, as Keras' own methods enter it.

    Raises:
        ValueError: the model, or a network of it, was made outside.
    """
    own = model.distribute_strategy
    strategy = tf.distribute.get_strategy() if tf.distribute.has_strategy() else own
    outside = [v.path for v in model.variables
               if not strategy.extended.variable_created_in_scope(v.value)]
    if strategy is not own or outside:
        raise ValueError(
            f"Networks and model are expected to be made inside the scope of one strategy. Received: "
            f"{type(strategy).__name__} and {outside[0] if outside else 'a model'} made outside its "
            "scope. Build the networks, build the model and compile it inside `with strategy.scope():`."
        )
    with strategy.scope() if strategy is not tf.distribute.get_strategy() else contextlib.nullcontext():
        yield


def check_compile(jit_compile, steps_per_execution, optimizers):
    """Raises ValueError for what a step on several replicas cannot do."""
    for name, optimizer in optimizers.items() if num_replicas() > 1 else ():
        for setting in ("clipnorm", "clipvalue", "global_clipnorm", "gradient_accumulation_steps"):
            if getattr(optimizer, setting, None):
                raise ValueError(
                    f"On {num_replicas()} replicas {name} is expected to have no {setting}: TensorFlow "
                    "would apply it to each replica's gradients before they are summed. Received: "
                    f"{getattr(optimizer, setting)}. Leave it out, or train on JAX.")
    strategy = tf.distribute.get_strategy()
    tpu = isinstance(strategy, tf.distribute.TPUStrategy)
    if num_replicas() > 1 and not tpu and (jit_compile is True or steps_per_execution > 1):
        raise ValueError(
            f"Under {type(strategy).__name__} with {num_replicas()} replicas, compile expects "
            "jit_compile='auto' or False and steps_per_execution=1: TensorFlow can do no more there. "
            f"Received: jit_compile={jit_compile}, steps_per_execution={steps_per_execution}."
        )


def inference(network):
    """A function that runs a network in inference mode on any number of rows, traced once."""
    # A partial, not a function: TensorFlow counts traces by code and would warn of the fifth network.
    run = functools.partial(network, training=False)
    return tf.function(run, reduce_retracing=True, autograph=False)


def minimize(phase, optimizer, *batch):
    """Runs one update of `phase`.

    Args:
        phase: the `Phase`.
        optimizer: its Keras optimizer, built on `phase.variables`.
        *batch: what the phase's loss takes: this replica's share of the real images, of their labels
            (None if there are none) and, if it takes them, of the sample weights.

    Returns:
        dict of log name -> scalar, among them `<phase.name>_loss`.
    """
    variables = phase.variables
    # Watching no other variable is what makes the other players constants.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for variable in variables:
            tape.watch(variable.value)
        loss, logs = phase.value(*batch)
        # Keras' optimizers sum gradients over replicas; the loss is a mean over the global batch.
        share = optimizer.scale_loss(loss / num_replicas())
    optimizer.apply(tape.gradient(share, [v.value for v in variables]), variables)
    return {f"{phase.name}_loss": loss, **logs}


def repeat(update, batches):
    """Calls update(*batch) for each batch of a list."""
    # merge_call, which optimizers need to sum gradients over replicas, fails in a traced function.
    if len(batches) > 1 and num_replicas() == 1 and not tf.executing_eagerly():
        # Traced once, not once per batch. A loop (tf.while_loop) would make of the step a function
        # that calls functions, which `in_fixed_order` leaves unoptimised. Control dependencies in the
        # function would leave the order of its operations to chance.
        update = tf.function(update, autograph=False)
    for batch in batches:
        update(*batch)


def in_fixed_order(step, model):
    """Keras' traced train step such that two runs on a CPU have the same bits.

    Where TensorFlow adds three or more gradients it begins with one that no other operation needs any
    more, which with several threads is left to chance. Here operations run one after the other, each
    on all cores. Several replicas need several threads, as do the loop of steps_per_execution > 1 and
    conditions, which some settings of optimizers bring (ema_overwrite_frequency): these run as usual.
    """
    if num_replicas() > 1:
        return _synchronized(step, model)
    devices = {device.device_type for device in tf.config.list_logical_devices()}
    if devices != {"CPU"} or tf.distribute.has_strategy() or model.steps_per_execution > 1:
        return step
    return internals.single_threaded(step)


def unless_ended(step, model):
    """Keras' train step, which does not begin when the data have ended before (`model.may_end`).

    Keras asks a dataset of unknown length for one element too many, within the step, when a repeated
    phase may have drawn random numbers already. Here the elements of an execution are taken outside
    and handed to the same traced step by another iterator.
    """
    given, hand_over = [], {}

    def handed():
        while given:
            yield given.pop(0)

    def run(iterator):
        if not (model.may_end and isinstance(iterator, tf.data.Iterator)):
            return step(iterator)
        signature, count = iterator.element_spec, model.steps_per_execution
        given.clear()  # of a step that has failed
        while len(given) < count and (following := iterator.get_next_as_optional()).has_value():
            given.append(following.get_value())
        if not given:
            raise StopIteration
        last = len(given) < count
        if signature not in hand_over:
            hand_over[signature] = iter(tf.data.Dataset.from_generator(
                handed, output_signature=signature).with_options(_not_ahead()))
        # One that has ended gives no more in the next epoch.
        return step(hand_over.pop(signature) if last else hand_over[signature])

    return run


def input_gradient(fn, x):
    """The gradient of sum(fn(x)) with respect to x, itself differentiable; same shape as x."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        total = tf.reduce_sum(tf.cast(fn(x), "float32"))
    return tape.gradient(total, x)


def convolve_each(x, kernels, strides, padding, dilations):
    """Convolutions (n, N, H', W', F) of x (n, N, H, W, C), each of n by its own of kernels (n, h, w, C,
    F), as one grouped convolution."""
    def convolve(x, kernel):
        return tf.nn.conv2d(x, kernel, strides, padding.upper(), dilations=dilations)

    if not _has_grouped_convolutions():
        return tf.stack([convolve(a, k) for a, k in zip(tf.unstack(x), tf.unstack(kernels))])
    return _from_channels(convolve(_to_channels(x), _to_channels(kernels)), x.shape[0])


def transpose_convolve_each(x, kernels, strides, padding, size):
    """Transposed convolutions of x (n, N, H, W, C) by kernels (n, h, w, F, C) to images of `size`
    (H', W'): (n, N, H', W', F)."""
    count, filters = x.shape[0], kernels.shape[3]

    def convolve(x, kernel, channels):
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.stack([tf.shape(x)[0], *size, channels]), filter=kernel, out_backprop=x,
            strides=[1, *strides, 1], padding=padding.upper())

    if not _has_grouped_convolutions():
        return tf.stack([convolve(a, k, filters) for a, k in zip(tf.unstack(x), tf.unstack(kernels))])
    y = convolve(_to_channels(x), _to_channels(kernels), count * filters)
    return _from_channels(tf.ensure_shape(y, (None, *size, count * filters)), count)


def _to_channels(x):
    """(n, a, b, c, C) as (a, b, c, n C)."""
    joint = tf.transpose(x, (1, 2, 3, 0, 4))
    return tf.reshape(joint, (-1, *joint.shape[1:3], x.shape[0] * x.shape[4]))


def _from_channels(x, count):
    """(a, b, c, n C) as (n, a, b, c, C)."""
    return tf.transpose(tf.reshape(x, (-1, *x.shape[1:3], count, x.shape[3] // count)), (3, 0, 1, 2, 4))


@functools.cache
def _has_grouped_convolutions():
    """Whether this TensorFlow differentiates them: on CPUs only with oneDNN."""
    with tf.init_scope():
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=(1, 3, 3, 4), filter=tf.ones((2, 2, 2, 4)),
                out_backprop=tf.ones((1, 3, 3, 4)), strides=[1, 1, 1, 1], padding="SAME")
        except tf.errors.OpError:
            return False
    return True


def fold_in_replica(seed):
    """A seed (shape (2,)) of this replica's own. With one replica the seed as it is."""
    replica = tf.distribute.get_replica_context()
    if replica is None or num_replicas() == 1:
        return seed
    return tf.random.experimental.stateless_fold_in(seed, replica.replica_id_in_sync_group)


def random_bytes(shape, seed):
    """Random uint8 of a shape, from a seed (shape (2,))."""
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(size + 3) // 4], seed, None, None, tf.uint32)
    return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], shape)


def after(tensor):
    """A context in which nothing happens before `tensor` is there."""
    return tf.control_dependencies([tensor])


def replica_share(tensor):
    """This replica's rows of a tensor (rows, ...) that is the same on all of them."""
    replicas = num_replicas()
    if replicas == 1:
        return tensor
    rows = tensor.shape[0] // replicas
    start = rows * tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.slice(tensor, [start] + [0] * (len(tensor.shape) - 1), [rows, *tensor.shape[1:]])


def mean_over_replicas(tensor):
    """The mean of the replicas' tensors, differentiable; inside a loss."""
    if num_replicas() == 1:
        return tensor
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tensor)


def check_one_batch():
    """Raises ValueError unless a step can have one batch that is no dataset."""
    if num_replicas() > 1:
        raise ValueError(f"train_on_batch expects one replica. Received: {num_replicas()}. Use fit, "
                         "which deals out a batch's rows.")


def _synchronized(step, model):
    """A step in which batch normalisation takes its statistics over all replicas.

    A replica's own would make of k replicas another algorithm, and let the moving averages, of which
    one replica's are saved, drift apart. Not a property of the layers: they are saved without it, by
    callbacks between two steps, too.
    """
    layers = [layer for layer in internals.flatten_layers(model)
              if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized]

    def run(*arguments):
        for layer in layers:
            layer.synchronized = True
        try:
            return step(*arguments)
        finally:
            for layer in layers:
                layer.synchronized = False

    return run


def as_dataset(make_stream, batch=None, ahead=0):
    """A `tf.data.Dataset` of the tuples of arrays, all of one shape, from `make_stream()`.

    Args:
        batch: a tuple of arrays like the stream's, with another number of rows. None takes one from a
            stream of its own.
        ahead: elements that are made before they are asked for.
    """
    arrays = next(make_stream()) if batch is None else batch
    signature = tuple(tf.TensorSpec((None, *array.shape[1:]) if batch else array.shape, array.dtype)
                      for array in arrays)
    dataset = tf.data.Dataset.from_generator(make_stream, output_signature=signature)
    return dataset.prefetch(ahead) if ahead else dataset.with_options(_not_ahead())


def _not_ahead():
    options = tf.data.Options()
    options.autotune.enabled = False  # it would ask ahead
    return options


def deal(dataset, parts):
    """Reorders a dataset's elements, each `parts` batches long, so that a replica's share of an element
    is its shares of all the batches, in their order."""
    replicas = num_replicas()
    if replicas == 1:
        return dataset

    def reorder(x):
        shares = tf.reshape(x, tf.concat([[parts, replicas, -1], tf.shape(x)[1:]], axis=0))
        shares = tf.experimental.numpy.swapaxes(shares, 0, 1)
        return tf.ensure_shape(tf.reshape(shares, tf.shape(x)), x.shape)

    return dataset.map(lambda *x: tf.nest.map_structure(reorder, x if len(x) > 1 else x[0]))


def local_rows(array):
    return array


def local_copies(model):
    return contextlib.nullcontext()


def num_replicas():
    """Replicas among which a batch is divided, inside a step and outside."""
    return tf.distribute.get_strategy().num_replicas_in_sync


num_devices = num_replicas


def parts_of(name):
    """One: every device has all networks."""
    return 1
