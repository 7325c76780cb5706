"""The command `multigan`: `multigan train commute`, or from a checkout `python multigan_cli.py ...`.

A module outside the package, since importing `keras_multigan` imports TensorFlow, whose settings must
be made before.
"""

import contextlib
import importlib.util
import os
import subprocess
import sys

# What TensorFlow says while it is imported. It says so before it reads TF_CPP_MIN_LOG_LEVEL.
_START_UP = (
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    r"|I0000 .*(oneDNN custom operations|Could not find cuda drivers|optimized to use available CPU)"
    r"|To enable the following instructions:")
# A process of its own writes the other lines, so that the last words of one that crashes are seen.
_FILTER = """
import re, sys
for line in sys.stdin.buffer:
    if not re.match(sys.argv[1].encode(), line):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""


def set_environment() -> None:
    """TensorFlow's settings, unless the user has made them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow leaves oneDNN off on CPUs without AVX512-VNNI, where it is 2 to 3 times as fast too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # If `fit` cannot fix the order in which TensorFlow adds three or more gradients (replicas, see
    # training/tensorflow.py), one thread makes it unlikely that two runs differ in the last bit.
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


@contextlib.contextmanager
def without_start_up_lines():
    """Leaves out of the file descriptor 2 the lines that TensorFlow writes when it is imported."""
    sys.stderr.flush()
    usual = os.dup(2)
    child = subprocess.Popen([sys.executable, "-S", "-E", "-c", _FILTER, _START_UP],
                             stdin=subprocess.PIPE, start_new_session=True)
    os.dup2(child.stdin.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(usual, 2)
        os.close(usual)
        child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # what the import has started may write
            child.wait(timeout=5)


class _Quiet:
    """Finds TensorFlow, which is imported with the first command that needs it, and imports it without
    its start-up lines. It is an entry of `sys.meta_path`."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        if (spec := importlib.util.find_spec(name)) is not None:
            run = spec.loader.exec_module

            def exec_module(module):
                with without_start_up_lines():
                    run(module)

            spec.loader.exec_module = exec_module
        return spec


def main(arguments: list[str] | None = None) -> None:
    """Runs a command line; that of the process if `arguments` is None."""
    arguments = sys.argv[1:] if arguments is None else arguments
    set_environment()
    asked = any(word.startswith(("--verbosity", "-verbosity")) for word in arguments)
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3" and not asked:
        sys.meta_path.insert(0, _Quiet())
    from keras_multigan.cli import main as cli

    cli.main(arguments)


if __name__ == "__main__":
    main()
