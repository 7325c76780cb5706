"""Reruns the experiments of the ComMutE-GAN paper (tables 1-3, figures 3-4, sections 5.1-5.3).

    python apps/reproduce_commute.py --experiment=schedules                  digits, minutes a run
    python apps/reproduce_commute.py --experiment=gamma_sweep --seeds=0,1,2
    python apps/reproduce_commute.py --experiment=n_sweep --scale=paper      MNIST, as in the paper
    python apps/reproduce_commute.py --experiment=model_size --dry_run

The output folder gets experiment.json, a folder of apps/train_commute.py for every run, and after
every finished run results.md, results.csv and plot.png anew. A stopped experiment goes on when the
command is repeated; finished runs are not trained again.
"""

import csv
import itertools
import pathlib
import statistics
import typing

import classifiers
import common
import keras
import numpy as np
import train_commute
from absl import flags

from keras_multigan import callbacks

OVERRIDES = ("epochs", "steps_per_epoch", "width", "batch_size")
# Taken over from a run's metrics.json; the last one is no column of results.csv.
MEASURED = ("frechet_distance", "pairwise_tvd", "classifier_score", "epochs", "training_steps",
            "frechet_features", "class_probabilities_by", "class_probabilities")
COLUMNS = (("Frechet distance", "frechet_distance", ".3f"),
           ("the paper's", "paper_frechet_distance", "g"),
           ("TVD", "pairwise_tvd", ".4f"), ("the paper's", "paper_pairwise_tvd", "g"),
           ("classifier score", "classifier_score", ".3f"), ("epochs", "epochs", "g"),
           ("steps", "training_steps", "g"), ("generators' parameters", "parameters", ","))


class Run(typing.NamedTuple):
    label: str
    options: dict  # of train_commute.py, where they differ from the preset
    frechet: float | None = None  # as printed in the paper; None where it prints none
    tvd: float | None = None
    x: float | None = None  # on the plot's axis


class Experiment(typing.NamedTuple):
    title: str
    note: str
    runs: list
    axis: str | None = None
    class_tables: dict | None = None  # the paper's, in %, by label; None: no such tables are wanted


def _options(n, weight, **others):
    return {"n_generators": n, "tvd_schedule": f"constant:{weight}", **others}


EXPERIMENTS = {
    "batch_concatenation": Experiment(
        "Batch concatenation without and with the TVD loss (tables 1-3)",
        "The generators' order is arbitrary: compare how the classes are shared out. The paper's "
        "class tables have a TVD (equation 7) of 0.884, 0.981 and 0.839, less than it prints.",
        [Run("n2-gamma0", _options(2, 0, until_converged=True), 4.738, 0.9832),
         Run("n2-gamma5", _options(2, 5, until_converged=True), 3.602, 0.9965),
         Run("n4-gamma0", _options(4, 0, until_converged=True), 2.9439, 0.9633)],
        class_tables={
            "n2-gamma0": [
                [0.00, 27.23, 13.23, 0.63, 18.91, 0.00, 0.00, 22.46, 0.32, 17.23],
                [19.15, 0.01, 8.94, 19.75, 0.06, 17.19, 18.35, 0.29, 14.93, 1.31]],
            "n2-gamma5": [
                [18.98, 21.77, 0.47, 0.03, 18.96, 0.00, 0.13, 19.47, 0.49, 19.69],
                [0.51, 0.04, 21.25, 19.79, 0.16, 17.90, 23.48, 0.01, 16.82, 0.05]],
            "n4-gamma0": [
                [0.02, 0.15, 0.04, 13.00, 6.91, 4.92, 36.91, 0.11, 33.14, 4.79],
                [38.99, 0.00, 11.32, 22.84, 0.01, 24.13, 0.03, 0.00, 2.33, 0.33],
                [0.15, 45.49, 15.88, 0.14, 31.99, 0.68, 2.65, 0.86, 0.84, 1.31],
                [0.36, 0.29, 22.05, 2.46, 0.72, 0.95, 0.00, 41.96, 1.94, 29.24]]},
    ),
    "gamma_sweep": Experiment(
        "Weight of the TVD loss, 5 generators (figure 3)",
        "The paper prints no number of this sweep, only that about 12.2 is best.",
        [Run(f"gamma{weight}", _options(5, weight), x=weight)
         for weight in (0, 5, 10, 11, 12, 13, 14, 15, 20)],
        axis="weight of the TVD loss (gamma)",
    ),
    "schedules": Experiment(
        "Schedules of the TVD loss's weight, 5 generators (sections 5.2.2 and 5.2.3)",
        "The constant weight is the paper's best, to compare with; it prints no number for it.",
        # At the paper's 70 epochs these are linear:20:5:70 and sudden_death:20:20.
        [Run("constant", _options(5, 12.2)),
         Run("linear-decay", {"n_generators": 5, "tvd_schedule": "linear:20:5:{epochs}"},
             3.5379, 0.9999),
         Run("sudden-death", {"n_generators": 5, "tvd_schedule": "sudden_death:20:{two_sevenths}"},
             2.6685, 0.9998)],
    ),
    "n_sweep": Experiment(
        "Number of generators (figure 4)",
        'The paper prints only n = 1 ("FID ~ 4.25"). Of the others it says that n = 3, 6, 7, 9 are '
        "much worse and that n = 4 and 5 are best.",
        [Run(f"n{n}", _options(n, 12.2, until_converged=True), 4.25 if n == 1 else None, x=n)
         for n in range(1, 11)],
        axis="number of generators",
    ),
    "model_size": Experiment(
        "Small generators against one large one (section 5.1.1)",
        "The paper calls its distances averages, and says that its residual run did not converge. "
        "Its generators have 3,642,640 (4 x 910,660), 69,657,924 and 3,882,049 parameters.",
        [Run("4-small", _options(4, 12.5), 2.6),
         Run("1-deep", _options(1, 0, generator="deep"), 5.56),
         Run("1-residual", _options(1, 0, generator="residual"), 23.42)],
        class_tables={},
    ),
}


