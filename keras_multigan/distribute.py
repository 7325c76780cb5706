"""Data-parallel training: the context for the value of the flag --strategy."""

import atexit
import contextlib
import ctypes
import itertools
import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import keras
import numpy as np

STRATEGIES = ("none", "mirrored", "multiworker", "tpu", "generators")
MOST_DEVICES = 128
_PATIENCE = 3  # seconds for an answer of a host that other workers run on
_SILENCE = 60  # seconds without a sign of life, after which JAX gives up a process
_JAX_VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
_EXPECTED_OF_JAX = (
    "strategy='multiworker' expects on JAX a job of Slurm, Open MPI, Kubernetes or a TPU pod, or the "
    "environment variables JAX_COORDINATOR_ADDRESS (host:port of the first process), JAX_NUM_PROCESSES "
    "and JAX_PROCESS_ID (0, 1, ...).")
_LOST = ("Expected all workers{} to be running. Received: one has ended or cannot be reached{}. Start "
         "all of them again with --resume: they continue from the last checkpoint.")


def scope(
    strategy: str = "none", devices: int | None = None, tpu: str = ""
) -> contextlib.AbstractContextManager:
    """Returns the context in which a model has to be built, compiled and trained.

    Call this function before any other use of the backend, since the backend fixes its devices when it
    starts. The context itself can be entered later. The batch size given to `fit` is the global one,
    for all replicas together.

    Args:
        strategy: "none"; "mirrored" for the devices of this machine; "multiworker" for those of several
            processes, usually one on each host; "tpu"; or "generators", on JAX only, which deals the
            generators out to the devices of this machine, as MIX-GAN's paper places them. On TensorFlow
            the others are strategies of tf.distribute, and the environment variable TF_CONFIG names the
            processes. On JAX they are `keras.distribution.DataParallel`. JAX finds the other processes
            by itself under Slurm, Open MPI, Kubernetes and on TPU pods. Elsewhere
            JAX_COORDINATOR_ADDRESS (host:port of the first process), JAX_NUM_PROCESSES and
            JAX_PROCESS_ID (0, 1, ...) name them.
        devices: number of devices of "mirrored" and "generators". None uses all GPUs, or one CPU if
            there is no GPU. Without a GPU, they are virtual CPU devices.
        tpu: TensorFlow's name or address of the TPU; "" or "local" on a TPU VM.

    Returns:
        A context manager that can be entered more than once.

    Raises:
        ValueError: unknown strategy, a number of devices that this machine does not have, no TPU, or
            missing or malformed environment variables of "multiworker".
        RuntimeError: another worker has ended. It is also raised within the context. JAX may end the
            process before that, with the exit code 2 and the same message.
    """
    check(strategy, devices, tpu)
    if strategy == "none":
        return contextlib.nullcontext()
    if keras.backend.backend() == "jax":
        return _data_parallel(strategy, devices)

    import tensorflow as tf

    if strategy == "multiworker":
        _check_workers(_tf_config(required=True))
        with _all_workers():
            workers = tf.distribute.MultiWorkerMirroredStrategy()
        _end_at_sigterm()
        return _Context(_multi_worker, workers)
    if strategy == "tpu":
        return _Context(_tpu_strategy(tpu).scope)
    gpus = tf.config.list_logical_devices("GPU") if tf.config.list_physical_devices("GPU") else []
    if gpus:
        if devices is not None and devices > len(gpus):
            raise ValueError(f"Expected at most {len(gpus)} devices (GPUs). Received: {devices}. Give "
                             "fewer.")
        names = [gpu.name for gpu in gpus[:devices]]
    else:
        names = [cpu.name for cpu in _virtual_cpus(devices or 1)]
    return _Context(tf.distribute.MirroredStrategy(names).scope)


