"""Files of a run: whole or not at all, and no code from them runs."""

import json
import zipfile

import keras
import numpy as np
import pytest

from keras_multigan.runs import files

pytestmark = pytest.mark.fast


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    kept = tmp_path / "kept.npy"
    kept.write_bytes(b"mine")
    with pytest.raises(RuntimeError), files.replacing(kept) as partial:
        assert partial.suffix == ".npy" and partial.parent == tmp_path
        partial.write_bytes(b"half")
        raise RuntimeError
    assert kept.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.npy"]
    with files.replacing(tmp_path / "new" / "x.txt") as partial:
        partial.write_text("whole")
    assert (tmp_path / "new" / "x.txt").read_text() == "whole"
    files.write_json(tmp_path / "x.json", {"a": [1.5]})
    assert files.read_json(tmp_path / "x.json") == {"a": [1.5]}
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "x.json", {"a": object()})
    assert files.read_json(tmp_path / "x.json") == {"a": [1.5]}


def test_folders_of_runs(tmp_path):
    new = tmp_path / "new"
    assert files.check_folder(new) == new and not new.exists()
    new.mkdir()
    assert files.check_folder(str(new)) == new  # empty
    files.open_folder(new, {"epochs": 3})
    stored = json.loads((new / "options.json").read_text())
    assert stored["options"] == files.read_options(new) == {"epochs": 3}
    assert {"python", "keras", "backend", "numpy", "cpus", "date"} <= set(stored["versions"])
    files.open_folder(new, {"epochs": 4})
    assert files.read_options(new) == {"epochs": 3}
    with pytest.raises(FileExistsError, match="holds a run. Go on with it by --resume or choose"):
        files.check_folder(new, resumable=True)
    with pytest.raises(FileExistsError, match="holds a run. Choose another folder"):
        files.check_folder(new)
    assert files.check_folder(new, resumable=True, resume=True) == new
    (tmp_path / "notes.txt").write_text("mine")
    for taken in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(FileExistsError, match="which holds other files. Choose another folder"):
            files.check_folder(taken, resumable=True, resume=True)


@pytest.mark.parametrize("name", ["a[1]", "a*", "b?/c"])
def test_names_that_are_patterns_to_tensorflow(name, tmp_path):
    with pytest.raises(ValueError, match="takes for patterns"):
        files.check_folder(tmp_path / name)


def test_models_are_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    files.save_model(model, tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
    loaded = files.load_model(str(tmp_path / "model.keras"))
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    for absent in (tmp_path / "absent.keras", tmp_path):
        with pytest.raises(FileNotFoundError, match="Expected a saved model .*Received: "):
            files.load_model(absent)


def test_damaged_keras_files(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((64,)), keras.layers.Dense(64)]).save(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    for index in range(len(whole) // 3, len(whole) // 3 + 2000):
        flipped[index] ^= 0x5A
    for content in (b"", b"no zip file", whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="complete .keras file.*Received: .*model.keras.*Help!$"):
            files.load_model(path, "Help!")
    for name, content in (("x.txt", "y"), ("config.json", "{bad")):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, content)
        with pytest.raises(ValueError, match="complete .keras file.*Received: .*model.keras"):
            files.load_model(path)


def test_no_code_from_a_keras_file_runs(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x)]).save(path)
    with pytest.raises(ValueError, match="Lambda") as raised:
        files.load_model(path)
    assert "safe_mode" not in str(raised.value)  # Keras' advice is no good one here


@pytest.mark.parametrize("path", ["file/x", "file/x/y", "loop/x", "/proc/x", "/dev/null/x",
                                  "n" * 300 + "/x"])
def test_a_place_that_cannot_be_written_is_known_before(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError):
        files.check_writable(path)
    for right in ("x", "new/folder/x", tmp_path / "x"):
        files.check_writable(right)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "loop"]


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    left = [tmp_path / "run" / name for name in ("partial-123-model.keras", "frames/partial-9-e.png")]
    mine = tmp_path / "run" / "partial-notes"
    for path in (*left, mine):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    with files.locked(tmp_path / "run"):
        assert [path.exists() for path in (*left, mine)] == [files.fcntl is None] * 2 + [True]


def test_a_changed_digit_of_the_options_is_found(tmp_path):
    folder = files.open_folder(tmp_path / "run", {"epochs": 4, "width": 0.25})
    path = folder / "options.json"
    assert files.read_options(folder) == {"epochs": 4, "width": 0.25}
    files.extend(folder, 6)
    whole = path.read_text()
    assert files.read_options(folder) == {"epochs": 6, "width": 0.25}
    path.write_text(whole.replace("0.25", "0.26"))
    with pytest.raises(ValueError, match=r"options.json.*check sum is wrong\). Put it back"):
        files.read_options(folder)
    content = files.read_json(path)
    del content["sha256"]  # as earlier versions wrote it
    files.write_json(path, content)
    assert files.read_options(folder)["width"] == 0.26
