"""The tables of the documentation are those of the published rows."""

import importlib.util
import pathlib

import pytest

DOCS = pathlib.Path(__file__).parents[1] / "docs"
pytestmark = pytest.mark.fast


def load():
    spec = importlib.util.spec_from_file_location("tables", DOCS / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_have_the_tables_of_their_rows():
    tables, count = load(), 0
    for path in DOCS.glob("*.md"):
        page = path.read_text()
        count += page.count("<!-- rows ")
        assert tables.filled(page) == page, f"{path.name} is old. Run: python docs/tables.py"
    assert count >= 2


def test_medians_and_ranges(tmp_path, monkeypatch):
    tables = load()
    monkeypatch.setattr(tables, "_HERE", tmp_path)
    (tmp_path / "results.csv").write_text(
        "method,generators,labels,modes,kl,error\n"
        "a,1,0,3,.1,\na,1,0,5,,\na,1,0,4,.3,\n"
        "b,8,1,8,.25,\nb,8,1,,,it failed\n"
        "c,1,0,4,.5,\n")
    page = "before\n<!-- rows .: modes .0f; kl .2f -->\nold\n<!-- end -->\nafter <!-- rows -->"
    assert tables.filled(page).splitlines() == [
        "before", "<!-- rows .: modes .0f; kl .2f -->", "",
        "| method | generators | labels | modes | kl | seeds |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `b` | 8 | yes | 8 | 0.25 | 1 |",
        "| `c` | 1 | no | 4 | 0.50 | 1 |",
        "| `a` | 1 | no | 4 [3, 5] | 0.20 [0.10, 0.30] (2 seeds) | 3 |",
        "", "<!-- end -->", "after <!-- rows -->"]


def test_methods_of_several_folders(tmp_path, monkeypatch):
    tables = load()
    monkeypatch.setattr(tables, "_HERE", tmp_path)
    for folder, modes in (("x", 3), ("y", 5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "results.csv").write_text(
            f"method,generators,labels,modes,error\na,1,0,{modes},\nb,1,0,{modes + 1},\nc,1,0,9,\n")
    for choice, methods in (("of a", "aa"), ("but a,c", "bb"), ("of b,a", "baba")):
        page = f"<!-- rows x,y {choice}: modes .0f -->\n<!-- end -->"
        lines = tables.filled(page).splitlines()[4:-2]
        assert [line[3] for line in lines] == list(methods)
