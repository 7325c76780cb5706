"""The README keeps its word."""

import pathlib
import re

import numpy as np
import pytest
from conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


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


def test_files_that_it_names_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (REPOSITORY / target).exists(), target
    for app in set(re.findall(r"python (apps/\w+\.py)", README)):
        assert (REPOSITORY / app).exists(), app


@pytest.mark.parametrize("app", sorted(p.stem for p in (REPOSITORY / "apps").glob("*.py")))
def test_every_flag_of_its_commands_exists(app):
    source = (REPOSITORY / "apps" / f"{app}.py").read_text()
    shared = (REPOSITORY / "apps" / "common.py").read_text()
    for line in re.findall(rf"python apps/{app}\.py([^\n`]*)", README.replace("\\\n", " ")):
        for flag in re.findall(r"--(\w+)", line):
            assert re.search(rf'DEFINE_\w+\(\s*"{flag}"', source + shared), f"{app}: --{flag}"


def test_no_machine_paths_are_committed():
    for path in ("README.md", "CONTRIBUTING.md", "setup.cfg"):
        assert not re.search(r"/(root|home|work)/", (REPOSITORY / path).read_text()), path
    for path in pathlib.Path(REPOSITORY / "savedmodels").rglob("*.json"):
        assert not re.search(r'"/(?!models)', path.read_text()), path
