"""Times a training step, building, the first step with its tracing, memory and sampling.

    python benchmarks/step.py                                        the paper's sizes, 2 contenders
    python benchmarks/step.py --contenders=ours,keras,torch,torch_compile     needs: pip install torch
    python benchmarks/step.py --contenders=ours --num_generators=1,10
    python benchmarks/step.py --contenders=keras,ours --precision=float32,mixed_bfloat16
    python benchmarks/step.py --width=0.25 --batch_size=100          minutes in place of an hour

    # Growth with the number of generators, against an older version.
    git worktree add ../before 470215f
    python benchmarks/step.py --contenders=ours,ours:../before --num_generators=1,8,32,64 \\
        --image_size=16 --width=0.125 --classifier_filters=8 --n_critic=1 --batch_size=128

    # MIX+GAN's n generators and n discriminators on vectors: pip install torch deepchem
    python benchmarks/step.py --game=mix_plus --batch_size=256 --steps=4 \\
        --contenders=torch,deepchem,ours,ours_tensorflow,ours_tensorflow_jit,ours_jax

The contenders are this library (ours: with its defaults; or by backend, with and without
jit_compile; ours:FOLDER and so on: of another checkout), a model as on keras.io, a loop in PyTorch,
DeepChem's WGANModel. benchmarks/contenders.py and benchmarks/vectors.py have them.

Every contender (by number of generators, by precision) is a process of its own; they take turns, so
that a machine whose speed wanders is the same for all. Ratios are to the first contender with as many
generators, and to the same contender with the first number of them. The output folder gets
benchmark.json, benchmark.md and, of several numbers of generators, growth.png.
"""

import pathlib
import sys
import time

import contenders
import numpy as np
import turns
import vectors

import multigan_cli

GAMES = {"commute": contenders, "mix_plus": vectors}


class Worker(turns.Worker):
    """A contender and what was measured of it."""

    def __init__(self, script, config):
        precision = "" if config["precision"] == "float32" else f", {config['precision']}"
        self.label = config["contender"] + precision
        super().__init__(script, config, f"{self.label}, n={config['n_generators']}")
        self.step_seconds, self.sample_seconds = [], []

    def warm_up(self):
        self.about = self.ask(about=True)
        self.first_step = self.ask(steps=3)["seconds"][0]

    def turn(self, steps, samples, first):
        # The step that opens a turn waits for the data.
        self.step_seconds += self.ask(steps=steps + 1)["seconds"][1:]
        answer = self.ask(sample=samples)
        self.peak_bytes = answer["peak_bytes"]
        if not first:  # it traces
            self.sample_seconds.append(answer["wall"])


def matmul_flops(size=2048, repeats=3):
    """Operations a second of a float32 matrix product by NumPy; the best of `repeats`."""
    a, best = np.ones((size, size), "float32"), float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def summary(worker, samples, flops, peak):
    """A row of the results: times in seconds, rates a second."""
    seconds, config = np.array(worker.step_seconds), worker.config
    low, median, high = (float(q) for q in np.quantile(seconds, [0.25, 0.5, 0.75]))
    row = {
        "contender": worker.label, "n_generators": config["n_generators"], "step": median,
        "step_quartiles": [low, high], "steps": len(seconds), "first_step": worker.first_step,
        "build": worker.about["build"], "import": worker.about["import"],
        "peak_bytes": worker.peak_bytes, "import_bytes": worker.about["import_bytes"],
        "samples_per_second": samples / float(np.median(worker.sample_seconds)),
    }
    if flops:
        row.update(flops_per_second=flops / median, share_of_peak=flops / median / peak)
    return row


def table(rows):
    """The rows as Markdown, with their ratios."""
    first = rows[0]
    bases = [(f"of {text}", same) for text, name, same in (
        (first["contender"], "contender", "n_generators"),
        (f"n = {first['n_generators']}", "n_generators", "contender"),
    ) if len({row[name] for row in rows}) > 1]
    columns = {
        "build, s": ("build", lambda row: f"{row['build']:.2f}"),
        "trace and first step, s": ("first_step", lambda row: f"{row['first_step']:.2f}"),
        "step, ms: median (quartiles)": ("step", lambda row: "{:.4g} ({:.4g}-{:.4g})".format(
            *(1000 * x for x in (row["step"], *row["step_quartiles"])))),
        "peak memory, MB": ("peak_bytes", lambda row: f"{row['peak_bytes'] / 1e6:.0f}"),
        "samples/s": ("samples_per_second", lambda row: f"{row['samples_per_second']:.0f}"),
    }
    header, cells = ["contender", "n"], [[row["contender"], str(row["n_generators"])] for row in rows]
    for title, (name, shown) in columns.items():
        header += [title, *(base for base, _ in bases)]
        for row, line in zip(rows, cells, strict=True):
            line.append(shown(row))
            for _, same in bases:
                base = next(other for other in rows if other[same] == row[same])
                line.append(f"{row[name] / base[name]:.2f}")
    if any("flops_per_second" in row for row in rows):
        header += ["GFLOP/s", "of the peak"]
        for row, line in zip(rows, cells, strict=True):
            line += [f"{row['flops_per_second'] / 1e9:.0f}", f"{100 * row['share_of_peak']:.0f} %"] if (
                "flops_per_second" in row) else ["", ""]
    return turns.markdown(header, cells)


