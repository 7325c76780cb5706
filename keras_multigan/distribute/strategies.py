"""The context for the value of the flag --strategy, on either backend."""

import contextlib
from collections.abc import Iterator

import keras

STRATEGIES = ("none", "mirrored", "multiworker", "tpu", "generators")
MOST_DEVICES = 128


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
    return _engine().scope(strategy, devices, tpu)


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
        _engine().check_environment()


def is_chief() -> bool:
    """Returns whether this process is the one that writes files.

    This is the only process, the chief, or the first worker if there is no chief. On JAX the processes
    know each other once `scope` has been called.
    """
    return _engine().is_chief()


def check_same_on_all_workers(number: float, what: str) -> None:
    """Checks that all workers pass the same number.

    Args:
        number: the number of this worker.
        what: name of the number in the error message.

    Raises:
        RuntimeError: the numbers differ.
    """
    _engine().check_same_on_all_workers(number, what)


@contextlib.contextmanager
def run_of(strategy: str) -> Iterator[None]:
    """The context of a run, from before its folder is opened to its end. On JAX the processes of
    "multiworker" join in it, and if one of them fails, the others end, too.

    Args:
        strategy: as in `scope`.
    """
    with _engine().processes() if strategy == "multiworker" else contextlib.nullcontext():
        yield


def part(strategy: str) -> None:
    """Ends the work of all processes together, after training: what the first one does then, it does
    alone. TensorFlow's workers need no such end.

    Args:
        strategy: as in `scope`.
    """
    if strategy == "multiworker":
        _engine().part()


def _engine():
    """The module of Keras' backend, which imports that backend."""
    if keras.backend.backend() == "jax":
        from keras_multigan.distribute import jax as engine
    else:
        from keras_multigan.distribute import tensorflow as engine
    return engine
