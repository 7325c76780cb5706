"""What the processes of several hosts have in common on both backends."""

import signal
import socket
import threading

_PATIENCE = 3  # seconds for an answer of a host that other workers run on
LOST = ("Expected all workers{} to be running. Received: one has ended or cannot be reached{}. Start "
         "all of them again with --resume: they continue from the last checkpoint.")


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


def lost(error: Exception, named: str = "") -> RuntimeError:
    """The error that says what to do if a worker has ended. `named` says where it was named."""
    return RuntimeError(LOST.format(
        named, f" ({type(error).__name__}: {str(error).strip()[:300]})"))


def different(what: str, received: str) -> RuntimeError:
    """The error of workers that do not agree."""
    return RuntimeError(f"Expected the same {what} on all workers. Received: {received}. Give all "
                        "workers access to the same run folder.")


def end_at_sigterm() -> None:
    """Gives SIGTERM back to Python. TensorFlow and JAX take it for a notice to their workers, which
    nothing here reads: the signal would be lost."""
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


class Context:
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
