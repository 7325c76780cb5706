"""An arena's runs: resumed after kills, divided among shards, one row each whatever happens."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys

import conftest
import pytest

from keras_multigan.arena import results, worker
from keras_multigan.arena import run as runs
from keras_multigan.runs import files

SETTINGS = {"protocol": "ring", "match": "generator", "updates": 60, "batch_size": 24,
            "learning_rate": 1e-3, "num_generators": 2}
# In place of the worker: writes a row at once, or fails as the method's name says.
STAND_IN = """
import json, os, pathlib, signal, sys, time
job = json.loads(sys.argv[1])
folder = pathlib.Path(job["output"])
with open(folder / "started.txt", "a") as file:
    file.write(job["method"] + str(job["seed"]) + chr(10))
if not job["method"]:
    sys.exit((folder / "classifier.keras").write_text(""))
if job["method"] == "lsgan" and not (folder / "mended").exists():
    sys.exit("Traceback" + chr(10) + "ValueError: it went wrong")
if job["method"] == "ragan" and job["learning_rate"] > 2e-3:
    sys.exit("keras_multigan.callbacks.stopping.NonFiniteLossError: the loss is NaN")
if job["method"] == "wgan":
    os.kill(os.getpid(), signal.SIGKILL)
if job["method"] == "fgan":
    time.sleep(600)
names = {"generators": 1, "labels": 0, "parameters": 9, "seconds": 1.0, "cpu_seconds": 1.0,
         "peak_memory_mib": 5, "backend": "jax", "modes": 8 - job["seed"],
         "high_quality": 0.5 + {"gan": -1, "lsgan": 0}.get(job["method"], 1) * job["learning_rate"],
         "reverse_kl": 0.1, "spread": None,
         "environment": os.environ["OMP_NUM_THREADS"] + os.environ["KERAS_BACKEND"]}
