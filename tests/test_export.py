"""The exported SavedModels, seen from processes that know only TensorFlow, and the files' safety."""

import errno
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import types

import keras
import numpy as np
import pytest

import keras_multigan.export as export_lib
from keras_multigan.export import export_generators

LATENT = 6
needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="SavedModels need KERAS_BACKEND=tensorflow"
)


def fake_model(*generators, latent_dim=LATENT):
    return types.SimpleNamespace(generators=list(generators), latent_dim=latent_dim)


def image_model():
    """3 generators (LATENT,) -> (8, 8, 1) whose layers behave otherwise in training.

    The first two share their first layer.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    trunk = keras.layers.Dense(16)
    generators = []
    for k in range(3):
        noise = keras.Input((LATENT,))
        x = (trunk if k < 2 else keras.layers.Dense(16))(noise)
        x = keras.layers.Dropout(0.5)(x)
        x = keras.layers.Reshape((2, 2, 4))(x)
        x = keras.layers.Conv2DTranspose(3, 4, 2, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.LayerNormalization()(keras.layers.UpSampling2D(2)(x))
        x = keras.layers.Conv2D(1, 3, padding="same", activation="tanh")(x)
        generators.append(keras.Model(noise, x))
        for layer in generators[-1].layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return fake_model(*generators)


def constant_model(n, dtype=None):
    """n generators (LATENT,) -> (2, 2, 1); generator k answers k / 4 everywhere."""
    generators = []
    for k in range(n):
        dense = keras.layers.Dense(
            4, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(k / 4)
        )
        if dtype:
            dense.dtype_policy = dtype
        layers = [keras.Input((LATENT,)), dense, keras.layers.Reshape((2, 2, 1), dtype=dtype)]
        generators.append(keras.Sequential(layers))
    return fake_model(*generators)


def noise_rows(rows, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, LATENT), dtype="float32")


def load(path):
    """serving_default and sample of a SavedModel, as functions that give NumPy arrays."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)

    def serve(noise):
        return loaded.signatures["serving_default"](noise=tf.constant(noise))["images"].numpy()

    def sample(batch_size, seed):
        arguments = {"batch_size": tf.constant(batch_size), "seed": tf.constant(seed)}
        return loaded.signatures["sample"](**arguments)["images"].numpy()

    return serve, sample


def generators_used(images):
    """For images of `constant_model`: the generator of each row."""
    assert (images == images[:, :1, :1, :1]).all()
    return np.rint(images[:, 0, 0, 0] * 4).astype(int)


def python(*arguments, cwd):
    """Run the interpreter away from this checkout; return its standard output."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "KERAS_BACKEND")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**environment, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def snapshot(folder):
    folder = pathlib.Path(folder)
    files = sorted(folder.rglob("*")) if folder.exists() else [None]
    return [(p, p.read_bytes() if p.is_file() else None) for p in files if p] or folder.exists()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An export of `image_model`: (model, paths)."""
    model = image_model()
    return model, export_generators(model, tmp_path_factory.mktemp("export") / "image models")


@pytest.fixture
def quick_save(monkeypatch):
    """Stands in for the SavedModel writer where only the folders matter."""

    def save(path, *_):
        path.mkdir()
        (path / "saved_model.pb").write_text(path.name)

    monkeypatch.setattr(export_lib, "_save", save)


# ------------------------------------------------------------------------- the SavedModels


@needs_tensorflow
def test_layout(exported):
    paths = [pathlib.Path(p) for p in exported[1]]
    root = paths[0].parent.parent
    names = ["generator_0", "generator_1", "generator_2", "mixture"]
    assert all(type(p) is str for p in exported[1])
    assert paths == [root / name / "1" for name in names]
    assert sorted(p.name for p in root.iterdir()) == [*names, "models.config"]
    assert all((p / "saved_model.pb").is_file() for p in paths)
    # A server under another account must be able to read what mkdtemp made private.
    assert all(p.stat().st_mode & 0o777 == root.stat().st_mode & 0o777 for p in paths)


@needs_tensorflow
def test_weights_are_stored_once(exported):
    import tensorflow as tf

    model, paths = exported
    trunk = model.generators[0].layers[1].count_params()
    wanted = [g.count_params() for g in model.generators]
    for path, parameters in zip(paths, [*wanted, sum(wanted) - trunk]):
        stored = dict(tf.train.list_variables(f"{path}/variables/variables"))
        sizes = [np.prod(shape) for name, shape in stored.items() if "VARIABLE_VALUE" in name]
        # TensorFlow adds a counter of its own.
        assert parameters <= sum(sizes) <= parameters + 1


