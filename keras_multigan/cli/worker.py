"""One run of an experiment, in a process of its own: `python -m keras_multigan.cli.worker RUN`.

RUN is JSON: method, options, output. The process ends with its standard input.
"""

import json
import pathlib
import sys
import threading

from keras_multigan.cli.command import Command
from keras_multigan.runs import processes


def main():
    threading.Thread(target=processes.end_with_input, daemon=True).start()
    given = json.loads(sys.argv[1])

    def run():
        from keras_multigan.recipes import RECIPES

        recipe = RECIPES[given["method"]]
        recipe.train(recipe.options_class(**given["options"]), pathlib.Path(given["output"]),
                     resume=True)

    Command(given["method"], "", {}, run)([])


if __name__ == "__main__":
    main()
