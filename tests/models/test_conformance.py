"""The conformance suite over all models and variants."""

import conformance
import pytest
import zoo


@pytest.mark.parametrize("name, check", [
    pytest.param(name, check, id=f"{name}-{check.__name__.removeprefix('check_')}")
    for name, row in zoo.ROWS.items()
    for check in (conformance.CHECKS if row.adds_state else conformance.OF_VARIANTS)])
def test_conformance(name, check, tmp_path):
    check(zoo.ROWS[name], tmp_path)


@pytest.mark.parametrize("rows", [[*zoo.ROWS][::2], [*zoo.ROWS][1::2]], ids=["even rows", "odd rows"])
def test_backends_agree(rows, tmp_path):
    conformance.check_backends_agree(rows, tmp_path)
