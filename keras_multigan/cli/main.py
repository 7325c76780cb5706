"""From the words of the command line to a command."""

import sys

from keras_multigan.cli import (
    arena,
    card,
    classifier,
    evaluate,
    export,
    report,
    reproduce,
    sample,
    train,
)
from keras_multigan.cli.command import fail
from keras_multigan.recipes import RECIPES, find

COMMANDS = {command.name: command for command in (
    classifier.COMMAND, sample.COMMAND, evaluate.COMMAND, export.COMMAND, reproduce.COMMAND,
    arena.COMMAND, report.COMMAND, card.COMMAND)}
_TITLES = {"train METHOD": "train a method"} | {
    name: command.usage.partition("\n")[0] for name, command in COMMANDS.items()}


def usage() -> str:
    """What `multigan --help` prints."""
    lines = ["multigan COMMAND [--flag=value ...]; multigan COMMAND --help lists the flags", "",
             "Commands:", *(f"  {name:14}{title}" for name, title in _TITLES.items()), "",
             "Methods:", *(f"  {name:14}{recipe.title}" for name, recipe in RECIPES.items())]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Runs `multigan` with these words; those of the process if None. Exits with 2 on wrong input."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    first = arguments[0] if arguments else None
    if first in ("--help", "-h", "help", "--helpfull"):
        print(usage())
    elif first in COMMANDS:
        COMMANDS[first](arguments[1:])
    elif first == "train":
        _train(arguments[1:])
    else:
        fail(f"Expected a command. Received: {first or 'none'}.\n\n{usage()}")


def _train(arguments):
    if not arguments or arguments[0].startswith("-"):
        if {"--help", "-h"} & set(arguments):
            return print(usage())
        fail(f"Expected a method. Received: {' '.join(arguments) or 'none'}.\n\n{usage()}")
    try:
        recipe = find(arguments[0])
    except ValueError as error:
        fail(f"{error}\n\n{usage()}")
    train.command(recipe)(arguments[1:])
