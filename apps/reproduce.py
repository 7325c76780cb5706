"""Reruns the experiments of the papers, at a small scale or at theirs.

    python apps/reproduce.py --paper=commute --experiment=schedules          digits, minutes a run
    python apps/reproduce.py --paper=mix_plus --experiment=mixtures --seeds=0,1,2
    python apps/reproduce.py --paper=commute --experiment=n_sweep --scale=paper
    python apps/reproduce.py --paper=gm --experiment=variants --runs=plain,dynamic
    python apps/reproduce.py --paper=p2 --experiment=ring --dry_run
    python apps/reproduce.py --list

The output folder gets experiment.json, a folder of the training app for every run, and after every
finished run results.md, results.csv and plot.png anew. A stopped experiment goes on when the command
is repeated; finished runs are not trained again.
"""

import itertools
import pathlib

import classifiers
import common
import experiments
import keras
import pipeline
from absl import flags
from experiments import commute, gm, mim, mix, mix_plus, mm, p2, report

from keras_multigan import callbacks

PAPERS = {"commute": commute.PAPER, "mix_plus": mix_plus.PAPER, "mix": mix.PAPER, "mim": mim.PAPER,
          "gm": gm.PAPER, "mm": mm.PAPER, "p2": p2.PAPER}
OVERRIDES = ("epochs", "steps_per_epoch", "width", "batch_size", "inception")


def define_flags():
    flags.DEFINE_enum("paper", None, list(PAPERS), "whose experiment")
    flags.DEFINE_string("experiment", None, "which one; see --list")
    flags.DEFINE_bool("list", False, "print all experiments")
    flags.DEFINE_enum("scale", "quick", ["quick", "paper"], "which preset of the training app")
    flags.DEFINE_string("output", None, "a new folder, or that of the experiment to go on with; "
                        "runs/reproduce-<paper>-<experiment>-<scale> if not given")
    flags.DEFINE_string("data_dir", None, "as of the training app")
    flags.DEFINE_list("seeds", ["0"], "every run is repeated with each of these random seeds")
    flags.DEFINE_list("runs", None, "do only these of the experiment's runs now; all if not given")
    flags.DEFINE_integer("epochs", None, "epochs of every run (at most, until converged)", 1)
    flags.DEFINE_integer("steps_per_epoch", None, "of every run", lower_bound=1)
    flags.DEFINE_float("width", None, "of every run's networks", lower_bound=0.0)
    flags.DEFINE_integer("batch_size", None, "of every run, rounded up where it must be", lower_bound=1)
    flags.DEFINE_string("inception", None, "as of the training app, of every run")
    flags.DEFINE_bool("dry_run", False, "list the runs and their options, train nothing")


def find(paper, experiment):
    """(Paper, Experiment) of two names."""
    if paper is None or experiment not in PAPERS[paper].experiments:
        lines = "".join(f"\n  --paper={name} --experiment={key}: {found.title}"
                        for name, p in PAPERS.items() for key, found in p.experiments.items())
        raise ValueError(f"Expected a paper and one of its experiments. Received: {paper}, "
                         f"{experiment}. There are:{lines}")
    return PAPERS[paper], PAPERS[paper].experiments[experiment]


def make_plan(paper, experiment, scale, seeds, overrides):
    """All that decides an experiment's results, as kept in experiment.json.

    Args:
        paper, experiment: names, see `find`.
        scale: "quick" or "paper".
        seeds: list of int or str.
        overrides: dict of OVERRIDES -> value, for every run.
    """
    numbers = [int(seed) for seed in seeds if str(seed).strip().isdigit()]
    if not numbers or len({*numbers}) < len(seeds):
        raise ValueError("--seeds is expected to be different whole numbers >= 0, as 0,1,2. "
                         f"Received: {','.join(map(str, seeds))}")
    found, wanted = find(paper, experiment)
    runs = {run.label: experiments.complete(found, wanted, run, scale, overrides)
            for run in wanted.runs}
    return {"paper": paper, "experiment": experiment, "scale": scale, "seeds": numbers,
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
             for key in ("paper", "experiment", "scale", "seeds", "overrides")
             if there[key] != plan[key]]
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
    if options["dataset"] == "mnist" and options["image_size"] == 32:
        return "auto"  # the shipped one
    if not path.exists():
        keras.utils.set_random_seed(0)
        splits = [common.load_split(options, split) for split in ("train", "test")]
        (images, labels), _ = splits
        classifier, _, trained = classifiers.find(
            options, images.shape[1:], int(labels.max()) + 1, path)
        if not trained:
            classifiers.train(classifier, *splits, options["dataset"])
        common.save_model(classifier, path)
    return str(path)


def count_parameters(app, options):
    """Of all generators of a run together."""
    return pipeline.count_parameters(pipeline.build(app.make, options).generators)