@needs_tensorflow
def test_saved_model_cli(exported, tmp_path):
    model, paths = exported
    noise = noise_rows(5)
    np.save(tmp_path / "n.npy", noise)
    cli = ["-m", "tensorflow.python.tools.saved_model_cli", "run", "--tag_set", "serve"]
    serve = ["--signature_def", "serving_default", "--inputs", "noise=n.npy", "--outdir", "a"]
    python(*cli, "--dir", paths[1], *serve, cwd=tmp_path)
    images = np.load(tmp_path / "a" / "images.npy")
    wanted = np.asarray(model.generators[1](noise, training=False))
    assert images.dtype == np.float32 and np.ptp(wanted) > 0.1
    np.testing.assert_allclose(images, wanted, atol=1e-6)

    numbers = "batch_size=4;seed=7"
    sample = ["--signature_def", "sample", "--input_exprs", numbers, "--outdir", "b"]
    python(*cli, "--dir", paths[-1], *sample, cwd=tmp_path)
    images = np.load(tmp_path / "b" / "images.npy")
    assert images.shape == (4, 8, 8, 1)
    np.testing.assert_allclose(images, load(paths[-1])[1](4, 7), atol=1e-6)


@needs_tensorflow
def test_loads_with_tensorflow_alone(exported, tmp_path):
    model, paths = exported
    noise = noise_rows(3)
    np.save(tmp_path / "n.npy", noise)
    code = """
import sys
sys.modules["keras"] = sys.modules["keras_multigan"] = None  # importing them would fail
import numpy as np, tensorflow as tf
noise = tf.constant(np.load("n.npy"))
for k, path in enumerate(sys.argv[1:]):
    loaded = tf.saved_model.load(path)
    assert set(loaded.signatures) == {"serving_default", "sample"}, list(loaded.signatures)
    outputs = [f.structured_outputs["images"] for f in loaded.signatures.values()]
    assert {(o.dtype, tuple(o.shape)) for o in outputs} == {(tf.float32, (None, 8, 8, 1))}
    np.save(f"{k}.npy", loaded.signatures["serving_default"](noise=noise)["images"])
assert sys.modules["keras"] is sys.modules["keras_multigan"] is None
"""
    python("-c", code, *paths, cwd=tmp_path)
    each = [np.asarray(g(noise, training=False)) for g in model.generators]
    for k, wanted in enumerate(each):
        np.testing.assert_allclose(np.load(tmp_path / f"{k}.npy"), wanted, atol=1e-6)
    for i, image in enumerate(np.load(tmp_path / "3.npy")):
        assert min(np.abs(image - images[i]).max() for images in each) < 1e-5


@needs_tensorflow
def test_sample_is_seeded(exported):
    samples = [load(path)[1] for path in exported[1]]
    drawn = [sample(6, 3) for sample in samples]
    for sample, images in zip(samples, drawn):
        np.testing.assert_array_equal(sample(6, 3), images)
        assert np.abs(sample(6, 4) - images).max() > 0.01
        assert np.abs(images[0] - images[1]).max() > 0.001
        assert np.isfinite(sample(2, -1)).all()
    assert len({images.tobytes() for images in drawn}) == len(drawn)


@needs_tensorflow
def test_generators_draw_their_own_noise(tmp_path):
    """Equal generators give other images for one seed, as k is folded into it."""
    same = keras.Sequential([keras.Input((4,)), keras.layers.Reshape((2, 2, 1))])
    paths = export_generators(fake_model(same, same, latent_dim=4), tmp_path)
    noise = np.stack([load(path)[1](2000, 0) for path in paths]).reshape(3, -1)
    assert np.abs(np.corrcoef(noise) - np.eye(3)).max() < 0.05
    assert np.abs(noise.mean(1)).max() < 0.05 and np.abs(noise.std(1) - 1).max() < 0.05


@needs_tensorflow
def test_mixture_rows_do_not_depend_on_their_batch(exported):
    serve = load(exported[1][-1])[0]
    noise = noise_rows(12)
    images = serve(noise)
    order = np.random.default_rng(1).permutation(12)
    # Other batch sizes may meet other convolution kernels: not bitwise equal.
    np.testing.assert_allclose(serve(noise[order]), images[order], atol=1e-5)
    for i in range(0, 12, 5):
        np.testing.assert_allclose(serve(noise[i : i + 1]), images[i : i + 1], atol=1e-5)
    assert serve(noise[:0]).shape == (0, 8, 8, 1)


