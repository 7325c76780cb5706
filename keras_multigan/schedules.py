"""Loss-weight schedules: callables that map an epoch (int, from 0) to a weight (float)."""

import keras


class _Schedule:
    def __init__(self, *arguments):
        for name, value in zip(self._names, arguments, strict=True):
            setattr(self, name, value)

    def get_config(self):
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
    _label, _names = "constant", ("value",)

    def __call__(self, epoch):
        return float(self.value)


@keras.saving.register_keras_serializable("keras_multigan")
class LinearDecay(_Schedule):
    _label, _names = "linear", ("start", "end", "epochs")

    def __call__(self, epoch):
        progress = min(epoch / (self.epochs - 1), 1.0) if self.epochs > 1 else 1.0
        return self.start + (self.end - self.start) * progress


@keras.saving.register_keras_serializable("keras_multigan")
class SuddenDeath(_Schedule):
    _label, _names = "sudden_death", ("value", "epochs")

    def __call__(self, epoch):
        return float(self.value) if epoch < self.epochs else 0.0


def constant(value):
    """The same weight in every epoch."""
    return Constant(_weight("value", value))


def linear_decay(start, end, epochs):
    """From `start` in the first epoch to `end` in the last of `epochs`, then `end`.

    Both ends are met, so the mean weight is (start + end) / 2, as in ComMutE-GAN (20 -> 5, 12.5).
    """
    return LinearDecay(_weight("start", start), _weight("end", end), _epochs(epochs))


def sudden_death(value, epochs):
    """`value` for the first `epochs` epochs, 0 afterwards."""
    return SuddenDeath(_weight("value", value), _epochs(epochs))


def parse(text):
    """A schedule from its command-line form.

    Args:
        text: "constant:12.2", "linear:20:5:70" (start, end, epochs) or "sudden_death:20:20"
            (weight, epochs). A bare number is a constant.

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


def get(schedule):
    """A number, a text for `parse`, or a callable epoch -> weight, as a schedule."""
    if isinstance(schedule, str):
        return parse(schedule)
    return schedule if callable(schedule) else constant(schedule)


def _weight(name, value):
    value = float(value)
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} is expected to be a finite number >= 0. Received: {value}")
    return value


def _epochs(value):
    if int(value) != value or value < 1:
        raise ValueError(f"epochs is expected to be a whole number >= 1. Received: {value}")
    return int(value)
