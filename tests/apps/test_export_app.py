"""apps/export.py: from a run to folders that a server can read."""

import importlib
import os
import pathlib
import shlex

import numpy as np
import pytest

APPS = pathlib.Path(__file__).resolve().parents[2] / "apps"


@pytest.fixture
def app(monkeypatch):
    monkeypatch.syspath_prepend(str(APPS))
    return importlib.import_module("export")


def test_a_run_is_exported_and_versions_are_kept(run_app, tiny_run, tmp_path):
    import tensorflow as tf

    output = tmp_path / "ser ving"
    done = run_app("export.py", f"--model={tiny_run}", f"--output={output}", "--version=3",
                   "--serving_path=/models", "--nomixture")
    assert sorted(path.name for path in output.iterdir()) == [
        "generator_0", "generator_1", "models.config"]
    assert '"/models/generator_1"' in (output / "models.config").read_text()
    written = output / "generator_1" / "3"
    assert str(written) in done.stdout
    assert f"-v '{output}:/models:ro' " in done.stdout
    assert "--model_config_file=/models/models.config" in done.stdout
    assert "saved_model_cli run --dir" in done.stdout

    def draw(path):
        sample = tf.saved_model.load(str(path)).signatures["sample"]
        return sample(batch_size=tf.constant(2), seed=tf.constant(1))["images"].numpy()

    # The run's own export has the same weights.
    np.testing.assert_allclose(draw(written), draw(tiny_run / "export/generator_1/1"), atol=1e-5)

    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    done = run_app("export.py", f"--model={tiny_run / 'model.keras'}", f"--output={output}",
                   "--version=3", code=2)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and str(written) in last and "version=4" in last
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


def test_only_multigans_are_exported(app, tiny_run, tmp_path):
    with pytest.raises(ValueError, match="Expected a saved MultiGAN.*classifier.keras"):
        app.artifacts.load_multigan(tiny_run / "classifier.keras")
    for path in (tiny_run / "export", tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match=f"Expected a run folder.*{path.name}"):
            app.artifacts.load_multigan(path)


def test_commands(app, tmp_path):
    paths = [str(tmp_path / "generator_0" / "1")]
    server, docker, client = map(shlex.split, app.commands(tmp_path, paths))
    assert server[-1] == docker[-1] == f"--model_config_file={tmp_path}/models.config"
    assert f"{tmp_path}:{tmp_path}:ro" in docker  # models.config names the paths of this machine
    assert client[client.index("--dir") + 1] == paths[0]
    docker, client = app.commands(os.path.relpath(tmp_path), paths, "/models/")
    assert f"-v {tmp_path}:/models:ro" in docker and docker.startswith("docker run")
    server, client = app.commands(tmp_path, paths, "gs://bucket/x")
    assert server.endswith(" --model_config_file=gs://bucket/x/models.config")