@needs_tensorflow
@pytest.mark.parametrize("n", [1, 2, 5])
def test_mixture_uses_generators_evenly(n, tmp_path):
    serve, sample = load(export_generators(constant_model(n), tmp_path)[-1])
    uniform = np.random.default_rng(3).uniform(-1, 1, (4000, LATENT)).astype("float32")
    # The low bits of TensorFlow's uniform numbers are zeros.
    coarse = np.round(uniform * 2**20) / np.float32(2**20)
    for noise in (noise_rows(4000), uniform, coarse):
        counts = np.bincount(generators_used(serve(noise)), minlength=n)
        assert len(counts) == n
        # The 1 - 1e-4 quantile of chi-square with 4 degrees of freedom is 23.5.
        assert ((counts - 4000 / n) ** 2 / (4000 / n)).sum() < 23.5

    for batch_size in (0, 1, n, 13):
        counts = np.bincount(generators_used(sample(batch_size, 5)), minlength=n)
        assert counts.sum() == batch_size and np.ptp(counts) <= 1
    assert {generators_used(sample(1, seed))[0] for seed in range(40)} == set(range(n))
    used = generators_used(sample(13, 5))
    np.testing.assert_array_equal(used, (used[0] + np.arange(13)) % n)


@needs_tensorflow
def test_float32_under_mixed_precision(tmp_path):
    model = constant_model(2, dtype="mixed_bfloat16")
    model.generators[1] = constant_model(2).generators[1]
    assert [g.outputs[0].dtype for g in model.generators] == ["bfloat16", "float32"]
    for path in export_generators(model, tmp_path):
        serve, sample = load(path)
        assert serve(noise_rows(3)).dtype == sample(3, 0).dtype == np.float32
    assert set(generators_used(sample(4, 0))) == {0, 1}


@needs_tensorflow
def test_what_a_server_refuses(tmp_path):
    import tensorflow as tf

    for path in export_generators(constant_model(2), tmp_path, max_batch_size=5):
        serve, sample = load(path)
        noise = np.zeros((6, LATENT), "float32")
        assert len(serve(noise[:5])) == len(sample(5, 0)) == 5 and len(sample(0, 0)) == 0
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"0 to 5 images.*Received:\] \[6\]"):
            serve(noise)
        for size in (6, 10**9, 2**31 - 1, -1):
            with pytest.raises(tf.errors.InvalidArgumentError, match=rf"0 to 5 images.*\[{size}\]"):
                sample(size, 0)
        for wrong in (np.nan, np.inf, -np.inf):
            noise[3, 1] = wrong
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"finite noise.*this row.*\[3\]"):
                serve(noise[:5])
        assert len(serve(noise[:3])) == 3


@needs_tensorflow
def test_a_refused_batch_takes_no_memory(exported, tmp_path):
    """As servers do it: a session on the graph that was read from the file."""
    code = """
import resource, sys
import tensorflow as tf
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["sample"]
    def sample(size):
        feed = {signature.inputs["batch_size"].name: size, signature.inputs["seed"].name: 0}
        return session.run(signature.outputs["images"].name, feed)
    assert sample(4096).shape == (4096, 8, 8, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        sample(10**7)
    except tf.errors.InvalidArgumentError as error:
        assert "Expected a batch of 0 to 4096 images" in str(error), error
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, "MB")
"""
    # The noise alone is 240 MB, the images 2,560 MB.
    assert int(python("-c", code, exported[1][-1], cwd=tmp_path).split()[0]) < 100


# ---------------------------------------------------------------------- the folder's safety


@needs_tensorflow
def test_serving_config(tmp_path, quick_save):
    if importlib.util.find_spec("tensorflow_serving") is None:
        pytest.skip("tensorflow-serving-api, which parses models.config, is not installed")
    awkward = '/models/a "quoted" \\ path\n\té'
    export_generators(constant_model(3), tmp_path / "here")
    export_generators(constant_model(2), tmp_path / "here", version=2, mixture=False)
    export_generators(constant_model(1), tmp_path / "there", serving_path=awkward)
    os.mkdir(tmp_path / "bare")
    export_generators(constant_model(11), tmp_path / "bare", mixture=False, serving_path="gs://b/")
    code = """
import json, sys
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
parsed = []
for name in sys.argv[1:]:
    text = open(name + "/models.config", encoding="utf-8").read()
    message = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    configs = message.model_config_list.config
    parsed.append([[c.name, c.base_path, c.model_platform] for c in configs])
assert "keras_multigan" not in sys.modules
print(json.dumps(parsed))
"""
    text = python("-c", code, "here", "there", "bare", cwd=tmp_path)
    here, there, bare = json.loads(text)
    names = ["generator_0", "generator_1", "generator_2", "mixture"]
    # generator_2 and the mixture still hold version 1.
    assert here == [[name, f"{tmp_path}/here/{name}", "tensorflow"] for name in names]
    assert [row[:2] for row in there] == [
        [name, f"{awkward}/{name}"] for name in ("generator_0", "mixture")
    ]
    assert [row[1] for row in bare] == [f"gs://b/generator_{k}" for k in range(11)]


