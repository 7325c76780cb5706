"""Checkpoints from which a run goes on bit for bit."""

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
    """Saves the whole training state (weights, optimizers, random state) at the end of an epoch.

    A checkpoint is `<directory>/epoch-<e>.npz` (all variables in the model's order) with
    `epoch-<e>.json` beside it (epochs finished, SHA-256 of the other). Files appear under their names
    only when they are complete. NumPy's format, because HDF5 crashes the process on a full disk.

    Args:
        directory: folder of the checkpoints, made if missing.
        keep: number of checkpoints to keep, at least 1; two, so that a damaged one can be passed by.

    Raises:
        OSError: a checkpoint could not be written (disk full, say); earlier ones are kept.
        NonFiniteLossError: a weight has become NaN or infinite; earlier checkpoints are kept.
    """

    def __init__(self, directory, keep=2):
        super().__init__()
        if keep < 1:
            raise ValueError(f"keep is expected to be >= 1. Received: {keep}")
        self.directory = pathlib.Path(directory)
        self.keep = keep

    def on_epoch_end(self, epoch, logs=None):
        save_checkpoint(self.model, self.directory, epoch + 1)
        for note in _notes(self.directory)[self.keep :]:
            note.unlink()
            _arrays(note).unlink(missing_ok=True)


def save_checkpoint(model, directory, epoch):
    """Writes the checkpoint of `model` after `epoch` epochs; see `Checkpoint`."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / f"epoch-{epoch:05d}.json"
    partial = directory / "partial"
    state = _state(model)
    arrays = {str(i): ops.convert_to_numpy(v) for i, v in enumerate(state)}
    # The losses of an epoch's last step are those before its updates.
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
            "checkpoints are kept. Free some space and go on from them."
        ) from error


def restore_checkpoint(model, directory):
    """Loads the newest undamaged checkpoint into `model`, built and compiled as the saved one was.

    Returns:
        The number of epochs that it had finished; 0 where there is no checkpoint yet.

    Raises:
        ValueError: there are checkpoints, but all are damaged, or they are of another model.
    """
    notes = _notes(pathlib.Path(directory))
    for note in notes:
        try:
            content = json.loads(note.read_text())
            if _digest(_arrays(note)) != content["sha256"]:
                raise ValueError("its SHA-256 differs from the one written with it")
        except (OSError, ValueError, KeyError) as error:
            logging.warning("Checkpoint %s is damaged (%s); trying the one before.", note.stem, error)
            continue
        _load(model, _arrays(note))
        return content["epoch"]
    if notes:
        raise ValueError(
            f"Expected an undamaged checkpoint in {directory}. Received: {len(notes)} damaged ones "
            f"({', '.join(note.stem for note in notes)}). Start the run anew in another folder."
        )
    return 0


def _notes(directory):
    """The notes of all checkpoints, newest first."""
    return sorted(directory.glob("epoch-*.json"), key=lambda n: (len(n.name), n.name), reverse=True)


def _arrays(note):
    return note.with_suffix(".npz")


def _state(model):
    """All variables but the metrics', which start anew in every epoch."""
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
