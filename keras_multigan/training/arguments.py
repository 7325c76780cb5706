"""The constructor's arguments of a model: kept by name, saved, and set anew by rule."""

import functools
import inspect

import keras
import numpy as np


class KeptArguments(keras.Model):
    """A model that keeps each argument of its constructor as an attribute of the same name.

    `get_config` has them all. Positive numbers among them may be set after `compile`, and act from the
    next `fit` on. Not those in `fixed`, of which something has been made; and others, if they are
    `settable` or have a schedule.
    """

    renamed = {}  # old name -> name of constructor arguments, for files of earlier versions
    fixed = ("seed",)
    settable = ()
    _schedules = {}
    _fitting = False
    _trackers = None  # of the losses, from `compile` on

    def __init__(self, **kwargs):
        for old in self.renamed.keys() & kwargs.keys():
            raise TypeError(f"{type(self).__name__} expects {self.renamed[old]}=. Received: {old}=, "
                            "its name in version 0.1. Rename the argument.")
        super().__init__(**kwargs)

    def __setattr__(self, name, value):
        if self._trackers and name in self._arguments():
            self._check_change(name, value)
            self.train_function = None  # the compiled step has the old value
        super().__setattr__(name, value)

    def _check_change(self, name, value):
        """Raises ValueError unless an argument of the constructor acts if it is set now."""
        def plain(each):
            return isinstance(each, (int, float)) and not isinstance(each, bool)

        if self._fitting:
            raise ValueError(f"{name} is expected to stay as it is while fit runs, which has compiled "
                             f"it. Received: {value!r}. Give the constructor a schedule, if it takes "
                             "one for this, or set it between two calls of fit.")
        old = getattr(self, name)
        whole = isinstance(old, int) and not (plain(value) and value == int(value) >= 1)
        if name in self._schedules or name in self.settable or (
                name not in self.fixed and plain(old) and plain(value) and old > 0 and not whole
                and 0 <= value < np.inf):
            return
        raise ValueError(
            f"{name} is expected to stay what the model was made with, {old!r}: only positive numbers "
            "of which nothing else is made can be set later, to others of their kind. Received: "
            f"{value!r}. Build a model with {name}={value!r}.")

    def get_config(self) -> dict:
        """The constructor's arguments, as kept under their names."""
        kept = {name: getattr(self, name) for name in self._arguments() if hasattr(self, name)}
        return {**super().get_config(), **{
            name: keras.saving.serialize_keras_object(value) for name, value in kept.items()}}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**{cls.renamed.get(name, name): keras.saving.deserialize_keras_object(value)
                      if isinstance(value, (dict, list)) and name != "dtype" else value
                      for name, value in config.items()})

    @classmethod
    @functools.cache  # asked for whenever an attribute is set
    def _arguments(cls):
        """The names of the constructor's own arguments, and `seed`."""
        named = [name for name, p in inspect.signature(cls.__init__).parameters.items()
                 if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        return dict.fromkeys([*named[1:], "seed"])

    def _check_config(self):
        if all(hasattr(self, name) for name in self._arguments()):
            return
        if missing := self._arguments().keys() - self.get_config().keys():
            raise ValueError(
                f"get_config is expected to have every argument of {type(self).__name__}'s constructor;"
                f" else a saved model could not be loaded. Received: none for {sorted(missing)}. Keep "
                f"it (self.{min(missing)} = {min(missing)}) or extend get_config."
            )
