"""A command: its options as flags, its errors as one line and an exit code."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Mapping

import keras
from absl import flags, logging

from keras_multigan.callbacks import NonFiniteLossError, Terminated
from keras_multigan.runs import files
from keras_multigan.runs.options import Option

_VERBOSITY = Option(-1, "1 shows where an error came from")


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of `multigan`.

    Attributes:
        name: as it is typed.
        usage: what it does, and examples.
        options: its flags.
        run: function of the flags that were given, by name.
        required: flags that must be given.
        words: name of the list in which `run` gets the words that are no flags; "" if there are none.
        interrupted: what to do after an interrupt.
    """

    name: str
    usage: str
    options: Mapping[str, Option]
    run: Callable
    required: tuple[str, ...] = ()
    words: str = ""
    interrupted: str = ""

    def __call__(self, arguments: list[str]) -> None:
        """Runs the command. Wrong input ends it with exit code 2 and one message."""
        options = {**self.options, "verbosity": _VERBOSITY}
        if {"--help", "-h", "--helpfull", "--helpshort"} & set(arguments):
            print(f"{self.usage}\n\nFlags of multigan {self.name}:\n{_help(options)}")
            return
        try:
            given = parse(options, arguments, self.words)
            if missing := [name for name in self.required if name not in given]:
                raise ValueError(f"Expected --{' and --'.join(missing)}. Received: none.")
        except UnicodeDecodeError as error:
            fail(f"--flagfile is expected to be a text file with a flag per line. Received: {error}")
        except (flags.Error, ValueError) as error:
            fail(f"{_shortened(str(error))}\nSee multigan {self.name} --help.")
        flags.FLAGS(["multigan"])
        logging.set_verbosity(given.pop("verbosity", _VERBOSITY.default))
        try:
            self.run(**given)
        except (ValueError, TypeError, OverflowError, OSError, ImportError, RuntimeError, MemoryError,
                subprocess.CalledProcessError, NonFiniteLossError, *_tensorflow_errors()) as error:
            logging.debug("Where it came from:", exc_info=True)
            fail(_said(error))
        except Terminated:
            fail(f"terminated. {self.interrupted}".rstrip(), code=143)
        except (KeyboardInterrupt, SystemError) as error:
            # In the midst of TensorFlow's C++ code Python makes a SystemError of an interrupt.
            if not isinstance(error, KeyboardInterrupt) and not isinstance(
                    error.__cause__ or error.__context__, KeyboardInterrupt):
                raise
            fail(f"interrupted. {self.interrupted}".rstrip(), code=130)


def parse(options: Mapping[str, Option], arguments: list[str], words: str = "") -> dict:
    """The flags that were given: name -> value; and the other words under `words`, if it is not "".

    Raises:
        flags.Error: an unknown flag, a value of the wrong type.
        ValueError: a value that is not allowed, an argument that is no flag.
    """
    values = _define(options)
    rest = values(["multigan", *arguments])[1:]
    if rest and not words:
        raise ValueError(f"Only flags are expected. Received: {rest}.")
    given = {name: values[name].value for name in options if values[name].present}
    for name, value in given.items():
        if value == "" and options[name].default != "":
            raise ValueError(f"--{name} is expected to have a value. Received: an empty one. Leave the "
                             "flag out, or give it one.")
        options[name].check(name, value)
    for name in {"output", "rows"} & given.keys():  # no shell expands ~ behind a flag's =
        given[name] = os.path.expanduser(given[name])
    return {**given, **({words: rest} if words else {})}


def fail(message, code: int = 2) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _shortened(text):
    """A message with a value of thousands of characters, without most of them."""
    return text if len(text) <= 2000 else f"{text[:500]} ... {text[-200:]}"


def _said(error):
    """The error in words that say what was expected; errors of the system do not."""
    text = str(error)
    if isinstance(error, MemoryError) and "eceived" not in text:
        return ("Expected the work to fit into memory. Received: none is left"
                f"{f' ({text})' if text else ''}. Give smaller sizes or fewer samples.")
    if isinstance(error, UnicodeEncodeError):
        return (f"Expected names that can be written as UTF-8. Received: {error.object!r}. Choose "
                "another name.")
    if isinstance(error, OSError) and error.errno is not None and "eceived" not in text:
        name = "" if error.filename is None else f" {files.short_path(error.filename)}:"
        return (f"Expected files that can be read and written. Received:{name} {error.strerror}. "
                "Correct the path, or free the place.")
    return _shortened(text)


def _define(options):
    values = flags.FlagValues()
    kinds = {int: flags.DEFINE_integer, float: flags.DEFINE_float, bool: flags.DEFINE_bool,
             list: flags.DEFINE_list, str: flags.DEFINE_string}
    for name, option in options.items():
        if option.choices:
            flags.DEFINE_enum(name, None, option.choices, option.help, flag_values=values)
        else:
            kinds[option.value_type](name, None, option.help, flag_values=values)
        for alias in option.aliases:
            flags.DEFINE_alias(alias, name, flag_values=values)
    return values


def _help(options):
    """The flags with their defaults, without their old names."""
    shown = {name: dataclasses.replace(
        option, aliases=(), help=option.help + ("" if option.default in (None, "", False)
                                                else f" (default: {option.default})"))
        for name, option in sorted(options.items())}
    # The first line names the module that defines them.
    return _define(shown).get_help(include_special_flags=False).strip().partition("\n")[2]


def _tensorflow_errors():
    """What TensorFlow raises if memory runs out, for example."""
    if keras.backend.backend() != "tensorflow":
        return ()
    import tensorflow as tf

    return (tf.errors.OpError,)
