"""multigan export: from a run to folders that a server can read."""

import os
import shlex

import numpy as np
import pytest

from keras_multigan.cli.export import commands
from keras_multigan.runs.artifacts import load_multigan


@pytest.mark.tensorflow
def test_a_run_is_exported_and_versions_are_kept(multigan, refused, tiny_run, tmp_path):
    import tensorflow as tf

    output = tmp_path / "ser ving"
    done = multigan("export", f"--model={tiny_run}", f"--output={output}", "--version=3",
                    "--serving_path=/models", "--nomixture", "--max_batch_size=7")
    assert done.code == 0
    assert sorted(path.name for path in output.iterdir()) == [
        "generator_0", "generator_1", "models.config"]
    assert '"/models/generator_1"' in (output / "models.config").read_text()
    written = output / "generator_1" / "3"
    assert str(written) in done.out
    assert f"-v '{output}:/models:ro' " in done.out
    assert "--model_config_file=/models/models.config" in done.out
    assert "saved_model_cli run --dir" in done.out

    def draw(path, batch_size=2):
        sample = tf.saved_model.load(str(path)).signatures["sample"]
        return sample(batch_size=tf.constant(batch_size), seed=tf.constant(1))["images"].numpy()

    with pytest.raises(tf.errors.InvalidArgumentError, match="0 to 7 images"):
        draw(written, 8)
    # The run's own export has the same weights.
    np.testing.assert_allclose(draw(written), draw(tiny_run / "export/generator_1/1"), atol=1e-5)

    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    refused(["export", f"--model={tiny_run / 'model.keras'}", f"--output={output}", "--version=3"],
            str(written), "version=4")
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


@pytest.mark.fast
def test_bad_input(refused):
    refused(["export", "--model=absent", "--output=x"], "Expected a run folder", "absent")
    refused(["export", "--model=absent", "--output=x", "--version=0"],
            f"--version is expected to be >= 1 and <= {2**63 - 1}. Received: 0")


def test_only_multigans_are_exported(tiny_run, tmp_path):
    with pytest.raises(ValueError, match="Expected a saved MultiGAN.*classifier.keras"):
        load_multigan(tiny_run / "classifier.keras")
    for path in (tiny_run / "export", tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match=f"Expected a run folder.*{path.name}"):
            load_multigan(path)


@pytest.mark.fast
def test_commands(tmp_path):
    paths = [str(tmp_path / "generator_0" / "1")]
    server, docker, client = map(shlex.split, commands(tmp_path, paths))
    assert server[-1] == docker[-1] == f"--model_config_file={tmp_path}/models.config"
    assert f"{tmp_path}:{tmp_path}:ro" in docker  # models.config names the paths of this machine
    assert client[client.index("--dir") + 1] == paths[0]
    docker, client = commands(os.path.relpath(tmp_path), paths, "/models/")
    assert f"-v {tmp_path}:/models:ro" in docker and docker.startswith("docker run")
    server, client = commands(tmp_path, paths, "gs://bucket/x")
    assert server.endswith(" --model_config_file=gs://bucket/x/models.config")
