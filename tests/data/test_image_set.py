"""Sets in memory and in files: the same interface, the same bits."""

import gc
import itertools
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from keras_multigan import data
from keras_multigan.data import folder_images, image_set

pytestmark = pytest.mark.fast


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """40 colour images of mixed sizes in 3 classes, 2 of them damaged."""
    place = tmp_path_factory.mktemp("images")
    numbers = np.random.default_rng(0)
    for i in range(40):
        path = place / "train" / "abc"[i % 3] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbers.integers(0, 256, (*numbers.integers(8, 20, 2), 3), np.uint8)).save(path)
        if i in (7, 20):
            path.write_bytes(path.read_bytes()[:90])
    Image.new("RGB", (9, 9)).save(place / "train" / "a" / "z.png")
    (place / "test" / "a").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(place / "test" / "a" / "z.png")
    return place


def load(folder, **options):
    return data.load_image_set(None, "train", 8, folder, **options)


def test_the_interface_of_both(folder):
    memory, files = load(folder), load(folder, stream=True)
    assert isinstance(memory, data.ImageSet) and isinstance(files, data.ImageFiles)
    assert memory.images.dtype == np.uint8 and not hasattr(files, "images")
    for images in memory, files:
        assert len(images) == 39 and images.shape == (8, 8, 3) and images.class_names == ["a", "b", "c"]
        assert [name for name, _ in images.skipped] == ["train/b/07.png", "train/c/20.png"]
        assert images.labels.dtype == np.int64 and images.floats().dtype == np.float32
    np.testing.assert_array_equal(memory.labels, files.labels)
    expected = (memory.images / 127.5 - 1).astype(np.float32)
    np.testing.assert_allclose(memory.floats(), expected, atol=1e-6)
    mask = np.arange(39) % 2 == 0
    for rows in (None, mask, np.array([5, 3, 3]), slice(30, None), np.array([], int)):
        np.testing.assert_array_equal(memory.floats(rows), files.floats(rows))
        np.testing.assert_array_equal(memory.floats(rows), memory.floats()[slice(None) if rows is None
        else rows])


@pytest.mark.parametrize(("batch_size", "start"), [(7, 0), (7, 11), (100, 1), (1, 5)])
def test_streams_are_equal_to_the_bit_and_as_training_stream(folder, batch_size, start):
    memory, files = load(folder), load(folder, stream=True)
    order = {"batch_size": batch_size, "seed": 3, "start": start}
    streams = [memory.stream(**order), files.stream(**order),
               data.training_stream(memory.floats(), memory.labels, **order)]
    for batches in itertools.islice(zip(*streams), 15):
        for images, labels in batches[1:]:
            assert images.dtype == np.float32 and len(images) == batch_size
            assert images.tobytes() == batches[0][0].tobytes()
            np.testing.assert_array_equal(labels, batches[0][1])


def test_streams_resume_exactly(folder):
    files = load(folder, stream=True)
    whole = list(itertools.islice(files.stream(batch_size=4, seed=1), 12))
    rest = list(itertools.islice(files.stream(batch_size=4, seed=1, start=5), 7))
    for a, b in zip(whole[5:], rest, strict=True):
        np.testing.assert_array_equal(a[0], b[0])


def test_streams_without_labels(folder):
    for stream in (False, True):
        batch = next(load(folder, stream=stream, label=False).stream(batch_size=4, seed=0))
        assert len(batch) == 1 and batch[0].shape == (4, 8, 8, 3)


def test_take(folder):
    for images in load(folder), load(folder, stream=True):
        some = images.take(images.labels == 1)
        assert type(some) is type(images) and set(some.labels) == {1}
        assert some.class_names == images.class_names
        np.testing.assert_array_equal(some.floats(), images.floats(images.labels == 1))
        assert len(images.take(slice(3))) == 3
    assert load(folder, label=False).take(slice(3)).labels is None


def test_no_more_than_three_batches_are_decoded_ahead(folder):
    files, decoded = load(folder, stream=True), []

    def reader(name):
        decoded.append(name)
        return np.zeros((8, 8, 3), np.uint8)

    files.reader = reader
    stream = files.stream(batch_size=5, seed=0)
    for count in range(1, 6):
        next(stream)
        assert 5 * count <= len(decoded) <= 5 * (count + 2)
    stream.close()


def test_threads_end_with_the_stream(folder):
    stream = load(folder, stream=True).stream(batch_size=5, seed=0)
    next(stream)
    stream.close()
    abandoned = load(folder, stream=True).stream(batch_size=5, seed=0)
    next(abandoned)
    del abandoned
    gc.collect()
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("images")]
    for thread in ours:
        thread.join(10)
    assert not any(thread.is_alive() for thread in ours)


def test_a_file_that_has_gone_is_named(folder, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    Image.new("L", (8, 8)).save(tmp_path / "b.png")
    Image.new("L", (8, 8)).save(tmp_path / "c.png")
    files = data.load_image_set(None, "train", None, tmp_path, stream=True)
    stream = files.stream(batch_size=2, seed=0)
    next(stream)
    os.remove(tmp_path / files.names[0])
    with pytest.raises(
            ValueError, match=f"Expected {files.names[0]} as it was.*link to nothing.*and resume"):
        list(itertools.islice(stream, 9))
    Image.new("L", (9, 9)).save(tmp_path / files.names[0])
    with pytest.raises(ValueError, match=r"shape \(8, 8, 1\). Received: \(9, 9, 1\)"):
        files.floats()


def test_arrays_are_kept_as_bytes_if_they_keep_their_size(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((12, 8, 8), np.uint8))
    assert data.load_image_set(None, "train", 8, tmp_path).images.dtype == np.uint8
    assert data.load_image_set(None, "train", 16, tmp_path).images.dtype == np.float32
    digits = data.load_image_set("digits", "test", None)
    np.testing.assert_array_equal(digits.floats(), data.load_images("digits", "test", None)[0])
    assert digits.note == "test: 360 images of 8x8x1"


def test_images_are_held_once(folder):
    """Skipped files leave no second copy."""
    images = np.arange(2000).reshape(1000, 2)
    kept = [row for row in range(1000) if row % 7]
    result = folder_images._only(images.copy(), kept)
    np.testing.assert_array_equal(result, images[kept])
    assert result.base is not None


def test_floats_passes_floats_through():
    images = np.zeros((2, 4, 4, 1), np.float32)
    assert image_set.floats(images) is images


def test_without_tensorflow_and_keras(folder):
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    code = f"""
import sys, types
sys.modules.update(tensorflow=None, tensorflow_datasets=None, keras=None)  # importing them fails
package = types.ModuleType("keras_multigan")
package.__path__ = [{os.path.join(root, "keras_multigan")!r}]
sys.modules["keras_multigan"] = package
from keras_multigan.data import image_folder, load_image_set
assert image_folder({str(folder)!r}, "train", 8)[0].shape == (39, 8, 8, 3)
files = load_image_set(None, "train", 8, {str(folder)!r}, stream=True)
assert next(files.stream(batch_size=4, seed=0))[0].shape == (4, 8, 8, 3)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
