"""What an experiment leaves: tables and a plot of its finished runs, the paper's values beside ours."""

import csv
import itertools
import statistics

import numpy as np

from keras_multigan import callbacks, metrics
from keras_multigan.recipes.experiment import Column


def write(experiment, plan, rows, output):
    """Writes results.csv, results.md, plot.png and, if the experiment has curves, curves.png into the
    folder `output`; returns results.md."""
    with open(output / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0])[:-1], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    text = "\n".join([*conditions(experiment, plan), *tables(experiment, plan, rows)]) + "\n"
    (output / "results.md").write_text(text)
    plot(experiment, rows, output / "plot.png", with_paper=not is_small(experiment, plan))
    if experiment.curves:
        plot_curves(experiment, rows, output)
    return text


def conditions(experiment, plan):
    """The head of results.md: what was run, and what it may be compared with."""
    lengths = set()
    for options in plan["runs"].values():
        steps = options["steps_per_epoch"]
        length = f"{options['epochs']} epochs of {f'{steps} steps' if steps else 'one pass each'}"
        lengths.add(f"until converged, at most {length}" if options.get("until_converged") else length)
    options = next(iter(plan["runs"].values()))
    data = f" data {options['dataset']};" if "dataset" in options else ""
    lines = [
        f"# {experiment.title}", "",
        f"Scale {plan['scale']}:{data} every run trains {' or '.join(sorted(lengths))}.",
    ]
    if is_small(experiment, plan):
        lines += ["This is small-scale: compare the rows with each other, not with the paper's."]
        if "classifier" in options and options["dataset"] != "ring":
            lines += [f"classifier.keras, a compact one trained on {options['dataset']}, serves and "
                      "measures all runs."]
    if plan["overrides"]:
        given = " ".join(f"--{name}={value}" for name, value in plan["overrides"].items())
        lines += [f"Not the scale's own configuration; changed by flags: {given}."]
    return [*lines, "", experiment.note, ""]


def tables(experiment, plan, rows):
    """The rest of results.md: one line per label, medians over its seeds; class tables."""
    columns = []
    for column in _measured(experiment, rows):
        columns.append(column)
        if experiment.has_papers(column):
            columns.append(Column("the paper's", f"paper_{column.key}", "g"))
    columns += [Column("epochs", "epochs", "g"),
                Column("steps", "training_steps", "g"),
                Column("generators' parameters", "parameters", ",.0f")]
    table = [["run", *(column.title for column in columns), "seeds"]]
    for label, group in itertools.groupby(rows, key=lambda row: row["label"]):
        group = list(group)
        table.append([label, *(_cell(group, column) for column in columns), str(len(group))])
    measured = [f"{title} {', '.join(sorted({row['metrics'][key] for row in rows}))}"
                for title, key in (("Frechet distance on", "frechet_features"),
                                   ("TVD and class probabilities by", "class_probabilities_by"))
                if key in rows[0]["metrics"]]
    lines = [f"{len(rows)} of {len(plan['runs']) * len(plan['seeds'])} runs have finished. Medians "
             f"over the seeds, with ranges. {'; '.join(measured)}.", "", *_markdown(table),
             *_comparisons(_measured(experiment, rows), rows)]
    paper = experiment.class_tables
    if paper is not None:
        percent = {f"{row['label']}, seed {row['seed']}":
                   100 * np.array(row["metrics"]["class_probabilities"])
                   for row in rows} | {f"{label}, the paper": paper[label] for label in paper}
        lines += ["", "## Average class probabilities in %"]
        for title, values in percent.items():
            table = [["", *map(str, range(len(values[0])))]]
            table += [[f"generator {k}", *map("{:.2f}".format, p)] for k, p in enumerate(values)]
            lines += ["", f"### {title}", "", *_markdown(table)]
    return lines