path = folder / "runs" / (job["method"] + "-seed" + str(job["seed"]) + ".json")
path.write_text(json.dumps({**job, **names}))
"""


@pytest.fixture
def arena(monkeypatch, tmp_path):
    """arena(methods, seeds, shard) -> an `Arena` in one folder, whose worker is the stand-in."""
    monkeypatch.setattr(runs, "_WORKER", (sys.executable, "-S", "-c", STAND_IN))

    def make(methods=("gan", "sngan"), seeds=(0, 1), shard=(0, 1), **settings):
        return runs.Arena(SETTINGS | settings, methods, seeds, tmp_path / "arena", shard)

    make.folder = tmp_path / "arena"
    make.rows = lambda: list(csv.DictReader(open(make.folder / "results.csv", newline="")))
    make.started = lambda: (make.folder / "started.txt").read_text().split("\n")[:-1]
    return make


def names(rows):
    return [(row["method"], row["seed"]) for row in rows]


def test_every_run_is_a_row_and_is_done_once(arena):
    arena().run(2)
    assert names(arena.rows()) == [("gan", "0"), ("gan", "1"), ("sngan", "0"), ("sngan", "1")]
    first = arena.rows()[0]
    assert list(first)[: len(results.COLUMNS)] == list(results.COLUMNS)
    assert first["modes"] == "8" and first["error"] == "" and first["environment"] == "1jax"
    assert sorted(arena.started()) == ["0", "gan0", "gan1", "sngan0", "sngan1"]
    assert "| gan |" in (arena.folder / "table.md").read_text()
    assert "<h1>Arena" in (arena.folder / "report.html").read_text()
    arena(seeds=(0, 1, 2)).run(1)  # more seeds
    assert len(arena.rows()) == 6 and len(arena.started()) == 7


def test_curves_have_a_table_of_their_own(arena):
    arena(seeds=(0,)).run(1)
    assert not (arena.folder / "curves.csv").exists()
    path = arena.folder / "runs" / "gan-seed0.json"
    points = [{"updates": 30, "seconds": 1.0, "coverage": 0.5}, {"updates": 60, "seconds": 2.0,
                                                                 "coverage": 0.75}]
    files.write_json(path, {**json.loads(path.read_text()), "curve": points})
    results.write(arena.folder)
    with open(arena.folder / "curves.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["method", "seed", "updates", "seconds", "coverage"], ["gan", "0", "30", "1.0", "0.5"],
            ["gan", "0", "60", "2.0", "0.75"]]
    assert "curve" not in arena.rows()[0]


def test_a_run_that_fails_is_a_row_with_its_error_and_is_tried_again(arena):
    with pytest.raises(RuntimeError, match=r"2 of 3 did not(.|\n)*lsgan, seed 0: ValueError: it went"):
        arena(("gan", "lsgan", "wgan"), (0,)).run(2)
    rows = {row["method"]: row for row in arena.rows()}
    assert rows["lsgan"]["error"] == "ValueError: it went wrong" and rows["lsgan"]["modes"] == ""
    assert rows["wgan"]["error"] == "ended by signal 9 (memory?)" and rows["gan"]["error"] == ""
    assert "0 of 1" in (arena.folder / "table.md").read_text()
    (arena.folder / "mended").touch()
    arena(("lsgan",), (0,)).run(1)
    rows = {row["method"]: row for row in arena.rows()}
    assert rows["lsgan"]["error"] == "" and rows["lsgan"]["modes"] == "8"


def test_an_interrupt_ends_what_runs_and_keeps_what_is_done(arena, monkeypatch):
    processes = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            processes.append(self)

    def interrupt(seconds):
        if len(processes) == 3 and results.finished(job):
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Noted)
    monkeypatch.setattr(runs.time, "sleep", interrupt)
    stopped = arena(("gan", "fgan"), (0,))  # fgan would take 10 minutes
    job = stopped.jobs[0]
    with pytest.raises(KeyboardInterrupt):
        stopped.run(2)
    assert [p.poll() is not None for p in processes] == [True] * 3
    (arena.folder / "runs" / "partial-9-gan-seed5.json").write_text("{")  # of a kill
    monkeypatch.undo()
    assert names(results.write(arena.folder)) == [("gan", 0)]


def test_shards_have_together_the_runs_of_the_whole(arena):
    whole = {(job.method, job.seed) for job in arena().jobs}
    shards = [arena(shard=(k, 3)) for k in range(3)]
    assert sorted((j.method, j.seed) for s in shards for j in s.jobs) == sorted(whole)
    for shard in shards:
        shard.run(1)
    assert {(m, int(s)) for m, s in names(arena.rows())} == whole
    arena().run(1)  # nothing is left to do
    assert len(arena.started()) == 5


def test_two_do_not_work_on_the_same_runs(arena):
    arena.folder.mkdir()
    arena().run(1)
    with files.locked(arena.folder, shared=True), files.locked(arena.folder / "shard-1-of-2"):
        arena(shard=(0, 2)).run(1)
        for shard in ((1, 2), (0, 1)):
            with pytest.raises(RuntimeError, match="in which nothing else trains"):
                arena(shard=shard).run(1)
    with files.locked(arena.folder), pytest.raises(RuntimeError, match="nothing else trains"):
        arena(shard=(0, 2)).run(1)


def test_a_damaged_row_is_left_out_and_done_again(arena):
    arena().run(1)
    path = arena.folder / "runs" / "gan-seed0.json"
    path.write_text(path.read_text()[:50])
    assert len(results.write(arena.folder)) == 3
    arena().run(1)
    assert len(arena.rows()) == 4
    path.write_text(path.read_text()[:50])  # whose table nobody has read since
    arena().run(1)
    assert len(arena.rows()) == 4


def test_another_data_dir_after_a_wrong_one(arena):
    arena.folder.mkdir()
    files.write_json(arena.folder / "arena.json", {**SETTINGS, "data_dir": "/wrong"})
    (arena.folder / "runs").mkdir()
    files.write_json(arena.folder / "runs" / "gan-seed0.error.json", {
        "method": "gan", "seed": 0, "error": "no such folder"})
    runs.Arena(SETTINGS, ["gan"], [0], arena.folder, data_dir="/right").run(1)
    assert files.read_json(arena.folder / "arena.json")["data_dir"] == "/right"


def test_a_folder_of_other_options(arena, tmp_path):
    arena().run(1)
    with pytest.raises(FileExistsError, match=r"--updates: the folder has 60, received 120"):
        arena(updates=120).run(1)
    with pytest.raises(FileExistsError, match=r"--validation: the folder has None, received 0.2"):
        arena(validation=0.2).run(1)
    with pytest.raises(FileExistsError, match=r"first run, which were those of tfds\. Received: /a"):
        runs.Arena(SETTINGS, ["gan"], [2], arena.folder, data_dir="/a").run(1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").touch()
    (tmp_path / "file").touch()
    for name in ("other", "file"):
        with pytest.raises(FileExistsError, match="new or empty folder"):
            runs.Arena(SETTINGS, ["gan"], [0], tmp_path / name).run(1)


def test_backend(monkeypatch):
    found = {"jax", "tensorflow"}
    monkeypatch.setattr(runs.importlib.util, "find_spec", lambda name: name if name in found else None)
    monkeypatch.setattr(runs.keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert [runs.backend_of(p, None) for p in ("digits", "mnist_conv")] == ["jax", "tensorflow"]
    assert runs.backend_of("mnist_conv", "jax") == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert runs.backend_of("ring", None) == "tensorflow"
    monkeypatch.delenv("KERAS_BACKEND")
    found.remove("jax")
    assert runs.backend_of("ring", None) == "tensorflow"
    with pytest.raises(ValueError, match="--backend.*Received: jax"):
        runs.backend_of("ring", "jax")


def test_killed_and_gone_on_with(run_process, tmp_path):
    """Real runs: the command is killed after its first one."""
    words = ["arena", "--protocol=ring", "--methods=gan,lsgan", "--seeds=0", "--updates=60",
             "--batch_size=24", f"--output={tmp_path / 'arena'}"]
    first, second = (tmp_path / "arena" / "runs" / f"{name}-seed0.json" for name in ("gan", "lsgan"))
    process = subprocess.Popen([sys.executable, str(conftest.DOOR), *words], stdout=subprocess.PIPE,
                               env={**os.environ, "PYTHONPATH": str(conftest.REPOSITORY)}, text=True)
    for line in process.stdout:
        if line.startswith("1/2 gan, seed 0: modes"):
            break
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()
    assert first.exists() and not second.exists()
    kept = first.stat().st_mtime_ns
    said = run_process(*words).stdout
    assert "1 of 2 runs are to be done" in said and "1/1 lsgan, seed 0: modes" in said
    assert first.stat().st_mtime_ns == kept
    rows = [json.loads(path.read_text()) for path in (first, second)]
    job = worker.Job(method="gan", seed=0, output=str(tmp_path / "arena"), data_dir=None, **{
        **SETTINGS, "learning_rate": 2e-3, "num_generators": 8})
    assert {name: rows[0][name] for name in vars(job)} == vars(job)
    assert (pathlib.Path(job.output) / "table.md").read_text().count("\n| ") == 3
    assert rows[1]["parameters"] == 17_154


RATES = [1e-3, 2e-3, 4e-3]


def test_every_method_has_its_best_learning_rate(arena, caplog, tmp_path):
    tuned = arena(("gan", "sngan", "ragan"), learning_rate=RATES)
    assert tuned.describe().count("seed 100") == 9
    tuned.run(2)
    assert "ragan diverges at the learning rate 0.004" in caplog.text
    best = {"gan": 1e-3, "sngan": 4e-3, "ragan": 2e-3}
    assert files.read_json(arena.folder / "rates.json").items() >= best.items()
    assert [(row["method"], float(row["learning_rate"])) for row in arena.rows()] == [
        (method, best[method]) for method in ("gan", "gan", "sngan", "sngan", "ragan", "ragan")]
    assert len(arena.started()) == 7  # none of the choice, which have folders of their own
    started = (arena.folder / "rate-0.001" / "started.txt").read_text().split()
    assert sorted(started) == ["100", "gan100", "ragan100", "sngan100"]
    table = (arena.folder / "table.md").read_text()
    assert "0.001, 0.002, 0.004 which is best for the method" in table and "| learning rate |" in table
    arena(("gan", "sngan", "ragan"), (0, 1, 2), learning_rate=RATES).run(1)  # the choice is kept
    assert len(arena.started()) == 10
    assert (arena.folder / "rate-0.001" / "started.txt").read_text().split() == started
    with pytest.raises(RuntimeError, match=r"1 of 2 did not(.|\n)*lsgan, seed 100: ValueError"):
        arena(("gan", "lsgan"), (0,), learning_rate=RATES).run(1)
    high = SETTINGS | {"learning_rate": [3e-3, 4e-3]}
    with pytest.raises(RuntimeError, match="one of the learning rates(.|\n)*ragan all runs diverge"):
        runs.Arena(high, ["ragan"], [0], tmp_path / "high").run(1)
    with pytest.raises(FileExistsError, match="learning_rate: the folder has"):
        arena(learning_rate=RATES[:2]).run(1)


def test_rows_of_a_methods_own_rate_are_taken_over(arena, tmp_path, capsys):
    arena(learning_rate=1e-3).run(2)
    others = tmp_path / "others"
    arena.folder.rename(others)
    tuned = runs.Arena(SETTINGS | {"learning_rate": RATES}, ["gan", "sngan"], [0, 1],
                       arena.folder, rows=others)
    tuned.run(1)
    assert len(arena.rows()) == 4 and sorted(arena.started()) == ["0", "sngan0", "sngan1"]
    assert "2 rows of --rows are left out" in capsys.readouterr().out
    again = runs.Arena(SETTINGS | {"learning_rate": RATES}, ["ragan"], [0], tmp_path / "again",
                       rows=arena.folder)
    again.run(1)  # the others have the best of the same rates
    assert len(results.read(tmp_path / "again")) == 5
    with pytest.raises(FileExistsError, match="--rows(.|\n)*learning_rate: the folder has 0.001"):
        runs.Arena(SETTINGS | {"learning_rate": RATES[1:]}, ["gan"], [0], arena.folder, rows=others)


def test_the_best_rate_is_that_of_the_first_measure_then_of_the_next():
    def row(**values):
        return {"method": "gan", "error": "", **values}

    rows = {1e-3: [row(modes=8, high_quality=0.9), row(method="wgan", error="it failed")],
            2e-3: [row(modes=8, high_quality=0.95)], 4e-3: [row(modes=7, high_quality=1.0)],
            8e-3: [row(modes=None, high_quality=1.0)]}
    assert runs.best_rates("ring", rows) == {"gan": 2e-3}


def test_an_arena_of_which_all_runs_fail_says_so(arena):
    with pytest.raises(RuntimeError, match="1 of 1 did not"):
        arena(("lsgan",), (0,)).run(1)
    assert "0 of 1" in (arena.folder / "table.md").read_text()


def test_an_error_beside_a_finished_run_does_not_count(arena):
    arena(("gan",), (0,)).run(1)
    path = arena.folder / "runs" / "gan-seed0.error.json"
    files.write_json(path, {"method": "gan", "seed": 0, "error": "killed before the end"})
    assert [row["error"] for row in results.read(arena.folder)] == [""]
