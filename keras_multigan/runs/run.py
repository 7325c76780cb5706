"""One run: its folder, its training, the records that it keeps."""

import contextlib
import functools
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
from absl import logging

from keras_multigan import callbacks, distribute, export, plots
from keras_multigan.runs import files, printing, report
from keras_multigan.runs.options import RunOptions

# What the best epoch has the least of: the distance to training images, for those of the test are for
# the end.
MONITOR = "train_frechet_distance"


class Run:
    """What `options` ask for, in the folder `output`.

    Args:
        recipe: the method's `Recipe`.
        options: the run's options.
        output: the run folder.
        resume: whether it may hold this run already.
    """

    def __init__(self, recipe, options: RunOptions, output, resume: bool = False):
        self.recipe, self.options, self.resume = recipe, options, resume
        self.output = pathlib.Path(output)

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files: of several workers the first one does."""
        return self.options.strategy != "multiworker" or distribute.is_chief()

    @contextlib.contextmanager
    def locked(self):
        """The context in which no other process trains in the run folder. Of several workers all enter
        it.

        Raises:
            FileExistsError: the folder is not ours.
            RuntimeError, OSError: it cannot be had; see `files.locked`.
        """
        with distribute.run_of(self.options.strategy):
            if not self.writes:
                yield
                return
            files.check_folder(self.output, resumable=True, resume=self.resume)
            with files.locked(self.output):
                yield

    def finished(self) -> dict | None:
        """The results of a run that is finished and not to be trained on.

        Raises:
            ValueError: it has had more epochs than the options ask for.
        """
        had = len(callbacks.read_history(self.output))
        if had > self.options.epochs:
            raise ValueError(f"--epochs is expected to be at least the {had} that the run in "
                             f"{self.output} has had. Received: {self.options.epochs}. Choose more, or "
                             "another --output.")
        done = self.output / "metrics.json"
        if done.exists() and not self.is_extended:
            return printing.read_results(done, self.recipe.rows)
        return None

    @functools.cached_property
    def is_extended(self) -> bool:
        """Whether the run folder has a run with another number of epochs."""
        return ((self.output / "options.json").exists()
                and files.read_options(self.output).get("epochs", self.options.epochs)
                != self.options.epochs)

    def scope(self):
        """The context in which the model is built and trained. It settles the devices at once."""
        return distribute.scope(self.options.strategy, self.options.devices, self.options.tpu)

    def build(self, samples):
        """The compiled model, with the run's precision and initial values.

        Args:
            samples: the `recipes.Samples` that its networks must fit.
        """
        keras.config.set_dtype_policy(self.options.precision)
        keras.utils.set_random_seed(self.options.seed)
        return self.recipe.make(self.options, samples)

    def open(self) -> None:
        """Makes the run folder, now that nothing is known to stand in the way of the training."""
        if self.writes and self.is_extended:
            files.extend(self.output, self.options.epochs)
        elif self.writes:
            files.open_folder(self.output, self.options.as_dict())

    def fit(self, model, x, y, *pictures, evaluate: callbacks.Evaluate | None = None,
            fid: callbacks.Evaluate | None = None) -> float:
        """Trains `model` from its last checkpoint on, with all records of a run.

        Of several workers only the first keeps records; all of them read its checkpoints.

        Args:
            pictures: callbacks that draw what the run has to show.
            evaluate: measures `MONITOR`; best.keras is the model of the epoch in which it was least.
            fid: measures "fid".

        Returns:
            Seconds of this attempt.
        """
        options, output = self.options, self.output
        first, done = callbacks.restore_progress(model, output / "checkpoints")
        if done and first >= options.epochs:  # fewer epochs are wanted now
            first, done = callbacks.restore_checkpoint(model, output / "checkpoints"), 0
        distribute.check_same_on_all_workers(first, "epoch to go on from")
        distribute.check_same_on_all_workers(done, "step to go on from")
        rows = [row for row in callbacks.read_history(output) if row["epoch"] < first]
        stops = self.recipe.stops(options, rows)
        self.epochs = first
        steps = options.steps_per_epoch or max(
            1, len(x) // (options.batch_size * model.batches_per_step)
        )
        if first or done:
            print(f"Going on after epoch {first} of {options.epochs}"
                  + (f" and {done} of {steps} steps." if done else "."))
        elif self.resume:
            print("Starting with the first epoch: there is no complete checkpoint.")
        if len(rows) < first:
            logging.warning("%s has %d rows for %d finished epochs. Curves and early stopping know no "
                            "others.", output / "history.csv", len(rows), first)
        if first >= options.epochs or any(stop.converged() for stop in stops):
            return 0.0
        updates = ", ".join(f"{p.name} {steps * p.repeats:,}" for p in model.phases())
        print(f"Training for {options.epochs - first} epochs of {steps} steps (updates per epoch: "
              f"{updates}); see {output / 'samples.png'} meanwhile.", flush=True)
        start = time.time()
        # A worker that waited for its step would wait for those that a signal has ended.
        alone = options.strategy != "multiworker"
        with callbacks.stop_signals() if alone else contextlib.nullcontext([]) as received:
            records = [
                *self._best(evaluate, rows), *self._going_on(fid, rows),
                callbacks.RunProgress(steps * (options.epochs - first) - done),
                callbacks.SaveOnSignal(output / "checkpoints", received, steps, done),
                callbacks.HistoryLog(output, initial_epoch=first),
                *pictures,
                # The last one, so that a killed run draws and logs again what may be missing.
                callbacks.Checkpoint(output / "checkpoints"),
            ] if self.writes else []
            every = [callbacks.StopOnNonFinite(), *records, *stops]
            arguments = dict(y=y, batch_size=options.batch_size, verbose=0, callbacks=every)
            if done:  # the rest of an epoch
                model.fit(x, epochs=first + 1, initial_epoch=first, steps_per_epoch=steps - done,
                          **arguments)
                first += 1
            if first < options.epochs and not (done and model.stop_training):
                model.fit(x, epochs=options.epochs, initial_epoch=first, steps_per_epoch=steps,
                          **arguments)
            callbacks.raise_signal(received)
        self.epochs = model.history.epoch[-1] + 1
        return time.time() - start

    def _going_on(self, fid, history):
        """The callback that measures the FID; a run that began without has none."""
        if fid is None or history and "fid" not in history[0]:
            return []
        if history:
            fid.results = {"fid": history[-1]["fid"]}
        return [fid]

    def _best(self, evaluate, history):
        """The callbacks that measure and keep the best model. A run that began without has none."""
        if evaluate is None or history and MONITOR not in history[0]:
            return []
        if history:
            evaluate.results = {name: value for name, value in history[-1].items()
                                if name.startswith("train_")}
        if self.options.strategy == "multiworker":  # saving would make variables, which all must do
            return [evaluate]
        best = min((row[MONITOR] for row in history), default=None)
        path = str(self.output / "best.keras").replace("{", "{{").replace("}", "}}")  # it is formatted
        return [evaluate, keras.callbacks.ModelCheckpoint(
            path, MONITOR, mode="min", save_best_only=True,
            initial_value_threshold=best)]

    def keep(self, model, seconds: float) -> dict:
        """Writes what every trained model leaves: model.keras, export/ and curves.png.

        Returns:
            The first results: the length of the run.
        """
        history = callbacks.read_history(self.output)
        if history:
            plots.save_curves({name: [row[name] for row in history] for name in history[0]},
                              self.output / "curves.png")
        files.save_model(model, self.output / "model.keras")
        measured = [(row[MONITOR], row["epoch"] + 1) for row in history if MONITOR in row]
        best = dict(zip(("best_" + MONITOR, "best_epoch"), min(measured))) if measured else {}
        updates = {phase.name: phase.repeats * model.steps_trained for phase in model.phases()}
        return {"epochs": self.epochs, "training_steps": model.steps_trained, "updates": updates,
                **best, "seconds_of_last_attempt": round(seconds, 1),
                "last_epoch": history[-1] if history else {},
                **({"history_sha256": report.digest(self.output / "history.csv")} if history else {}),
                "export": export_run(model, self.output)}

    def finish(self, results: dict) -> dict:
        """Writes report.html and metrics.json, which says that a run is finished."""
        results = json.loads(json.dumps(results))  # as a later report reads them
        report.write_report(self.output, self.recipe, results)
        report.write_card(self.output, self.recipe, results)
        files.write_summed(self.output / "metrics.json", results)
        return results


def export_run(model, output: pathlib.Path) -> str:
    """Writes <output>/export if it is not there. On JAX a TensorFlow process does, from model.keras.

    Returns:
        "export", or why there is none and the command that makes it.
    """
    if (output / "export" / "models.config").exists():  # the last file of an export
        return "export"
    shutil.rmtree(output / "export", ignore_errors=True)
    if keras.backend.backend() == "tensorflow":
        export.export_generators(model, output / "export")
        return "export"
    arguments = ["export", f"--model={output}", f"--output={output / 'export'}"]
    if importlib.util.find_spec("tensorflow") is None:
        missing = f"none: TensorFlow is not installed; where it is: multigan {' '.join(arguments)}"
        logging.warning("Export: %s", missing)
        return missing
    door = importlib.util.find_spec("multigan_cli").origin
    subprocess.run([sys.executable, door, *arguments], check=True,
                   env={**os.environ, "KERAS_BACKEND": "tensorflow"})
    return "export"


def sample_each(model, count: int) -> list[np.ndarray]:
    """`count` samples of each generator that takes part."""
    weights = model.mixture_weights
    return [model.sample(count, generator=k, seed=1000 + k) for k in range(model.num_generators)
            if weights is None or weights[k] > 0]


def count_parameters(models) -> int:
    """Of all together; what they share counts once."""
    found = {id(v): v for model in models for v in model.weights}
    return sum(int(np.prod(v.shape)) for v in found.values() if "seed" not in v.path)
