"""Files of arrays besides Keras' npz: .npy, HDF5 and CSV; ranges; labels of all kinds."""

import h5py
import numpy as np
import pytest

from keras_multigan import data

pytestmark = pytest.mark.fast

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 4, 4), np.uint8)
LABELS = np.arange(24) % 3


def load(path, split="train", size=None, **options):
    return data.load_image_set(None, split, size, path, **options)


def npz(folder, train_labels=None, test_labels=None, images=IMAGES):
    """An .npz whose 12 first images are for training."""
    arrays = {"x_train": images[:12], "x_test": images[12:]}
    for name, labels in (("y_train", train_labels), ("y_test", test_labels)):
        if labels is not None:
            arrays[name] = np.asarray(labels)
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def h5(folder, **arrays):
    with h5py.File(folder / "a.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return folder / "a.h5"


def rows(images, given=IMAGES):
    """Which of the given images these are."""
    return [int(np.argmax((given == image).all((1, 2)))) for image in images.images[..., 0]]


# Kinds of files.


def test_npy_of_gray_images(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    train, test = load(tmp_path / "a.npy"), load(tmp_path / "a.npy", "test")
    assert train.images.dtype == np.uint8 and train.shape == (4, 4, 1) and train.labels is None
    assert sorted(rows(train) + rows(test)) == list(range(24)) and len(test) == 4
    assert rows(train) == sorted(rows(train))
    assert train.note == ("train: 20 images of 4x4x1 without labels; no test images, so a fixed sixth "
                          "is the test set (4 of 24)")
    assert len(load(tmp_path)) == 20  # the single file of its folder


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 13])
def test_any_number_of_channels(tmp_path, channels):
    np.save(tmp_path / "a.npy", np.repeat(IMAGES[..., None], channels, -1))
    assert load(tmp_path / "a.npy").shape == (4, 4, channels)
    assert load(tmp_path / "a.npy", size=8).floats().shape == (20, 8, 8, channels)


@pytest.mark.parametrize("shape", [(5, 3, 8, 8), (5, 1, 8, 8)])
def test_channels_first_are_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match=r"channels last.*numpy.moveaxis\(images, 1, -1\)"):
        load(tmp_path / "a.npy")


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y")])
def test_h5_without_splits(tmp_path, names):
    path = h5(tmp_path, **dict(zip(names, (IMAGES, LABELS))))
    train, test = load(path), load(path, "test")
    for part in train, test:
        assert part.labels.tolist() == [LABELS[row] for row in rows(part)]
    assert np.bincount(test.labels).tolist() == [1, 1, 1]
    np.savez(tmp_path / "a.npz", **dict(zip(names, (IMAGES, LABELS))))
    np.testing.assert_array_equal(load(tmp_path / "a.npz").images, train.images)


def test_h5_with_splits(tmp_path):
    path = h5(
        tmp_path, x_train=IMAGES[:12], y_train=LABELS[:12], x_test=IMAGES[12:], y_test=LABELS[12:])
    assert rows(load(path)) == list(range(12)) and rows(load(path, "test")) == list(range(12, 24))
    assert load(path).note == "train: 12 images of 4x4x1"


def test_h5_of_something_else(tmp_path):
    with pytest.raises(
            ValueError, match="an .h5 file with the arrays x_train and y_train.*has weights. Write"):
        load(h5(tmp_path, weights=np.zeros(3)))
    (tmp_path / "a.h5").write_bytes(b"text")
    with pytest.raises(ValueError, match="Expected an .h5 file.*cannot be read"):
        load(tmp_path / "a.h5")


def test_python_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(b"text")
    for name, reason in (("a.npy", "holds Python objects, which are not loaded"),
                         ("b.npy", "not in the format")):
        with pytest.raises(ValueError, match=f"{name}, which cannot be read: .*{reason}") as caught:
            load(tmp_path / name)
        assert "pickle" not in str(caught.value)


def test_many_names_are_not_all_listed(tmp_path):
    np.savez(tmp_path / "a.npz", **{f"layer{i}": np.zeros(1) for i in range(300)})
    with pytest.raises(ValueError, match="layer9 and 290 more"):
        load(tmp_path / "a.npz")


# CSV.


def csv(folder, header, lines):
    (folder / "a.csv").write_text("\n".join([header, *lines]) + "\n" if header else "\n".join(lines))
    return folder / "a.csv"


def values(image, separator=","):
    return separator.join(map(str, image.reshape(-1)))


PIXELS = ",".join(f"pixel{i}" for i in range(16))


def test_csv_as_kaggle_has_mnist(tmp_path):
    lines = [f"{label},{values(image)}" for image, label in zip(IMAGES, LABELS)]
    train = load(csv(tmp_path, f"label,{PIXELS}", lines))
    assert train.images.dtype == np.uint8 and train.shape == (4, 4, 1) and len(train) == 21
    assert train.labels.tolist() == [LABELS[row] for row in rows(train)] and train.class_names is None
    bare = load(csv(tmp_path, "", lines))
    np.testing.assert_array_equal(bare.images, train.images)
    np.testing.assert_array_equal(bare.labels, train.labels)