def define_flags():
    flags.DEFINE_enum("experiment", None, list(EXPERIMENTS), "which one", required=True)
    flags.DEFINE_enum("scale", "quick", list(train_commute.PRESETS), "preset of train_commute.py")
    flags.DEFINE_string("output", None, "a new folder, or that of the experiment to go on with; "
                        "runs/reproduce-<experiment>-<scale> if not given")
    flags.DEFINE_string("data_dir", None, "as of train_commute.py")
    flags.DEFINE_list("seeds", ["0"], "every run is repeated with each of these random seeds")
    flags.DEFINE_integer("epochs", None, "epochs of every run (at most, until converged)", 1)
    flags.DEFINE_integer("steps_per_epoch", None, "of every run", lower_bound=1)
    flags.DEFINE_float("width", None, "of every run's networks", lower_bound=0.0)
    flags.DEFINE_integer("batch_size", None, "of every run, rounded up to a multiple of its "
                         "number of generators", lower_bound=1)
    flags.DEFINE_bool("dry_run", False, "list the runs and their options, train nothing")


def resolve(run, scale, overrides):
    """The complete options of a run."""
    options = {"preset": scale, **train_commute.PRESETS[scale], **run.options, **overrides}
    if scale == "quick":
        options["until_converged"] = False
    if "batch_size" in overrides:
        n = options["n_generators"]
        options["batch_size"] = -(-overrides["batch_size"] // n) * n
    epochs = train_commute.complete({**options, "tvd_schedule": "constant:0"})["epochs"]
    options["tvd_schedule"] = options["tvd_schedule"].format(
        epochs=epochs, two_sevenths=max(1, round(epochs * 2 / 7)))
    return train_commute.complete(options)


def make_plan(experiment, scale, seeds, overrides):
    """All that decides an experiment's results, as kept in experiment.json.

    Args:
        experiment: key of EXPERIMENTS.
        scale: "quick" or "paper".
        seeds: list of int or str.
        overrides: dict of OVERRIDES -> value, for every run.
    """
    numbers = [int(seed) for seed in seeds if str(seed).strip().isdigit()]
    if not numbers or len({*numbers}) < len(seeds):
        raise ValueError("--seeds is expected to be different whole numbers >= 0, as 0,1,2. "
                         f"Received: {','.join(map(str, seeds))}")
    runs = {run.label: resolve(run, scale, overrides) for run in EXPERIMENTS[experiment].runs}
    return {"experiment": experiment, "scale": scale, "seeds": numbers,
            "overrides": overrides, "runs": runs}


def open_folder(plan, output):
    """Makes the output folder, or makes sure that it is this experiment's."""
    path = output / "experiment.json"
    if not path.exists():
        if output.exists() and any(output.iterdir()):
            raise FileExistsError("--output is expected to be a new folder or that of this "
                                  f"experiment. Received: {output}, which holds other files. Empty "
                                  "it or choose another folder.")
        output.mkdir(parents=True, exist_ok=True)
        return common.write_json(path, {**plan, "versions": common.versions()})
    there = common.read_json(path)
    lines = [f"\n  {key}: the folder has {there[key]}, received {plan[key]}"
             for key in ("experiment", "scale", "seeds", "overrides") if there[key] != plan[key]]
    if not lines and there["runs"] != plan["runs"]:
        lines = ["\n  runs: the presets have changed since"]
    if lines:
        raise ValueError("--output is expected to be a new folder or that of this experiment. "
                         f"Received: {output}, which has another:{''.join(lines)}\nRepeat the "
                         "command that it was started with, or choose another folder.")


def shared_classifier(options, output):
    """`classifier` of all runs. On digits each would train its own, and distances that different
    classifiers measure cannot be compared."""
    path = output / "classifier.keras"
    if options["dataset"] == "mnist":
        return "auto"
    if not path.exists():
        keras.utils.set_random_seed(0)
        splits = [common.load_split(options, split) for split in ("train", "test")]
        classifier, _ = classifiers.get(options, *splits, path)
        common.save_model(classifier, path)
    return str(path)


def count_parameters(options):
    """Of all generators of a run together, for images of one channel."""
    shape = (options["image_size"], options["image_size"], 1)
    (generator,), _ = train_commute.build_networks({**options, "n_generators": 1}, shape)
    return options["n_generators"] * generator.count_params()


def reproduce(plan, output, data_dir=None):
    """Does the runs of a plan that `output` lacks, one after the other.

    Returns:
        The text of results.md.
    """
    output = pathlib.Path(output)
    open_folder(plan, output)
    parameters = {label: count_parameters(options) for label, options in plan["runs"].items()}
    todo = [(label, seed) for seed in plan["seeds"] for label in plan["runs"]
            if not _metrics(output, label, seed).exists()]
    failed = []
    for number, (label, seed) in enumerate(todo, 1):
        print(f"\nRun {number} of the {len(todo)} to do: {label}, seed {seed}.", flush=True)
        keras.utils.clear_session()  # or memory grows by a model a run
        options = {**plan["runs"][label], "data_dir": data_dir, "seed": seed}
        options["classifier"] = shared_classifier(options, output)
        try:
            train_commute.train(options, _metrics(output, label, seed).parent, resume=True)
            write_results(plan, output, parameters)
        except callbacks.NonFiniteLossError as error:  # the other runs can still be done
            failed.append(f"\n  {label}, seed {seed}: {error}")
    text = write_results(plan, output, parameters)
    if failed:
        raise RuntimeError(f"Expected all runs to finish. These did not, the others are in {output}"
                           f"/results.md:{''.join(failed)}")
    return text


def read_rows(plan, output, parameters):
    """A dict for each finished run: its results and the paper's."""
    rows = []
    for run, seed in itertools.product(EXPERIMENTS[plan["experiment"]].runs, plan["seeds"]):
        path = _metrics(output, run.label, seed)
        if path.exists():
            options, found = plan["runs"][run.label], common.read_json(path)
            if options["n_generators"] == 1:
                found["pairwise_tvd"] = None  # there is no pair
            rows.append({
                "label": run.label, "seed": seed,
                **{key: options[key] for key in ("n_generators", "generator", "tvd_schedule")},
                "parameters": parameters[run.label], "paper_frechet_distance": run.frechet,
                "paper_pairwise_tvd": run.tvd, **{key: found[key] for key in MEASURED},
            })
    return rows


def write_results(plan, output, parameters):
    """Writes results.csv, results.md and plot.png of the finished runs; returns results.md."""
    rows = read_rows(plan, output, parameters)
    if not rows:
        return "No run has finished."
    with open(output / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0])[:-1], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    text = "\n".join([*conditions(plan), *tables(plan, rows)]) + "\n"
    (output / "results.md").write_text(text)
    plot(EXPERIMENTS[plan["experiment"]], rows, output / "plot.png")
    return text