def _cell(group, column):
    values = _values(group, column.key)
    if not values:
        return "-"
    low, middle, high = (format(v, column.form) for v in (
        min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} [{low}, {high}]"


def _comparisons(columns, rows):
    """Lines with the p-values of every label against the first one."""
    groups = {label: [row for row in rows if row["label"] == label]
              for label in dict.fromkeys(row["label"] for row in rows)}
    first, *others = groups
    table = []
    for label in others:
        pairs = [[_values(groups[name], column.key) for name in (label, first)] for column in columns]
        cells = [f"{metrics.compare(*pair).p_value:.3f}" if min(map(len, pair)) > 1 else "-"
                 for pair in pairs]
        if {*cells} != {"-"}:
            table.append([label, *cells])
    return table and [
        "", f"Against {first}, p of a two-sided permutation test over the seeds, not corrected for "
        "their number:", "", *_markdown([["run", *(column.title for column in columns)], *table])]


def is_small(experiment, plan):
    """Whether the runs are too small to be compared with the paper's."""
    preset = experiment.presets["quick"]
    return next(iter(plan["runs"].values()))["preset"] == preset


def plot(experiment, rows, path, with_paper):
    """Writes a PNG: the first two columns of every run, their medians and, if wanted, the paper's."""
    from matplotlib.figure import Figure  # not pyplot, which needs a display

    places = {arm.label: place if arm.x is None else arm.x
              for place, arm in enumerate(experiment.arms)}
    figure = Figure(figsize=(8, 6), layout="constrained")
    columns = _measured(experiment, rows)[:2]
    axes = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    for axis, column in zip(axes, columns, strict=True):
        key = column.key
        axis.plot([places[row["label"]] for row in rows], [row[key] for row in rows], ".",
                  color="tab:gray", label="each seed")
        medians = [_median([row for row in rows if row["label"] == label], key) for label in places]
        axis.plot(places.values(), medians, "-o" if experiment.axis else "o", color="tab:blue",
                  alpha=0.6, label="median")
        if with_paper and experiment.has_papers(column):
            axis.plot(places.values(), [arm.paper.get(key) for arm in experiment.arms], "x",
                      color="tab:red", markersize=9, label="paper")
        axis.set_ylabel(column.title)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    axis.set_xlabel(experiment.axis or "")
    if experiment.axis:
        axis.set_xticks(list(places.values()))
    else:
        axis.set_xticks(list(places.values()), list(places))
        axis.set_xlim(-0.5, len(places) - 0.5)
    figure.suptitle(experiment.title, fontsize=10)
    figure.savefig(path, dpi=110)


def plot_curves(experiment, rows, output):
    """Writes curves.png: what every epoch of each run has logged, a colour per label."""
    from matplotlib.figure import Figure

    histories = [(row["label"], callbacks.read_history(output / f"{row['label']}-seed{row['seed']}"))
                 for row in rows]
    curves = [c for c in experiment.curves if any(c.key in h[0] for _, h in histories if h)]
    if not curves:
        return
    labels = [arm.label for arm in experiment.arms]
    figure = Figure(figsize=(8, 4 * len(curves)), layout="constrained")
    axes = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    for axis, curve in zip(axes, curves, strict=True):
        for label, history in histories:
            points = [(row["epoch"] + 1, row[curve.key]) for row in history if curve.key in row]
            if points:
                first = label not in axis.get_legend_handles_labels()[1]
                axis.plot(*zip(*points, strict=True), color=f"C{labels.index(label)}", alpha=0.8,
                          label=label if first else None)
        axis.set_ylabel(curve.title)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    axes[-1].set_xlabel("epoch")
    figure.suptitle(experiment.title, fontsize=10)
    figure.savefig(output / "curves.png", dpi=110)


def _measured(experiment, rows):
    """The columns of which any row has a value."""
    return [c for c in experiment.columns if any(row[c.key] is not None for row in rows)]


def _median(rows, key):
    values = _values(rows, key)
    return statistics.median(values) if values else None


def _values(rows, key):
    return [row[key] for row in rows if row.get(key) is not None]


def _markdown(table):
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    return [lines[0], "|---" * len(table[0]) + "|", *lines[1:]]
