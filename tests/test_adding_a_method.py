"""The toy method of docs/adding_a_method.md works as it stands there."""

import re
import sys
import types

import keras
import numpy as np
import pytest
from conftest import REPOSITORY

from keras_multigan import models
from keras_multigan.cli import train

PAGE = (REPOSITORY / "docs" / "adding_a_method.md").read_text()
FILES = dict(re.findall(r'```python title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL))


@pytest.fixture(scope="module")
def modules():
    """The page's files as modules, in its order."""
    made = {}
    for path, code in FILES.items():
        if path.endswith("__init__.py"):
            made[path] = models
        else:
            name = path.removesuffix(".py").replace("/", ".")
            made[path] = sys.modules[name] = types.ModuleType(name)
        exec(compile(code, path, "exec"), vars(made[path]))
    yield made
    del models.LeastSquaresGAN


def test_the_page_has_all_the_files(modules):
    assert [*modules] == [
        "keras_multigan/models/least_squares.py", "keras_multigan/models/__init__.py",
        "keras_multigan/recipes/least_squares.py", "tests/models/test_least_squares.py"]
    assert f"touches {['zero', 'one', 'two', 'three', 'four', 'five'][len(modules) + 1]} files" in PAGE


def test_its_own_tests_pass(modules, tmp_path, monkeypatch):
    tests = modules["tests/models/test_least_squares.py"]
    for number, check in enumerate(tests.conformance.CHECKS):
        (tmp_path / str(number)).mkdir()
        tests.test_conformance(check, tmp_path / str(number))
    tests.test_losses_against_numpy(monkeypatch)


def test_its_recipe_runs(modules, tmp_path, capsys):
    recipe = modules["keras_multigan/recipes/least_squares.py"].RECIPE
    classifier = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten(),
                                   keras.layers.Dense(10)])
    classifier.save(tmp_path / "classifier.keras")
    command = train.command(recipe)
    command(["--dry_run", "--target=0.9"])
    assert re.search(r"target +0.9\n", capsys.readouterr().out)
    command(["--epochs=1", "--steps_per_epoch=2", "--filters=4", "--num_generators=2",
             f"--classifier={tmp_path / 'classifier.keras'}", f"--output={tmp_path / 'run'}"])
    assert "pairwise TVD" in capsys.readouterr().out
    assert (tmp_path / "run" / "export" / "models.config").exists()
    loaded = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert np.isfinite(loaded.sample(4)).all() and loaded.target == 1.0
