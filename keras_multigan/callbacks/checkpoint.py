"""Checkpoints of the whole training state. A resumed run gives the same results bit for bit."""

import hashlib
import json
import os
import pathlib

import keras
import numpy as np
from absl import logging
from keras import ops

from keras_multigan.callbacks.stopping import NonFiniteLossError


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole training state (weights, optimizers, random state) at the end of each epoch.

    A checkpoint is the file `<directory>/epoch-<e>.npz` with all variables in the model's order, and
    the file `epoch-<e>.json` with the number of finished epochs and the SHA-256 of the first file. A
    file gets its name only when it is complete. The format is NumPy's, because HDF5 crashes the process
    if the disk is full.

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


def save_checkpoint(model: keras.Model, directory: str | os.PathLike, epoch: int) -> None:
    """Writes a checkpoint in the format of `Checkpoint`.

    Args:
        model: the compiled model.
        directory: folder of the checkpoints; it is created if missing.
        epoch: number of finished epochs.

    Raises:
        OSError: the checkpoint could not be written. Earlier ones are kept.
        NonFiniteLossError: a weight is NaN or infinite. Earlier checkpoints are kept.
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / f"epoch-{epoch:05d}.json"
    partial = directory / "partial"
    state = _state(model)
    arrays = {str(i): ops.convert_to_numpy(v) for i, v in enumerate(state)}
    # Finite losses do not imply finite weights: they precede the updates of the last step.
    spoilt = [v.path for v, a in zip(state, arrays.values(), strict=True)
              if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if spoilt:
        raise NonFiniteLossError(
            f"Expected finite weights after epoch {epoch}. Received: NaN or infinity in {len(spoilt)} "
            f"variables, {spoilt[0]} first. Earlier checkpoints are kept. Lower the learning rates."
        )
    try:
        with open(partial, "wb") as file:
            np.savez(file, **arrays)
            os.fsync(file.fileno())
        digest = _digest(partial)
        os.replace(partial, _arrays(note))
        partial.write_text(json.dumps({"epoch": epoch, "sha256": digest}))
        os.replace(partial, note)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(
            f"Checkpoint {note.stem} could not be written to {directory}: {error}. Earlier "
            "checkpoints are kept. Free some space and resume from them."
        ) from error


def restore_checkpoint(model: keras.Model, directory: str | os.PathLike) -> int:
    """Loads the newest undamaged checkpoint.

    Args:
        model: model that was built and compiled in the same way as the saved one.
        directory: folder of the checkpoints.

    Returns:
        The number of finished epochs, or 0 if there is no checkpoint.

    Raises:
        ValueError: all checkpoints are damaged, or the checkpoint is of another model.
    """
    notes = _notes(pathlib.Path(directory))
    for note in notes:
        try:
            content = json.loads(note.read_text())
            if _digest(_arrays(note)) != content["sha256"]:
                raise ValueError("its SHA-256 differs from the one written with it")
        except (OSError, ValueError, KeyError, TypeError) as error:
            logging.warning("Checkpoint %s is damaged (%s). Trying the one before.", note.stem, error)
            continue
        _load(model, _arrays(note))
        return content["epoch"]
    if notes:
        raise ValueError(
            f"Expected an undamaged checkpoint in {directory}. Received: {len(notes)} damaged ones "
            f"({', '.join(note.stem for note in notes)}). Start a new run in another folder."
        )
    return 0


def _notes(directory):
    """Returns the JSON files of all checkpoints, newest first."""
    return sorted(directory.glob("epoch-*.json"), key=lambda n: (len(n.name), n.name), reverse=True)


def _arrays(note):
    return note.with_suffix(".npz")


def _state(model):
    """Returns all variables except those of metrics, which are reset in each epoch."""
    metrics = {id(v) for metric in model.metrics for v in metric.variables}
    return [v for v in [*model.variables, *model.optimizer.variables] if id(v) not in metrics]


def _load(model, path):
    with np.load(path, allow_pickle=False) as file:
        arrays = [file[str(i)] for i in range(len(file.files))]
    state = _state(model)
    if [a.shape for a in arrays] != [tuple(v.shape) for v in state]:
        raise ValueError(
            f"Expected a checkpoint of this model, with {len(state)} variables. Received: {path} with "
            f"{len(arrays)}, or of other shapes. Build the model as it was when it was saved."
        )
    for variable, array in zip(state, arrays, strict=True):
        variable.assign(array)


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