def reproduce(plan, output, data_dir=None, only=None):
    """Does the runs of a plan that `output` lacks, one after the other; of these the labels `only`.

    Returns:
        The text of results.md.
    """
    output, (paper, _) = pathlib.Path(output), find(plan["paper"], plan["experiment"])
    labels = chosen(plan, only)
    open_folder(plan, output)
    parameters = {label: count_parameters(paper.app, options)
                  for label, options in plan["runs"].items()}
    todo = [(label, seed) for seed in plan["seeds"] for label in labels
            if not _metrics(output, label, seed).exists()]
    failed = []
    for number, (label, seed) in enumerate(todo, 1):
        print(f"\nRun {number} of the {len(todo)} to do: {label}, seed {seed}.", flush=True)
        keras.utils.clear_session()  # or memory grows by a model a run
        options = {**plan["runs"][label], "seed": seed}
        if not options.get("dimension"):
            options["data_dir"] = data_dir
            options["classifier"] = shared_classifier(options, output)
        try:
            paper.app.train(options, _metrics(output, label, seed).parent, resume=True)
            write_results(plan, output, parameters)
        except callbacks.NonFiniteLossError as error:  # the other runs can still be done
            failed.append(f"\n  {label}, seed {seed}: {error}")
    text = write_results(plan, output, parameters)
    if failed:
        raise RuntimeError(f"Expected all runs to finish. These did not, the others are in {output}"
                           f"/results.md:{''.join(failed)}")
    return text


def chosen(plan, only):
    """The labels `only`, in the plan's order; all if None."""
    if not set(only or ()) <= set(plan["runs"]):
        raise ValueError(f"--runs is expected to name some of {', '.join(plan['runs'])}. Received: "
                         f"{', '.join(only)}")
    return [label for label in plan["runs"] if not only or label in only]


def read_rows(plan, output, parameters):
    """A dict for each finished run: what differs among the runs, its results, and the paper's."""
    experiment = find(plan["paper"], plan["experiment"])[1]
    differing = [key for key in next(iter(plan["runs"].values()))
                 if len({str(options[key]) for options in plan["runs"].values()}) > 1]
    rows = []
    for run, seed in itertools.product(experiment.runs, plan["seeds"]):
        path = _metrics(output, run.label, seed)
        if path.exists():
            options, found = plan["runs"][run.label], common.read_json(path)
            if 1 in (options.get("n_generators"), options.get("num_components")):
                found["pairwise_tvd"] = None  # there is no pair
            row = {"label": run.label, "seed": seed, **{key: options[key] for key in differing}}
            for column in experiment.columns:
                value = found.get(column.key, found["last_epoch"].get(column.key))
                row[column.key] = min(value) if isinstance(value, list) else value
                if experiment.has_papers(column):
                    row[f"paper_{column.key}"] = run.paper.get(column.key)
            rows.append({**row, "epochs": found["epochs"], "training_steps": found["training_steps"],
                         "parameters": parameters[run.label], "metrics": found})
    return rows


def write_results(plan, output, parameters):
    """Writes results.csv, results.md and plot.png of the finished runs; returns results.md."""
    rows = read_rows(plan, output, parameters)
    if not rows:
        return "No run has finished."
    return report.write(find(plan["paper"], plan["experiment"])[1], plan, rows, output)


def dry_run(plan, only=None):
    """Prints the runs and the options in which each differs from the preset."""
    paper, experiment = find(plan["paper"], plan["experiment"])
    seeds = ", ".join(map(str, plan["seeds"]))
    print("\n".join(report.conditions(experiment, plan)) + f"seeds: {seeds}\n")
    preset = paper.app.PRESETS[experiment.presets[plan["scale"]]]
    for label in chosen(plan, only):
        options = plan["runs"][label]
        differing = [f"{key}={options[key]}" for key in preset if options[key] != preset[key]]
        print(f"{label:14}{' '.join(differing)} (generators' parameters: "
              f"{count_parameters(paper.app, options):,})")


def _metrics(output, label, seed):
    return output / f"{label}-seed{seed}" / "metrics.json"


def main(argv):
    given = flags.FLAGS
    overrides = {name: given[name].value for name in OVERRIDES if given[name].value is not None}
    if given.list:
        for name, paper in PAPERS.items():
            for key, experiment in paper.experiments.items():
                print(f"--paper={name} --experiment={key:20} {experiment.title}")
        return None
    plan = make_plan(given.paper, given.experiment, given.scale, given.seeds, overrides)
    if given.dry_run:
        return dry_run(plan, given.runs)
    output = given.output or f"runs/reproduce-{given.paper}-{given.experiment}-{given.scale}"
    try:
        print("\n" + reproduce(plan, output, given.data_dir, given.runs) + f"\noutput folder: {output}")
    except KeyboardInterrupt:  # common.run would advise --resume, which is not needed here
        common.fail("Interrupted. Repeat the same command to go on.", code=130)


if __name__ == "__main__":
    define_flags()
    common.run(main)
