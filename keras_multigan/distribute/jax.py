"""Keras' distributions of JAX, and the processes of several hosts."""

import atexit
import contextlib
import ctypes
import os
import re
import signal
import sys

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from keras_multigan.distribute.workers import (
    LOST,
    Context,
    check_address,
    different,
    end_at_sigterm,
    lost,
)

_SILENCE = 60  # seconds without a sign of life, after which JAX gives up a process
_VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
_EXPECTED_OF_JAX = (
    "strategy='multiworker' expects on JAX a job of Slurm, Open MPI, Kubernetes or a TPU pod, or the "
    "environment variables JAX_COORDINATOR_ADDRESS (host:port of the first process), JAX_NUM_PROCESSES "
    "and JAX_PROCESS_ID (0, 1, ...).")


def scope(strategy: str, devices: int | None, tpu: str) -> contextlib.AbstractContextManager:
    """As `keras_multigan.distribute.scope`, for every strategy but "none"."""
    if strategy == "multiworker":
        _join()
        return Context(_multi_process)
    if strategy in ("mirrored", "generators") and devices is not None:
        with contextlib.suppress(RuntimeError):  # raised if JAX has started
            jax.config.update("jax_num_cpu_devices", devices)
    platform = jax.default_backend()
    available = jax.devices()
    if strategy == "tpu" and platform != "tpu":
        raise ValueError(
            f"strategy='tpu' expects a TPU. Received: JAX's devices are {available}. On a TPU VM "
            "install jax[tpu]."
        )
    if devices is not None and devices > len(available):
        raise ValueError(
            f"Expected at most {len(available)} devices ({platform}). Received: {devices}"
        )
    chosen = keras.distribution.list_devices()[:devices]
    if strategy == "generators":
        return Context(_use, _of_generators(chosen))
    return Context(_distribution, chosen)


def is_chief() -> bool:
    """See `keras_multigan.distribute.is_chief`."""
    return not (_processes.joined or jax.distributed.is_initialized()) or jax.process_index() == 0


def check_same_on_all_workers(number: float, what: str) -> None:
    """See `keras_multigan.distribute.check_same_on_all_workers`."""
    all_of_them = {float(number)}
    if jax.distributed.is_initialized():
        all_of_them = {*multihost_utils.process_allgather(np.float32(number)).ravel().tolist()}
    if len(all_of_them) > 1:
        raise different(what, f"{number} here, {sorted(all_of_them)} in all")


def check_environment() -> None:
    """Raises ValueError if the variables that name the processes are wrong."""
    _process()


@contextlib.contextmanager
def processes():
    """As `keras_multigan.distribute.run_of`, for "multiworker"."""
    _join()
    with _all_processes():
        yield


def part() -> None:
    """As `keras_multigan.distribute.part`, for "multiworker"."""
    jax.distributed.shutdown()  # waits for all of them
    ctypes.CDLL(None).signal(int(signal.SIGABRT), int(signal.SIG_DFL))  # in any thread


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
    if jax.distributed.is_initialized() or _processes.joined:
        return
    given = _process()
    if given:
        check_address(given["coordinator_address"], "JAX_COORDINATOR_ADDRESS expects the address of "
                      "the first process", listening=False)
    try:
        # At the end the others wait for the one that measures.
        jax.distributed.initialize(**given, heartbeat_timeout_seconds=_SILENCE,
                                   shutdown_timeout_seconds=24 * 3600)
    except jax.errors.JaxRuntimeError as error:
        raise lost(error) from error
    except RuntimeError as error:
        raise ValueError("strategy='multiworker' expects that JAX has yet to start. Received: it has "
                         "devices already. Call scope() before anything else of JAX.") from error
    except ValueError as error:
        raise ValueError(f"{_EXPECTED_OF_JAX} Received: none of these ({error}).") from error
    _processes.joined = True
    end_at_sigterm()
    if jax.process_count() * jax.local_device_count() != jax.device_count():
        raise ValueError("strategy='multiworker' expects processes with equally many devices. Received:"
                         f" {jax.local_device_count()} here, {jax.device_count()} in all "
                         f"{jax.process_count()}. Hide some, for example by JAX_LOCAL_DEVICE_IDS.")
    _agree_on_seed()
    _processes.at_abort = _end_at_abort()
    atexit.register(_end_if_failed)


def _process():
    """The arguments of `jax.distributed.initialize` in the environment; {} if JAX has to find them."""
    given = [os.environ.get(name) for name in _VARIABLES]
    if given[1:] == [None, None]:  # JAX itself reads the first one
        return {}
    try:
        address, count, index = given[0], int(given[1]), int(given[2])
        fits = (re.fullmatch(r"\S+:[0-9]{1,5}", address) and int(address.rpartition(":")[2]) < 2**16
                and 0 <= index < count)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        shown = " ".join(f"{name}={value}" for name, value in zip(_VARIABLES, given, strict=True))
        raise ValueError(f"{_EXPECTED_OF_JAX} Received: {shown}.")
    return {"coordinator_address": address, "num_processes": count, "process_id": index}


def _agree_on_seed():
    """If the processes would draw different seeds, all go on from the first one's."""
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
        os.write(2, f"error: {LOST.format('', ' (see above)')}\n".encode())
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
    try:
        yield
    except BaseException as error:
        _processes.failed = jax.distributed.is_initialized()
        text = str(error)
        if isinstance(error, jax.errors.JaxRuntimeError) and text.startswith((
                "UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED", "INTERNAL", "CANCELLED", "UNKNOWN")
                ) or isinstance(error, ValueError) and "Gloo" in text:
            raise lost(error) from error
        raise
