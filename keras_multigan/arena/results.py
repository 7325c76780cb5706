"""The rows of an arena: a file of each run, and the tables that are made of them."""

import csv
import math
import pathlib

from absl import logging

from keras_multigan.arena import arms, protocols, table, worker
from keras_multigan.runs import files

# Of all rows, in front of the measures.
COLUMNS = ("method", "protocol", "match", "seed", "generators", "labels", "parameters", "updates",
           "batch_size", "learning_rate", "seconds", "cpu_seconds", "peak_memory_mib", "backend")


def finished(job: worker.Job) -> bool:
    return job.path.with_suffix(".json").exists()


def error_path(job: worker.Job) -> pathlib.Path:
    return job.path.with_suffix(".error.json")


def said(job: worker.Job) -> str:
    """A finished run in a line."""
    row = files.read_json(job.path.with_suffix(".json"))
    measures = protocols.find(job.protocol).measures
    return ", ".join([*(f"{m.title} {format(row[m.key], m.form)}" for m in measures
                        if row.get(m.key) is not None), f"{row['seconds']:.0f} s"])


def read(output) -> list[dict]:
    """The rows of all runs in a folder that have finished or failed, by method and seed. Files that
    cannot be read are left out with a warning; their runs are done again."""
    rows = []
    order = {name: place for place, name in enumerate(arms.names())}
    for path in (pathlib.Path(output) / "runs").glob("*.json"):
        finished_one = path.with_name(path.name.replace(".error.json", ".json"))
        # What a kill has left, and the error of a run that has finished since.
        if path.name.startswith("partial-") or path != finished_one and finished_one.exists():
            continue
        try:
            row = files.read_object(path, "Its run is done again.")
            rows.append({"error": "", **row})
        except ValueError as error:
            if isinstance(error.__cause__, FileNotFoundError):  # another shard has removed an error
                continue
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            logging.warning("%s", error)
            path.unlink(missing_ok=True)
    return sorted(rows, key=lambda row: (order.get(row["method"], math.inf), row["seed"]))


def write(output) -> list[dict]:
    """Writes results.csv anew, and curves.csv if the runs were measured on their way; returns the
    rows."""
    rows = read(output)
    if not rows:
        return rows
    hidden = {"output", "data_dir", "num_generators", "validation", "error", "curve", *COLUMNS}
    names = [*COLUMNS, *dict.fromkeys(k for row in rows for k in row if k not in hidden), "error"]
    _write_csv(pathlib.Path(output) / "results.csv", names, rows)
    if points := [{"method": row["method"], "seed": row["seed"], **point}
                  for row in rows for point in row.get("curve", ())]:
        _write_csv(pathlib.Path(output) / "curves.csv", list(points[0]), points)
    return rows


def _write_csv(path, names, rows):
    with files.replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(rows)


def write_tables(output) -> None:
    """Writes results.csv, table.md and report.html of what has finished."""
    if rows := write(output):
        table.write(files.read_json(pathlib.Path(output) / "arena.json"), rows, output)
