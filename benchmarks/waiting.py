"""What users wait for besides training: start-up and evaluation.

    python benchmarks/waiting.py
    python benchmarks/waiting.py --versions=.,../before     against another checkout

Every job is a process of its own; jobs and versions take turns. The times are those of the whole
process, but of the evaluation, which is metrics.Reference on 10,000 images of noise for each split and
of five generators, without its imports. Ratios are to the first version.
The output folder gets benchmark.json and benchmark.md.
"""

import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import turns

import multigan_cli

_EVALUATION = """
import time
import numpy as np
from keras_multigan import metrics
embedding = metrics.digits_embedding()
images = np.random.default_rng(0).uniform(-1, 1, (3, {images}, 16, 16, 1)).astype("float32")
embedding(images[0, :500])
start = time.perf_counter()
metrics.Reference(*images[:2], embedding).measure(np.split(images[2], 5))
print("seconds", time.perf_counter() - start)
"""


def jobs(images):
    """What takes time -> (arguments of Python, settings of the environment)."""
    jax = {"KERAS_BACKEND": "jax"}
    return {
        "multigan --help": (["multigan_cli.py", "--help"], {}),
        "multigan train commute --dry_run": (["multigan_cli.py", "train", "commute", "--dry_run"], {}),
        "import keras_multigan": (["-c", "import keras_multigan"], {}),
        "import keras_multigan on JAX": (["-c", "import keras_multigan"], jax),
        "import tensorflow": (["-c", "import tensorflow"], {}),
        f"metrics.Reference on {images} images": (["-c", _EVALUATION.format(images=images)], {}),
    }


def seconds(arguments, settings, folder):
    """What a process of the checkout `folder` takes, or says that it took."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=folder, text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(folder), **settings})
    passed = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"Expected {' '.join(arguments)[:60]} to run in {folder}. Received: "
                           f"{done.stderr[-1500:]}")
    said = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("seconds ")]
    return float(said[0]) if said else passed


def compare(versions=(".",), rounds=3, images=10_000, output="runs/waiting"):
    """Runs the jobs in turns and writes what they took; the arguments are the flags."""
    from keras_multigan.runs import files

    folders = {name: pathlib.Path(name).resolve() for name in versions}
    for name, folder in folders.items():
        if not (folder / "multigan_cli.py").exists():
            raise FileNotFoundError("--versions is expected to be folders of checkouts. Received: "
                                    f"{name}. Call it from a checkout, or name one.")
    output = files.check_folder(output)
    times = {job: {name: [] for name in versions} for job in jobs(images)}
    for turn in range(rounds + 1):
        for job, call in jobs(images).items():
            for name, folder in folders.items():
                passed = seconds(*call, folder)
                if turn:  # the first one finds no files in memory
                    times[job][name].append(passed)
                print(f"Turn {turn + 1} of {rounds + 1}: {job}, {name}: {passed:.2f} s", flush=True)
    turns.write_results(output, table(times), options={"rounds": rounds, "images": images},
                        results=times)


def table(times):
    """Job -> version -> seconds of every turn, as Markdown."""
    versions = list(next(iter(times.values())))
    header, cells = ["job"], []
    for version in versions:
        header += [f"{version}, s: median (range)"]
        header += [f"of {versions[0]}"] if version != versions[0] else []
    for job, found in times.items():
        line = [job]
        for version, row in found.items():
            line.append(f"{np.median(row):.2f} ({min(row):.2f}-{max(row):.2f})")
            if version != versions[0]:
                line.append(f"{np.median(row) / np.median(found[versions[0]]):.2f}")
        cells.append(line)
    return turns.markdown(header, cells)


def main(arguments):
    """The program."""
    multigan_cli.set_environment()  # before the package is imported
    from keras_multigan.cli.command import Command
    from keras_multigan.runs.options import Option

    Command("benchmark", __doc__, {
        "versions": Option(help="folders of checkouts (default: this one)", kind=list),
        "rounds": Option(3, "turns of each job", least=1),
        "images": Option(10_000, "of the evaluation: of each split, and generated", least=100),
        "output": Option("runs/waiting", "folder of the results, new or empty"),
    }, compare)(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
