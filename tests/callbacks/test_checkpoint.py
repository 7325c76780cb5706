"""Checkpoints: exact, kept apart, damage noticed, full disks survived."""

import json
import resource

import keras
import numpy as np
import pytest
import tiny
from conformance import steps

from keras_multigan import callbacks
from keras_multigan.models import ComMutEGAN

pytestmark = pytest.mark.fast


def make():
    keras.utils.set_random_seed(3)
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), tiny.classifier(),
                       latent_dim=tiny.LATENT, seed=1)
    model.compile()
    return model


def fit(model, folder, epochs, first=0):
    model.fit(tiny.images(), batch_size=12, epochs=epochs, initial_epoch=first, steps_per_epoch=1,
              verbose=0, callbacks=[callbacks.Checkpoint(folder)])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_resume_is_exact_and_old_checkpoints_go(tmp_path):
    model, other = make(), make()
    fit(model, tmp_path, 3)
    assert names(tmp_path) == [f"epoch-0000{e}.{end}" for e in (2, 3)
                               for end in ("json", "npz")]
    assert callbacks.restore_checkpoint(other, tmp_path) == 3
    assert tiny.same(model, other)
    steps(model, 1, first=3)
    steps(other, 1, first=3)
    assert tiny.same(model, other)


def test_no_checkpoint_yet(tmp_path):
    assert callbacks.restore_checkpoint(make(), tmp_path / "none") == 0


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "note", "epoch", "step"])
def test_a_damaged_checkpoint_is_passed_by(tmp_path, damage, caplog):
    model = make()
    fit(model, tmp_path, 1)
    expected = tiny.state(model)
    fit(model, tmp_path, 2, first=1)
    weights = tmp_path / "epoch-00002.npz"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    note = tmp_path / "epoch-00002.json"
    written = json.loads(note.read_text())
    {"epoch": lambda: note.write_text(json.dumps({**written, "epoch": 3})),
     "step": lambda: note.write_text(json.dumps({**written, "step": 1})),
     "truncated": lambda: weights.write_bytes(content[:1000]),
     "flipped": lambda: weights.write_bytes(content),
     "missing": weights.unlink,
     "note": lambda: note.write_text("{")}[damage]()
    other = make()
    with caplog.at_level("WARNING"):
        assert callbacks.restore_checkpoint(other, tmp_path) == 1
    assert "epoch-00002 is damaged" in caplog.text
    assert all(np.array_equal(a, b) for a, b in zip(expected, tiny.state(other), strict=True))


def test_a_note_of_version_0_1_is_read(tmp_path):
    model = make()
    fit(model, tmp_path, 1)
    note = tmp_path / "epoch-00001.json"
    written = json.loads(note.read_text())
    note.write_text(json.dumps({name: written[name] for name in ("epoch", "sha256")}))
    other = make()
    assert callbacks.restore_progress(other, tmp_path) == (1, 0)
    assert tiny.same(model, other)


def test_all_damaged(tmp_path):
    fit(make(), tmp_path, 2)
    for path in tmp_path.glob("*.npz"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="Received: 2 damaged ones .epoch-00002, epoch-00001"):
        callbacks.restore_checkpoint(make(), tmp_path)


def test_a_full_disk_keeps_what_was_saved(tmp_path):
    model = make()
    callbacks.save_checkpoint(model, tmp_path, 1)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / "epoch-00001.npz").stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
        with pytest.raises(OSError, match="epoch-00002 could not be written.*Earlier checkpoints"):
            callbacks.save_checkpoint(model, tmp_path, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    assert callbacks.restore_checkpoint(make(), tmp_path) == 1


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model = make()
    callbacks.save_checkpoint(model, tmp_path, 1)
    variable = model.generators[1].trainable_variables[0]
    variable.assign(np.full(variable.shape, np.inf, "float32"))
    with pytest.raises(callbacks.NonFiniteLossError, match=f"epoch 2.*1 variables, {variable.path}"):
        callbacks.save_checkpoint(model, tmp_path, 2)
    assert callbacks.restore_checkpoint(make(), tmp_path) == 1


def test_the_newest_is_the_one_of_most_epochs(tmp_path):
    model = make()
    for epoch in (99_999, 100_000):
        callbacks.save_checkpoint(model, tmp_path, epoch)
    assert callbacks.restore_checkpoint(make(), tmp_path) == 100_000


def test_a_checkpoint_of_another_model(tmp_path):
    callbacks.save_checkpoint(make(), tmp_path, 1)
    other = ComMutEGAN([tiny.generator()], tiny.critic(), tiny.classifier(), latent_dim=tiny.LATENT)
    other.compile()
    with pytest.raises(ValueError, match="Expected a checkpoint of this model.*Received"):
        callbacks.restore_checkpoint(other, tmp_path)


def test_notes_say_what_they_belong_to(tmp_path):
    callbacks.save_checkpoint(make(), tmp_path, 12)
    note = json.loads((tmp_path / "epoch-00012.json").read_text())
    assert note["epoch"] == 12 and len(note["sha256"]) == 64
