"""Checkpoints of the whole training state. A resumed run gives the same results bit for bit."""

import hashlib
import json
import os
import pathlib
import re

import keras
import numpy as np
from absl import logging
from keras import ops

from keras_multigan.callbacks.stopping import NonFiniteLossError, raise_signal

_NAME = re.compile(r"epoch-(\d+)(?:-step-(\d+))?")


class SaveOnSignal(keras.callbacks.Callback):
    """Ends training after the step in which a signal comes, with a checkpoint of that step.

    Args:
        directory: folder of the checkpoints.
        received: the list of `stop_signals`.
        steps: steps of an epoch.
        done: steps that the first epoch has had already, of a run that goes on.

    Raises:
        Terminated, KeyboardInterrupt: after a checkpoint has been saved; see `raise_signal`. If the
            step is an epoch's last one, the epoch is ended as usual, and training stops.
    """

    def __init__(self, directory: str | os.PathLike, received: list[int], steps: int, done: int = 0):
        super().__init__()
        self.directory, self.received, self.steps, self.done = directory, received, steps, done

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        step = self.done + batch + 1
        if self.received and step < self.steps:
            save_checkpoint(self.model, self.directory, self.epoch, step)
            raise_signal(self.received)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.done = 0
        if self.received:
            self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole training state (weights, optimizers, random state) at the end of each epoch.

    A checkpoint is the file `<directory>/epoch-<e>.npz` with all variables in the model's order, and
    the file `epoch-<e>.json` with the number of finished epochs and check sums of both. A file gets its
    name only when it is complete. The format is NumPy's, because HDF5 crashes the process if the disk
    is full.

    Args:
        directory: folder of the checkpoints; it is created if missing.
        keep: number of checkpoints to keep, at least 1. With two, a run can resume even if the newest
            one is damaged.

    Raises:
        ValueError: keep < 1.
        OSError: a checkpoint could not be written, for example because the disk is full. Earlier ones
            are kept.
        NonFiniteLossError: a weight has become NaN or infinite. Earlier checkpoints are kept.
    """

    def __init__(self, directory: str | os.PathLike, keep: int = 2):
        super().__init__()
        if keep < 1:
            raise ValueError(f"keep is expected to be >= 1. Received: {keep}")
        self.directory = pathlib.Path(directory)
        self.keep = keep

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        save_checkpoint(self.model, self.directory, epoch + 1)
        for note in _notes(self.directory)[self.keep :]:
            note.unlink()
            _arrays(note).unlink(missing_ok=True)


def save_checkpoint(model: keras.Model, directory: str | os.PathLike, epoch: int,
                    step: int = 0) -> None:
    """Writes a checkpoint in the format of `Checkpoint`.

    Args:
        model: the compiled model.
        directory: folder of the checkpoints; it is created if missing.
        epoch: number of finished epochs.
        step: steps of the next epoch that are done. If there are any, the files are named
            `epoch-<e>-step-<s>`, and the epoch's running means are saved, too.

    Raises:
        OSError: the checkpoint could not be written. Earlier ones are kept.
        NonFiniteLossError: a weight is NaN or infinite. Earlier checkpoints are kept.
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / (f"epoch-{epoch:05d}" + (f"-step-{step:06d}" if step else "") + ".json")
    partial = directory / "partial"
    if hasattr(model, "jax_state_sync"):  # within an epoch JAX' variables are not up to date
        model.jax_state_sync()
    state = _state(model)
    arrays = {str(i): np.asarray(v.numpy()) for i, v in enumerate(state)}
    # Finite losses do not imply finite weights: they precede the updates of the last step.
    spoilt = [v.path for v, a in zip(state, arrays.values(), strict=True)
              if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if spoilt:
        raise NonFiniteLossError(
            f"Expected finite weights after epoch {epoch}. Received: NaN or infinity in {len(spoilt)} "
            f"variables, {spoilt[0]} first. Earlier checkpoints are kept. Lower the learning rates."
        )
    if step:
        arrays |= {f"mean_{i}": ops.convert_to_numpy(v)
                   for i, v in enumerate(model.metrics_variables)}
    try:
        with open(partial, "wb") as file:
            np.savez(file, **arrays)
            os.fsync(file.fileno())
        content = {"epoch": epoch, "step": step, "sha256": _digest(partial)}
        os.replace(partial, _arrays(note))
        partial.write_text(json.dumps({**content, "check": _check_sum(content)}))
        os.replace(partial, note)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(
            f"Checkpoint {note.stem} could not be written to {directory}: {error}. Earlier "
            "checkpoints are kept. Free some space and resume from them."
        ) from error


def restore_checkpoint(model: keras.Model, directory: str | os.PathLike) -> int:
    """Loads the newest undamaged checkpoint of the end of an epoch.

    Args:
        model: model that was built and compiled in the same way as the saved one.
        directory: folder of the checkpoints.

    Returns:
        The number of finished epochs, or 0 if there is no checkpoint.

    Raises:
        ValueError: all checkpoints are damaged, or the checkpoint is of another model.
    """
    notes = [note for note in _notes(pathlib.Path(directory)) if not _place(note)[1]]
    return _restore(model, directory, notes)[0]


def restore_progress(model: keras.Model, directory: str | os.PathLike) -> tuple[int, int]:
    """Loads the newest undamaged checkpoint, of the end of an epoch or from within one.

    Args:
        model, directory: as in `restore_checkpoint`.

    Returns:
        The number of finished epochs, and of steps of the next one. If there are such steps, `fit` has
        to get `initial_epoch` and as `steps_per_epoch` those that are left; its logs go on from the
        saved means.

    Raises:
        ValueError: as `restore_checkpoint`.
    """
    return _restore(model, directory, _notes(pathlib.Path(directory)))


def _restore(model, directory, notes):
    for note in notes:
        try:
            content = json.loads(note.read_text())
            place = content["epoch"], content.get("step", 0)
            # Notes of version 0.1 have no check sum of their own.
            if place != _place(note) or "check" in content and content["check"] != _check_sum(content):
                raise ValueError("its epoch is not the one written first")
            if _digest(_arrays(note)) != content["sha256"]:
                raise ValueError("its SHA-256 differs from the one written with it")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            logging.warning("Checkpoint %s is damaged (%s). Trying the one before.", note.stem, error)
            continue
        _load(model, _arrays(note))
        return place
    if notes:
        raise ValueError(
            f"Expected an undamaged checkpoint in {directory}. Received: {len(notes)} damaged ones "
            f"({', '.join(note.stem for note in notes)}). Start a new run in another folder."
        )
    return 0, 0


def _notes(directory):
    """Returns the JSON files of all checkpoints, newest first."""
    notes = [note for note in directory.glob("epoch-*.json") if _NAME.fullmatch(note.stem)]
    return sorted(notes, key=_place, reverse=True)


def _place(note):
    """(finished epochs, steps of the next one) in the name of a note."""
    epoch, step = _NAME.fullmatch(note.stem).groups()
    return int(epoch), int(step or 0)


def _check_sum(content):
    """What ties a note's epoch and step to its arrays."""
    text = f"{content['epoch']} {content['step']} {content['sha256']}"
    return hashlib.sha256(text.encode()).hexdigest()


def _arrays(note):
    return note.with_suffix(".npz")


def _state(model):
    """Returns all variables except those of metrics, which are reset in each epoch."""
    metrics = {id(v) for metric in model.metrics for v in metric.variables}
    return [v for v in model.variables_in_files() if id(v) not in metrics]


def _load(model, path):
    with np.load(path, allow_pickle=False) as file:
        arrays = [file[name] for name in file.files if name.isdigit()]
        means = [file[name] for name in file.files if not name.isdigit()]
    state = _state(model)
    if [a.shape for a in arrays] != [tuple(v.shape) for v in state]:
        raise ValueError(
            f"Expected a checkpoint of this model, with {len(state)} variables. Received: {path} with "
            f"{len(arrays)}, or of other shapes. Build the model as it was when it was saved."
        )
    for variable, array in zip(state, arrays, strict=True):
        variable.assign(array)
    model.means_to_go_on_from = means  # `fit` resets them when it begins the epoch


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
