"""Schedules of loss weights: functions of the epoch (int, from 0) to the weight (float)."""

from collections.abc import Callable

import keras


class _Schedule:
    def __init__(self, *arguments):
        for name, value in zip(self._names, arguments, strict=True):
            setattr(self, name, value)

    def get_config(self) -> dict:
        return {name: getattr(self, name) for name in self._names}

    @classmethod
    def from_config(cls, config):
        return cls(*(config[name] for name in cls._names))

    def __eq__(self, other):
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __repr__(self):
        return ":".join([self._label, *(f"{value:g}" for value in self.get_config().values())])


@keras.saving.register_keras_serializable("keras_multigan")
class Constant(_Schedule):
    """The same weight in all epochs, see `constant`."""

    _label, _names = "constant", ("value",)

    def __call__(self, epoch: int) -> float:
        return float(self.value)


@keras.saving.register_keras_serializable("keras_multigan")
class LinearDecay(_Schedule):
    """A weight that changes linearly, see `linear_decay`."""

    _label, _names = "linear", ("start", "end", "epochs")

    def __call__(self, epoch: int) -> float:
        progress = min(epoch / (self.epochs - 1), 1.0) if self.epochs > 1 else 1.0
        return self.start + (self.end - self.start) * progress


@keras.saving.register_keras_serializable("keras_multigan")
class SuddenDeath(_Schedule):
    """A weight that is set to 0 after some epochs, see `sudden_death`."""

    _label, _names = "sudden_death", ("value", "epochs")

    def __call__(self, epoch: int) -> float:
        return float(self.value) if epoch < self.epochs else 0.0


def constant(value: float) -> Constant:
    """Returns a schedule with the same weight in all epochs.

    Args:
        value: the weight, finite and >= 0.

    Raises:
        ValueError: the weight is negative or not finite.
    """
    return Constant(_weight("value", value))


def linear_decay(start: float, end: float, epochs: int) -> LinearDecay:
    """Returns a schedule that changes linearly and then stays constant.

    The weight is `start` in the first epoch, and `end` from epoch number `epochs` on. The mean weight
    of the first `epochs` epochs is (start + end) / 2, as in ComMutE-GAN (20 to 5, mean 12.5).
    With epochs=1, the weight is always `end`.

    Args:
        start: weight in the first epoch, finite and >= 0.
        end: weight in the last of `epochs` epochs and afterwards, finite and >= 0.
        epochs: number of epochs from `start` to `end`, both included; a whole number >= 1.

    Raises:
        ValueError: an argument is out of range.
    """
    return LinearDecay(_weight("start", start), _weight("end", end), _epochs(epochs))


def sudden_death(value: float, epochs: int) -> SuddenDeath:
    """Returns a schedule with a constant weight in the first epochs and weight 0 afterwards.

    Args:
        value: weight in the first `epochs` epochs, finite and >= 0.
        epochs: number of epochs with that weight, a whole number >= 1.

    Raises:
        ValueError: an argument is out of range.
    """
    return SuddenDeath(_weight("value", value), _epochs(epochs))


def parse(text: str) -> Constant | LinearDecay | SuddenDeath:
    """Returns the schedule that a text describes, as given on the command line.

    Args:
        text: "constant:12.2" (weight), "linear:20:5:70" (start, end, epochs) or "sudden_death:20:20"
            (weight, epochs). A number alone is a constant weight.

    Raises:
        ValueError: the text is none of these.
    """
    name, *arguments = text.split(":")
    makers = {"constant": constant, "linear": linear_decay, "sudden_death": sudden_death}
    try:
        if not arguments:
            return constant(float(name))
        return makers[name](*(float(argument) for argument in arguments))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "Expected a schedule as constant:WEIGHT, linear:START:END:EPOCHS or "
            f"sudden_death:WEIGHT:EPOCHS. Received: {text!r} ({error}). "
            "Write, for example, sudden_death:20:20."
        ) from None


def get(schedule: float | str | Callable[[int], float]) -> Callable[[int], float]:
    """Returns a schedule.

    Args:
        schedule: a number for a constant weight, a text for `parse`, or a function of the epoch to the
            weight, which is returned unchanged.

    Raises:
        ValueError: the number is negative or not finite, or the text does not describe a schedule.
    """
    if isinstance(schedule, str):
        return parse(schedule)
    return schedule if callable(schedule) else constant(schedule)


def _weight(name, value):
    value = float(value)
    if not 0 <= value < 3e38:  # float32 has no larger one
        raise ValueError(f"{name} is expected to be a finite number >= 0. Received: {value}")
    return value


def _epochs(value):
    if int(value) != value or value < 1:
        raise ValueError(f"epochs is expected to be a whole number >= 1. Received: {value}")
    return int(value)
