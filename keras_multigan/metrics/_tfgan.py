"""Import of TF-GAN 2.1.

TF-GAN was written for TensorFlow versions that have `tf.estimator`. It is imported only when a measure
calls it.
"""

import sys
import types
import warnings

from absl import logging


def tfgan() -> types.ModuleType:
    """Returns the module `tensorflow_gan`.

    Raises:
        ImportError: TF-GAN, or a package that it needs, is not installed.
    """
    try:
        import tensorflow as tf

        with warnings.catch_warnings():
            # TF-GAN imports distutils, whose deprecation warning must not fail under `-W error`.
            warnings.simplefilter("ignore", DeprecationWarning)
            if hasattr(tf, "estimator"):
                import tensorflow_gan
            else:
                tensorflow_gan = _import_without_estimator(tf)
            tf.get_logger().addFilter(_not_of_tfgan)
    except ImportError as error:
        raise _explained(error) from error
    return tensorflow_gan


def mnist_util() -> types.ModuleType:
    """Returns the module `tensorflow_gan.examples.mnist.util`.

    Raises:
        ImportError: TF-GAN, or a package that it needs, is not installed.
    """
    tfgan()
    try:
        from tensorflow_gan.examples.mnist import util
    except ImportError as error:
        raise _explained(error) from error
    return util


def _import_without_estimator(tf):
    # TensorFlow 2.16 removed tf.estimator. TF-GAN's evaluation code needs this one name of it during
    # the import. TF-GAN's own estimators are not needed, so an empty module replaces them.
    sys.modules.setdefault(
        "tensorflow_gan.python.estimator", types.ModuleType("tensorflow_gan.python.estimator")
    )
    tf.estimator = types.SimpleNamespace(SessionRunHook=tf.compat.v1.train.SessionRunHook)
    try:
        import tensorflow_gan
    finally:
        del tf.estimator
    return tensorflow_gan


def _not_of_tfgan(record):
    """Whether a log record is shown: what TF-GAN does is not the user's to change."""
    return logging.get_verbosity() > 0 or "tensorflow_gan" not in record.getMessage()


def _explained(error):
    return ImportError(
        "This measure calls TF-GAN, which could not be imported: "
        f"{type(error).__name__}: {error}. Install it with: "
        "pip install tensorflow 'tensorflow-gan==2.1.0' tf_keras 'setuptools<81'"
    )
