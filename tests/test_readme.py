"""The README and the documentation keep their word."""

import pathlib
import re

import numpy as np
import pytest
from conftest import REPOSITORY

from keras_multigan.cli import main, train
from keras_multigan.cli.command import parse
from keras_multigan.recipes import RECIPES

README = (REPOSITORY / "README.md").read_text()
PAGES = {path.relative_to(REPOSITORY).as_posix(): path.read_text()
         for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))}
COMMANDS = {name: command.options for name, command in main.COMMANDS.items()} | {
    f"train {name}": train.command(recipe).options for name, recipe in RECIPES.items()}
BENCHMARKS = {name: (REPOSITORY / "benchmarks" / f"{name}.py").read_text()
              for name in ("step", "serve_load", "stream", "quality", "waiting")}
# Programs of apps/ that are not named after their command.
DOORS = {"train_classifier": "classifier"} | {f"train_{name}": f"train {name}" for name in RECIPES}


def spans(text):
    """What a page shows as code: indented lines and what is between backticks."""
    text = text.replace("\\\n", " ")
    yield from re.findall(r"^(?: {4})+(\S.*)$", text, re.M)
    for span in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
        yield " ".join(span.split())


def known(options):
    """The flags of a command."""
    return {name for key, option in options.items() for name in (key, *option.aliases, f"no{key}")}


def command_lines(text):
    """(command, its flags) of each command line of a page; <method> stands for every method."""
    for span in spans(text):
        for line in re.findall(
                r"(?<![\w/.-])(?:multigan|python (?:apps|benchmarks)/\w+\.py)(?![\w.:/]).*", span):
            first, *words = line.partition(" #")[0].split()
            if first == "python":
                door = pathlib.Path(words.pop(0)).stem.replace("benchmark", "step")
                words = [*DOORS.get(door, door).split(), *words]
            if words[:1] == ["report"]:  # run folders follow
                words = ["report", *(word for word in words if word.startswith("--"))]
            flags = [word for word in words if word.startswith("--")]
            name = " ".join(words[: next((i for i, w in enumerate(words) if w in flags), len(words))])
            for each in RECIPES if "<method>" in name else [""]:
                yield name.replace("<method>", each), flags


def test_the_fit_example_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(import keras\n.*?)```", README, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 16, "about a dozen lines"
    monkeypatch.chdir(tmp_path)
    # The same code on fewer steps.
    names = {}
    shortened = re.sub(r"epochs=\d+", "epochs=1, steps_per_epoch=1", code)
    assert shortened != code
    exec(compile(shortened, "README.md", "exec"), names)
    assert names["images"].shape == (10, 32, 32, 1) and np.isfinite(names["images"]).all()
    assert (tmp_path / "digits.keras").exists()


@pytest.mark.fast
@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page):
    folder = (REPOSITORY / page).parent
    for target in re.findall(r"\]\(([^)#:]+)[)#]", PAGES[page]):
        assert (folder / target).exists(), target
    for path in set(re.findall(r"(?:python|pytest) ((?:apps|benchmarks|tests)/[\w/.]+)", PAGES[page])):
        assert (REPOSITORY / path).exists(), path


@pytest.mark.fast
@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_is_understood(page):
    for name, flags in command_lines(PAGES[page]):
        if name in BENCHMARKS:
            for flag in flags:
                assert f'"{flag[2:].partition("=")[0]}"' in BENCHMARKS[name], flag
        elif f"recipes/{name.removeprefix('train ')}.py" in PAGES[page]:
            assert page == "docs/adding_a_method.md"  # it adds this one
        elif name and flags != ["--help"]:
            assert name in COMMANDS, f"multigan {name}"
            parse(COMMANDS[name], [flag for flag in flags if not flag.endswith(("=K", "=..."))])
            assert {flag[2:].partition("=")[0] for flag in flags} <= known(COMMANDS[name])


@pytest.mark.fast
def test_command_lines_are_found():
    found = [line for page in PAGES for line in command_lines(PAGES[page])]
    assert {name for name, _ in found} > {"train commute", "train p2", "classifier", "sample",
                                          "evaluate", "export", "reproduce", "step", "serve_load"}
    assert len(found) > 40
    assert list(command_lines("    X=1 multigan train mm --seed=K  # x\n`time python apps/sample.py\n"
                              "--model=x`, multigan it, `multigan train <method>`")) == [
        ("train mm", ["--seed=K"]), ("sample", ["--model=x"]),
        *((f"train {name}", []) for name in RECIPES)]


@pytest.mark.fast
@pytest.mark.parametrize("page", PAGES)
def test_every_flag_that_is_named_is_one_of_a_command(page):
    benchmark = re.findall(r'^ +"(\w+)": Option\(', "".join(BENCHMARKS.values()), re.M)
    named = {match[1] for span in spans(PAGES[page])
             if (match := re.fullmatch(r"--(\w+)(=.*)?", span))}
    assert named <= set().union({"help", "verbosity"}, benchmark, *map(known, COMMANDS.values()))


@pytest.mark.fast
def test_no_machine_paths_are_committed():
    for path in (*PAGES, "CONTRIBUTING.md", "setup.cfg", "mkdocs.yml"):
        assert not re.search(r"/(root|home|work)/", (REPOSITORY / path).read_text()), path
    for path in (REPOSITORY / "savedmodels").rglob("*.json"):
        assert not re.search(r'"/(?!models)', path.read_text()), path
