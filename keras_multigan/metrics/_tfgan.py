"""Imports TF-GAN 2.1, which was written for a TensorFlow with `tf.estimator`, where it is used."""

import sys
import types
import warnings


def tfgan():
    """Returns the module `tensorflow_gan`.

    Raises:
        ImportError: TF-GAN, or something that it needs, is not installed.
    """
    try:
        import tensorflow as tf

        with warnings.catch_warnings():
            # TF-GAN compares versions with distutils, which must not fail under `-W error`.
            warnings.simplefilter("ignore", DeprecationWarning)
            if hasattr(tf, "estimator"):
                import tensorflow_gan
            else:
                tensorflow_gan = _import_without_estimator(tf)
    except ImportError as error:
        raise _explained(error) from error
    return tensorflow_gan


def mnist_util():
    """Returns the module `tensorflow_gan.examples.mnist.util`; raises as `tfgan` does."""
    tfgan()
    try:
        from tensorflow_gan.examples.mnist import util
    except ImportError as error:
        raise _explained(error) from error
    return util


def _import_without_estimator(tf):
    # tf.estimator left TensorFlow with 2.16. Of it, TF-GAN's evaluation code only needs this name
    # while it is imported, and its own estimators (registered here as an empty module) not at all.
    sys.modules.setdefault(
        "tensorflow_gan.python.estimator", types.ModuleType("tensorflow_gan.python.estimator")
    )
    tf.estimator = types.SimpleNamespace(SessionRunHook=tf.compat.v1.train.SessionRunHook)
    try:
        import tensorflow_gan
    finally:
        del tf.estimator
    return tensorflow_gan


def _explained(error):
    return ImportError(
        "This measure calls TF-GAN, which could not be imported: "
        f"{type(error).__name__}: {error}. Install it with: "
        "pip install tensorflow 'tensorflow-gan==2.1.0' tf_keras 'setuptools<81'"
    )