def conditions(plan):
    """The head of results.md: what was run, and what it may be compared with."""
    options = next(iter(plan["runs"].values()))  # what is named here is the same for all runs
    steps = options["steps_per_epoch"]
    length = f"{options['epochs']} epochs of {f'{steps} steps' if steps else 'one pass each'}"
    lines = [
        f"# {EXPERIMENTS[plan['experiment']].title}", "",
        f"Scale {plan['scale']}: data {options['dataset']}, networks {options['width']:g} times "
        "the paper's width; every run trains "
        + (f"until converged, at most {length}." if options["until_converged"] else f"{length}."),
    ]
    if plan["scale"] == "quick":
        lines += ["The budget is the same for every run, without a stop on convergence. This is "
                  "small-scale: compare the rows with each other; the absolute numbers are not "
                  "comparable with the paper's MNIST figures. classifier.keras, a compact one "
                  f"trained on {options['dataset']}, serves and measures all runs."]
    if plan["overrides"]:
        given = " ".join(f"--{name}={value}" for name, value in plan["overrides"].items())
        lines += [f"Not the scale's own configuration; changed by flags: {given}."]
    return [*lines, "", EXPERIMENTS[plan["experiment"]].note, ""]


def tables(plan, rows):
    """The rest of results.md: a line a label, medians over its seeds; class tables."""
    frechet, probabilities = (", ".join(sorted({row[key] for row in rows})) for key in
                              ("frechet_features", "class_probabilities_by"))
    table = [["run", *(title for title, _, _ in COLUMNS), "seeds"]]
    for label, group in itertools.groupby(rows, key=lambda row: row["label"]):
        group = list(group)
        medians = [(_median(group, key), form) for _, key, form in COLUMNS]
        table.append([label, *("-" if m is None else format(m, form) for m, form in medians),
                      str(len(group))])
    lines = [f"{len(rows)} of {len(plan['runs']) * len(plan['seeds'])} runs have finished. Medians "
             f"over the seeds. Frechet distance on {frechet}; TVD and class probabilities by "
             f"{probabilities}.", "", *_markdown(table)]
    paper = EXPERIMENTS[plan["experiment"]].class_tables
    if paper is not None:
        percent = {f"{row['label']}, seed {row['seed']}": 100 * np.array(row["class_probabilities"])
                   for row in rows} | {f"{label}, the paper": paper[label] for label in paper}
        lines += ["", "## Average class probabilities in %"]
        for title, values in percent.items():
            table = [["", *map(str, range(len(values[0])))]]
            table += [[f"generator {k}", *map("{:.2f}".format, p)] for k, p in enumerate(values)]
            lines += ["", f"### {title}", "", *_markdown(table)]
    return lines


