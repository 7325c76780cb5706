"""Rows of an arena that was run elsewhere, such as the published ones in docs/results."""

import contextlib
import csv
import pathlib
import re

from keras_multigan.runs import files

_FIX = "Give the folder of an arena, with its arena.json and results.csv."
_NUMBERS = ("generators", "labels", "parameters", "seconds")  # of every run that has finished


def read(folder) -> tuple[dict, list[dict]]:
    """The settings of an arena, and its rows with their curves, as in the runs' files.

    Args:
        folder: with arena.json, results.csv, and curves.csv if there are curves.

    Raises:
        FileNotFoundError: one of the first two is missing.
        ValueError: one cannot be read as what an arena writes.
    """
    folder = pathlib.Path(folder)
    for name in ("arena.json", "results.csv"):
        if not (folder / name).is_file():
            raise FileNotFoundError("--rows is expected to be the folder of an arena. Received: "
                                    f"{files.short_path(folder)}, which has no {name}. {_FIX}")
    rows = _read_csv(folder / "results.csv")
    for row in rows:
        lacking = [name for name in _NUMBERS if not isinstance(row.get(name), int | float)]
        if "error" not in row and lacking:
            raise _unfit(folder / "results.csv", f"a row has no {', no '.join(lacking)}: {row}")
    curves = {}
    if (folder / "curves.csv").exists():
        for point in _read_csv(folder / "curves.csv"):
            curves.setdefault((point.pop("method"), point.pop("seed")), []).append(point)
    for row in rows:
        if curve := curves.get((row["method"], row["seed"])):
            row["curve"] = curve
    return files.read_object(folder / "arena.json", _FIX), rows


def _read_csv(path):
    """Its rows as dicts, less what is empty."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [{name: _value(name, text) for name, text in row.items() if text and name}
                    for row in csv.DictReader(file, strict=True)]
    except (UnicodeError, csv.Error) as error:
        raise _unfit(path, error) from error
    for row in rows:  # both become part of a file's name
        if not (re.fullmatch(r"\w{1,100}", row.get("method", "")) and isinstance(row.get("seed"), int)):
            raise _unfit(path, f"a row is expected to start with a method and a seed: {row}")
    return rows


def _value(name, text):
    for kind in () if name in ("method", "error") else (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _unfit(path, reason):
    return ValueError(f"--rows expects tables of an arena. Received: {files.short_path(path)}, which "
                      f"cannot be read ({str(reason)[:300]}). {_FIX}")
