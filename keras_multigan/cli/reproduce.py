"""multigan reproduce: the experiments of the papers."""

import contextlib
import itertools
import json
import pathlib
import re
import sys
import time

import keras

from keras_multigan import callbacks
from keras_multigan.arena import arms
from keras_multigan.cli import arena, tables
from keras_multigan.cli.command import Command
from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.experiment import arm_options
from keras_multigan.runs import classifiers, files, processes
from keras_multigan.runs.images import load_both
from keras_multigan.runs.options import IMAGES, MOST_UNITS, RAY, RUN, Option, lacking, renamed
from keras_multigan.runs.run import count_parameters

_WORKER = (sys.executable, "-m", "keras_multigan.cli.worker")
OVERRIDES = {
    "epochs": Option(help="epochs of every run (at most, until converged)", kind=int, least=1,
                     most=10**6),
    "steps_per_epoch": Option(help="of every run", kind=int, least=1, most=10**7),
    "width": Option(help="of every run's networks", kind=float, above=0, most=MOST_UNITS),
    "batch_size": Option(help="of every run, rounded up if the generators ask for it", kind=int,
                         least=1, most=10**5),
    "inception": Option(help=IMAGES["inception"].help, kind=str),
}
OPTIONS = {
    "paper": Option(help="whose experiment", kind=str, choices=tuple(RECIPES)),
    "experiment": Option(help="which one; see --list", kind=str),
    "list": Option(False, "print all experiments"),
    "scale": Option("quick", "which preset of the method", choices=("quick", "paper")),
    "output": Option(help="a new folder, or that of the experiment to go on with; "
                     "runs/reproduce-<paper>-<experiment>-<scale> if not given", kind=str),
    "data_dir": Option(help=IMAGES["data_dir"].help, kind=str),
    "seeds": Option(help="every run is repeated with each of these random seeds (default: 0; of "
                    "experiments without a paper 0,1,2,3,4)", kind=list),
    "runs": Option(help="do only these of the experiment's runs now (default: all)", kind=list),
    "ray": RAY,
    **OVERRIDES,
    "dry_run": Option(False, "list the runs and their options, train nothing"),
}


def find(paper, experiment):
    """(Recipe, Experiment) of two names."""
    if paper is None or experiment not in RECIPES[paper].experiments:
        if paper in RECIPES:
            lines = "".join(f"\n  --paper={paper} --experiment={key}: {found.title}"
                            for key, found in RECIPES[paper].experiments.items())
        else:
            lines = "".join(f"\n  --paper={name} --experiment={'|'.join(recipe.experiments)}"
                            for name, recipe in RECIPES.items() if recipe.experiments)
            lines += "".join(f"\n  --experiment={name} (without --paper)" for name in arms.EXPERIMENTS)
        raise ValueError(f"Expected a paper and one of its experiments. Received: {paper}, "
                         f"{experiment}. There are:{lines}")
    return RECIPES[paper], RECIPES[paper].experiments[experiment]


def make_plan(paper, experiment, scale, seeds, overrides) -> dict:
    """All that decides an experiment's results, as kept in experiment.json.

    Args:
        paper, experiment: names, see `find`.
        scale: "quick" or "paper".
        seeds: list of int or str.
        overrides: dict of OVERRIDES -> value, for every run.
    """
    numbers = [int(seed) for seed in seeds if re.fullmatch(r"\s*[0-9]{1,10}\s*", str(seed))]
    if not numbers or len({*numbers}) < len(seeds):
        raise ValueError("--seeds is expected to be different whole numbers >= 0, such as 0,1,2. "
                         f"Received: {','.join(map(str, seeds))}")
    RUN["seed"].check("seeds", max(numbers))
    recipe, wanted = find(paper, experiment)
    runs = {arm.label: arm_options(recipe, wanted, arm, scale, overrides).as_dict()
            for arm in wanted.arms}
    return {"paper": paper, "experiment": experiment, "scale": scale, "seeds": numbers,
            "overrides": overrides, "runs": runs}


