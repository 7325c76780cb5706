"""Checkpoints from which a run goes on bit for bit."""

import hashlib
import json
import os
import pathlib

import keras
from absl import logging


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole training state (weights, optimizers, random state) at the end of an epoch.

    A checkpoint is `<directory>/epoch-<e>.weights.h5` with `epoch-<e>.json` beside it (epochs
    finished, SHA-256 of the weights). Files appear under their names only when they are complete.

    Args:
        directory: folder of the checkpoints, made if missing.
        keep: number of checkpoints to keep, at least 1; two, so that a damaged one can be passed by.

    Raises:
        OSError: a checkpoint could not be written (disk full, say); earlier ones are kept.
    """

    def __init__(self, directory, keep=2):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.keep = keep

    def on_epoch_end(self, epoch, logs=None):
        save_checkpoint(self.model, self.directory, epoch + 1)
        for note in _notes(self.directory)[self.keep :]:
            note.unlink()
            _weights(note).unlink(missing_ok=True)


def save_checkpoint(model, directory, epoch):
    """Writes the checkpoint of `model` after `epoch` epochs; see `Checkpoint`."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    note = directory / f"epoch-{epoch:05d}.json"
    partial = directory / "partial.weights.h5"
    try:
        model.save_weights(partial)
        digest = _digest(partial)
        os.replace(partial, _weights(note))
        text = json.dumps({"epoch": epoch, "sha256": digest})
        partial.write_text(text)
        os.replace(partial, note)
    except (OSError, RuntimeError) as error:  # HDF5 reports a failed write as either
        partial.unlink(missing_ok=True)
        raise OSError(
            f"Checkpoint {note.stem} could not be written to {directory}: {error}. Earlier "
            "checkpoints are kept. Free some space and go on with --resume."
        ) from error


def restore_checkpoint(model, directory):
    """Loads the newest undamaged checkpoint into `model`, built and compiled as the saved one was.

    Returns:
        The number of epochs that it had finished; 0 where there is no checkpoint yet.

    Raises:
        ValueError: there are checkpoints, but all are damaged.
    """
    notes = _notes(pathlib.Path(directory))
    for note in notes:
        try:
            content = json.loads(note.read_text())
            if _digest(_weights(note)) != content["sha256"]:
                raise ValueError("its SHA-256 differs from the one written with it")
        except (OSError, ValueError, KeyError) as error:
            logging.warning("Checkpoint %s is damaged (%s); trying the one before.", note.stem, error)
            continue
        model.load_weights(_weights(note))
        return content["epoch"]
    if notes:
        raise ValueError(
            f"Expected an undamaged checkpoint in {directory}. Received: {len(notes)} damaged ones "
            f"({', '.join(note.stem for note in notes)}). Start the run anew in another folder."
        )
    return 0


def _notes(directory):
    """The notes of all checkpoints, newest first."""
    return sorted(directory.glob("epoch-*.json"), reverse=True)


def _weights(note):
    return note.with_suffix(".weights.h5")


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