def check(strategy: str, devices: int | None = None, tpu: str = "") -> None:
    """Raises ValueError unless these arguments of `scope` fit each other. Starts no device."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy is expected to be one of {STRATEGIES}. Received: {strategy!r}")
    if devices is not None and devices < 1:
        raise ValueError(f"devices is expected to be >= 1. Received: {devices}")
    if devices not in (None, 1) and strategy == "none":
        raise ValueError(
            f"One device is expected without a strategy. Received: devices={devices}. "
            "Use strategy='mirrored'."
        )
    if devices is not None and strategy in ("multiworker", "tpu"):
        raise ValueError(
            f"devices is expected to be None for strategy={strategy!r}, which takes all of them. "
            f"Received: {devices}"
        )
    if devices is not None and devices > MOST_DEVICES:
        raise ValueError(f"At most {MOST_DEVICES} devices are expected. Received: {devices}. Give "
                         "fewer.")
    if tpu and strategy != "tpu":
        raise ValueError("tpu is expected to be given with strategy='tpu' alone. Received: "
                         f"{tpu!r} and strategy={strategy!r}. Leave one of them out.")
    if strategy == "generators" and keras.backend.backend() != "jax":
        raise ValueError("strategy='generators' expects the JAX backend. Received: the backend "
                         f"{keras.backend.backend()!r}. Set KERAS_BACKEND=jax.")
    if strategy == "multiworker":
        if keras.backend.backend() == "jax":
            _jax_process()
        else:
            _tf_config(required=True)


def is_chief() -> bool:
    """Returns whether this process is the one that writes files.

    This is the only process, the chief, or the first worker if there is no chief. On JAX the processes
    know each other once `scope` has been called.
    """
    if keras.backend.backend() == "jax":
        import jax

        return not (_processes.joined or jax.distributed.is_initialized()) or jax.process_index() == 0
    config = _tf_config()
    task = config.get("task", {"type": "chief"})
    return task["type"] == "chief" or (
        task["type"] == "worker" and int(task["index"]) == 0 and "chief" not in config["cluster"]
    )


def check_same_on_all_workers(number: float, what: str) -> None:
    """Checks that all workers pass the same number.

    Args:
        number: the number of this worker.
        what: name of the number in the error message.

    Raises:
        RuntimeError: the numbers differ.
    """
    if keras.backend.backend() == "jax":
        import jax
        from jax.experimental import multihost_utils

        all_of_them = {float(number)}
        if jax.distributed.is_initialized():
            all_of_them = {*multihost_utils.process_allgather(np.float32(number)).ravel().tolist()}
        if len(all_of_them) > 1:
            raise _different(what, f"{number} here, {sorted(all_of_them)} in all")
        return
    import tensorflow as tf

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
        raise _different(what, f"{number} here, a mean of {received}")


def _different(what, received):
    return RuntimeError(f"Expected the same {what} on all workers. Received: {received}. Give all "
                        "workers access to the same run folder.")


@contextlib.contextmanager
def run_of(strategy: str) -> Iterator[None]:
    """The context of a run, from before its folder is opened to its end. On JAX the processes of
    "multiworker" join in it, and if one of them fails, the others end, too.

    Args:
        strategy: as in `scope`.
    """
    if strategy != "multiworker" or keras.backend.backend() != "jax":
        yield
        return
    _join()
    with _all_processes():
        yield


def part(strategy: str) -> None:
    """Ends the work of all processes together, after training: what the first one does then, it does
    alone. TensorFlow's workers need no such end.

    Args:
        strategy: as in `scope`.
    """
    if strategy == "multiworker" and keras.backend.backend() == "jax":
        import jax

        jax.distributed.shutdown()  # waits for all of them
        ctypes.CDLL(None).signal(int(signal.SIGABRT), int(signal.SIG_DFL))  # in any thread


class _Context:
    """A context manager that can be entered several times.

    enter(*arguments) is called on each entry and returns the context manager to use.
    """

    def __init__(self, enter, *arguments):
        self._enter = lambda: enter(*arguments)
        self._entered = []

    def __enter__(self):
        self._entered.append(self._enter())
        return self._entered[-1].__enter__()

    def __exit__(self, *error):
        return self._entered.pop().__exit__(*error)


@contextlib.contextmanager
def _multi_worker(strategy):
    with _all_workers(), strategy.scope():
        yield


@contextlib.contextmanager
def _all_workers():
    """Replaces TensorFlow's errors for a lost worker by a RuntimeError that explains them."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError,
            tf.errors.InternalError, tf.errors.CancelledError) as error:
        raise RuntimeError(_LOST.format(" that TF_CONFIG names", _in_brackets(error))) from error


def _in_brackets(error):
    return f" ({type(error).__name__}: {str(error).strip()[:300]})"


def _end_at_sigterm():
    """Gives SIGTERM back to Python. TensorFlow and JAX take it for a notice to their workers, which
    nothing here reads: the signal would be lost."""
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _check_workers(config):
    """Raises ValueError if a host cannot be reached: TensorFlow would wait for many minutes. A host on
    which the worker has yet to start refuses the connection, which is an answer."""
    for address in itertools.chain(*config["cluster"].values()):
        check_address(address, "TF_CONFIG expects the addresses of hosts that can be reached",
                      listening=False)


def check_address(address: str, expected: str, listening: bool = True) -> None:
    """Raises ValueError unless a host answers at the address; if `listening`, a server has to."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        if isinstance(error, ConnectionRefusedError) and not listening:
            return
        raise ValueError(f"{expected}, as host:port. Received: {address!r} ({error}). Correct it, or "
                         "start that host first.") from error


def _virtual_cpus(count):
    import tensorflow as tf

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


def _tpu_strategy(name):
    import tensorflow as tf

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


def _data_parallel(strategy, count):
    import jax

    if strategy == "multiworker":
        _join()
        return _Context(_multi_process)
    if strategy in ("mirrored", "generators") and count is not None:
        with contextlib.suppress(RuntimeError):  # raised if JAX has started
            jax.config.update("jax_num_cpu_devices", count)
    platform = jax.default_backend()
    available = jax.devices()
    if strategy == "tpu" and platform != "tpu":
        raise ValueError(
            f"strategy='tpu' expects a TPU. Received: JAX's devices are {available}. On a TPU VM "
            "install jax[tpu]."
        )
    if count is not None and count > len(available):
        raise ValueError(
            f"Expected at most {len(available)} devices ({platform}). Received: {count}"
        )
    devices = keras.distribution.list_devices()[:count]
    if strategy == "generators":
        return _Context(_use, _of_generators(devices))
    return _Context(_distribution, devices)


def _distribution(devices):
    # Every process hands over its own rows; see `training.jax.deal`.
    return _use(keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False))


def _of_generators(devices):
    """Stacks of generators' weights, and what optimizers keep of them, are dealt out to the devices."""
    mesh = keras.distribution.DeviceMesh((1, len(devices)), ("batch", "generator"), devices)
    layouts = keras.distribution.LayoutMap(mesh)
    layouts["stacked_(averaged_)?generators/.*"] = ("generator",)  # see training/stacking.py
    return keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch",
                                            auto_shard_dataset=False)


