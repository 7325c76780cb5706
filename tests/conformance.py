"""What every model must do: checks of a function `make()` that returns a new, compiled, tiny model
with `seed=...` set, which batches of 12 fit. A model with `num_classes` gets labels.

`tests/models/test_conformance.py` runs them over the table `zoo.ROWS`.
"""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tiny
import zoo

from keras_multigan import TrainedGenerators
from keras_multigan.training import stacked_layers, stacking

BATCH = 12


def labels(model, count=60):
    return None if model.num_classes is None else np.arange(count) % model.num_classes


def steps(model, count, first=0):
    model.fit(tiny.images(), labels(model), batch_size=BATCH, epochs=first + 1, initial_epoch=first,
              steps_per_epoch=count, verbose=0)


def check_every_phase_moves_its_networks_and_no_other(make, tmp_path):
    model = make()
    images = keras.ops.array(tiny.images(BATCH))
    y = labels(model, BATCH)
    y = None if y is None else keras.ops.array(y)
    owners = [id(v) for phase in model.phases() for v in phase.variables]
    assert len(owners) == len(set(owners)), "a variable has two owners"
    trainable = model.trainable_variables
    for phase in model.phases():
        before = [keras.ops.convert_to_numpy(v) for v in trainable]
        tiny.update(model, phase, images, y)
        mine = {id(v) for v in phase.variables}
        for variable, old in zip(trainable, before, strict=True):
            moved = not np.array_equal(old, keras.ops.convert_to_numpy(variable))
            if id(variable) not in mine:
                assert not moved, f"{phase.name} moved {variable.path}"
        moved = [not np.array_equal(old, keras.ops.convert_to_numpy(v))
                 for v, old in zip(trainable, before, strict=True) if id(v) in mine]
        # A bias before a normalisation has no gradient; everything else must move.
        assert np.mean(moved) > 0.7, f"{phase.name} moved only {sum(moved)} of {len(moved)}"


def check_training_is_counted_logged_and_goes_on_bit_for_bit(make, tmp_path):
    """A saved model and weights alone in a fresh model; sampling in between. One check, for each of its
    three models is traced once."""
    model, fresh = make(), make()
    history = model.fit(tiny.images(), labels(model), batch_size=BATCH, steps_per_epoch=2,
                        verbose=0).history
    assert model.steps_trained == 2
    for phase in model.phases():
        assert int(model.optimizer[phase.name].iterations) == 2 * phase.repeats
    assert sorted(history) == sorted([*(f"{phase.name}_loss" for phase in model.phases()),
                                      *model.log_names])
    assert np.isfinite(list(history.values())).all()

    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    fresh.load_weights(tmp_path / "model.weights.h5")
    assert tiny.same(model, loaded)
    model.sample(3)  # must leave training alone
    for each in (model, loaded, fresh):
        steps(each, 2, first=1)
    assert loaded.steps_trained == 4
    assert tiny.same(model, loaded), "a loaded model goes another way"
    assert tiny.same(model, fresh), "a model with loaded weights goes another way"


def check_config_rebuilds_the_model(make, tmp_path):
    model = make()
    again = type(model).from_config(model.get_config())
    assert again.get_config() == model.get_config()


def check_samples(make, tmp_path):
    model = make()
    n = model.num_generators
    each = [model.sample(4, generator=k, seed=1) for k in range(n)]
    assert all(i.shape == (4, *model.image_shape) and i.dtype == np.float32 for i in each)
    np.testing.assert_array_equal(each[0], model.sample(4, generator=0, seed=1))
    assert not np.array_equal(model.sample(4, seed=1), model.sample(4, seed=2))
    assert model.sample(1).shape[0] == 1
    for bad in (dict(num_samples=0), dict(num_samples=1, generator=n)):
        try:
            model.sample(**bad)
        except ValueError as error:
            assert "Received" in str(error)
        else:
            raise AssertionError(f"{bad} was accepted")
    # What ships of it draws the same, from a file of its own.
    TrainedGenerators.of(model).save(tmp_path / "trained.keras")
    trained = keras.saving.load_model(tmp_path / "trained.keras", compile=False, safe_mode=True)
    for k in (None, *range(n)):
        np.testing.assert_allclose(trained.sample(4, generator=k, seed=1),
                                   model.sample(4, generator=k, seed=1), atol=1e-6)


