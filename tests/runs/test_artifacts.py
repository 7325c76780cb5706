"""What a run leaves is found and opened, wherever it is."""

import json
import os
import pathlib
import shutil
import types

import keras
import numpy as np
import pytest
import tiny

from keras_multigan.export import NOTE, _serving_config, export_generators
from keras_multigan.models import P2GAN
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import artifacts

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def test_a_saved_model_gives_many_images_in_batches(tiny_run):
    model = artifacts.open_model(tiny_run / "export" / "generator_0")
    images = model.sample(1003, generator=0, seed=2)
    assert images.shape == (1003, 32, 32, 1) and images.dtype == np.float32
    assert len(np.unique(images.reshape(1003, -1), axis=0)) == 1003
    np.testing.assert_array_equal(images, model.sample(1003, generator=0, seed=2))


@pytest.mark.fast
def test_the_newest_version_is_used_alone(tmp_path):
    for folder in ("generator_0/2", "generator_1/2", "generator_2/2", "mixture/2",
                   "generator_0/10", "generator_1/10", ".export-tmp-x/generator_0", "other/30"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "saved_model.pb").touch()
    assert artifacts._saved_models(tmp_path) == {
        0: tmp_path / "generator_0" / "10", 1: tmp_path / "generator_1" / "10",
    }
    assert artifacts._saved_models(tmp_path / "generator_2") == {2: tmp_path / "generator_2" / "2"}
    assert artifacts._saved_models(tmp_path / "mixture" / "2") == {None: tmp_path / "mixture" / "2"}
    assert artifacts._saved_models(tmp_path / "other") == {0: tmp_path / "other" / "30"}


def export_folder(folder, *names, version=1, note=True):
    """Folders as an export leaves them, with empty SavedModels."""
    for name in names:
        path = folder / name / str(version)
        for part in ("assets.extra", "variables"):
            (path / part).mkdir(parents=True)
        (path / "saved_model.pb").touch()
        if note:
            (path / NOTE).write_text(json.dumps({"models": names, "max_batch_size": 4096}))
    write_config(folder, *names)


def write_config(folder, *names):
    (folder / "models.config").write_text(_serving_config(names, "/models"))


@pytest.mark.fast
@pytest.mark.parametrize("note", [True, False])
@pytest.mark.parametrize("gone, missing", [
    ("generator_0", "generator_0/1/saved_model.pb"), ("generator_1", "generator_1/1/saved_model.pb"),
    ("generator_2", "generator_2/1/saved_model.pb"), ("mixture", "mixture/1/saved_model.pb"),
    ("generator_2/1/saved_model.pb", "generator_2/1/saved_model.pb"),
    ("mixture/1/saved_model.pb", "mixture/1/saved_model.pb")])
def test_an_incomplete_export_is_refused(gone, missing, note, refused, tmp_path):
    export_folder(tmp_path, "generator_0", "generator_1", "generator_2", "mixture", note=note)
    assert list(artifacts._saved_models(tmp_path)) == [0, 1, 2, None]
    (shutil.rmtree if (tmp_path / gone).is_dir() else os.remove)(tmp_path / gone)
    for command in ("sample", "evaluate"):
        refused([command, f"--model={tmp_path}"], f"Received: {tmp_path}, which lacks {missing}. ")
    if "/" in gone:  # one model
        for path, message in ((tmp_path / gone).parents[1], "lacks 1/saved_model.pb"), (
                (tmp_path / gone).parent, "it has no saved_model.pb"):
            with pytest.raises(FileNotFoundError, match=message):
                artifacts.open_model(path)
    else:
        kept = next(path for path in tmp_path.glob("*_*"))
        assert artifacts._saved_models(kept)


@pytest.mark.fast
def test_what_belongs_to_an_export(tmp_path):
    export_folder(tmp_path, "generator_0", "generator_1", "mixture")
    write_config(tmp_path, "generator_0", "generator_1", "generator_7", "mixture")
    with pytest.raises(FileNotFoundError, match="lacks generator_7/1/saved_model.pb"):
        artifacts._saved_models(tmp_path)
    # A later version of fewer models is whole, although models.config names those of an earlier one.
    export_folder(tmp_path, "generator_0", version=2)
    write_config(tmp_path, "generator_0", "generator_1", "mixture")
    assert list(artifacts._saved_models(tmp_path)) == [0]
    # The only trace of a model of this version is in what the others say.
    export_folder(tmp_path, "generator_0", "generator_1", version=3)
    shutil.rmtree(tmp_path / "generator_1" / "3")
    with pytest.raises(FileNotFoundError, match="lacks generator_1/3/saved_model.pb"):
        artifacts._saved_models(tmp_path)
    (tmp_path / "generator_0" / "3" / NOTE).write_text('{"models": 3}')
    with pytest.raises(ValueError, match="JSON object.*export.json, which cannot be read"):
        artifacts._saved_models(tmp_path)