def open_folder(plan, output) -> None:
    """Makes the output folder, or makes sure that it is this experiment's. Runs of an earlier version
    keep what they had then."""
    path = output / "experiment.json"
    if not path.exists():
        if output.exists() and any(output.iterdir()):
            raise FileExistsError("--output is expected to be a new folder or that of this "
                                  f"experiment. Received: {output}, which holds other files. Empty "
                                  "it or choose another folder.")
        output.mkdir(parents=True, exist_ok=True)
        return files.write_json(path, {**plan, "versions": files.versions()})
    there = files.read_object(path, "Put it back, or choose another folder.")
    lines = [f"\n  {key}: the folder has {there[key]}, received {plan[key]}"
             for key in ("paper", "experiment", "scale", "seeds", "overrides")
             if there[key] != plan[key]]
    if not lines:
        _keep_earlier(plan, there["runs"])
    if not lines and _differ(plan, there["runs"]):
        lines = ["\n  runs: the presets have changed since"]
    if lines:
        raise ValueError("--output is expected to be a new folder or that of this experiment. "
                         f"Received: {output}, which has another:{''.join(lines)}\nRepeat the "
                         "command that it was started with, or choose another folder.")


def _keep_earlier(plan, stored):
    """Leaves out of the plan the runs that the stored experiment did not have yet, and gives the others
    what they had before their preset got other options or other values of such."""
    recipe = RECIPES[plan["paper"]]
    changed = ("classifier", *(name for name, option in recipe.options.items() if option.later))
    plan["runs"] = {label: run for label, run in plan["runs"].items() if label in stored}
    for label, options in plan["runs"].items():
        earlier = renamed(stored[label], recipe.options)
        options |= lacking(recipe, earlier)
        options |= {name: earlier[name] for name in changed if name in earlier}


def _differ(plan, stored):
    """Whether any option of the stored runs has another value. One that is new since, or whose
    default has become the paper's, is no difference, nor is the preset's name."""
    options = RECIPES[plan["paper"]].options
    return stored.keys() != plan["runs"].keys() or any(
        value != plan["runs"][label].get(name, value) for label, run in stored.items()
        for name, value in renamed(run, options).items()
        if name != "preset"
        and not (name.endswith("learning_rate") and plan["runs"][label].get(name) is None))


def shared_classifier(options, output):
    """The options with the `classifier` of all runs. On digits each would train its own, and distances
    that different classifiers measure cannot be compared."""
    if options.dataset == "mnist" and options.image_size == 32 and options.classifier == "auto":
        return options  # the shipped one
    path = output / "classifier.keras"
    if not path.exists():
        splits = load_both(options)
        classifier, _, trained = classifiers.find(options, splits[0], path)
        if classifier is None:
            return options
        if not trained:
            classifiers.train(classifier, *splits, options.dataset)
        files.save_model(classifier, path)
    return options.replace(classifier=str(path))


def generator_parameters(recipe, options) -> int:
    """Of all generators of a run together."""
    return count_parameters(recipe.like(options).generators)


def reproduce(plan, output, data_dir=None, only=None, ray=None) -> str:
    """Does the runs of a plan that `output` lacks; of these the labels `only`. They come one after the
    other, or on the Ray cluster `ray` all at once, as it has room.

    Returns:
        The text of results.md.
    """
    output, (recipe, _) = pathlib.Path(output), find(plan["paper"], plan["experiment"])
    chosen(plan, only)  # before a folder is made
    open_folder(plan, output)
    labels = chosen(plan, only)
    runs = {label: recipe.options_class(**options) for label, options in plan["runs"].items()}
    parameters = {label: generator_parameters(recipe, options) for label, options in runs.items()}
    todo = [(label, seed) for seed in plan["seeds"] for label in labels
            if not _metrics(output, label, seed).exists()]

    def options_of(label, seed):
        options = runs[label].replace(seed=seed)
        if "classifier" in recipe.options and options.dataset != "ring":
            options = shared_classifier(options.replace(data_dir=data_dir), output)
        return options

    failed = []
    done = _one_by_one(recipe, todo, options_of, output) if ray is None or not todo else (
        _on_cluster(recipe, todo, options_of, output, ray))
    with contextlib.closing(done):  # ends what runs if this fails
        for label, seed, error in done:
            failed += [f"\n  {label}, seed {seed}: {error}"] if error else []
            write_results(plan, output, parameters)
    text = write_results(plan, output, parameters)
    if failed:
        raise RuntimeError(f"Expected all runs to finish. These did not, the others are in {output}"
                           f"/results.md:{''.join(failed)}")
    return text


