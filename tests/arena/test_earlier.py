"""Rows of an earlier arena are taken over as they are, or refused."""

import pathlib

import pytest

from keras_multigan.arena import earlier, protocols, results
from keras_multigan.arena import run as runs
from keras_multigan.runs import files

SETTINGS = {"protocol": "ring", "match": "generator", "updates": 60, "batch_size": 24,
            "learning_rate": 1e-3, "num_generators": 2}
HEAD = ",".join([*results.COLUMNS, "modes", "judge", "error"]) + "\n"
GOOD = "gan,ring,generator,3,1,0,9,60,24,0.001,1.5,1.25,5,jax,8,nan,\n"


@pytest.fixture
def folder(tmp_path):
    """folder(text of results.csv, of curves.csv, settings) -> an arena's folder."""
    def make(table, curves=None, **settings):
        path = tmp_path / "earlier"
        path.mkdir(exist_ok=True)
        files.write_json(path / "arena.json", SETTINGS | settings)
        (path / "results.csv").write_text(table, encoding="latin-1")
        if curves:
            (path / "curves.csv").write_text(curves)
        return path
    return make


def arena(tmp_path, rows, methods=("gan",), seeds=(3,)):
    return runs.Arena(SETTINGS, methods, seeds, tmp_path / "arena", rows=rows)


def test_rows_count_as_finished_runs(folder, tmp_path):
    path = folder(HEAD + GOOD + "lsgan,ring,generator,3,,,,60,24,0.001,,,,,,,\"it said: a, b\"\n",
                  "method,seed,updates,seconds,coverage\ngan,3,30,1,0.5\ngan,3,60,2,0.75\n")
    found = arena(tmp_path, path)
    assert "gan, seed 3 (finished)" in found.describe()
    found.run(1)  # nothing is to be done
    rows = results.read(tmp_path / "arena")
    assert [(row["method"], row["error"]) for row in rows] == [("gan", ""), ("lsgan", "it said: a, b")]
    assert rows[0]["modes"] == 8 and rows[0]["cpu_seconds"] == 1.25 and rows[0]["backend"] == "jax"
    assert rows[0]["judge"] != rows[0]["judge"]
    assert rows[0]["curve"] == [{"updates": 30, "seconds": 1, "coverage": 0.5},
                                {"updates": 60, "seconds": 2, "coverage": 0.75}]
    assert rows[0]["output"] == str(tmp_path / "arena")
    tables = [(place / "results.csv").read_text().splitlines() for place in (path, tmp_path / "arena")]
    assert tables[0] == tables[1]


def test_rows_of_the_other_match_are_those_of_one_generator(folder, tmp_path):
    path = folder(HEAD + (GOOD + GOOD.replace("gan,", "mgan,", 1).replace("3,1,", "3,2,")).replace(
        "generator", "parameters"), match="parameters")
    found = arena(tmp_path, path, ("gan", "mgan"))
    assert "gan, seed 3 (finished)\n" in found.describe() and found.describe().endswith("mgan, seed 3")
    arena(tmp_path, path).run(1)
    assert [(row["method"], row["match"]) for row in results.read(tmp_path / "arena")] == [
        ("gan", "generator")]


def test_a_run_of_ones_own_is_kept(folder, tmp_path):
    job = arena(tmp_path, None).jobs[0]
    (tmp_path / "arena" / "runs").mkdir(parents=True)
    files.write_json(tmp_path / "arena" / "arena.json", SETTINGS)
    files.write_json(job.path.with_suffix(".json"), {"method": "gan", "seed": 3, "generators": 1,
                                                     "labels": 0, "modes": 2})
    arena(tmp_path, folder(HEAD + GOOD)).run(1)
    assert [row["modes"] for row in results.read(tmp_path / "arena")] == [2]


@pytest.mark.parametrize("table, message", [
    (HEAD + GOOD.replace("gan,", "../gan,", 1), "start with a method and a seed"),
    (HEAD + GOOD.replace(",3,", ",three,"), "start with a method and a seed"),
    (HEAD + GOOD.replace("gan,", ",", 1), "start with a method and a seed"),
    (HEAD + GOOD.replace(",9,60", ",,60"), "a row has no parameters: "),
    ("not a table\nat all\n", "start with a method and a seed"),
    (HEAD + "\"gan,ring", "cannot be read"),
    (HEAD + GOOD.replace("jax", "j\xe4x"), "cannot be read"),
])
def test_what_is_no_table_of_an_arena(folder, tmp_path, table, message):
    with pytest.raises(ValueError, match=f"--rows expects tables(.|\n)*{message}"):
        arena(tmp_path, folder(table))
    assert not (tmp_path / "arena").exists()


def test_a_folder_of_other_options_or_of_something_else(folder, tmp_path):
    with pytest.raises(FileExistsError, match=r"--rows is (.|\n)*--updates: the folder has 120"):
        arena(tmp_path, folder(HEAD + GOOD, updates=120))
    with pytest.raises(FileNotFoundError, match="which has no arena.json"):
        arena(tmp_path, tmp_path)
    (tmp_path / "earlier" / "arena.json").write_text("[]")
    with pytest.raises(ValueError, match="Expected a JSON object"):
        arena(tmp_path, tmp_path / "earlier")


def test_the_published_rows_can_be_taken_over():
    published = pathlib.Path(__file__).parents[2] / "docs" / "results" / "arena"
    folders = [path.parent for path in published.glob("*/arena.json")]
    assert folders
    for path in folders:
        settings, rows = earlier.read(path)
        of_settings = path.name.endswith("-validation")  # by which settings were chosen
        assert settings.keys() - {"validation"} == SETTINGS.keys(), path
        assert rows, path
        assert bool(settings.get("validation")) == of_settings, "results are measured on test data"
        measures = {m.key for m in protocols.find(settings["protocol"]).measures}
        for row in rows:
            assert row["match"] == settings["match"] and row["updates"] == settings["updates"]
            assert "error" in row or measures - row.keys() <= {"pairwise_tvd", "spread"}, row
