"""multigan train METHOD: one run."""

import inspect
import os
import pathlib

from keras_multigan import data, distribute
from keras_multigan.cli.command import Command
from keras_multigan.runs import printing
from keras_multigan.runs.options import Option, resolve


def dataset_name(data_dir: str, recipe, preset: str) -> str:
    """What --data_dir holds if --dataset does not say: the preset's data set if it lies there, else
    data of the user's own, which get the folder's or file's name."""
    usual = (recipe.presets[preset] if preset in recipe.presets else {}).get(
        "dataset", recipe.options["dataset"].default)
    path = pathlib.Path(os.path.expanduser(data_dir)).absolute()
    if usual not in ("digits", "ring") and data.has(path, usual):
        return usual
    return f"own_{path.stem}" if path.stem in ("digits", "ring", "mnist") else path.stem


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
        if "data_dir" in given and "dataset" not in given and not resume:
            given["dataset"] = dataset_name(given["data_dir"], recipe, given.get("preset", "quick"))
        folder = output or f"runs/{recipe.name.replace('_', '-')}-{given.get('preset', 'quick')}"
        options = resolve(recipe, given, folder, resume)
        distribute.check(options.strategy, options.devices, options.tpu)
        if dry_run:
            print(recipe.describe(options))
        elif (results := recipe.train(options, folder, resume)) is not None:
            print(printing.report(results, recipe.rows))
            print(f"\nrun folder: {folder}")

    usage = (inspect.getmodule(recipe.networks).__doc__ or recipe.title).strip()
    return Command(f"train {recipe.name}", usage, flags, run,
                   interrupted="Go on with --resume and the same --output.")