def _one_by_one(recipe, todo, options_of, output):
    """Does the runs `todo`, pairs of label and seed; yields (label, seed, error or None)."""
    for number, (label, seed) in enumerate(todo, 1):
        print(f"\nRun {number} of the {len(todo)} to do: {label}, seed {seed}.", flush=True)
        keras.utils.clear_session()  # or memory grows by one model per run
        try:
            recipe.train(options_of(label, seed), _metrics(output, label, seed).parent, resume=True)
            yield label, seed, None
        except callbacks.NonFiniteLossError as error:  # the other runs can still be done
            yield label, seed, error


def _on_cluster(recipe, todo, options_of, output, address):
    """As `_one_by_one`, in the order in which they end. Without a GPU a run has one thread."""
    cluster = processes.Cluster(address, gpu=True)
    print(f"{len(todo)} runs are to be done, {cluster.size} at a time.", flush=True)
    backend = keras.backend.backend()
    variables = {"KERAS_BACKEND": backend} if cluster.has_gpus else processes.environment(backend)
    running = {}
    try:
        for label, seed in todo:
            run = {"method": recipe.name, "options": options_of(label, seed).as_dict(),
                   "output": str(_metrics(output, label, seed).parent)}
            running[label, seed] = cluster.start([*_WORKER, json.dumps(run)], variables)
        while running:
            for (label, seed), process in list(running.items()):
                if process.poll() is not None:
                    del running[label, seed]
                    error = processes.failure(process) if process.wait() else None
                    number = len(todo) - len(running)
                    print(f"{number}/{len(todo)} {label}, seed {seed}: {error or 'done'}", flush=True)
                    yield label, seed, error
            time.sleep(0.05)
    finally:
        for process in running.values():
            process.end()


def chosen(plan, only) -> list[str]:
    """The labels `only`, in the plan's order; all if None."""
    if not set(only or ()) <= set(plan["runs"]):
        raise ValueError(f"--runs is expected to name some of {', '.join(plan['runs'])}. Received: "
                         f"{', '.join(only)}")
    return [label for label in plan["runs"] if not only or label in only]


def read_rows(plan, output, parameters) -> list[dict]:
    """A dict for each finished run: what differs among the runs, its results, and the paper's."""
    experiment = find(plan["paper"], plan["experiment"])[1]
    differing = [key for key in next(iter(plan["runs"].values()))
                 if len({str(options[key]) for options in plan["runs"].values()}) > 1]
    rows = []
    for arm, seed in itertools.product(experiment.arms, plan["seeds"]):
        path = _metrics(output, arm.label, seed)
        if path.exists():
            options, found = plan["runs"][arm.label], files.read_object(
                path, "Remove it and repeat the command, which measures again.")
            if 1 in (options.get("num_generators"), options.get("num_components")):
                found["pairwise_tvd"] = None  # there is no pair
            row = {"label": arm.label, "seed": seed, **{key: options[key] for key in differing}}
            for column in experiment.columns:
                value = found.get(column.key, found["last_epoch"].get(column.key))
                if isinstance(value, list):
                    value = min((v for v in value if v is not None), default=None)
                row[column.key] = value
                if experiment.has_papers(column):
                    row[f"paper_{column.key}"] = arm.paper.get(column.key)
            rows.append({**row, "epochs": found["epochs"], "training_steps": found["training_steps"],
                         "parameters": parameters[arm.label], "metrics": found})
    return rows


