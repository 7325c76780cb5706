"""The command line itself: which command, its help, how it ends, and the doors that lead to it."""

import os
import re
import runpy
import sys

import pytest
from absl import logging
from conftest import DOOR, REPOSITORY

from keras_multigan.cli import main, train
from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.recipe import Recipe

COMMANDS = {(name,): command for name, command in main.COMMANDS.items()} | {
    ("train", name): train.command(recipe) for name, recipe in RECIPES.items()}


@pytest.mark.fast
@pytest.mark.parametrize("words, message", [
    ([], "Expected a command. Received: none."),
    (["trian"], "Expected a command. Received: trian."),
    (["--model=x"], "Expected a command. Received: --model=x."),
    (["train"], "Expected a method. Received: none."),
    (["train", "--epochs=1"], "Expected a method. Received: --epochs=1."),
    (["train", "other"], f"Expected a method: {', '.join(RECIPES)}. Received: 'other'."),
])
def test_which_command(words, message, refused):
    error = refused(words, message)
    for name in ("train METHOD", "classifier", "sample", "evaluate", "export", "reproduce"):
        assert f"\n  {name}  " in error
    for name, recipe in RECIPES.items():
        assert f"\n  {name:14}{recipe.title}" in error


@pytest.mark.fast
@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["train", "--help"]])
def test_help_lists_commands_and_methods(words, multigan):
    done = multigan(*words)
    assert done.code == 0 and done.out.strip() == main.usage() and not done.err


@pytest.mark.fast
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_of_a_command_has_every_flag_with_its_default(words, multigan):
    command = COMMANDS[words]
    done = multigan(*words, "--help")
    assert done.code == 0 and done.out.startswith(command.usage) and not done.err
    shown = dict(re.findall(r"^  --(?:\[no\])?(\w+):\s(.*?)(?=^  --|\Z)", done.out, re.M | re.S))
    assert shown.keys() == {*command.options, "verbosity"}  # an old name has none
    for name, option in command.options.items():
        text = " ".join(shown[name].split())
        assert option.help and option.help in text, name
        if option.default not in (None, "", False):
            assert f"(default: {option.default})" in text, name
        for choice in option.choices:  # absl breaks a long list of them anywhere
            assert choice in text.replace(" ", ""), name


@pytest.mark.fast
@pytest.mark.parametrize("words, message", [
    (["train", "mim", "--preset=huge"], "--preset=huge: value should be one of <paper|quick>"),
    (["train", "mim", "--n_critik=3"], "Unknown command line flag 'n_critik'"),
    (["train", "mim", "--epochs=many"], "flag --epochs=many: invalid literal for int()"),
    (["train", "mim", "extra"], "Only flags are expected. Received: ['extra']."),
    (["train", "mim", "--precision=float16"], "float32|mixed_bfloat16"),
    (["sample", "--output=x.png"], "Expected --model. Received: none."),
    (["export", "--model=x"], "Expected --output. Received: none."),
    (["export"], "Expected --model and --output. Received: none."),
    (["evaluate", "--model=x", "--split=val"], "<train|test>"),
])
def test_flags(words, message, refused):
    command = " ".join(words[:2] if words[0] == "train" else words[:1])
    assert refused(words, message).endswith(f"\nSee multigan {command} --help.\n")


@pytest.mark.fast
def test_how_a_run_ends(multigan, monkeypatch, caplog):
    def train_with(error):
        def train(self, options, output, resume=False):
            raise error
        monkeypatch.setattr(Recipe, "train", train)
        return multigan("train", "mim", *flags)

    flags = []
    for text, shown in (("no room", " (no room)"), ("", "")):
        assert train_with(MemoryError(text))[::2] == (
            2, f"error: Expected the work to fit into memory. Received: none is left{shown}. Give "
            "smaller sizes or fewer samples.\n")
    within_c = SystemError("returned a result with an exception set")
    within_c.__cause__ = KeyboardInterrupt()
    for interrupt in (KeyboardInterrupt(), within_c):
        interrupted = train_with(interrupt)
        assert interrupted.code == 130
        assert interrupted.err == "error: interrupted. Go on with --resume and the same --output.\n"
    with pytest.raises(SystemError):
        train_with(SystemError("a bug"))
    assert "Where it came from" not in caplog.text
    with pytest.raises(KeyError):  # a bug is no wrong input
        train_with(KeyError("bug"))
    try:
        flags = ["--verbosity=1"]
        with caplog.at_level("DEBUG"):
            assert train_with(OSError("disk")).code == 2
    finally:
        logging.set_verbosity(-1)
    assert "Where it came from" in caplog.text and 'raise error' in caplog.text
    done = multigan("reproduce", "--list")
    assert done.code == 0 and not done.err


@pytest.mark.fast
def test_multigan_cli_makes_tensorflows_settings(monkeypatch):
    for name in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "5")
    given = []
    monkeypatch.setattr(main, "main", given.append)
    monkeypatch.setattr("sys.argv", ["multigan", "sample", "--model=x"])
    runpy.run_path(str(DOOR), run_name="__main__")
    assert given == [["sample", "--model=x"]]
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3" and os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert os.environ["TF_NUM_INTEROP_THREADS"] == "5"  # the user's


@pytest.mark.fast
@pytest.mark.parametrize("app", sorted(
    {path.stem for path in (REPOSITORY / "apps").glob("*.py")} - {"benchmark"}))
def test_the_doors_in_apps(app, monkeypatch):
    given = []
    monkeypatch.setattr(main, "main", given.append)
    monkeypatch.setattr("sys.argv", [f"apps/{app}.py", "--seed=1"])
    monkeypatch.syspath_prepend(str(REPOSITORY))
    runpy.run_path(str(REPOSITORY / "apps" / f"{app}.py"), run_name="__main__")
    first, *method = app.split("_", 1)
    words = [*method] if app == "train_classifier" else [first, *method]
    assert given == [[*words, "--seed=1"]]
    assert tuple(words) in COMMANDS


@pytest.mark.fast
def test_the_benchmarks_door(monkeypatch, capsys):
    monkeypatch.setattr("sys.path", [str(REPOSITORY), *sys.path])
    monkeypatch.setattr("sys.argv", ["apps/benchmark.py", "--help"])
    runpy.run_path(str(REPOSITORY / "apps" / "benchmark.py"), run_name="__main__")
    assert "Flags of multigan benchmark:" in (shown := capsys.readouterr().out)
    assert "--contenders: " in shown and "--num_generators: " in shown


def test_the_installed_command(run_process, tmp_path):
    """As `multigan` starts it: multigan_cli is imported before anything else, in any folder."""
    (tmp_path / "start.py").write_text("import multigan_cli\nmultigan_cli.main()\n")
    done = run_process("sample", "--model=gm_mnist", "--generator=mixture", "--num_samples=2",
                       "--output=new/x.npy", door=tmp_path / "start.py", cwd=tmp_path)
    assert "2 images of mixture; --seed=" in done.stdout
    assert (tmp_path / "new" / "x.npy").stat().st_size > 2 * 4 * 16 * 16
