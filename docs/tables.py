"""Fills the tables of these pages from the rows in results/: `python docs/tables.py`.

A table stands between `<!-- rows FOLDER: COLUMN FORMAT; ... -->` and `<!-- end -->`. FOLDER has a
results.csv of `multigan arena`; it may be several, with commas. `FOLDER of METHOD,METHOD` leaves other
methods out, `FOLDER but METHOD,METHOD` these. Each method of a folder has a line, the highest medians
of the first two columns first. Cells are medians over the seeds with their range.
"""

import collections
import csv
import pathlib
import re
import statistics

_HERE = pathlib.Path(__file__).parent
_TABLE = re.compile(
    r"<!-- rows (?P<folders>\S+?)(?: (?P<choice>of|but) (?P<methods>\S+?))?: (?P<columns>[^>]+?) -->\n"
    r".*?<!-- end -->", re.DOTALL)
_TITLES = {"parameters": "generators' parameters", "frechet_distance": "Frechet distance",
           "ratio": "times the floor", "memorized_equivalent": "memorised images alike",
           "pairwise_tvd": "TVD of generators", "class_tvd": "TVD of classes", "learning_rate": "rate",
           "reverse_kl": "reverse KL",
           "least_generator_coverage": "least coverage of a generator",
           "least_generator_recall": "least recall of a generator"}


def filled(page: str) -> str:
    """The text of a page with its tables made anew."""
    return _TABLE.sub(_table, page)


def _table(found):
    columns = [column.split() for column in found["columns"].split(";")]
    methods = collections.defaultdict(list)
    named = (found["methods"] or "").split(",")
    for folder in found["folders"].split(","):
        with open(_HERE / folder / "results.csv", newline="") as file:
            for row in csv.DictReader(file):
                is_named = row["method"] in named
                chosen = {"of": is_named, "but": not is_named, None: True}[found["choice"]]
                if chosen and not row["error"]:
                    methods[folder, row["method"]].append(row)
    first = [name for name, _ in columns[:2]]
    ordered = sorted(methods.items(), reverse=True, key=lambda item: [
        statistics.median(_values(item[1], name)) for name in first])
    head = ["method", "generators", "labels",
            *(_TITLES.get(name, name.replace("_", " ")) for name, _ in columns), "seeds"]
    lines = [[f"`{method}`", rows[0]["generators"], "yes" if rows[0]["labels"] == "1" else "no",
              *(_cell(rows, name, form) for name, form in columns), str(len(rows))]
             for (_, method), rows in ordered]
    table = [" | ".join(head), " | ".join(["---"] * len(head)), *map(" | ".join, lines)]
    marker = found[0].split("\n", 1)[0]
    return "\n".join([marker, "", *(f"| {line} |" for line in table), "", "<!-- end -->"])


def _values(rows, name):
    return [float(row[name]) for row in rows if row[name]]


def _cell(rows, name, form):
    if not (values := _values(rows, name)):
        return "-"
    low, middle, high = (format(f(values), form) for f in (min, statistics.median, max))
    few = f" ({len(values)} seeds)" if len(values) < len(rows) else ""
    return (middle if low == high else f"{middle} [{low}, {high}]") + few


if __name__ == "__main__":
    for path in sorted(_HERE.glob("*.md")):
        path.write_text(filled(path.read_text()))
