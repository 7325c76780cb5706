"""multigan train METHOD: one run."""

import inspect

from keras_multigan.cli.command import Command
from keras_multigan.runs import measures
from keras_multigan.runs.options import Option, resolve


def command(recipe) -> Command:
    """The command that trains a method."""
    flags = {
        "preset": Option("quick", "what the flags that are not given are",
                         choices=tuple(recipe.presets)),
        **recipe.options,
        "output": Option(help="run folder; runs/<method>-<preset> if not given", kind=str),
        "resume": Option(False, "go on with the run in --output"),
        "dry_run": Option(False, "print options, parameter counts and optimizers, train nothing"),
    }

    def run(output=None, resume=False, dry_run=False, **given):
        folder = output or f"runs/{recipe.name.replace('_', '-')}-{given.get('preset', 'quick')}"
        options = resolve(recipe, given, folder, resume)
        if dry_run:
            print(recipe.describe(options))
        elif (results := recipe.train(options, folder, resume)) is not None:
            print(measures.report(results, recipe.rows))
            print(f"\nrun folder: {folder}")

    usage = (inspect.getmodule(recipe.networks).__doc__ or recipe.title).strip()
    return Command(f"train {recipe.name}", usage, flags, run,
                   interrupted="Go on with --resume and the same --output.")
