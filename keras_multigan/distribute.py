"""From the flag --strategy to a tf.distribute strategy."""

import contextlib

STRATEGIES = ("none", "mirrored")


def scope(strategy="none", devices=None):
    """The context in which a model must be built, compiled and trained.

    Args:
        strategy: "none", or "mirrored": one replica a GPU, or, on a machine without one, a virtual
            CPU device. The batch given to `fit` is the global one.
        devices: number of replicas; all GPUs, or one CPU, if None.

    Returns:
        A context manager.

    Raises:
        ValueError: unknown strategy, or a number of devices that this machine cannot give.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy is expected to be one of {STRATEGIES}. Received: {strategy!r}")
    if devices is not None and devices < 1:
        raise ValueError(f"devices is expected to be >= 1. Received: {devices}")
    if strategy == "none":
        if devices not in (None, 1):
            raise ValueError(
                f"One device is expected without a strategy. Received: devices={devices}. "
                "Use strategy='mirrored'."
            )
        return contextlib.nullcontext()

    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU") if tf.config.list_physical_devices("GPU") else []
    if gpus:
        if devices is not None and devices > len(gpus):
            raise ValueError(f"Expected at most {len(gpus)} devices (GPUs). Received: {devices}")
        names = [gpu.name for gpu in gpus[:devices]]
    else:
        names = [cpu.name for cpu in _virtual_cpus(devices or 1)]
    return tf.distribute.MirroredStrategy(names).scope()


def _virtual_cpus(count):
    import tensorflow as tf

    host = tf.config.list_physical_devices("CPU")[0]
    with contextlib.suppress(RuntimeError):  # TensorFlow has started: its devices are settled
        tf.config.set_logical_device_configuration(
            host, [tf.config.LogicalDeviceConfiguration()] * count
        )
    cpus = tf.config.list_logical_devices("CPU")
    if len(cpus) < count:
        raise ValueError(
            f"Expected at most {len(cpus)} devices (CPU), since TensorFlow has already started. "
            f"Received: {count}. Call scope() before anything else of TensorFlow."
        )
    return cpus[:count]
