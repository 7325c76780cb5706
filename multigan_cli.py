"""The command `multigan`: `multigan train commute`, or from a checkout `python multigan_cli.py ...`.

A module outside the package, since importing `keras_multigan` imports TensorFlow, whose settings must
be made before.
"""

import os
import sys


def set_environment() -> None:
    """TensorFlow's settings, unless the user has made them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow leaves oneDNN off on CPUs without AVX512-VNNI, where it is 2 to 3 times as fast too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # If `fit` cannot fix the order in which TensorFlow adds three or more gradients (replicas, see
    # training/tensorflow.py), one thread makes it unlikely that two runs differ in the last bit.
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


def main(arguments: list[str] | None = None) -> None:
    """Runs a command line; that of the process if `arguments` is None."""
    set_environment()
    from keras_multigan.cli import main as cli

    cli.main(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    main()