@needs_tensorflow
def test_relative_directory(tmp_path, quick_save, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = export_generators(constant_model(1), "out")
    assert paths == [str(tmp_path / "out" / name / "1") for name in ("generator_0", "mixture")]
    assert f'base_path: "{tmp_path}/out/mixture"' in pathlib.Path("out/models.config").read_text()


@needs_tensorflow
@pytest.mark.parametrize("held", ["generator_0/7", "mixture/7", "generator_4/7"])
def test_existing_version_is_refused(held, tmp_path, quick_save):
    (tmp_path / held).mkdir(parents=True)
    (tmp_path / "generator_1" / "9").mkdir(parents=True)
    before = snapshot(tmp_path)
    with pytest.raises(FileExistsError, match=rf"received 7.*{held}.*version=10"):
        export_generators(constant_model(2), tmp_path, version=7)
    assert snapshot(tmp_path) == before
    export_generators(constant_model(2), tmp_path, version=10)


@needs_tensorflow
@pytest.mark.parametrize("where", ["write_out", "rename", "replace"])
@pytest.mark.parametrize("version", [1, 2])
def test_failure_leaves_the_folder_as_it_was(where, version, tmp_path, request, monkeypatch):
    target = tmp_path / "deep" / "folder"
    model = constant_model(2)
    with monkeypatch.context() as patch:
        patch.setattr(
            export_lib, "_save", lambda path, *_: (path / "variables").mkdir(parents=True)
        )
        if version == 2:
            export_generators(constant_model(1), target)
        before = snapshot(tmp_path)
        owner = keras.export.ExportArchive() if where == "write_out" else os
        if where == "write_out":  # for real: a half-written SavedModel
            patch.undo()
            owner = type(owner)
        original, calls = getattr(owner, where), []

        def full(*args, **kwargs):
            calls.append(args)
            if where == "replace" or len(calls) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            return original(*args, **kwargs)

        patch.setattr(owner, where, full)
        with pytest.raises(OSError, match="No space left"):
            export_generators(model, target, version=version)
    assert calls
    assert snapshot(tmp_path) == before
    assert target.exists() == (version == 2)


@needs_tensorflow
@pytest.mark.parametrize("version", [0, -1, 1.0, "1", None, True, 2**63])
def test_wrong_version(version, tmp_path):
    with pytest.raises(ValueError, match="version: expected an int >= 1, received"):
        export_generators(constant_model(1), tmp_path / "out", version=version)
    assert not (tmp_path / "out").exists()


@needs_tensorflow
@pytest.mark.parametrize("size", [0, -1, 1.0, "1", None, True, 2**31])
def test_wrong_largest_batch(size, tmp_path):
    with pytest.raises(ValueError, match="max_batch_size: expected an int from 1 to"):
        export_generators(constant_model(1), tmp_path / "out", max_batch_size=size)
    assert not (tmp_path / "out").exists()


@needs_tensorflow
def test_wrong_arguments(tmp_path, quick_save):
    wide = fake_model(*constant_model(2).generators, latent_dim=LATENT + 1)
    unbuilt = fake_model(keras.Sequential([keras.layers.Dense(4)]))
    mixed = fake_model(constant_model(1).generators[0], image_model().generators[0])
    out = tmp_path / "out"
    for model, message in [
        (wide, r"generator 0 .*latent_dim=7.*received input shape \(None, 6\)"),
        (unbuilt, "not built"),
        (fake_model(), "expected at least one"),
        (mixed, "one output shape.*mixture=False"),
    ]:
        with pytest.raises(ValueError, match=message):
            export_generators(model, out)
    with pytest.raises(ValueError, match="serving_path: expected an absolute path"):
        export_generators(constant_model(1), out, serving_path="models")
    assert not out.exists()
    assert len(export_generators(mixed, out, mixture=False)) == 2


def test_other_backends_are_sent_to_the_program(tmp_path):
    """Without TensorFlow the module can be imported, and it says what to do."""
    code = """
import importlib.util, sys, types
sys.modules["tensorflow"] = None  # importing it would fail
sys.modules["keras"] = keras = types.ModuleType("keras")  # JAX may not be installed here
keras.backend = types.SimpleNamespace(backend=lambda: "jax")
spec = importlib.util.spec_from_file_location("export", sys.argv[1])
export = importlib.util.module_from_spec(spec)
spec.loader.exec_module(export)
try:
    export.export_generators(None, "out")
except RuntimeError as error:
    print(error)
"""
    told = python("-c", code, export_lib.__file__, cwd=tmp_path)
    assert "received 'jax'" in told and "KERAS_BACKEND=tensorflow" in told
    assert "multigan export --model=... --output=..." in told
    assert not (tmp_path / "out").exists()
