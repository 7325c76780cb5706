"""apps/sample.py, and apps/artifacts.py, which finds and opens what it samples from."""

import importlib
import json
import pathlib
import shutil
import sys
import zipfile

import keras
import numpy as np
import pytest

APPS = pathlib.Path(__file__).resolve().parents[2] / "apps"


@pytest.fixture
def app(monkeypatch):
    monkeypatch.syspath_prepend(str(APPS))
    return importlib.import_module("sample")


@pytest.fixture
def artifacts(app):
    return sys.modules["artifacts"]


@pytest.fixture(scope="module")
def plain_model(tmp_path_factory):
    """A .keras file that is no GAN."""
    path = tmp_path_factory.mktemp("plain") / "plain.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    return path


def read_png(path):
    import matplotlib.image

    return matplotlib.image.imread(path)


def test_png_of_a_run_has_a_row_a_generator(run_app, tiny_run, tmp_path):
    output = tmp_path / "new" / "grid.png"
    done = run_app("sample.py", f"--model={tiny_run}", "--num_samples=3", f"--output={output}")
    assert "generator_0, generator_1; --seed=" in done.stdout
    # Twice the size of 2 rows of 3 images of 32 pixels with the gaps of plots.image_grid.
    assert read_png(output).shape[:2] == (2 * 2 * (32 + 2), 2 * (3 * (32 + 1) + 1))
    assert read_png(output)[..., :3].std() > 0.05
    assert [path.name for path in output.parent.iterdir()] == ["grid.png"]


def test_bad_input_ends_with_code_2_and_writes_nothing(run_app, tiny_run, tmp_path):
    output = tmp_path / "x.png"
    done = run_app("sample.py", f"--model={tiny_run}", "--generator=2", f"--output={output}",
                   code=2)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: --generator is expected") and "[0, 1]" in last and "'2'" in last
    assert not list(tmp_path.iterdir())


def test_the_shipped_mnist_generators_draw_what_their_metrics_say(artifacts):
    from keras_multigan import metrics

    folder = APPS.parent / "savedmodels" / "commute_mnist"
    model = artifacts.open_model(folder / "export")
    images = [model.sample(400, generator=k) for k in range(5)]
    table = metrics.class_probabilities(images, metrics.shipped_classifier())
    wanted = json.loads((folder / "metrics.json").read_text())["class_probabilities"]
    # Six standard errors of a share of 400 images.
    np.testing.assert_allclose(table, wanted, atol=6 * 0.5 / 20)


def test_same_seed_same_images(app, tiny_run, tmp_path):
    def draw(name, **options):
        return app.sample(model=tiny_run, num_samples=3, output=tmp_path / name, **options)

    images = draw("a.npy", seed=5)
    again = draw("b.npz", seed=5)
    assert list(images) == list(again) == ["generator_0", "generator_1"]
    for name in images:
        np.testing.assert_array_equal(images[name], again[name])
    assert np.abs(images["generator_0"] - images["generator_1"]).max() > 1e-3
    one = draw("c.npy", seed=5, generator="1")["generator_1"]
    np.testing.assert_allclose(one, images["generator_1"], atol=1e-5)
    assert np.abs(draw("d.npy", seed=6)["generator_0"] - images["generator_0"]).max() > 1e-3
    assert draw("e.npy", generator="mixture")["mixture"].shape == (3, 32, 32, 1)

    stored = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert stored.shape == (6, 32, 32, 1) and stored.dtype == np.float32
    assert stored.min() >= -1 and stored.max() <= 1
    np.testing.assert_array_equal(stored, np.concatenate(list(images.values())))
    with np.load(tmp_path / "b.npz", allow_pickle=False) as stored:
        assert set(stored) == set(images)
        np.testing.assert_array_equal(stored["generator_1"], images["generator_1"])


def test_a_saved_model_gives_what_its_signature_gives(app, tiny_run, tmp_path):
    import tensorflow as tf

    export = tiny_run / "export"
    for name, model in [("generator_1", export / "generator_1"),
                        ("generator_1", export / "generator_1" / "1"),
                        ("mixture", export / "mixture")]:
        images = app.sample(model=model, num_samples=4, seed=7, output=tmp_path / "x.npy",
                            overwrite=True)
        assert list(images) == [name]
        loaded = tf.saved_model.load(str(export / name / "1"))
        served = loaded.signatures["sample"](batch_size=tf.constant(4), seed=tf.constant(7))
        np.testing.assert_allclose(images[name], served["images"].numpy(), atol=1e-5)
    both = app.sample(model=export, num_samples=2, seed=7, output=tmp_path / "y.npz")
    assert list(both) == ["generator_0", "generator_1"]
    assert app.sample(model=export, generator="mixture", num_samples=2,
                      output=tmp_path / "z.npz")["mixture"].shape == (2, 32, 32, 1)