def test_csv_without_labels_and_with_words(tmp_path):
    assert load(csv(tmp_path, PIXELS, map(values, IMAGES))).labels is None
    assert load(csv(tmp_path, "", map(values, IMAGES))).labels is None
    lines = [f'{values(image)},"a {label}"' for image, label in zip(IMAGES, LABELS)]
    assert load(csv(tmp_path, f"{PIXELS},Class", lines)).class_names == ["a 0", "a 1", "a 2"]


def test_csv_as_fer_has_it(tmp_path):
    usage = ["Training"] * 12 + ["PublicTest"] * 4 + ["PrivateTest"] * 8
    path = csv(tmp_path, "emotion,pixels,Usage", [
        f"{label},{values(image, ' ')},{use}" for image, label, use in zip(IMAGES, LABELS, usage)])
    assert rows(load(path)) == list(range(12)) and rows(load(path, "test")) == list(range(16, 24))
    assert load(path, "test").labels.tolist() == LABELS[16:].tolist()


    path = csv(tmp_path, "emotion,pixels,Usage", [f"1,{values(IMAGES[0], ' ')},Training"])
    with pytest.raises(ValueError, match="'usage' has no line of the test split, only training"):
        load(path)


def test_csv_of_large_images(tmp_path):
    image = np.full((400, 400), 255, np.uint8)
    path = csv(tmp_path, "label,pixels", [f"{k},{values(image, ' ')}" for k in range(6)])
    assert data.load_image_set(None, "train", None, path).shape == (400, 400, 1)


def test_csv_of_colours_and_of_floats(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (6, 2, 2, 3), np.uint8)
    assert load(csv(tmp_path, "", [f"0,{values(image)}" for image in images])).shape == (2, 2, 3)
    whole = load(csv(tmp_path, f"label,{PIXELS}", [f"0,{values(image)}" for image in IMAGES]))
    floats = load(csv(tmp_path, f"label,{PIXELS}", [f"0,{values(image / 255)}" for image in IMAGES]))
    np.testing.assert_allclose(floats.floats(), whole.floats(), atol=1e-6)
    assert "floats from 0 to 1 scaled" in floats.note


@pytest.mark.parametrize(("header", "lines", "reason"), [
    ("label,a,b", ["1,2,3"], "2 values per line are not those of a square image"),
    ("label,a", [], "no line of pixels"), ("", [], "no line of pixels"),
    ("label,a", ["1,dark"], "could not convert string 'dark'"),
    (f"label,{PIXELS}", ["1,2"], "cannot be read"),
    ("label,pixels", ["1,2", "1,2 3 4 5"], "line 3 has 4 values, the first has 1"),
    ("label,a", ["nan,2", "1,2"], "whole numbers as labels. Received: nan"),
    ("label,a", [",2", "x,2"], "Received: an empty one in .*row 0"),
])
def test_wrong_csv(tmp_path, header, lines, reason):
    with pytest.raises(ValueError, match=reason):
        load(csv(tmp_path, header, lines))


# Ranges.


@pytest.mark.parametrize(("scale", "offset", "note"), [
    (127.5, -1, ""), (255, 0, "floats from 0 to 1 scaled"), (1, 0, "floats from 0 to 255 scaled")])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_scaled_by_their_range(tmp_path, scale, offset, note, dtype):
    path = npz(tmp_path, images=(IMAGES / scale + offset).astype(dtype))
    images = load(path)
    np.testing.assert_allclose(images.floats()[..., 0], IMAGES[:12] / 127.5 - 1, atol=2e-3)
    assert images.floats().dtype == np.float32
    assert note in images.note and ("scaled" in images.note) == bool(note)


def test_both_splits_have_one_range(tmp_path):
    images = IMAGES.astype(np.float32)
    images[:12] /= 255  # as dark as it is, it is in 0..255, as the test images say
    loaded = load(npz(tmp_path, images=images)).floats()[..., 0]
    np.testing.assert_allclose(loaded, images[:12] / 127.5 - 1, atol=1e-6)
    images = IMAGES / 127.5 - 1
    images[:12] = np.abs(images[:12])
    loaded = load(npz(tmp_path, images=images)).floats()[..., 0]
    np.testing.assert_allclose(loaded, images[:12], atol=1e-6)


def test_booleans_are_black_and_white(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES > 99)
    assert set(np.unique(load(tmp_path / "a.npy").floats())) == {-1, 1}


# Labels.