def save_growth(rows, path):
    """A picture of how the rows grow with the number of generators, in parts of the first one's."""
    from matplotlib.figure import Figure

    panels = {"build": "build", "first_step": "trace and first step", "step": "step",
              "peak_bytes": "peak memory"}
    figure = Figure(figsize=(12, 3), layout="constrained")
    for axis, (name, title) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for contender in dict.fromkeys(row["contender"] for row in rows):
            own = [row for row in rows if row["contender"] == contender]
            axis.plot([row["n_generators"] for row in own],
                      [row[name] / own[0][name] for row in own], "o-", label=contender)
        numbers = sorted({row["n_generators"] for row in rows})
        axis.set_xscale("log", base=2)
        axis.set_xticks(numbers, [str(n) for n in numbers])
        axis.set_ylim(bottom=0)
        axis.set_title(title)
        axis.set_xlabel("generators")
    figure.axes[0].set_ylabel(f"of that of {rows[0]['n_generators']}")
    figure.axes[0].legend()
    figure.savefig(path, dpi=100)


def compare(game="commute", contenders_=None, num_generators=None, precision=("float32",),
            batch_size=500, width=1.0, image_size=32, n_critic=3, classifier_filters=24, rounds=5,
            steps=2, samples=2000, output="runs/benchmark"):
    """Runs the contenders in turns and writes what they took; the arguments are the flags."""
    from keras_multigan.runs import files

    names = contenders_ or {"commute": ["keras", "ours"], "mix_plus": ["torch", "ours"]}[game]
    turns.check_names(names, GAMES[game].CONTENDERS)
    numbers = [int(n) for n in num_generators or {"commute": [5], "mix_plus": [1, 3, 10]}[game]]
    misfit = [n for n in numbers if n < 1 or (game == "commute" and batch_size % n)]
    if misfit:
        raise ValueError("--batch_size is expected to be a multiple of --num_generators. Received: "
                         f"{batch_size} and {misfit}")
    if image_size % 16:
        raise ValueError(f"--image_size is expected to be a multiple of 16. Received: {image_size}")
    turns.check_precision(precision)
    output = files.check_folder(output)
    sizes = dict(batch_size=batch_size)
    if game == "commute":
        sizes.update(filters=max(4, round(64 * width / 4) * 4), image_size=image_size,
                     n_critic=n_critic, classifier_filters=classifier_filters)
    configs = [dict(contenders.DEFAULTS, contender=name, n_generators=n, precision=p, **sizes)
               for n in numbers for p in precision for name in names
               if p == "float32" or turns.split_name(name)[0] not in ("torch", "torch_compile",
                                                                      "deepchem")]
    workers, peak = [], 0.0
    try:
        for config in configs:
            workers.append(Worker(pathlib.Path(GAMES[game].__file__), config))
            print(f"Starting {workers[-1].name}", flush=True)
            workers[-1].warm_up()
        for turn in range(rounds + 1):
            for worker in workers:
                worker.turn(steps, samples, first=turn == 0)
            peak = max(peak, matmul_flops())
            print(f"Turn {turn + 1} of {rounds + 1}: " + "; ".join(
                f"{w.name} {1000 * np.median(w.step_seconds):.4g} ms" for w in workers), flush=True)
    finally:
        for worker in workers:
            worker.stop()
    # The count is one of the algorithm, so it holds for all that run it with as many generators.
    flops = {w.config["n_generators"]: w.about["flops"] for w in workers if w.about["flops"]}
    rows = [summary(w, samples, flops.get(w.config["n_generators"]), peak) for w in workers]
    text = table(rows)
    if len(numbers) > 1:
        output.mkdir(parents=True, exist_ok=True)
        save_growth(rows, output / "growth.png")
    turns.write_results(output, text, options=dict(sizes, game=game, rounds=rounds, steps=steps),
                        matmul_flops_per_second=peak, results=rows)
    print(f"float32 matrix product (NumPy): {peak / 1e9:.0f} GFLOP/s")


def main(arguments):
    """The program."""
    multigan_cli.set_environment()  # before the package is imported
    from keras_multigan.cli.command import Command
    from keras_multigan.runs.options import Option

    def run(contenders=None, **given):
        compare(contenders_=contenders, **given)

    known = [*turns.FORMS, *(name for game in GAMES.values() for name in game.CONTENDERS
                             if name != "ours")]
    Command("benchmark", __doc__, {
        "game": Option("commute", "what is trained", choices=tuple(GAMES)),
        "contenders": Option(help=f"of {', '.join(dict.fromkeys(known))} (default: keras,ours; of "
                             "mix_plus: torch,ours)", kind=list),
        "num_generators": Option(help="numbers of generators (default: 5; of mix_plus: 1,3,10)",
                                 kind=list, aliases=("n_generators",)),
        "precision": Option(help="float32, mixed_bfloat16 (default: float32)", kind=list),
        "batch_size": Option(500, "real samples per update", least=1),
        "width": Option(1.0, "commute: networks' width, as a part of the paper's", least=1 / 16),
        "image_size": Option(32, "commute: height and width of the images", least=16),
        "n_critic": Option(3, "commute: critic updates per step", least=1),
        "classifier_filters": Option(24, "commute: channels of the classifier's first block", least=1),
        "rounds": Option(5, "turns of each contender", least=1),
        "steps": Option(2, "steps per turn that count", least=1),
        "samples": Option(2000, "samples of the sampling throughput", least=1),
        "output": Option("runs/benchmark", "folder of the results, new or empty"),
    }, run)(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
