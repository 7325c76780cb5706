"""What an arena leaves: table.md and report.html, with the differences that hold."""

import pathlib
import statistics
from typing import Any, NamedTuple

from keras_multigan import metrics
from keras_multigan.arena import arms, protocols
from keras_multigan.arena.protocol import Measure
from keras_multigan.runs import files, report

_LEVEL = 0.05
_COSTS = (Measure("parameters", "generators' parameters", ",.0f"), Measure("seconds", "seconds", ".0f"),
          Measure("peak_memory_mib", "memory, MiB", ".0f"))
_RATE = Measure("learning_rate", "learning rate", "g")


class Line(NamedTuple):
    """A method in the table.

    Attributes:
        method, title: its name and recipe's title.
        generators: their number; None if no run has finished.
        labels: whether it uses labels.
        values: measure's key -> finite values by seed.
        finished, seeds: numbers of runs.
    """

    method: str
    title: str
    generators: int | None
    labels: bool
    values: dict[str, list[float]]
    finished: int
    seeds: int


def write(settings: dict, rows: list[dict], output) -> None:
    """Writes table.md and report.html into the folder `output`.

    Args:
        settings: of the arena.
        rows: of its runs, by method and seed; some may have an error only.
    """
    output, protocol = pathlib.Path(output), protocols.find(settings["protocol"])
    measures = [m for m in protocol.measures if any(row.get(m.key) is not None for row in rows)]
    costs = (*_COSTS, _RATE) if isinstance(settings["learning_rate"], list) else _COSTS
    lines = _lines(rows, (*measures, *costs))
    head, differences = _head(settings, protocol, rows), _differences(lines, measures)
    text = [f"# Arena: {protocol.title}", "", *head, "", *_markdown(lines, (*measures, *costs)), ""]
    if differences:
        text += ["## Which differences hold", "", *differences, ""]
    with files.replacing(output / "table.md") as partial:
        partial.write_text("\n".join(text), encoding="utf-8")
    page = report.render(
        "arena.html", title=protocol.title, head=head, differences=differences, lines=lines,
        columns=[(m.title, m.best, [_cell(line, m) for line in lines]) for m in (*measures, *costs)],
        plots=_plots(lines, measures) + _curves(rows), pictures=_pictures(rows, output), errors=[
            (row["method"], row["seed"], row["error"]) for row in rows if row["error"]])
    with files.replacing(output / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def _lines(rows, measures):
    """`Line`s, the best first by the first measures."""
    found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        done = [row for row in own if not row["error"]]
        values = {m.key: [row[m.key] for row in done if row.get(m.key) is not None] for m in measures}
        title = arms.of(method).title if method in arms.names() else method
        found.append(Line(method, title,
                          done[0]["generators"] if done else None,
                          bool(done and done[0]["labels"]), values, len(done), len(own)))
    ranked = [m for m in measures if m.best][:2]

    def rank(line):
        return [(m.key in line.values and not line.values[m.key],
                 _median(line, m) * (-1 if m.best == "high" else 1)) for m in ranked]

    return sorted(found, key=rank)


def _median(line, measure):
    values = line.values[measure.key]
    return statistics.median(values) if values else 0.0


def _head(settings, protocol, rows):
    seeds = sorted({row["seed"] for row in rows})
    matched = {"generator": "Every generator has the same network.",
               "parameters": "All generators of a method have together the parameters of one."}
    return [
        f"Protocol {settings['protocol']}: {settings['updates']:,} updates of every discriminator on "
        f"{settings['batch_size']} real samples each; the learning rate of all "
        f"optimizers falls linearly from {_rate(settings['learning_rate'])}. Methods with several "
        f"generators have {settings['num_generators']}. {matched[settings['match']]}",
        protocol.note,
        *([f"Measured on {share:.0%} of the training images, which were not trained on."]
          if (share := settings.get("validation", 0)) else []),
        f"Medians over the seeds {', '.join(map(str, seeds))}, with the range where there is one.",
        "Seconds are of training, with compilation, on one thread; other runs went on beside it.",
        *(["Of the runs with an error only their number is given."]
          if any(row["error"] for row in rows) else [])]


def _rate(given):
    if not isinstance(given, list):
        return f"{given:g}"
    return (f"that of {', '.join(format(rate, 'g') for rate in given)} which is best for the method, "
            "by one run of another seed, on held-out images if there are images")


def _cell(line, measure) -> tuple[str, Any]:
    """A median with its range, and the number to sort by."""
    values = line.values[measure.key]
    if not values:
        return "-", ""
    low, middle, high = (format(v, measure.form) for v in (
        min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} [{low}, {high}]", statistics.median(values)


def _markdown(lines, columns):
    table = [["method", "generators", "labels", *(m.title for m in columns), "runs"]]
    table += [[line.method, str(line.generators or "-"), "yes" if line.labels else "no",
               *(_cell(line, m)[0] for m in columns), _count(line)] for line in lines]
    cells = [f"| {' | '.join(row)} |" for row in table]
    return [cells[0], "|---" * len(table[0]) + "|", *cells[1:]]


def _count(line):
    return str(line.seeds) if line.finished == line.seeds else f"{line.finished} of {line.seeds}"


def _differences(lines, measures):
    """Sentences on every measure of which one end is the better one."""
    baselines = [line for line in lines if line.method in arms.BASELINES]
    said = []
    for measure in measures:
        able = [line for line in lines if len(line.values[measure.key]) > 1]
        if not measure.best or len(able) < 2:
            continue
        best = (max if measure.best == "high" else min)(
            able, key=lambda line: statistics.mean(line.values[measure.key]))
        told = _told_apart(best, able, measure)
        alike = [line.method for line in able if line is not best and line.method not in told]
        sentence = (f"{measure.title[0].upper()}{measure.title[1:]}: the best mean is "
                    f"{best.method}'s; " + (f"not told apart from it are {', '.join(alike)}. "
                                            if alike else "all others are worse. "))
        for baseline in (line for line in baselines if line in able):
            told = _told_apart(baseline, able, measure)
            for words, sign in (("Better", 1), ("Worse", -1)):
                ones = [f"{name} ({d:+.3g}, p {p:.3f})" for name, (d, p) in told.items()
                        if d * sign * (1 if measure.best == "high" else -1) > 0]
                sentence += f"{words} than {baseline.method}: {', '.join(ones) or 'none'}. "
        said.append(sentence.strip())
    if said:
        said.insert(0, "Differences of means that a two-sided permutation test over the seeds finds at "
                    f"the level {_LEVEL}, after the Benjamini-Hochberg correction for the methods "
                    "compared with one. p is that before it.")
    return said


def _told_apart(one, lines, measure):
    """Method -> (mean of its values less that of `one`, p) of those that differ from `one`."""
    from scipy.stats import false_discovery_control

    others = [line for line in lines if line is not one]
    found = [metrics.compare(line.values[measure.key], one.values[measure.key]) for line in others]
    corrected = false_discovery_control([c.p_value for c in found])
    return {line.method: (c.difference, c.p_value)
            for line, c, q in zip(others, found, corrected, strict=True) if q < _LEVEL}


def _plots(lines, measures):
    """(title, inline SVG) of the first measure against the second, and against time."""
    if not measures:  # all runs have failed
        return []
    pairs = [(measures[0], other) for other in (*measures[1:2], _COSTS[1])]
    return [(f"{y.title} against {x.title}", _plot(lines, x, y)) for y, x in pairs]


def _plot(lines, x, y):
    from matplotlib.figure import Figure  # not pyplot, which needs a display

    lines = [line for line in lines if line.values[x.key] and line.values[y.key]]
    figure = Figure(figsize=(8, max(3.5, 0.2 * len(lines) + 1)), layout="constrained")
    axis = figure.subplots()
    for line in lines:
        places, bars = zip(*(_place(line.values[m.key]) for m in (x, y)), strict=True)
        axis.errorbar(*places, xerr=bars[0], yerr=bars[1], fmt="o", linewidth=0.7, markersize=5,
                      color="#CC6677" if line.generators == 1 else "#332288",
                      markerfacecolor="white" if line.labels else None)
    if x.key == "seconds":
        axis.set_xscale("log")
    # Names in a column beside the plot, in the order of the points, so that none lies on another.
    ordered = sorted(lines, key=lambda line: (_median(line, y), -_median(line, x)))
    for place, line in enumerate(ordered):
        axis.annotate(line.method, (_median(line, x), _median(line, y)), fontsize=7, va="center",
                      xytext=(1.04, (place + 0.5) / len(ordered)), textcoords="axes fraction",
                      arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.4})
    axis.set_xlabel(x.title)
    axis.set_ylabel(y.title)
    axis.grid(alpha=0.3)
    return report.as_svg(figure, f"{y.title} against {x.title}")


def _curves(rows):
    """(title, inline SVG) of what was measured on the way: medians over the seeds."""
    from matplotlib.figure import Figure

    by_method = {}
    for row in rows:
        if row.get("curve"):
            by_method.setdefault(row["method"], []).append(row["curve"])
    found = []
    points = [point for curves in by_method.values() for curve in curves for point in curve]
    for name in (name for name in (points[0] if points else ()) if name not in ("updates", "seconds")):
        for axis_name in ("updates", "seconds"):
            figure = Figure(figsize=(8, 4), layout="constrained")
            axis = figure.subplots()
            for place, (method, curves) in enumerate(by_method.items()):
                # Runs of a method have their points at the same updates.
                x, y = ([statistics.median(values) for values in zip(
                    *([point[key] for point in curve] for curve in curves), strict=False)]
                    for key in (axis_name, name))
                axis.plot(x, y, marker="o", markersize=3, label=method, color=f"C{place % 10}",
                          linestyle=("-", "--")[place // 10 % 2])
            axis.set_xlabel({"updates": "updates of each discriminator"}.get(axis_name, axis_name))
            axis.set_ylabel(name.replace("_", " "))
            axis.grid(alpha=0.3)
            figure.legend(loc="outside right upper", fontsize=7)
            title = f"{name.replace('_', ' ')} by {axis_name}".capitalize()
            found.append((title, report.as_svg(figure, title)))
    return found


def _place(values):
    """The median, and its distances to both ends of the range as errorbar takes them."""
    middle = statistics.median(values)
    return middle, [[middle - min(values)], [max(values) - middle]]


def _pictures(rows, output):
    """(what it is, data URL) of the first finished run of each method."""
    found, notes = {}, []
    for row in rows:
        if not row["error"] and row["method"] not in found:
            name = f"{row['method']}, seed {row['seed']}"
            path = output / "runs" / f"{row['method']}-seed{row['seed']}.png"
            found[row["method"]] = name, report.inline(path, notes, False)
    return [(name, source) for name, source in found.values() if source]
