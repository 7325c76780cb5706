"""Runs as processes, here and on a Ray cluster of two machines (of one, in truth)."""

import json
import pathlib
import signal
import sys

import pytest

from keras_multigan.arena import results
from keras_multigan.arena import run as runs
from keras_multigan.cli import reproduce
from keras_multigan.runs import processes

SETTINGS = {"protocol": "ring", "match": "generator", "updates": 60, "batch_size": 24,
            "learning_rate": 1e-3, "num_generators": 2}
# In place of an arena's worker: the row has the machine; one method fails.
ROW = """
import json, os, pathlib, sys, time
job = json.loads(sys.argv[1])
folder = pathlib.Path(job["output"])
if not job["method"]:
    sys.exit((folder / "classifier.keras").write_text(""))
if job["method"] == "lsgan" and not (folder / "mended").exists():
    sys.exit("ValueError: it went wrong")
names = {"generators": 1, "labels": 0, "parameters": 9, "seconds": 1.0, "cpu_seconds": 1.0,
         "peak_memory_mib": 5, "backend": os.environ["KERAS_BACKEND"], "modes": 8, "high_quality": 0.5,
         "reverse_kl": 0.1, "node": os.getpid()}
path = folder / "runs" / (job["method"] + "-seed" + str(job["seed"]) + ".json")
path.write_text(json.dumps({**job, **names}))
"""
# In place of a run of `reproduce`.
RUN = """
import json, os, pathlib, sys
run = json.loads(sys.argv[1])
output = pathlib.Path(run["output"])
output.mkdir(parents=True)
if run["options"]["seed"] == 1 and "1G1D" in output.name and not (output.parent / "mended").exists():
    output.rmdir()
    sys.exit("error: Expected finite losses. Received: nan")
(output / "metrics.json").write_text(json.dumps(
    {"epochs": 1, "training_steps": 1, "last_epoch": {}, **dict.fromkeys(KEYS, 0.5)}))
"""


def test_a_process_of_this_machine():
    process = processes.Process([sys.executable, "-c", "import os; os.read(0, 1)"], {})
    assert process.poll() is None
    process.end()
    process = processes.Process([sys.executable, "-c", "import sys; sys.exit('it is wrong')"], {})
    assert process.wait() == 1 and processes.failure(process) == "it is wrong"
    process.end()


def test_without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"--ray expects the package ray.*pip install '.\[ray\]'"):
        processes.Cluster("auto")


@pytest.fixture(scope="module")
def cluster():
    """The address of a Ray cluster of two machines with a CPU each."""
    ray = pytest.importorskip("ray")
    utils = pytest.importorskip("ray.cluster_utils")
    at_sigterm = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        made = utils.Cluster(initialize_head=True, head_node_args={
            "num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 * 2**20})
        made.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        try:
            yield made.address
        finally:
            ray.shutdown()
            made.shutdown()
            signal.signal(signal.SIGTERM, at_sigterm)  # Ray leaves its own


def test_tasks_are_processes_on_several_machines(cluster, tmp_path):
    started = processes.Cluster(cluster)
    assert started.size == 2 and not started.has_gpus
    program = "import os, sys; k = os.environ['SAID']; print(k, os.getcwd()); sys.exit(int(k))"
    tasks = [started.start(["python", "-c", program], {"SAID": str(k)}) for k in range(3)]
    assert [task.wait() for task in tasks] == [0, 1, 2]
    assert [task.text() for task in tasks] == [f"{k} {pathlib.Path.cwd()}\n" for k in range(3)]
    killed = started.start(["python", "-c", "import os; os.kill(os.getpid(), 9)"], {})
    assert killed.wait() == -9 and processes.failure(killed) == "ended by signal 9 (memory?)"
    begun = tmp_path / "begun"
    program = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(600)"
    long = started.start(["python", "-c", program], {})
    while not begun.exists():
        assert long.poll() is None
    long.end()
    assert started.start(["python", "-c", ""], {}).wait() == 0  # its place is free again


def test_a_task_whose_interrupt_is_lost_is_ended_by_force(cluster, monkeypatch, tmp_path):
    import ray

    cancel = ray.cancel
    monkeypatch.setattr(ray, "cancel", lambda task, force=False: force and cancel(task, force=True))
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    started, begun = processes.Cluster(cluster), tmp_path / "begun"
    program = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(600)"
    task = started.start(["python", "-c", program], {})
    while not begun.exists():
        assert task.poll() is None
    task.end()
    # Its place is free again. Ray may give the first task the process that is just ending.
    assert 0 in (started.start(["python", "-c", ""], {}).wait() for _ in range(3))


def test_an_arena_on_a_cluster(cluster, monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "_WORKER", (sys.executable, "-S", "-c", ROW))

    def make():
        return runs.Arena(SETTINGS, ["gan", "lsgan"], [0, 1], tmp_path / "arena", ray=cluster)

    with pytest.raises(RuntimeError, match=r"2 of 4 did not(.|\n)*lsgan, seed 1: ValueError: it went"):
        make().run(1)
    kept = [json.loads((tmp_path / f"arena/runs/gan-seed{k}.json").read_text()) for k in range(2)]
    (tmp_path / "arena" / "mended").touch()
    make().run(1)
    rows = results.read(tmp_path / "arena")
    assert len(rows) == 4 and not any(row["error"] for row in rows)
    assert [row["node"] for row in rows if row["method"] == "gan"] == [row["node"] for row in kept]
    assert "| lsgan |" in (tmp_path / "arena" / "table.md").read_text()


def test_an_experiment_on_a_cluster(cluster, monkeypatch, tmp_path):
    columns = reproduce.find("mix_plus", "mixtures")[1].columns
    program = f"KEYS = {[column.key for column in columns]}\n{RUN}"
    monkeypatch.setattr(reproduce, "_WORKER", (sys.executable, "-S", "-c", program))
    monkeypatch.setattr(reproduce, "generator_parameters", lambda recipe, options: 7)
    plan = reproduce.make_plan("mix_plus", "mixtures", "quick", [0, 1], {"epochs": 1})
    with pytest.raises(RuntimeError, match="1G1D.*, seed 1: error: Expected finite losses"):
        reproduce.reproduce(plan, tmp_path / "out", ray=cluster)
    first = tmp_path / "out" / f"{next(iter(plan['runs']))}-seed0" / "metrics.json"
    written = first.stat().st_mtime_ns
    (tmp_path / "out" / "mended").touch()
    text = reproduce.reproduce(plan, tmp_path / "out", ray=cluster)
    count = 2 * len(plan["runs"])
    assert f"{count} of {count} runs have finished" in text
    assert first.stat().st_mtime_ns == written


def test_the_command_on_a_cluster(cluster, run_process, tmp_path):
    """A real run."""
    words = ["arena", "--protocol=ring", "--methods=gan", "--seeds=0", "--updates=60",
             "--batch_size=24", f"--ray={cluster}", "--output=arena"]
    said = run_process(*words, cwd=tmp_path).stdout
    assert "1 of 1 runs are to be done, 2 at a time" in said and "1/1 gan, seed 0: modes" in said
    assert len(results.read(tmp_path / "arena")) == 1


def test_no_cluster(monkeypatch):
    monkeypatch.setattr(pytest.importorskip("ray"), "is_initialized", lambda: False)
    with pytest.raises(ValueError, match="--ray expects .* cluster.*Received: 'localhost:1'"):
        processes.Cluster("localhost:1")