def check_backends_agree(rows, tmp_path):
    """One step from the same weights, with the same noise and SGD, on TensorFlow and on JAX.

    Args:
        rows: names of `zoo.ROWS`. All of them share one JAX process.
    """
    if keras.backend.backend() != "tensorflow":
        pytest.skip("KERAS_BACKEND=tensorflow makes this comparison")
    pytest.importorskip("jax")
    subprocess.run([sys.executable, __file__, tmp_path, *rows],
                   check=True, timeout=600, env={**os.environ, "KERAS_BACKEND": "jax"})
    for row in rows:
        with pytest.MonkeyPatch.context() as patch:
            ours, theirs = one_fixed_step(zoo.ROWS[row], patch), np.load(tmp_path / f"{row}.npz")
        assert [*ours] == theirs.files
        for name in ours:
            scale = np.linalg.norm(ours[name])
            assert scale > 0 or not name.startswith("moved"), f"{row}: {name} did not move"
            # What a weight has moved is the difference of two that are rounded to 6e-8.
            difference = np.linalg.norm(ours[name] - theirs[name])
            assert difference <= 1e-5 * scale + 5e-7, f"{row}: {name}"


def fix_random_numbers(patch):
    """Lets every random number of a step depend on its place alone."""
    def fixed(draw):
        def numbers(shape, *args, **kwargs):
            values = getattr(np.random.RandomState(sum(shape)), draw)(size=shape)
            return keras.ops.convert_to_tensor(values.astype("float32"))
        return numbers

    patch.setattr(keras.random, "normal", fixed("normal"))
    patch.setattr(keras.random, "uniform", fixed("uniform"))
    patch.setattr(keras.layers.Dropout, "call", lambda self, inputs, training=False: inputs)
    patch.setattr(stacked_layers, "dropout", lambda rates, seed, layer, x, training: x)
    patch.setattr(stacking, "dropout", stacked_layers.dropout)


def one_fixed_step(make, patch):
    """Dict of the weights after one step of `make()` whose every random number is fixed."""
    fix_random_numbers(patch)
    model = make()
    model.compile(**{f"{p.name}_optimizer": keras.optimizers.SGD(0.001) for p in model.phases()})
    numbers = np.random.RandomState(0)
    # A fixed latent mixture is drawn by the backend, too.
    fixed = model.latent.variables if hasattr(model, "latent") else []
    for variable in {id(v): v for v in [*model.trainable_variables, *fixed]}.values():
        variable.assign(numbers.normal(size=variable.shape) / 2)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    steps(model, 1)
    after = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    averages = [keras.ops.convert_to_numpy(v) for g in model.generators
                for v in g.non_trainable_variables if "seed" not in v.path]
    owned = {id(v) for phase in model.phases() for v in phase.variables}
    return {
        **{f"weight_{k}": a for k, a in enumerate(after)},
        **{f"average_{k}": a for k, a in enumerate(averages)},
        "moved": np.concatenate([(a - b).ravel() for v, a, b in zip(
            model.trainable_variables, after, before, strict=True) if id(v) in owned]),
    }


def check_export(make, tmp_path):
    from keras_multigan.export import export_generators

    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs KERAS_BACKEND=tensorflow; tests/cli export what JAX trained")
    model = make()
    paths = export_generators(model, tmp_path / "export")
    assert len(paths) == model.num_generators + 1


CHECKS = [check_every_phase_moves_its_networks_and_no_other,
          check_training_is_counted_logged_and_goes_on_bit_for_bit, check_config_rebuilds_the_model,
          check_samples, check_export]
# Those that a variant without state of its own is worth.
OF_VARIANTS = [check_every_phase_moves_its_networks_and_no_other, check_config_rebuilds_the_model]

if __name__ == "__main__":  # see check_backends_agree
    for row in sys.argv[2:]:
        with pytest.MonkeyPatch.context() as patch:
            np.savez(pathlib.Path(sys.argv[1]) / f"{row}.npz", **one_fixed_step(zoo.ROWS[row], patch))
