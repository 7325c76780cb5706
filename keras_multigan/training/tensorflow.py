"""The TensorFlow engine: gradients with GradientTape, replicas with tf.distribute."""

import tensorflow as tf


def train_step(model, data):
    """Keras' train step."""
    return model.run_step(data)


def minimize(phase, optimizer, images, labels):
    """Runs one update of `phase`.

    Args:
        phase: the `Phase`.
        optimizer: its Keras optimizer, built on `phase.variables`.
        images, labels: this replica's share of the real batch; labels may be None.

    Returns:
        dict of log name -> scalar, among them `<phase.name>_loss`.
    """
    variables = phase.variables
    # Watching no other variable is what makes the other players constants.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for variable in variables:
            tape.watch(variable.value)
        loss, logs = phase.loss(images, labels)
        # Keras' optimizers sum gradients over replicas; the loss is a mean over the global batch.
        share = loss / num_replicas()
    optimizer.apply(tape.gradient(share, [v.value for v in variables]), variables)
    return {f"{phase.name}_loss": loss, **logs}


def repeat(update, images, labels):
    """Calls update(images, labels) for each batch of the lists."""
    # Traced once for all; but merge_call, which optimizers need to sum gradients over replicas,
    # fails in a nested function.
    if num_replicas() == 1 and not tf.executing_eagerly():
        update = tf.function(update)
    for batch in zip(images, labels, strict=True):
        update(*batch)


def input_gradient(fn, x):
    """The gradient of sum(fn(x)) with respect to x, itself differentiable; same shape as x."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        total = tf.reduce_sum(tf.cast(fn(x), "float32"))
    return tape.gradient(total, x)


def fold_in_replica(seed):
    """A seed (shape (2,)) of this replica's own. With one replica the seed as it is."""
    context = tf.distribute.get_replica_context()
    if context is None or num_replicas() == 1:
        return seed
    return tf.random.experimental.stateless_fold_in(seed, context.replica_id_in_sync_group)


def after(tensor):
    """A context in which nothing happens before `tensor` is there."""
    return tf.control_dependencies([tensor])


def average_over_replicas(variables):
    """Gives all replicas the mean of their values, inside a step.

    Each replica moves its own batch-normalisation averages; a checkpoint holds one replica's.
    """
    if num_replicas() == 1 or not variables:
        return
    context = tf.distribute.get_replica_context()
    values = [tf.identity(variable.value) for variable in variables]
    means = context.all_reduce(tf.distribute.ReduceOp.MEAN, values)
    for variable, mean in zip(variables, means, strict=True):
        variable.assign(mean)


def as_dataset(make_stream):
    """A `tf.data.Dataset` of the tuples of arrays, all of one shape, from `make_stream()`."""
    signature = tuple(tf.TensorSpec(array.shape, array.dtype) for array in next(make_stream()))
    return tf.data.Dataset.from_generator(make_stream, output_signature=signature).prefetch(2)


def num_replicas():
    """Replicas among which a batch is divided, inside a step and outside."""
    return tf.distribute.get_strategy().num_replicas_in_sync