@contextlib.contextmanager
def _use(distribution):
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(distribution)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


@contextlib.contextmanager
def _multi_process():
    import jax

    # A TPU pod numbers its devices across its hosts; here those of a process follow each other.
    devices = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    with _all_processes(), _distribution([f"{d.platform}:{d.id}" for d in devices]):
        yield


class _Processes:
    """What this process knows of the JAX processes that it belongs to."""

    joined = False
    failed = False  # it leaves without waiting for the others
    at_abort = None


_processes = _Processes()


def _join():
    """Starts JAX as one of several processes, unless that has been done."""
    import jax

    if jax.distributed.is_initialized() or _processes.joined:
        return
    given = _jax_process()
    if given:
        check_address(given["coordinator_address"], "JAX_COORDINATOR_ADDRESS expects the address of "
                      "the first process", listening=False)
    try:
        # At the end the others wait for the one that measures.
        jax.distributed.initialize(**given, heartbeat_timeout_seconds=_SILENCE,
                                   shutdown_timeout_seconds=24 * 3600)
    except jax.errors.JaxRuntimeError as error:
        raise RuntimeError(_LOST.format("", _in_brackets(error))) from error
    except RuntimeError as error:
        raise ValueError("strategy='multiworker' expects that JAX has yet to start. Received: it has "
                         "devices already. Call scope() before anything else of JAX.") from error
    except ValueError as error:
        raise ValueError(f"{_EXPECTED_OF_JAX} Received: none of these ({error}).") from error
    _processes.joined = True
    _end_at_sigterm()
    if jax.process_count() * jax.local_device_count() != jax.device_count():
        raise ValueError("strategy='multiworker' expects processes with equally many devices. Received:"
                         f" {jax.local_device_count()} here, {jax.device_count()} in all "
                         f"{jax.process_count()}. Hide some, for example by JAX_LOCAL_DEVICE_IDS.")
    _agree_on_seed()
    _processes.at_abort = _end_at_abort()
    atexit.register(_end_if_failed)


def _jax_process():
    """The arguments of `jax.distributed.initialize` in the environment; {} if JAX has to find them."""
    given = [os.environ.get(name) for name in _JAX_VARIABLES]
    if given[1:] == [None, None]:  # JAX itself reads the first one
        return {}
    try:
        address, count, index = given[0], int(given[1]), int(given[2])
        fits = (re.fullmatch(r"\S+:[0-9]{1,5}", address) and int(address.rpartition(":")[2]) < 2**16
                and 0 <= index < count)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        shown = " ".join(f"{name}={value}" for name, value in zip(_JAX_VARIABLES, given, strict=True))
        raise ValueError(f"{_EXPECTED_OF_JAX} Received: {shown}.")
    return {"coordinator_address": address, "num_processes": count, "process_id": index}


def _agree_on_seed():
    """If the processes would draw different seeds, all go on from the first one's."""
    from jax.experimental import multihost_utils

    state = np.random.get_state()
    seed = np.random.randint(2**31)
    np.random.set_state(state)
    seeds = multihost_utils.process_allgather(np.int32(seed)).ravel()
    if (seeds != seed).any():
        keras.utils.set_random_seed(int(seeds[0]))


def _end_at_abort():
    """JAX's runtime ends a process with abort(), from a thread of its own, once another one has ended:
    then the process says what to do, and has the exit code of an error."""

    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def end(number):
        os.write(2, f"error: {_LOST.format('', ' (see above)')}\n".encode())
        os._exit(2)

    ctypes.CDLL(None).signal(int(signal.SIGABRT), end)
    return end


def _end_if_failed():
    """At exit, before JAX waits for the other processes, which wait for this one."""
    if _processes.failed:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(2)


@contextlib.contextmanager
def _all_processes():
    """Replaces JAX's errors for a lost process by a RuntimeError that explains them. An error of this
    process's own lets it end at once, and with it the others."""
    import jax

    try:
        yield
    except BaseException as error:
        _processes.failed = jax.distributed.is_initialized()
        text = str(error)
        if isinstance(error, jax.errors.JaxRuntimeError) and text.startswith((
                "UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED", "INTERNAL", "CANCELLED", "UNKNOWN")
                ) or isinstance(error, ValueError) and "Gloo" in text:
            raise RuntimeError(_LOST.format("", _in_brackets(error))) from error
        raise