@pytest.mark.tensorflow
def test_requests_are_no_larger_than_the_export_allows(tmp_path):
    generators = [tiny.generator(), tiny.generator()]
    model = types.SimpleNamespace(generators=generators, latent_dim=tiny.LATENT)
    export_generators(model, tmp_path, max_batch_size=3)
    export = artifacts.open_model(tmp_path)
    assert export.sample(8).shape == (8, *tiny.SHAPE)
    noise = np.random.default_rng(0).normal(size=(8, tiny.LATENT)).astype("float32")
    np.testing.assert_allclose(artifacts.images_of(export, noise, 1),
                               generators[1](noise, training=False), atol=1e-6)


@pytest.mark.tensorflow
def test_exports_of_earlier_versions(tiny_run, tmp_path):
    """They know no largest batch and have no note."""
    export = shutil.copytree(tiny_run / "export", tmp_path / "export")
    notes = list(export.glob(f"*/*/{NOTE}"))
    assert len(notes) == 3
    for note in notes:
        note.unlink()
    model = artifacts.open_model(export)
    assert model.numbers == [0, 1] and len(model.sample(7, generator=1)) == 7


def test_what_cannot_be_opened(tiny_run, tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a run folder.*absent"):
        artifacts.open_model(tmp_path / "absent.keras")
    with pytest.raises(FileNotFoundError, match="which is none of these\\.$"):
        artifacts.open_model(tmp_path)
    (tmp_path / "options.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="--resume"):
        artifacts.open_model(tmp_path)
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "plain.keras")
    with pytest.raises(ValueError, match="has generators. Received: .*plain.keras, a Sequential"):
        artifacts.open_model(tmp_path / "plain.keras")
    with pytest.raises(ValueError, match="generators. Received: .*classifier.keras"):
        artifacts.open_model(tiny_run / "classifier.keras")


def test_a_damaged_run(tiny_run, tmp_path):
    path = tmp_path / "model.keras"
    whole = (tiny_run / "model.keras").read_bytes()
    path.write_bytes(whole)
    assert artifacts.open_model(tmp_path).num_generators == 2
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="complete .keras file.*Received: .*model.keras"):
        artifacts.open_model(tmp_path)


def test_damaged_and_foreign_saved_models(tiny_run, tmp_path):
    import tensorflow as tf

    graph = tmp_path / "graph"
    shutil.copytree(tiny_run / "export" / "generator_0" / "1", graph)
    (graph / "saved_model.pb").write_bytes(b"no protocol buffer")
    weights = tmp_path / "weights"
    shutil.copytree(tiny_run / "export" / "generator_0" / "1", weights)
    data = weights / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    for path in (graph, weights):
        with pytest.raises(ValueError, match=f"complete SavedModel. Received: .*{path.name}"):
            artifacts.open_model(path)

    module = tf.Module()
    module.double = tf.function(lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec((None,))])
    tf.saved_model.save(module, str(tmp_path / "double"), signatures=module.double)
    with pytest.raises(ValueError, match="signature sample.*Received.*serving_default"):
        artifacts.open_model(tmp_path / "double")


@pytest.mark.fast
def test_rows():
    class Two:
        num_generators = 2

    class Third:
        numbers = [2]

    class Mixture:
        numbers = []

    assert artifacts.rows(Two()) == {"generator_0": 0, "generator_1": 1}
    assert artifacts.rows(Two(), "1") == artifacts.rows(Two(), 1) == {"generator_1": 1}
    assert artifacts.rows(Two(), "mixture") == artifacts.rows(Mixture()) == {"mixture": None}
    assert artifacts.rows(Third()) == artifacts.rows(Third(), "2") == {"generator_2": 2}
    for model, generator in ((Two(), "2"), (Third(), "0"), (Mixture(), "0"), (Two(), "-1")):
        with pytest.raises(ValueError, match="--generator is expected to be all, mixture or a gen"):
            artifacts.rows(model, generator)


@pytest.mark.fast
def test_generators_that_have_yet_to_join_draw_nothing():
    recipe = RECIPES["p2"]
    model = recipe.like(recipe.make_options("quick", num_generators=3, width=4, latent_dim=tiny.LATENT))
    assert isinstance(model, P2GAN)
    assert list(artifacts.rows(model)) == ["generator_0"]
    assert list(artifacts.rows(model, "2")) == ["generator_2"]
