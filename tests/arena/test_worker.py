"""One run: every method of the registry gets the same budget, and the row says what it had."""

import dataclasses
import functools
import sys

import keras
import numpy as np
import pytest

from keras_multigan.arena import protocols, worker
from keras_multigan.networks import ConvKit, DenseKit
from keras_multigan.recipes import RECIPES

JOB = worker.Job("ring", "gan", "generator", 0, 1200, 24, 1e-3, 3, "", None)


def tiny(kind=DenseKit, shape=(2,), match="generator", **size):
    kit = kind(shape, latent_dim=4, num_generators=3, num_classes=4, match=match, **size)
    kit.classifier = kit.discriminator(4)
    return kit


@pytest.mark.parametrize("name", RECIPES)
def test_every_method_takes_part_with_the_same_budget(name):
    recipe = RECIPES[name]
    for kit in (tiny(width=5), tiny(ConvKit, (8, 8, 1), filters=3, units=4)):
        job = dataclasses.replace(JOB, method=name)
        model, epochs, steps = worker.build(job, kit)
        assert isinstance(model, recipe.model) and model.seed == 0
        assert epochs * steps * worker.discriminator_updates(model) == 1200
        assert epochs == 5  # of 20 blocks of updates, 5 or 15
        size = worker.batch_size(job, model)
        model.check_batch_size(size)
        assert 24 <= size < 24 + model.batch_unit
        samples = model.sample(4, seed=0)
        assert samples.shape == (4, *kit.shape) and np.isfinite(samples).all()


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.arena])
def test_parameters_are_matched(name):
    """Of all generators together, whether they share layers or not."""
    kit = tiny(match="parameters", width=64)
    one = worker.trained_parameters([kit.generator()])
    model = worker.build(dataclasses.replace(JOB, method=name), kit)[0]
    extra = sum(v.shape[0] * v.shape[1] for g in model.generators for v in g.trainable_variables
                if v.shape == (3, 4)) // len(model.generators)  # a learned mixture of noise
    extra += 64 * (model.num_classes or 0)  # of the first layer, which gets the class beside the noise
    assert worker.trained_parameters(model.generators) - extra == pytest.approx(one, rel=0.05)


def test_labels():
    assert worker.uses_labels({"classifier": 1, "num_classes": None})
    assert worker.uses_labels({"num_classes": 3})
    assert not worker.uses_labels({"classifier": None, "latent_dim": 2})


def test_updates_that_a_step_does_not_divide():
    with pytest.raises(ValueError, match="multiple of wgan_gp's 5.*Received: 63"):
        worker.build(dataclasses.replace(JOB, method="wgan_gp", updates=63), tiny(width=5))


class Rates(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append([float(o.learning_rate) for o in self.model.optimizer.optimizers])


def test_the_rate_falls_and_for_each_round_anew():
    model, *_ = worker.build(JOB, tiny(width=5))
    model.epochs_per_round, rates = 2, Rates()
    x = np.zeros((40, 2), "float32")
    model.fit(x, batch_size=4, epochs=4, steps_per_epoch=20, verbose=0,
              callbacks=[worker.falling_rate(1e-2), rates])
    np.testing.assert_allclose(rates.seen, [[1e-2] * 2, [5e-3] * 2] * 2, rtol=1e-6)
    model.epochs_per_round, rates = None, Rates()
    model.fit(x, batch_size=4, epochs=4, steps_per_epoch=20, verbose=0,
              callbacks=[worker.falling_rate(1e-2), rates])
    np.testing.assert_allclose(rates.seen, [[r, r] for r in (1e-2, 7.5e-3, 5e-3, 2.5e-3)], rtol=1e-6)


def test_a_curve_of_about_ten_points():
    model, *_ = worker.build(JOB, tiny(width=5))
    x = np.zeros((40, 2), "float32")
    curve = worker.curve_of(lambda model: {"trained": float(model.steps_trained)}, 250)
    model.fit(x, batch_size=4, epochs=25, steps_per_epoch=model.steps_per_execution,
              verbose=0, callbacks=[curve])
    assert [point["updates"] for point in curve.points] == [30, 50, 80, 100, 130, 150, 180, 200, 230,
                                                            250]
    assert [point["trained"] for point in curve.points] == [
        steps * model.steps_per_execution for steps in (3, 5, 8, 10, 13, 15, 18, 20, 23, 25)]
    seconds = [point["seconds"] for point in curve.points]
    assert seconds == sorted(seconds) and curve.seconds > 0


def test_the_curve_of_rounds():
    model, epochs, _ = worker.build(dataclasses.replace(JOB, method="adagan"), tiny(width=5))
    curve = worker.curve_of(lambda model: {}, 600)
    model.fit(np.zeros((40, 2), "float32"), batch_size=4, epochs=epochs,
              steps_per_epoch=model.steps_per_execution, verbose=0, callbacks=[curve])
    updates = [point["updates"] for point in curve.points]
    seconds = [point["seconds"] for point in curve.points]
    assert model.num_generators > 1 and updates[0] <= 120 and updates[-1] == 600
    assert updates == sorted(set(updates)) and seconds == sorted(seconds) and seconds[0] >= 0


def test_a_run(tmp_path, monkeypatch):
    small = dataclasses.replace(
        protocols.PROTOCOLS["ring"], load=lambda *given: few(*given),
        kit=functools.partial(DenseKit, (2,), latent_dim=2, width=4))
    full = protocols.PROTOCOLS["ring"].load

    def few(*given):
        found = full(*given)
        return found._replace(samples=found.samples[:500], labels=found.labels[:500])

    monkeypatch.setitem(protocols.PROTOCOLS, "ring", small)
    job = dataclasses.replace(JOB, method="gan", updates=60, output=str(tmp_path))
    (tmp_path / "runs").mkdir()
    row = worker.run(job)
    kit = small.kit(num_generators=3)
    assert row["parameters"] == worker.trained_parameters([kit.generator()]) == 12 + 20 + 10
    assert row["generators"] == 1 and row["labels"] == 0 and row["batch_size"] == 24
    assert row["backend"] == keras.backend.backend() and row["peak_memory_mib"] > 50
    assert {"modes", "high_quality", "reverse_kl", "seconds", "cpu_seconds"} <= row.keys()
    assert (tmp_path / "runs" / "gan-seed0.png").exists()
    assert (tmp_path / "classifier.keras").exists()
    again = worker.run(job)
    assert {k: again[k] for k in ("modes", "high_quality", "reverse_kl")} == {
        k: row[k] for k in ("modes", "high_quality", "reverse_kl")}


def test_no_peak_memory_where_the_system_does_not_say_it(monkeypatch):
    assert worker.peak_memory_mib() > 20
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert worker.peak_memory_mib() is None
