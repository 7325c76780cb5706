"""The quick job's seconds of training until a fixed quality: ours, keras.io's way and PyTorch.

    python benchmarks/quality.py                                     needs: pip install torch
    python benchmarks/quality.py --contenders=ours,ours:../before    against another checkout

All train the same: the networks, digits, classifier, losses, averages and steps of `multigan train
commute --critic_dropout=all --generator_dropout`. Every so many steps the averaged generators'
images are measured by metrics.against on the network that is in no loss. A contender has arrived
when recall and coverage, each to the test images, are both at least what the flags say. What counts
are the seconds until then in which it was built, traced and trained; measuring does not count.
Contenders take turns. A crossing depends on chance, so the table has the median over the seeds and
their range.
The output folder gets benchmark.json, with the course of every run, and benchmark.md, anew after every
seed.
"""

import pathlib
import sys
import tempfile

import contenders
import numpy as np
import turns

import multigan_cli

QUICK = dict(contenders.DEFAULTS, n_generators=5, precision="float32", batch_size=100, filters=16,
             image_size=16, n_critic=1, classifier_filters=16, tvd_weight=3.0, learning_rate=5e-4,
             ema=0.998)
EACH = 400  # images of each generator that are measured; digits have 360 test images


def prepare(folder):
    """Writes the images and a trained classifier into `folder`; returns their paths, for a config, and
    a function that measures images against the test images."""
    import keras

    from keras_multigan import data, metrics, networks
    from keras_multigan.runs import classifiers

    train, test = (data.load_image_set("digits", split, QUICK["image_size"])
                   for split in ("train", "test"))
    keras.utils.set_random_seed(0)
    classifier = networks.compact_classifier(train.shape, filters=QUICK["classifier_filters"])
    classifiers.train(classifier, train, test, "digits")
    paths = {name: str(folder / file) for name, file in (
        ("images", "images.npy"), ("classifier", "classifier.keras"),
        ("classifier_weights", "weights.npz"))}
    np.save(paths["images"], train.floats())
    classifier.save(paths["classifier"])
    # Without the states of random numbers.
    np.savez(paths["classifier_weights"], *(w.numpy() for w in classifier.weights
                                            if w.dtype == "float32"))
    return paths, metrics.against(test.floats(), metrics.digits_embedding())


class Run:
    """A contender of one seed on its way."""

    def __init__(self, config, folder, recall, coverage):
        self.folder, self.wanted = folder, (recall, coverage)
        script = pathlib.Path(contenders.__file__)
        self.worker = turns.Worker(script, config, f"{config['contender']}, seed {config['seed']}")
        self.seconds, self.course, self.arrived = self.worker.ask(about=True)["build"], [], None

    def turn(self, steps, measure):
        self.seconds += self.worker.ask(steps=steps)["wall"]
        path = self.folder / "samples.npy"
        self.worker.ask(save=str(path), sample=EACH)
        found = measure(np.concatenate(np.load(path)))
        self.course.append({"steps": steps * (len(self.course) + 1), "seconds": self.seconds,
                            **{name: found[name] for name in ("recall", "coverage", "precision",
                                                              "frechet_distance")}})
        self.arrived = first_arrival(self.course, *self.wanted)
        print(f"{self.worker.name}: " + ", ".join(
            f"{name} {value:.4g}" for name, value in self.course[-1].items()), flush=True)


def first_arrival(course, recall, coverage):
    """The first row that has both; None if there is none."""
    return next((row for row in course
                 if row["recall"] >= recall and row["coverage"] >= coverage), None)


def table(results):
    """Contender -> its runs {"course", "arrived"}, as Markdown. One that never arrives counts as later
    than all others."""
    def shown(seconds):
        return f"{seconds:.0f}" if np.isfinite(seconds) else "never"

    cells, base = [], None
    for contender, runs in results.items():
        seconds = [run["arrived"]["seconds"] if run["arrived"] else np.inf for run in runs]
        ends = [(run["course"][0], run["course"][-1]) for run in runs if len(run["course"]) > 1]
        per_step = [(b["seconds"] - a["seconds"]) / (b["steps"] - a["steps"]) for a, b in ends]
        median = float(np.quantile(seconds, 0.5, method="higher"))
        base = base or median
        cells.append([
            contender, f"{shown(median)} ({shown(min(seconds))}-{shown(max(seconds))})",
            f"{median / base:.2f}" if np.isfinite([median, base]).all() else "",
            ", ".join(str(run["arrived"]["steps"]) if run["arrived"] else "never" for run in runs),
            f"{1000 * np.median(per_step):.4g}" if per_step else ""])
    return turns.markdown(["contender", "seconds: median (range)", f"of {next(iter(results))}",
                           "steps of each seed", "ms per step"], cells)


def compare(contenders_=("ours", "keras", "torch"), seeds=("0", "1", "2"), recall=0.2, coverage=0.6,
            every=200, steps=4000, output="runs/quality"):
    """Trains until all have arrived and writes what it took; the arguments are the flags."""
    from keras_multigan.runs import files

    turns.check_names(contenders_, contenders.CONTENDERS)
    if steps % every:
        raise ValueError("--steps is expected to be a multiple of --every. Received: "
                         f"{steps} and {every}")
    output = files.check_folder(output)
    results = {name: [] for name in contenders_}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        paths, measure = prepare(folder)
        for seed in map(int, seeds):
            runs = []
            try:
                for name in contenders_:
                    config = dict(QUICK, **paths, contender=name, seed=seed)
                    runs.append(Run(config, folder, recall, coverage))
                for _ in range(steps // every):
                    for run in runs:
                        if run.arrived is None:
                            run.turn(every, measure)
            finally:
                for run in runs:
                    run.worker.stop()
            for name, run in zip(contenders_, runs, strict=True):
                results[name].append({"seed": seed, "arrived": run.arrived, "course": run.course})
            turns.write_results(output, table(results), results=results, options=dict(
                QUICK, recall=recall, coverage=coverage, every=every, steps=steps))


def main(arguments):
    """The program."""
    multigan_cli.set_environment()  # before the package is imported
    from keras_multigan.cli.command import Command
    from keras_multigan.runs.options import Option

    def run(contenders=None, **given):
        compare(**({"contenders_": contenders} if contenders else {}), **given)

    Command("benchmark", __doc__, {
        "contenders": Option(help="of those of benchmarks/step.py (default: ours,keras,torch)",
                             kind=list),
        "seeds": Option(help="random seeds (default: 0,1,2)", kind=list),
        "recall": Option(0.2, "that is to be reached", above=0, most=1),
        "coverage": Option(0.6, "that is to be reached", above=0, most=1),
        "every": Option(200, "steps between two measurements", least=1),
        "steps": Option(4000, "at most", least=1),
        "output": Option("runs/quality", "folder of the results, new or empty"),
    }, run)(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
