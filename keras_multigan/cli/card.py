"""multigan card: a finished run as a trained set of generators that can ship."""

import os
import pathlib

from keras_multigan.cli.command import Command
from keras_multigan.cli.report import recipe_of
from keras_multigan.runs import card
from keras_multigan.runs.options import Option

OPTIONS = {
    "model": Option(help="the folder of a finished run", kind=str),
    "output": Option(help="the folder of the set, whose name is the set's", kind=str),
    "overwrite": Option(False, "replace --output if it is the folder of a set"),
}


def run(model, output, overwrite=False):
    model, output = (pathlib.Path(os.path.expanduser(path)) for path in (model, output))
    recipe = recipe_of(model)
    if recipe is None:
        raise ValueError(f"Expected a run of a known method. Received: {model}, whose options.json "
                         "names none. Make the set with the version that made the run.")
    paths = card.write_set(model, output, recipe, overwrite)
    print("Written:", *paths, sep="\n  ")


COMMAND = Command(
    "card",
    """make a trained set of generators of a finished run: model, SavedModels, card

    multigan card --model=runs/commute-quick --output=savedmodels/my_digits

Writes into --output:
- README.md, the card: data, command, options, measures, picture, limits.
- model.keras, the generators without critics and optimizers; export/, the same as SavedModels.
- options.json and metrics.json of the run, less what is about the machine; samples.png.
A set in savedmodels/ of a checkout is loaded by its name: keras_multigan.pretrained("my_digits"),
multigan sample --model=my_digits. Needs KERAS_BACKEND=tensorflow, Keras' default.""",
    OPTIONS, run, required=("model", "output"))
