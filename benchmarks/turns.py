"""Contenders in processes of their own, which take turns: so that a machine whose speed wanders is the
same for all."""

import importlib
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

# This library's forms: what the environment and `compile` get. "ours" has the defaults.
FORMS = {
    "ours": ({}, {}),
    "ours_tensorflow": ({"KERAS_BACKEND": "tensorflow"}, {"jit_compile": False}),
    "ours_tensorflow_jit": ({"KERAS_BACKEND": "tensorflow"}, {"jit_compile": True}),
    "ours_jax": ({"KERAS_BACKEND": "jax"}, {}),
}


def split_name(name):
    """("ours_jax", "/path") of "ours_jax:/path": a form, and the checkout that it is of, or ""."""
    form, _, folder = name.partition(":")
    return form, folder


def check_names(names, known):
    """Raises ValueError unless `names` are contenders: `known` ones or, in place of "ours", FORMS."""
    known = [*FORMS, *(name for name in known if name != "ours")]
    for name in names or ("",):
        form, folder = split_name(name)
        if form not in known or (folder and form not in FORMS):
            raise ValueError(f"--contenders is expected to be some of {', '.join(known)}. Received: "
                             f"{', '.join(names)}. Only those of ours may be of another checkout, "
                             "such as ours:../before.")
        if folder and not (pathlib.Path(folder) / "keras_multigan").is_dir():
            raise FileNotFoundError(f"Expected a checkout with a folder keras_multigan. Received: "
                                    f"{folder}. Make one with `git worktree add ../before <version>`.")


def compile_arguments(config):
    """What `compile` gets from the form of this library."""
    return FORMS[split_name(config["contender"])[0]][1]


def check_precision(names):
    """Raises ValueError unless `names` are Keras' policies that models take."""
    if unknown := set(names) - {"float32", "mixed_bfloat16"}:
        raise ValueError("--precision is expected to be float32, mixed_bfloat16 or both. Received: "
                         f"{', '.join(sorted(unknown))}")


class Worker:
    """A contender in its process.

    Args:
        script: file that calls `answer`.
        config: what the contender is made of. "contender" is its name.
        name: what to call it; the contender's name if "".
    """

    def __init__(self, script, config, name=""):
        self.name, self.config = name or config["contender"], config
        form, folder = split_name(config["contender"])
        # This is a setting of `multigan`, for exact repetition; others would not have it.
        environment = {key: value for key, value in os.environ.items()
                       if form in FORMS or key != "TF_NUM_INTEROP_THREADS"}
        environment.update(FORMS.get(form, ({},))[0])
        root = pathlib.Path(folder).resolve() if folder else pathlib.Path(__file__).parents[1]
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(root), os.environ.get("PYTHONPATH")]))
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen([sys.executable, str(script), json.dumps(config)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=environment)

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; what it said follows
        for line in self.process.stdout:
            if line.startswith("answer "):
                return json.loads(line.removeprefix("answer "))
        self.errors.seek(0)
        raise RuntimeError(
            f"Expected the contender {self.name} to run. Received: its process ended with\n"
            f"{self.errors.read()[-1500:]}"
        )

    def stop(self):
        self.process.kill()
        self.process.communicate()
        self.errors.close()


def answer(contenders):
    """Makes the contender of the command line's config and answers requests, one JSON object a line:
    {"about": true}, {"steps": k}, {"sample": k}, or {"save": path, "sample": k}, which saves k samples
    of each generator."""
    config = json.loads(sys.argv[1])
    form = split_name(config["contender"])[0]
    make = contenders["ours" if form in FORMS else form]
    begun = time.perf_counter()
    for module in getattr(make, "imports", ()):
        importlib.import_module(module)
    imported, import_bytes = time.perf_counter(), _peak_bytes()
    contender = make(config)
    about = {"import": imported - begun, "build": time.perf_counter() - imported,
             "import_bytes": import_bytes, "flops": getattr(contender, "flops", None)}
    for line in sys.stdin:
        request = json.loads(line)
        start, reply = time.perf_counter(), {}
        if "about" in request:
            reply = about
        elif "steps" in request:
            reply["seconds"] = contender.steps(request["steps"])
        elif "save" in request:
            np.save(request["save"], np.stack([contender.sample(request["sample"], generator=k)
                                               for k in range(config["n_generators"])]))
        else:
            contender.sample(request["sample"])
        reply |= {"wall": time.perf_counter() - start, "peak_bytes": _peak_bytes()}
        print("answer " + json.dumps(reply), flush=True)


def _peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fit_seconds(model, count, *data, **arguments):
    """The seconds of `count` steps of one `fit`, from step to step."""
    import keras

    times = [time.perf_counter()]

    def tick(batch, logs=None):
        # JAX returns before a step has ended.
        keras.tree.map_structure(keras.ops.convert_to_numpy, logs)
        times.append(time.perf_counter())

    model.fit(*data, steps_per_epoch=count, verbose=0, **arguments,
              callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=tick)])
    return np.diff(times).tolist()


def write_results(output, text, **results):
    """benchmark.json and benchmark.md; prints the latter."""
    from keras_multigan.runs import files

    files.write_json(output / "benchmark.json", {**results, "versions": files.versions()})
    (output / "benchmark.md").write_text(text + "\n")
    print(f"\n{text}\n\nresults: {output}")


def markdown(header, rows):
    """A table, of cells that are texts."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])
