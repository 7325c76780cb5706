"""The version, apart from the package, so that packaging need not import Keras."""

__version__ = "0.2.0"
