"""An arena from its options to its tables: which runs there are, and their processes."""

import collections
import contextlib
import dataclasses
import importlib.util
import itertools
import json
import math
import os
import pathlib
import sys
import tempfile
import time

import keras
from absl import logging

from keras_multigan.arena import earlier, protocols, results, worker
from keras_multigan.callbacks import NonFiniteLossError
from keras_multigan.runs import files, processes

_SETTINGS = ("protocol", "match", "updates", "batch_size", "learning_rate", "num_generators",
             "validation")
_WORKER = (sys.executable, "-m", "keras_multigan.arena.worker")
# Learning rates are chosen on another seed than those of results, and on images that are held out.
TUNING_SEED, TUNING_VALIDATION = 100, 0.2
_DIVERGED = NonFiniteLossError.__name__  # in what a run says that fails by its rate


def shard_of(text: str) -> tuple[int, int]:
    """The numbers i and n of "i/n". Raises ValueError unless 0 <= i < n."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise ValueError("--shard is expected to be i/n with i in 0..n-1, such as 0/4 to 3/4. "
                         f"Received: {text}")
    return int(index), int(count)


def backend_of(protocol: str, given: str | None) -> str:
    """Keras' backend of the runs: the one `given`, or of KERAS_BACKEND; else the faster one that is
    installed."""
    wanted = given or os.environ.get("KERAS_BACKEND") or protocols.find(protocol).backend
    installed = importlib.util.find_spec(wanted) is not None
    if given and not installed:
        raise ValueError(f"--backend expects one that is installed. Received: {given}. Install it: "
                         f"pip install {given}")
    return wanted if installed else keras.backend.backend()


class Arena:
    """The runs of a folder.

    Args:
        settings: dict of `_SETTINGS`, of all runs in the folder; without "validation" it is 0. If
            "learning_rate" is a list, every method has the best of these rates for itself, by a run
            each in a folder of its own.
        chosen: names of methods and arms.
        seeds: ints.
        output: the folder.
        shard: (i, n): of all runs those with a number of i modulo n.
        data_dir: where the data are, or None.
        backend: Keras' of the runs.
        ray: address of the Ray cluster that does the runs (see `processes.Cluster`); None for this
            machine.
        rows: folder of an arena with the same settings, whose runs count as this one's; or None. With
            the other "match" those of methods with one generator do.
    """

    def __init__(self, settings, chosen, seeds, output, shard=(0, 1), data_dir=None, backend="jax",
                 ray=None, rows=None):
        self.settings, self.output = settings, pathlib.Path(output)
        self.earlier, self.tuning, rate = [], {}, settings["learning_rate"]
        self.tuned_alike = False  # whether the earlier rows have the best of the same rates
        if isinstance(rate, list):
            held_out = TUNING_VALIDATION if protocols.find(settings["protocol"]).has_images else 0
            self.tuning = {one: Arena(
                {**settings, "learning_rate": one, "validation": held_out}, chosen, [TUNING_SEED],
                self.output / f"rate-{one:g}", data_dir=data_dir, backend=backend, ray=ray)
                for one in rate}
        if rows is not None:
            stored, self.earlier = earlier.read(rows)
            if stored.get("match") != settings["match"]:  # which does not concern a single generator
                self.earlier = [row for row in self.earlier if row.get("generators") == 1]
            stored = {**stored, "match": settings["match"]}
            self.tuned_alike = bool(self.tuning) and stored.get("learning_rate") == rate
            if stored.get("learning_rate") in list(self.tuning):
                stored["learning_rate"] = rate  # rows with the rate of their method are taken
            self._check(stored, rows, "--rows")
        self.shard, self.backend, self.ray = shard, backend, ray
        self.data_dir = data_dir and str(pathlib.Path(data_dir).expanduser().absolute())
        jobs = [worker.Job(method=method, seed=seed, output=str(output), data_dir=data_dir, **settings)
                for seed, method in itertools.product(seeds, chosen)]
        self.jobs = jobs[shard[0] :: shard[1]]

    def describe(self) -> str:
        """What a dry run prints."""
        lines = [f"{name:16}{value}" for name, value in self.settings.items()]
        count = len(self.jobs)
        lines += [f"{'backend':16}{self.backend}", "", f"{count} run{'s' * (count != 1)}:"]
        taken = set() if self.tuning else {
            (row["method"], row["seed"]) for row in self.earlier if "error" not in row}
        lines += [
            f"  {job.method}, seed {job.seed}"
            + " (finished)" * (results.finished(job) or (job.method, job.seed) in taken)
            for job in self.jobs]
        for rate, arena in self.tuning.items():
            lines += ["", f"before, to choose by, rate {rate:g}:", arena.describe().split("\n\n")[1]]
        return "\n".join(lines)

    def run(self, count: int) -> None:
        """Does the runs that are not finished, `count` at a time, and writes the tables. A Ray cluster
        does as many at a time as it has CPUs.

        Raises:
            FileExistsError: the folder holds something else, or an arena of other settings.
            RuntimeError: another process works in the folder, or runs have failed.
        """
        self._raise(self._run(count))

    def _raise(self, failed):
        if failed:
            lines = "".join(f"\n  {job.method}, seed {job.seed}: {error}" for job, error in failed)
            raise RuntimeError(
                f"Expected all runs to finish. {len(failed)} of {len(self.jobs)} did not; their "
                f"rows in {self.output}/results.csv have the error. The same command tries them "
                f"again.{lines}")

    def _run(self, count):
        self._open()
        with self._locked():
            if self.tuning:
                rates = self._tune(count)
                self.jobs = [dataclasses.replace(job, learning_rate=rates[job.method])
                             for job in self.jobs]
                self._leave_out(rates)
            self._take_over()
            results.read(self.output)  # a damaged file goes, so that its run is done again
            failed = self._do([job for job in self.jobs if not results.finished(job)], count)
            results.write_tables(self.output)
        return failed

    def _leave_out(self, rates):
        """Leaves out the earlier rows that have not the rate of their method."""
        kept = [row for row in self.earlier if row.get("learning_rate") == rates.get(
            row["method"], row.get("learning_rate") if self.tuned_alike else None)]
        if count := len(self.earlier) - len(kept):
            print(f"{count} rows of --rows are left out: they have not the learning rate that is "
                  "chosen for their method, or none is.", flush=True)
        self.earlier = kept

    def _tune(self, count):
        """Method -> its rate. A choice is made once, and kept in rates.json. A rate at which a run
        diverges is not chosen; another failure may pass, and leaves the choice open."""
        path = self.output / "rates.json"
        rates = files.read_object(path, "Remove the folder.") if path.exists() else {}
        if all(job.method in rates for job in self.jobs):
            return rates
        for rate, arena in self.tuning.items():
            print(f"Learning rate {rate:g}, seed {TUNING_SEED}:", flush=True)
            failed = arena._run(count)
            arena._raise([(job, error) for job, error in failed if _DIVERGED not in error])
            for job, _ in failed:
                logging.warning("%s diverges at the learning rate %g.", job.method, rate)
        found = best_rates(self.settings["protocol"], {
            rate: results.read(arena.output) for rate, arena in self.tuning.items()})
        if lacking := {job.method for job in self.jobs} - rates.keys() - found.keys():
            raise RuntimeError(
                "Expected one of the learning rates to do for every method. Received: for "
                f"{', '.join(sorted(lacking))} all runs diverge. Leave them out, or give other rates "
                "and another --output.")
        files.write_json(path, {**found, **rates})
        return {**found, **rates}

    def _open(self):
        path = self.output / "arena.json"
        if path.exists():
            stored = files.read_object(path, "Remove the folder, or choose another one.")
            self._check(stored, self.output, "--output")
            if self._keeps_images() and self.data_dir and self.data_dir != (
                    kept := stored.get("data_dir", self.data_dir)):
                raise FileExistsError(
                    f"--data_dir is expected to be left out: {self.output} keeps the images of its "
                    f"first run, which were {kept or 'those of tfds'}. Received: {self.data_dir}. For "
                    "other images choose another --output.")
            return
        files.check_folder(self.output)

    def _keeps_images(self):
        """Whether a run has loaded its data: after a wrong --data_dir none has."""
        return (self.output / "train.npz").exists() or any(
            not path.name.endswith(".error.json") for path in (self.output / "runs").glob("*.json"))

    def _check(self, stored, folder, flag):
        lines = "".join(f"\n  --{name}: the folder has {stored.get(name)!r}, received {value!r}"
                        for name in _SETTINGS
                        if stored.get(name, 0) != (value := self.settings.get(name, 0)))
        if lines:
            raise FileExistsError(
                f"{flag} is expected to hold an arena of these options. Received: {folder}, "
                f"with others:{lines}\nLeave them out where they are not the protocol's, or choose "
                "another folder. Methods and seeds may be added.")

    def _take_over(self):
        """Writes the files of runs of an earlier arena that this folder lacks."""
        for row in self.earlier:
            job = worker.Job(method=row["method"], seed=row["seed"], output=str(self.output),
                             data_dir=None, **self.settings)
            path = results.error_path(job) if "error" in row else job.path.with_suffix(".json")
            if not results.finished(job) and not path.exists():
                files.write_json(path, {**dataclasses.asdict(job), **row, "match": job.match})

    @contextlib.contextmanager
    def _locked(self):
        """Keeps others from the same runs: the whole folder, or the shard's part of it."""
        index, count = self.shard
        with files.locked(self.output, shared=count > 1):
            path = self.output / "arena.json"
            if not path.exists() or self.data_dir and not self._keeps_images():
                files.write_json(path, {**self.settings, "data_dir": self.data_dir})
            if count == 1:
                yield
            else:
                with files.locked(self.output / f"shard-{index}-of-{count}"):
                    yield

    def _do(self, jobs, count):
        """Runs `jobs` in processes of their own; returns those that failed, with their errors."""
        (self.output / "runs").mkdir(exist_ok=True)
        failed, waiting, running = [], collections.deque(jobs), {}
        start = processes.Process
        if self.ray is not None and jobs:
            cluster = processes.Cluster(self.ray)
            start, count = cluster.start, len(jobs)  # they wait there
        if jobs:
            print(f"{len(jobs)} of {len(self.jobs)} runs are to be done, "
                  f"{count if self.ray is None else cluster.size} at a time, on {self.backend}.",
                  flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                if waiting and not (self.output / "classifier.keras").exists():
                    self._prepare(dataclasses.replace(jobs[0], method=""), start, scratch)
                while waiting or running:
                    while waiting and len(running) < count:
                        job = waiting.popleft()
                        running[job] = self._start(job, start, scratch)
                    for job, process in list(running.items()):
                        if process.poll() is not None:
                            error = self._end(job, running.pop(job))
                            failed += [(job, error)] if error else []
                            done = len(jobs) - len(waiting) - len(running)
                            print(f"{done}/{len(jobs)} {job.method}, seed {job.seed}: "
                                  f"{error or results.said(job)}", flush=True)
                            results.write(self.output)
                    time.sleep(0.05)
            finally:
                for process in running.values():
                    process.end()
        return failed

    def _prepare(self, job, start, scratch):
        # On a CPU TensorFlow trains convolutional networks in a tenth of JAX's time.
        images = protocols.find(job.protocol).has_images
        on_tensorflow = images and importlib.util.find_spec("tensorflow") is not None
        process = self._start(job, start, scratch, "tensorflow" if on_tensorflow else self.backend)
        try:
            if process.wait():
                raise RuntimeError("Expected the networks that measure to be made. Received: "
                                   + processes.failure(process))
        finally:
            process.end()

    def _start(self, job, start, scratch, backend=None):
        # Runs of one method on several seeds are compiled once; on a cluster, on each machine.
        cached = {"JAX_COMPILATION_CACHE_DIR": os.path.join(scratch, "compiled"),
                  "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2"}
        return start([*_WORKER, json.dumps(dataclasses.asdict(job))], {
            **processes.environment(backend or self.backend),
            **{name: os.environ.get(name, value) for name, value in cached.items()}})

    def _end(self, job, process):
        """What a run that has ended said if it has failed; else None."""
        try:
            process.wait()
            if results.finished(job):  # its last deed
                results.error_path(job).unlink(missing_ok=True)
                return None
            error = processes.failure(process)
        finally:
            process.end()
        files.write_json(results.error_path(job), {**dataclasses.asdict(job), "error": error})
        return error


def best_rates(protocol: str, rows: dict[float, list[dict]]) -> dict[str, float]:
    """Method -> the learning rate of its best row: by the protocol's first measure, and where rows are
    alike by those that follow. Rows with an error, or without a measure, count as worst or not at all.

    Args:
        protocol: its name.
        rows: by rate, one of each method.
    """
    measures = [m for m in protocols.find(protocol).measures if m.best]
    found = {}
    for rate, row in ((rate, row) for rate, ones in rows.items() for row in ones if not row["error"]):
        values = [math.inf if row.get(m.key) is None else row[m.key] * (-1 if m.best == "high" else 1)
                  for m in measures]
        found.setdefault(row["method"], []).append((values, rate))
    return {method: min(ones)[1] for method, ones in found.items()}
