"""multigan report: the page of a run, or of several side by side."""

import pathlib

from keras_multigan.cli.command import Command
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import files, report
from keras_multigan.runs.options import Option


def run(runs, output=None):
    if not runs:
        raise ValueError("Expected one or more run folders. Received: none.")
    output = output or (f"{runs[0]}/report.html" if len(runs) == 1 else "comparison.html")
    if not output.endswith(".html"):
        raise ValueError(f"--output is expected to end in .html. Received: {output}")
    recipes = [recipe_of(folder) for folder in runs]
    page = pathlib.Path(output)
    if page.is_dir():
        raise FileExistsError(f"A page is expected to be a file. Received: {page}, which is a folder. "
                              "Remove it or choose another name.")
    files.check_writable(page)
    if len(runs) == 1:
        print(report.write_report(runs[0], recipes[0], path=page))
    else:
        print(report.write_comparison(runs, recipes, page))


def recipe_of(folder):
    """The run's recipe, None if it is not known here."""
    if not (pathlib.Path(folder) / "options.json").exists():
        raise FileNotFoundError("Expected a run folder, with options.json. Received: "
                                f"{folder}, which has none. Put it back, or name another folder.")
    stored = files.read_options(folder)
    return RECIPES.get((stored.get("method") or stored.get("app", "")).replace("-", "_"))


COMMAND = Command(
    "report",
    """write the page of a run again, or compare several runs on one page

    multigan report runs/commute-quick
    multigan report runs/one runs/two --output=comparison.html

A run's page is report.html in its folder. A page needs no network and no other file.""",
    {"output": Option(help="the page (default: report.html in the folder of a run, comparison.html of "
                      "several)", kind=str)}, run, words="runs")