@pytest.mark.parametrize(("labels", "names", "numbers"), [
    ([-1, 1] * 6, ["-1", "1"], [0, 1] * 6),
    ([7, 0, 2] * 4, ["0", "2", "7"], [2, 0, 1] * 4),
    (["dog", "cat"] * 6, ["cat", "dog"], [1, 0] * 6),
    (["10", "9"] * 6, ["9", "10"], [1, 0] * 6),
    (np.array([b"b", b"a"] * 6), ["a", "b"], [1, 0] * 6),
    ([2.0, 4.0] * 6, ["2", "4"], [0, 1] * 6),
    ([[5], [6]] * 6, ["5", "6"], [0, 1] * 6),
    ([3] * 12, ["3"], [0] * 12),
    ([1.0, 0.0] * 6, None, [1, 0] * 6),
    ([True, False] * 6, None, [1, 0] * 6),
    (np.eye(3)[[0, 1, 2] * 4], None, [0, 1, 2] * 4),
    (np.eye(3, dtype=np.uint8)[[0, 2] * 6], ["0", "2"], [0, 1] * 6),
    (np.array([0, 1, 2] * 4, np.uint8), None, [0, 1, 2] * 4),
    ([0] * 12, None, [0] * 12),
])
def test_labels_of_all_kinds(tmp_path, labels, names, numbers):
    images = load(npz(tmp_path, labels, labels))
    assert images.labels.tolist() == numbers and images.labels.dtype == np.int64
    assert images.class_names == names
    note = f"labels {', '.join(names)} became 0 to {len(names) - 1}" if names else "images of 4x4x1"
    assert images.note.endswith(note)
    assert load(npz(tmp_path, labels, labels[:12][::-1]), "test").labels.tolist() == numbers[::-1]


def test_string_labels_in_h5(tmp_path):
    words = np.array(["dog", "cat"] * 6, object)
    path = h5(tmp_path, x_train=IMAGES[:12], y_train=words, x_test=IMAGES[12:], y_test=words)
    assert load(path).class_names == ["cat", "dog"] and load(path).labels[:2].tolist() == [1, 0]


def test_the_training_set_numbers_the_test_set(tmp_path):
    path = npz(tmp_path, [-1, 5, 7] * 4, [7, 5] * 6)
    assert load(path, "test").labels.tolist() == [2, 1] * 6


@pytest.mark.parametrize(("train", "test", "message"), [
    ([-1, 1] * 6, [-1, 0] * 6, "training set has: -1, 1. Received: 0 in"),
    ([0, 1] * 6, [1, 2] * 6, "training set has: 0, 1. Received: 2 in"),
    (["a", "b"] * 6, [0, 1] * 6, "training set has: a, b. Received: 0, 1 in"),
])
def test_test_labels_that_the_training_lacks(tmp_path, train, test, message):
    with pytest.raises(ValueError, match=message):
        load(npz(tmp_path, train, test), "test")


def test_a_test_set_alone(tmp_path):
    for labels, expected in (([4, 9] * 6, [4, 9] * 6), ([-1, 1] * 6, [0, 1] * 6)):
        np.savez(tmp_path / "a.npz", x_test=IMAGES[:12], y_test=labels)
        assert load(tmp_path / "a.npz", "test").labels.tolist() == expected


def test_arrays_without_labels(tmp_path):
    images = load(npz(tmp_path))
    assert images.labels is None and images.note == "train: 12 images of 4x4x1 without labels"
    assert data.load_images("a", "train", None, tmp_path)[1] is None
    assert load(npz(tmp_path, LABELS[:12]), "test").labels is None
    assert load(npz(tmp_path, LABELS[:12]), label=False).labels is None


def test_load_images_keeps_integers(tmp_path):
    for labels, expected in (
            ([0, 2, 7] * 4, [0, 2, 7] * 4), ([-1, 1] * 6, [0, 1] * 6), (["b", "a"] * 6, [1, 0] * 6)):
        assert data.load_images("a", "train", None, npz(tmp_path, labels))[1].tolist() == expected


@pytest.mark.parametrize(("labels", "message"), [
    ([0, np.nan] * 6, "whole numbers as labels. Received: nan"),
    ([0, 1.5] * 6, "whole numbers as labels. Received: 1.5"),
    ([0, 1e300] * 6, "whole numbers as labels"),
    (np.array([0, 2**64 - 1] * 6, np.uint64), "whole numbers .* Received: 18446744073709551615"),
    ([0, 1] * 5, r"shape \(12,\).*shape \(10,\)"),
    (np.zeros((12, 3)), "with a single 1"), (np.ones((12, 3)), "with a single 1"),
    (np.eye(3)[[0, 1, 2] * 4] / 2, "with a single 1"),
    (np.zeros((12, 2, 2)), r"shape \(12, 2, 2\)"), (np.int64(3), r"shape \(\)"),
    (["a", ""] * 6, "an empty one in .*row 1"),
    ([1j, 0] * 6, "integers or strings as labels. Received: complex"),
    (np.array([b"\xff", b"a"] * 6), "UTF-8"),
])
def test_wrong_labels(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        load(npz(tmp_path, labels, labels))
