"""One run: its folder, its training, the records that it keeps."""

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

    def finished(self) -> dict | None:
        """The results of a run that is finished. Raises FileExistsError if the folder is not ours."""
        if self.writes:
            files.check_folder(self.output, resumable=True, resume=self.resume)
        done = self.output / "metrics.json"
        if done.exists():
            return printing.read_results(done, self.recipe.rows)
        if self.writes:
            files.check_writable(self.output)
        return None

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
        if self.writes:
            files.open_folder(self.output, self.options.as_dict())

    def fit(self, model, x, y, *pictures) -> float:
        """Trains `model` from its last checkpoint on, with all records of a run.

        Of several workers only the first keeps records; all of them read its checkpoints.

        Args:
            pictures: callbacks that draw what the run has to show.

        Returns:
            Seconds of this attempt.
        """
        options, output = self.options, self.output
        first = callbacks.restore_checkpoint(model, output / "checkpoints")
        distribute.check_same_on_all_workers(first, "epoch to go on from")
        rows = [row for row in callbacks.read_history(output) if row["epoch"] < first]
        stops = self.recipe.stops(options, rows)
        self.epochs = first
        steps = options.steps_per_epoch or max(
            1, len(x) // (options.batch_size * model.batches_per_step)
        )
        if first:
            print(f"Going on after epoch {first} of {options.epochs}.")
        elif self.resume:
            print("Starting with the first epoch: there is no complete checkpoint.")
        if len(rows) < first:
            logging.warning("%s has %d rows for %d finished epochs. Curves and early stopping know no "
                            "others.", output / "history.csv", len(rows), first)
        if first >= options.epochs or any(stop.converged() for stop in stops):
            return 0.0
        print(f"Training for {options.epochs - first} epochs of {steps} steps; see "
              f"{output / 'samples.png'} meanwhile.", flush=True)
        records = [
            callbacks.RunProgress(steps * (options.epochs - first)),
            callbacks.HistoryLog(output, initial_epoch=first),
            *pictures,
            # The last one, so that a killed run draws and logs again what may be missing.
            callbacks.Checkpoint(output / "checkpoints"),
        ] if self.writes else []
        start = time.time()
        history = model.fit(
            x, y, batch_size=options.batch_size, epochs=options.epochs, initial_epoch=first,
            steps_per_epoch=steps, verbose=0,
            callbacks=[callbacks.StopOnNonFinite(), *records, *stops],
        )
        self.epochs = history.epoch[-1] + 1
        return time.time() - start

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
        return {"epochs": self.epochs, "training_steps": model.steps_trained,
                "seconds_of_last_attempt": round(seconds, 1),
                "last_epoch": history[-1] if history else {},
                **({"history_sha256": report.digest(self.output / "history.csv")} if history else {}),
                "export": export_run(model, self.output)}

    def finish(self, results: dict) -> dict:
        """Writes report.html and metrics.json, which says that a run is finished."""
        results = json.loads(json.dumps(results))  # as a later report reads them
        report.write_report(self.output, self.recipe, results)
        report.write_card(self.output, self.recipe, results)
        printing.write_results(self.output / "metrics.json", results)
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