def write_results(plan, output, parameters) -> str:
    """Writes results.csv, results.md and plot.png of the finished runs; returns results.md."""
    rows = read_rows(plan, output, parameters)
    if not rows:
        return "No run has finished."
    return tables.write(find(plan["paper"], plan["experiment"])[1], plan, rows, output)


def print_plan(plan, only=None) -> None:
    """Prints the runs and the options in which each differs from the preset."""
    recipe, experiment = find(plan["paper"], plan["experiment"])
    seeds = ", ".join(map(str, plan["seeds"]))
    print("\n".join(tables.conditions(experiment, plan)) + f"seeds: {seeds}\n")
    preset = recipe.make_options(experiment.presets[plan["scale"]]).as_dict()
    for label in chosen(plan, only):
        options = plan["runs"][label]
        differing = [f"{key}={options[key]}" for key in preset if options[key] != preset[key]]
        count = generator_parameters(recipe, recipe.options_class(**options))
        print(f"{label:14}{' '.join(differing)} (generators' parameters: {count:,})")


def _metrics(output, label, seed):
    return output / f"{label}-seed{seed}" / "metrics.json"


def _in_arena(experiment, scale, seeds, output, data_dir, only, ray, dry_run, overrides):
    """An experiment of no paper: arms on one set of networks."""
    names = arms.EXPERIMENTS[experiment]
    given = {**({} if scale == "quick" else {"scale": scale}), **overrides}
    if given:
        raise ValueError(
            f"{', '.join(f'--{name}' for name in ('scale', *OVERRIDES))} are expected to be left out "
            f"with --experiment={experiment}. Received: "
            f"{' '.join(f'--{name}={value}' for name, value in given.items())}. Use `multigan arena "
            f"--methods={experiment}` for other budgets.")
    if not set(only or ()) <= set(names):
        raise ValueError(f"--runs is expected to name some of {', '.join(names)}. Received: "
                         f"{', '.join(only)}")
    arena.run("mnist", only or names, arena.OPTIONS["seeds"].default if seeds is None else seeds,
              output=output or f"runs/reproduce-{experiment}", data_dir=data_dir, ray=ray,
              dry_run=dry_run)


def run(paper=None, experiment=None, scale="quick", seeds=None, output=None, data_dir=None, runs=None,
        ray=None, list=False, dry_run=False, **overrides):
    if list:
        for name, recipe in RECIPES.items():
            for key, found in recipe.experiments.items():
                print(f"--paper={name} --experiment={key:20} {found.title}")
        for name, ones in arms.EXPERIMENTS.items():
            print(f"--experiment={name} on MNIST: {', '.join(ones)}")
        return
    if paper is None and experiment in arms.EXPERIMENTS:
        return _in_arena(experiment, scale, seeds, output, data_dir, runs, ray, dry_run, overrides)
    seeds = ("0",) if seeds is None else seeds
    plan = make_plan(paper, experiment, scale, seeds, overrides)
    if dry_run:
        return print_plan(plan, runs)
    output = output or f"runs/reproduce-{paper}-{experiment}-{scale}"
    print("\n" + reproduce(plan, output, data_dir, runs, ray) + f"\noutput folder: {output}")


COMMAND = Command(
    "reproduce",
    """rerun the experiments of the papers, at a small scale or at theirs

    multigan reproduce --paper=commute --experiment=schedules          digits, minutes per run
    multigan reproduce --paper=mix_plus --experiment=mixtures --seeds=0,1,2
    multigan reproduce --paper=commute --experiment=n_sweep --scale=paper
    multigan reproduce --paper=commute --experiment=n_sweep --seeds=0,1,2 --ray=auto
    multigan reproduce --paper=gm --experiment=variants --runs=plain,dynamic
    multigan reproduce --paper=p2 --experiment=ring --dry_run
    multigan reproduce --experiment=several_against_one                MNIST, in the arena; hours
    multigan reproduce --list

The output folder gets experiment.json, a run folder for every run, and after every finished run
results.md, results.csv and plot.png anew. A stopped experiment goes on if the command is repeated;
finished runs are not trained again.""",
    OPTIONS, run, interrupted="Repeat the same command to go on.")
