"""Runs in processes of their own: on this machine, or as the tasks of a Ray cluster."""

import os
import subprocess
import sys
import tempfile
import time

from absl import logging

from keras_multigan import distribute

ONE_THREAD = {name: "1" for name in (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS")}
PATIENCE = 10  # seconds


def environment(backend: str) -> dict[str, str]:
    """The variables of a run in one thread, on Keras' backend `backend`."""
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return {**ONE_THREAD, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3",
            "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()}


class Process:
    """A process of this machine. Its standard input ends with this process.

    Args:
        words: the command line.
        variables: of its environment, beside those of this process.
    """

    def __init__(self, words: list[str], variables: dict[str, str]):
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(words, env={**os.environ, **variables}, stdin=subprocess.PIPE,
                                         stdout=self._log, stderr=self._log)

    def poll(self) -> int | None:
        """The exit code, negative after a signal; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """As `poll`, at its end."""
        return self._process.wait()

    def text(self) -> str:
        """What it has written, once it has ended."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def end(self) -> None:
        """Ends it, unless it has ended, and frees what it has."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._log.close()


class Cluster:
    """A Ray cluster, whose machines see the files of this one under the same names.

    Args:
        address: "auto" for the running cluster of this machine or of RAY_ADDRESS, "local" for one of
            its own on this machine, or that of a cluster, such as "host:6379".
        gpu: whether a run gets a GPU of its own if the cluster has any. It always gets one CPU.

    Raises:
        ImportError: ray is not installed.
        ValueError: there is no cluster.
    """

    def __init__(self, address: str, gpu: bool = False):
        try:
            import ray
        except ImportError as error:
            raise ImportError("--ray expects the package ray. Received: it is not installed. Install "
                              "it: pip install '.[ray]' in a checkout, or pip install ray") from error
        if not ray.is_initialized():
            if address not in ("auto", "local"):  # Ray would wait for minutes
                distribute.check_address(address.removeprefix("ray://"), "--ray expects auto, local or "
                                         "the address of a running cluster")
            try:
                ray.init(address=address, log_to_driver=False, logging_level="error")
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise ValueError("--ray expects auto, local or the address of a running cluster. "
                                 f"Received: {address} ({str(error).strip()[:200]}). Start one with "
                                 "`ray start --head`.") from error
        resources = ray.cluster_resources()
        self.has_gpus = gpu and resources.get("GPU", 0) >= 1
        self.size = int(resources["GPU" if self.has_gpus else "CPU"])
        self._task = ray.remote(max_retries=0, num_cpus=1, num_gpus=int(self.has_gpus))(_task())

    def start(self, words: list[str], variables: dict[str, str]) -> "_Task":
        """As `Process`, on a machine of the cluster that has room for it, with that machine's Python in
        place of the first word, and in the current folder."""
        return _Task(self._task.remote(words, variables, os.getcwd()))


class _Task:
    """A `Process` elsewhere."""

    def __init__(self, reference):
        self._reference, self._result = reference, None

    def poll(self):
        import ray

        return self.wait() if ray.wait([self._reference], timeout=0)[0] else None

    def wait(self):
        import ray

        if self._result is None:
            try:
                self._result = ray.get(self._reference)
            except ray.exceptions.RayError as error:  # its machine has gone
                self._result = 1, f"{type(error).__name__}: {' '.join(str(error).split())}"
        return self._result[0]

    def text(self):
        return self._result[1]

    def end(self):
        import ray

        if self._result is not None:
            return
        # The first is an interrupt in the task, which can get lost. Force ends the task's worker, and
        # with that Ray ends the worker's process.
        ray.cancel(self._reference)
        if not ray.wait([self._reference], timeout=PATIENCE)[0]:
            ray.cancel(self._reference, force=True)
            ray.wait([self._reference])


def _task():
    """What a machine of the cluster does. A function within another one goes there as a whole: by its
    name alone, it would import this package, and with it TensorFlow, in every process of Ray's."""

    def run(words, variables, folder):
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen([sys.executable, *words[1:]], env={**os.environ, **variables},
                                       cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log)
            try:
                while process.poll() is None:  # to cancel does not interrupt `wait`
                    time.sleep(0.1)
            finally:
                process.kill()
                process.wait()
            log.seek(0)
            return process.returncode, log.read().decode(errors="replace")[-10_000:]

    return run


def failure(process: Process) -> str:
    """What a process that has failed said, in a line."""
    code, text = process.wait(), process.text()
    logging.debug("%s", text)
    if code < 0:
        return f"ended by signal {-code}" + " (memory?)" * (code == -9)
    lines = [line for line in text.splitlines() if line.strip()]
    return " ".join(lines[-1:])[:500] or f"ended with {code}"


def end_with_input() -> None:
    """Ends this process with its standard input: one that `Process` has started does not outlive the
    one that has started it. For a thread of its own."""
    while os.read(0, 1024):  # not sys.stdin, whose lock would hold up the end of the process
        pass
    os._exit(1)
