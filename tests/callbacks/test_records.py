"""What a run leaves to look at."""

import matplotlib.image
import numpy as np
import pytest
import tiny

from keras_multigan import callbacks
from keras_multigan.models import ComMutEGAN

pytestmark = pytest.mark.fast


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), tiny.classifier(),
                       latent_dim=tiny.LATENT, seed=1)
    model.compile()
    model.fit(tiny.images(), batch_size=12, epochs=3, steps_per_epoch=2, verbose=0, callbacks=[
        callbacks.RunProgress(6), callbacks.HistoryLog(folder), callbacks.SampleGrid(folder, 4)])
    return folder, model


@pytest.mark.parametrize("make", [callbacks.HistoryLog, callbacks.SampleGrid, callbacks.Checkpoint])
def test_a_missing_folder_is_made(make, tmp_path):
    callback = make(tmp_path / "new" / "folder")
    callback.set_model(ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT))
    callback.model.compile()
    callback.set_params({"epochs": 1})
    callback.on_epoch_end(0, {"critic_loss": 1.0})
    assert list((tmp_path / "new" / "folder").iterdir())


def test_history(run):
    folder, model = run
    rows = callbacks.read_history(folder)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert set(rows[0]) == {"epoch", *(metric.name for metric in model.metrics)}
    assert rows[2]["critic_loss"] == pytest.approx(model.history.history["critic_loss"][2])
    again = callbacks.HistoryLog(folder, initial_epoch=1)
    assert [row["epoch"] for row in again.rows] == [0], "rows after the checkpoint are dropped"


def test_a_log_that_comes_later(tmp_path):
    log = callbacks.HistoryLog(tmp_path)
    for epoch, logs in enumerate([{"a": 1.0}, {"b": 2.0, "a": 1.0}, {"b": 3.0}]):
        log.on_epoch_end(epoch, logs)
    rows = callbacks.read_history(tmp_path)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert np.isnan(rows[0]["b"]) and np.isnan(rows[2]["a"]) and rows[2]["b"] == 3.0


def test_sample_grid(run):
    folder, model = run
    picture = matplotlib.image.imread(folder / "samples.png")
    assert picture.shape[:2] == (16 * 2 * (4 + 2), 16 * (4 * 5 + 1))  # 64 / 4 times as large
    corner = picture[16:80:16, 16:80:16, 0]  # the first image, behind one white pixel
    expected = np.round((model.sample(4, generator=0, seed=0)[0, ..., 0] + 1) * 127.5) / 255
    np.testing.assert_allclose(corner, expected, atol=1.5 / 255)


def test_tensorboard_events(run):
    tf = pytest.importorskip("tensorflow")
    folder, _ = run
    tags = set()
    for path in (folder / "tensorboard").iterdir():
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            tags |= {(value.tag, event.step) for value in event.summary.value}
    assert {("samples", 2), ("critic_loss", 0), ("tvd", 2)} <= tags


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch, capsys):
    def train():
        progress = callbacks.RunProgress(2)
        progress.set_model(ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT))
        progress.set_params({"epochs": 5})
        progress.on_train_begin()
        for epoch in (3, 4):
            progress.on_epoch_begin(epoch)
            progress.on_train_batch_end(0, {"critic_loss": 1.5})
            progress.on_epoch_end(epoch, {"critic_loss": 1.5})
        return capsys.readouterr().out

    lines = train().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["epoch 4 of 5", "epoch 5 of 5"]
    assert all(line.endswith(" s - critic_loss: 1.5") for line in lines)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "2/2" in (shown := train()) and "epoch" not in shown