def plot(experiment, rows, path):
    """Writes a PNG: Frechet distance and TVD of every run, their medians, the paper's numbers."""
    from matplotlib.figure import Figure  # not pyplot, which needs a display

    places = {run.label: place if run.x is None else run.x
              for place, run in enumerate(experiment.runs)}
    figure = Figure(figsize=(8, 6), layout="constrained")
    panels = (("Frechet distance", "frechet_distance", "frechet"), ("TVD", "pairwise_tvd", "tvd"))
    for axis, (title, key, name) in zip(figure.subplots(2, 1, sharex=True), panels, strict=True):
        axis.plot([places[row["label"]] for row in rows], [row[key] for row in rows], ".",
                  color="tab:gray", label="each seed")
        medians = [_median([row for row in rows if row["label"] == label], key) for label in places]
        axis.plot(places.values(), medians, "-o" if experiment.axis else "o", color="tab:blue",
                  alpha=0.6, label="median")
        paper = [getattr(run, name) for run in experiment.runs]
        if any(paper):
            axis.plot(places.values(), paper, "x", color="tab:red", markersize=9,
                      label="paper (MNIST)")
        axis.set_ylabel(title)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    axis.set_xlabel(experiment.axis or "")
    if not experiment.axis:
        axis.set_xticks(list(places.values()), list(places))
        axis.set_xlim(-0.5, len(places) - 0.5)
    figure.suptitle(experiment.title, fontsize=10)
    figure.savefig(path, dpi=110)


def dry_run(plan):
    """Prints the runs and the options in which each differs from the preset."""
    print("\n".join(conditions(plan)) + f"seeds: {', '.join(map(str, plan['seeds']))}\n")
    preset = train_commute.PRESETS[plan["scale"]]
    for label, options in plan["runs"].items():
        differing = [f"{key}={options[key]}" for key in preset if options[key] != preset[key]]
        print(f"{label:14}{' '.join(differing)} (generators' parameters: "
              f"{count_parameters(options):,})")


def _metrics(output, label, seed):
    return output / f"{label}-seed{seed}" / "metrics.json"


def _median(rows, key):
    values = [row[key] for row in rows if row[key] is not None]
    return statistics.median(values) if values else None


def _markdown(table):
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    return [lines[0], "|---" * len(table[0]) + "|", *lines[1:]]


def main(argv):
    given = flags.FLAGS
    overrides = {name: given[name].value for name in OVERRIDES if given[name].value is not None}
    plan = make_plan(given.experiment, given.scale, given.seeds, overrides)
    if given.dry_run:
        return dry_run(plan)
    output = given.output or f"runs/reproduce-{given.experiment}-{given.scale}"
    try:
        print("\n" + reproduce(plan, output, given.data_dir) + f"\noutput folder: {output}")
    except KeyboardInterrupt:  # common.run would advise --resume, which is not needed here
        common.fail("Interrupted. Repeat the same command to go on.", code=130)


if __name__ == "__main__":
    define_flags()
    common.run(main)
