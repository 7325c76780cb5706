"""The strategies of tf.distribute."""

import contextlib
import itertools
import json
import os
import re

import tensorflow as tf

from keras_multigan.distribute.workers import (
    Context,
    check_address,
    different,
    end_at_sigterm,
    lost,
)


def scope(strategy: str, devices: int | None, tpu: str) -> contextlib.AbstractContextManager:
    """As `keras_multigan.distribute.scope`, for every strategy but "none"."""
    if strategy == "multiworker":
        _check_workers(_tf_config(required=True))
        with _all_workers():
            workers = tf.distribute.MultiWorkerMirroredStrategy()
        end_at_sigterm()
        return Context(_multi_worker, workers)
    if strategy == "tpu":
        return Context(_tpu_strategy(tpu).scope)
    gpus = tf.config.list_logical_devices("GPU") if tf.config.list_physical_devices("GPU") else []
    if gpus:
        if devices is not None and devices > len(gpus):
            raise ValueError(f"Expected at most {len(gpus)} devices (GPUs). Received: {devices}. Give "
                             "fewer.")
        names = [gpu.name for gpu in gpus[:devices]]
    else:
        names = [cpu.name for cpu in _virtual_cpus(devices or 1)]
    return Context(tf.distribute.MirroredStrategy(names).scope)


def is_chief() -> bool:
    """See `keras_multigan.distribute.is_chief`."""
    config = _tf_config()
    task = config.get("task", {"type": "chief"})
    return task["type"] == "chief" or (
        task["type"] == "worker" and int(task["index"]) == 0 and "chief" not in config["cluster"]
    )


def check_same_on_all_workers(number: float, what: str) -> None:
    """See `keras_multigan.distribute.check_same_on_all_workers`."""
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return

    @tf.function
    def mean():
        def by_replica():
            replica = tf.distribute.get_replica_context()
            return replica.all_reduce(tf.distribute.ReduceOp.MEAN, tf.constant(float(number)))

        return strategy.run(by_replica)

    received = float(strategy.experimental_local_results(mean())[0])
    if received != number:
        raise different(what, f"{number} here, a mean of {received}")


def check_environment() -> None:
    """Raises ValueError unless TF_CONFIG names the workers."""
    _tf_config(required=True)


processes = contextlib.nullcontext  # TensorFlow's workers join and part in the scope


def part() -> None:
    """As `keras_multigan.distribute.part`: nothing is to be done."""


def _tf_config(required=False):
    """Returns the content of TF_CONFIG; empty if it is neither set nor required."""
    text = os.environ.get("TF_CONFIG")
    if text is None and not required:
        return {}
    try:
        config = json.loads(text)
        addresses = config["cluster"][config["task"]["type"]]
        everyone = list(itertools.chain(*config["cluster"].values()))
        fits = (0 <= int(config["task"]["index"]) < len(addresses) and isinstance(addresses, list)
                and all(re.fullmatch(r"\S+:[0-9]{1,5}", a) and int(a.rpartition(":")[2]) < 2**16
                        for a in everyone)
                and len({*everyone}) == len(everyone))
    except (TypeError, ValueError, KeyError, AttributeError):
        fits = False
    if not fits:
        example = ('{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
                   '"task": {"type": "worker", "index": 0}}')
        raise ValueError(
            "strategy='multiworker' expects the environment variable TF_CONFIG, JSON with the "
            "addresses of all workers, each another one, and the index of this one. Received: "
            f"{text!r}. Set it on every host. Example for the first host: TF_CONFIG='{example}'"
        )
    return config


@contextlib.contextmanager
def _multi_worker(strategy):
    with _all_workers(), strategy.scope():
        yield


@contextlib.contextmanager
def _all_workers():
    """Replaces TensorFlow's errors for a lost worker by a RuntimeError that explains them."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError,
            tf.errors.InternalError, tf.errors.CancelledError) as error:
        raise lost(error, " that TF_CONFIG names") from error


def _check_workers(config):
    """Raises ValueError if a host cannot be reached: TensorFlow would wait for many minutes. A host on
    which the worker has yet to start refuses the connection, which is an answer."""
    for address in itertools.chain(*config["cluster"].values()):
        check_address(address, "TF_CONFIG expects the addresses of hosts that can be reached",
                      listening=False)


def _virtual_cpus(count):
    host = tf.config.list_physical_devices("CPU")[0]
    with contextlib.suppress(RuntimeError):  # raised if TensorFlow has started
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


def _tpu_strategy(name):
    if "://" in name:  # TensorFlow would wait for minutes
        check_address(name.partition("://")[2], "strategy='tpu' expects the address of a TPU host")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise ValueError(
            f"strategy='tpu' expects a TPU. Received: none under the name {name!r} "
            f"({type(error).__name__}: {str(error).strip()[:200]}). On a TPU VM, install "
            "tensorflow-tpu and omit the name. Elsewhere, pass its name or grpc:// address."
        ) from error
    return tf.distribute.TPUStrategy(resolver)
