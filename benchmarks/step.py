"""Times a training step of ComMutE-GAN against what users would write instead.

    python benchmarks/step.py                                        the paper's sizes, 2 contenders
    python benchmarks/step.py --contenders=ours,keras,torch,torch_compile     needs: pip install torch
    python benchmarks/step.py --contenders=ours --num_generators=1,10
    python benchmarks/step.py --contenders=keras,ours --precision=float32,mixed_bfloat16
    python benchmarks/step.py --width=0.25 --batch_size=100          minutes in place of an hour

Every contender (by number of generators, by precision) is a process of its own; they take turns, so
that a machine whose speed wanders is the same for all. The first one is the measure of the others.
The output folder gets benchmark.json and benchmark.md.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import contenders
import numpy as np

import multigan_cli


class Worker:
    """A contender in its process."""

    def __init__(self, config):
        self.name = f"{config['contender']}, n={config['n_generators']}, {config['precision']}"
        self.config = config
        script = pathlib.Path(contenders.__file__)
        # This is a setting of `multigan`, for exact repetition; others would not have it.
        environment = {name: value for name, value in os.environ.items()
                       if config["contender"] == "ours" or name != "TF_NUM_INTEROP_THREADS"}
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen([sys.executable, str(script), json.dumps(config)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=environment)
        self.step_seconds, self.sample_seconds = [], []
        self.first_step = self.flops = self.peak_bytes = None

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; what it said follows
        for line in self.process.stdout:
            if line.startswith("answer "):
                answer = json.loads(line.removeprefix("answer "))
                self.flops, self.peak_bytes = answer["flops"], answer["peak_bytes"]
                return answer
        self.errors.seek(0)
        raise RuntimeError(
            f"Expected the contender {self.name} to run. Received: its process ended with\n"
            f"{self.errors.read()[-1500:]}"
        )

    def warm_up(self):
        self.first_step = self.ask(steps=3)["seconds"][0]

    def turn(self, steps, samples, first):
        # The step that opens a turn waits for the data.
        self.step_seconds += self.ask(steps=steps + 1)["seconds"][1:]
        seconds = self.ask(sample=samples)["wall"]
        if not first:  # it traces
            self.sample_seconds.append(seconds)

    def stop(self):
        self.process.kill()
        self.process.communicate()
        self.errors.close()


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
    seconds = np.array(worker.step_seconds)
    low, median, high = (float(q) for q in np.quantile(seconds, [0.25, 0.5, 0.75]))
    row = {
        "contender": worker.name, "step_median": median, "step_quartiles": [low, high],
        "steps": len(seconds), "first_step": worker.first_step, "peak_bytes": worker.peak_bytes,
        "images_per_second": worker.config["batch_size"] * contenders.N_CRITIC / median,
        "samples_per_second": samples / float(np.median(worker.sample_seconds)),
        "flops_per_second": None, "share_of_peak": None,
    }
    if flops:
        row.update(flops_per_second=flops / median, share_of_peak=flops / median / peak)
    return row


def table(rows):
    """The rows as Markdown, with their ratios to the first."""
    lines = ["| contender | step, s: median (quartiles) | ratio | real images/s | first step, s "
             "| ratio | peak memory, MB | ratio | samples/s | ratio | GFLOP/s | of the peak |",
             "|" + "---|" * 12]
    base = rows[0]
    for row in rows:
        def ratio(name, row=row):
            return f"{row[name] / base[name]:.2f}"

        flops = ("", "") if row["flops_per_second"] is None else (
            f"{row['flops_per_second'] / 1e9:.0f}", f"{100 * row['share_of_peak']:.0f} %")
        low, high = row["step_quartiles"]
        cells = [
            row["contender"], f"{row['step_median']:.3f} ({low:.3f}-{high:.3f})", ratio("step_median"),
            f"{row['images_per_second']:.0f}", f"{row['first_step']:.1f}", ratio("first_step"),
            f"{row['peak_bytes'] / 1e6:.0f}", ratio("peak_bytes"), f"{row['samples_per_second']:.0f}",
            ratio("samples_per_second"), *flops,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compare(contenders_=("keras", "ours"), num_generators=("5",), precision=("float32",),
            batch_size=500, width=1.0, rounds=5, steps=2, samples=2000, output="runs/benchmark"):
    """Runs the contenders in turns and writes what they took; the arguments are the flags."""
    from keras_multigan.runs import files

    known = ", ".join(contenders.CONTENDERS)
    if not contenders_ or set(contenders_) - set(contenders.CONTENDERS):
        raise ValueError(f"--contenders is expected to be some of {known}. Received: "
                         f"{', '.join(contenders_)}")
    numbers = [int(n) for n in num_generators]
    misfit = [n for n in numbers if n < 1 or batch_size % n]
    if misfit:
        raise ValueError("--batch_size is expected to be a multiple of --num_generators. Received: "
                         f"{batch_size} and {misfit}")
    if unknown := set(precision) - {"float32", "mixed_bfloat16"}:
        raise ValueError("--precision is expected to be float32, mixed_bfloat16 or both. Received: "
                         f"{', '.join(sorted(unknown))}")
    output = files.check_folder(output)
    filters = max(4, round(64 * width / 4) * 4)
    configs = [dict(contender=name, n_generators=n, precision=p, batch_size=batch_size, filters=filters)
               for n in numbers for p in precision for name in contenders_
               if p == "float32" or not name.startswith("torch")]
    workers, peak = [], 0.0
    try:
        for config in configs:
            print(f"Starting {config}", flush=True)
            workers.append(Worker(config))
            workers[-1].warm_up()
        for turn in range(rounds + 1):
            for worker in workers:
                worker.turn(steps, samples, first=turn == 0)
            peak = max(peak, matmul_flops())
            print(f"Turn {turn + 1} of {rounds + 1}: " + "; ".join(
                f"{w.name} {np.median(w.step_seconds):.3f} s" for w in workers), flush=True)
    finally:
        for worker in workers:
            worker.stop()
    # The count is one of the algorithm, so it holds for all that run it with as many generators.
    flops = {w.config["n_generators"]: w.flops for w in workers if w.flops}
    rows = [summary(w, samples, flops.get(w.config["n_generators"]), peak) for w in workers]
    text = table(rows)
    files.write_json(output / "benchmark.json", {
        "options": {"batch_size": batch_size, "width": width, "rounds": rounds, "steps": steps},
        "matmul_flops_per_second": peak, "versions": files.versions(), "results": rows,
    })
    (output / "benchmark.md").write_text(text + "\n")
    print(f"\n{text}\n\nfloat32 matrix product (NumPy): {peak / 1e9:.0f} GFLOP/s\n"
          f"results: {output}")


def main(arguments):
    """The program."""
    multigan_cli.set_environment()  # before the package is imported
    from keras_multigan.cli.command import Command
    from keras_multigan.runs.options import Option

    def run(**given):
        names = {"contenders": "contenders_"}
        compare(**{names.get(name, name): value for name, value in given.items()})

    Command("benchmark", __doc__, {
        "contenders": Option(help=f"of {', '.join(contenders.CONTENDERS)} (default: keras,ours)",
                             kind=list),
        "num_generators": Option(help="numbers of generators (default: 5)", kind=list,
                                 aliases=("n_generators",)),
        "precision": Option(help="float32, mixed_bfloat16 (default: float32)", kind=list),
        "batch_size": Option(500, "real images per critic update", least=1),
        "width": Option(1.0, "networks' width, as a part of the paper's", least=1 / 16),
        "rounds": Option(5, "turns of each contender", least=1),
        "steps": Option(2, "steps per turn that count", least=1),
        "samples": Option(2000, "images of the sampling throughput", least=1),
        "output": Option("runs/benchmark", "folder of the results, new or empty"),
    }, run)(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