def test_a_saved_model_gives_many_images_in_batches(artifacts, tiny_run):
    model = artifacts.open_model(tiny_run / "export" / "generator_0")
    images = model.sample(1003, generator=0, seed=2)
    assert images.shape == (1003, 32, 32, 1) and images.dtype == np.float32
    assert len(np.unique(images.reshape(1003, -1), axis=0)) == 1003
    np.testing.assert_array_equal(images, model.sample(1003, generator=0, seed=2))


def test_the_newest_version_is_used_alone(artifacts, tmp_path):
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


def test_what_cannot_be_opened(artifacts, tiny_run, plain_model, tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a run folder.*absent"):
        artifacts.open_model(tmp_path / "absent.keras")
    with pytest.raises(FileNotFoundError, match="which is none of these\\.$"):
        artifacts.open_model(tmp_path)
    (tmp_path / "options.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="--resume"):
        artifacts.open_model(tmp_path)
    with pytest.raises(ValueError, match="has generators. Received: .*plain.keras, a Sequential"):
        artifacts.open_model(plain_model)
    with pytest.raises(ValueError, match="generators. Received: .*classifier.keras"):
        artifacts.open_model(tiny_run / "classifier.keras")


def test_damaged_keras_files(artifacts, tiny_run, tmp_path):
    path = tmp_path / "model.keras"
    whole = (tiny_run / "model.keras").read_bytes()
    flipped = bytearray(whole)
    for index in range(len(whole) // 3, len(whole) // 3 + 2000):
        flipped[index] ^= 0x5A
    for content in (b"", b"no zip file", whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="complete .keras file.*Received: .*model.keras"):
            artifacts.open_model(tmp_path)
    for name, content in (("x.txt", "y"), ("config.json", "{bad")):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, content)
        with pytest.raises(ValueError, match="complete .keras file.*Received: .*model.keras"):
            artifacts.open_model(path)


def test_no_code_from_a_keras_file_runs(artifacts, tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x)]).save(path)
    with pytest.raises(ValueError, match="Lambda") as raised:
        artifacts.open_model(path)
    assert "safe_mode" not in str(raised.value)  # Keras' advice is no good one here


def test_damaged_and_foreign_saved_models(artifacts, tiny_run, tmp_path):
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


def test_generators_that_are_not_there(app, artifacts, tiny_run, tmp_path):
    output = tmp_path / "x.npy"
    for generator in ("2", "-1", "first", ""):
        with pytest.raises(ValueError, match=r"--generator is expected.*\[0, 1\]"):
            app.sample(model=tiny_run, generator=generator, output=output)
    for model, generator in (("generator_1", "0"), ("mixture", "0")):
        with pytest.raises(ValueError, match="--generator is expected"):
            app.sample(model=tiny_run / "export" / model, generator=generator, output=output)
    with pytest.raises(ValueError, match=r"Expected \[1\].*Received: the mixture"):
        app.sample(model=tiny_run / "export" / "generator_1", generator="mixture", output=output)
    assert not list(tmp_path.iterdir())


def test_output_is_checked_first_and_never_lost(app, tmp_path, monkeypatch):
    # No model is there: the output is looked at before anything is loaded.
    for name in ("x.jpg", "x", "x.NPY"):
        with pytest.raises(ValueError, match="end in .png, .npy, .npz. Received"):
            app.sample(model="absent", output=tmp_path / name)
    with pytest.raises(ValueError, match="at most 500.*Received: 501"):
        app.sample(model="absent", output=tmp_path / "x.png", num_samples=501)
    kept = tmp_path / "kept.npy"
    kept.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="kept.npy, which exists.*--overwrite"):
        app.sample(model="absent", output=kept)
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(FileExistsError, match="another name"):
        app.sample(model="absent", output=tmp_path / "folder.npy", overwrite=True)
    with pytest.raises(RuntimeError), app.common.replacing(kept) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert kept.read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} == {"kept.npy", "folder.npy"}
