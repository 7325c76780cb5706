"""load_images: every source gives the same kind of arrays, and wrong data give clear errors."""

import gzip
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_multigan.data import load_image_set, load_images
from keras_multigan.data.images import check_images

pytestmark = pytest.mark.fast

ROOT = pathlib.Path(__file__).parents[2]
MNIST = pathlib.Path(os.environ.get("KERAS_MULTIGAN_DATA", ROOT.parent / "shared" / "data"))
needs_mnist = pytest.mark.skipif(
    not (MNIST / "mnist.npz").exists() or not (MNIST / "tfds" / "mnist").exists(),
    reason="no mnist.npz and tfds/mnist in ../shared/data or KERAS_MULTIGAN_DATA",
)


def arrays(count, *shape, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *(shape or (4, 4)))).astype(np.uint8)
    return images, rng.integers(0, 10, count).astype(np.uint8)


def scaled(images):
    return (images / 127.5 - 1).astype(np.float32)


def idx(array):
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_idx(folder, images, labels):
    for prefix in ("train", "t10k"):
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))


def write_npz(path, x, y):
    np.savez(path, x_train=x, y_train=y, x_test=x[:3], y_test=y[:3])
    return path


def assert_result(result, images, labels):
    assert result[0].dtype == np.float32 and result[0].flags.c_contiguous
    assert result[1].dtype == np.int64
    np.testing.assert_allclose(result[0], images, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(result[1], labels)


# Digits.


def test_digits_are_split_once_and_evenly():
    from sklearn.datasets import load_digits

    train, y_train = load_images("digits", "train", image_size=None)
    test, y_test = load_images("digits", "test", image_size=None)
    assert train.shape == (1437, 8, 8, 1) and test.shape == (360, 8, 8, 1)
    assert train.dtype == np.float32 and y_train.dtype == np.int64
    assert train.min() == -1 and train.max() == 1
    digits = load_digits()
    loaded = [x.tobytes() for x in np.concatenate([train, test])[..., 0]]
    given = [x.tobytes() for x in (digits.images / 8 - 1).astype(np.float32)]
    assert sorted(loaded) == sorted(given)  # nothing lost, nothing twice
    np.testing.assert_allclose(np.bincount(y_test) / 360, np.bincount(y_train) / 1437, atol=0.002)
    again, _ = load_images("digits", "train", image_size=None)
    np.testing.assert_array_equal(train, again)


def test_digits_take_no_data_dir(tmp_path):
    with pytest.raises(ValueError, match="Expected no data_dir for 'digits'"):
        load_images("digits", "train", data_dir=tmp_path)


def test_stacked_digits_by_name():
    digits, labels = load_images("digits", "test", 4)
    images, modes = load_images("stacked_digits", "test", 4)
    assert images.shape == (26_000, 4, 4, 3) and images.dtype == np.float32
    labels_of = {}
    for digit, label in zip(digits, labels, strict=True):
        labels_of.setdefault(digit.tobytes(), set()).add(int(label))
    for image, mode in zip(images[:200], modes[:200], strict=True):
        for channel, label in enumerate(f"{mode:03d}"):
            assert int(label) in labels_of[image[..., channel].tobytes()]
    np.testing.assert_array_equal(load_images("stacked_digits", "test", 4)[0], images)


def test_stacked_digits_from_files(tmp_path):
    path = write_npz(tmp_path / "mnist.npz", *arrays(30))
    images, modes = load_images("stacked_mnist", "train", None, path)
    assert images.shape == (128_000, 4, 4, 3) and modes.shape == (128_000,)
    with pytest.raises(ValueError, match="gray"):
        load_images("stacked_cifar10", "train", None, write_npz(path, *arrays(3, 4, 4, 3)))


# Resizing.


@pytest.mark.parametrize(
    ("shape", "box"),  # left, top, right, bottom of the central square, as Pillow has them
    [
        ((8, 8, 1), (0, 0, 8, 8)),
        ((64, 64, 3), (0, 0, 64, 64)),
        ((28, 28, 1), (0, 0, 28, 28)),
        ((20, 40, 3), (10, 0, 30, 20)),
        ((40, 20, 3), (0, 10, 20, 30)),
        ((61, 50, 3), (0, 5, 50, 55)),
        ((32, 50, 3), (9, 0, 41, 32)),
    ],
)
def test_cropping_and_resizing_equal_pillow(tmp_path, shape, box):
    image_module = pytest.importorskip("PIL.Image")
    x, y = arrays(3, *shape)
    images, _ = load_images("x", "train", 32, write_npz(tmp_path / "x.npz", x, y))
    assert images.shape == (3, 32, 32, shape[-1])
    for result, native in zip(images, scaled(x), strict=True):
        for channel in range(shape[-1]):
            plane = image_module.fromarray(native[..., channel])
            expected = plane.crop(box).resize((32, 32), image_module.Resampling.BILINEAR)
            np.testing.assert_allclose(result[..., channel], np.asarray(expected), atol=1e-4)


def test_many_images_keep_their_order(tmp_path):
    x, y = arrays(1100, 2, 2)  # more than two chunks
    path = write_npz(tmp_path / "x.npz", x, y)
    assert_result(load_images("x", "train", None, path), scaled(x)[..., None], y)


# IDX files.


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("compress", [False, True])
def test_idx_files(tmp_path, split, separator, compress):
    x, y = arrays(5, 4, 6)
    prefix = {"train": "train", "test": "t10k"}[split]
    for kind, array in (("images", x), ("labels", y)):
        path = tmp_path / f"{prefix}-{kind}{separator}idx{array.ndim}-ubyte"
        if compress:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx(array)))
        else:
            path.write_bytes(idx(array))
    result = load_images("mnist", split, None, str(tmp_path))
    assert_result(result, scaled(x)[..., None], y)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte", idx(arrays(5)[0])[:-1], "Expected 96 bytes.*with 95 bytes"),
        ("train-images-idx3-ubyte", idx(arrays(5)[0]) + b"x", "Expected 96 bytes.*with 97 bytes"),
        ("train-images-idx3-ubyte", idx(arrays(5)[0])[:9], "Expected .* bytes.*with 9 bytes"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03" + b"\xff" * 12, "Expected .* bytes.*truncated"),
        ("train-images-idx3-ubyte", b"", "starting with nothing"),
        ("train-images-idx3-ubyte", idx(arrays(5)[1]), "bytes 00000803.*starting with 00000801"),
        ("train-labels-idx1-ubyte", idx(arrays(5)[0]), "bytes 00000801.*starting with 00000803"),
        ("train-labels-idx1-ubyte", idx(arrays(4)[1]), r"shape \(5,\).*shape \(4,\)"),
        ("train-images-idx3-ubyte", idx(arrays(0)[0]), "at least one image"),
    ],
)
def test_wrong_idx_files(tmp_path, name, content, message):
    write_idx(tmp_path, *arrays(5))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_images("mnist", "train", data_dir=tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(idx(arrays(50)[0]))[:-20],  # cut off
        gzip.compress(idx(arrays(50)[0]))[:100] + bytes(400),  # overwritten
        idx(arrays(50)[0]),  # not compressed
    ],
)
def test_damaged_gzip_file(tmp_path, content):
    write_idx(tmp_path, *arrays(50))
    (tmp_path / "train-images-idx3-ubyte").unlink()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(ValueError, match="Expected a complete gzip file.*Download it again"):
        load_images("mnist", "train", data_dir=tmp_path)


def test_missing_idx_file(tmp_path):
    write_idx(tmp_path, *arrays(5))
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="labels of the test split.*t10k-labels"):
        load_images("mnist", "test", data_dir=tmp_path)


# npz files.


def test_npz_file_or_folder(tmp_path):
    x, y = arrays(5, 4, 4, 3)
    path = write_npz(tmp_path / "things.npz", x, y[:, None])  # labels as Keras has CIFAR's
    for data_dir in (path, str(path), tmp_path):  # a single npz file needs no name
        assert_result(load_images("cifar10", "train", None, data_dir), scaled(x), y)
    assert_result(load_images("cifar10", "test", None, path), scaled(x)[:3], y[:3])


def test_npz_file_named_after_the_data_set_comes_first(tmp_path):
    x, y = arrays(5)
    write_npz(tmp_path / "mnist.npz", x, y)
    write_npz(tmp_path / "other.npz", *arrays(6))
    write_idx(tmp_path, *arrays(7))
    assert_result(load_images("mnist", "train", None, tmp_path), scaled(x)[..., None], y)
    assert len(load_images("third", "train", None, tmp_path)[0]) == 7


def test_floating_npz_images_in_range_are_kept(tmp_path):
    x, y = arrays(5)
    path = write_npz(tmp_path / "x.npz", x / 127.5 - 1, y)
    assert_result(load_images("x", "train", None, path), scaled(x)[..., None], y)


X, Y = arrays(5)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X.reshape(5, 16), Y, r"shape \(N, height, width\).*shape \(5, 16\)"),
        (X.reshape(5, 2, 2, 2, 2), Y, r"shape \(N, height, width\).*shape \(5, 2, 2, 2, 2\)"),
        (X[:, None, :, :].repeat(5, -1), Y, "Expected channels last.*as if they were first"),
        (X[:0], Y[:0], "at least one image"),
        (X, Y[:4], r"shape \(5,\).*shape \(4,\)"),
        (X, np.eye(10)[Y] + 1, r"one-hot rows.*float64 labels of shape \(5, 10\)"),
        (X, Y + np.float32(0.5), "Expected whole numbers.*float32"),
        (X.astype(np.int64), Y, "Expected uint8 images.*int64"),
        (X - np.float32(9), Y, r"in \[-1, 1\].*divide by 127.5 and subtract 1"),
        (X * np.float32(2), Y, r"in \[-1, 1\], or .*\[0, 1\] or \[0, 255\].*Scale them to \[-1, 1\]"),
        (np.where(X > 250, np.nan, X / 127.5 - 1), Y, "finite.*nan"),
        (np.where(X > 250, np.inf, X / 127.5 - 1), Y, "finite.*inf"),
        (X.astype(object), Y, "x_train.*cannot be read.*Python objects"),
        (X, Y.astype(object), "x_train.*cannot be read.*Python objects"),
    ],
)
def test_wrong_npz_arrays(tmp_path, x, y, message):
    assert (X > 250).any()
    np.savez(tmp_path / "x.npz", x_train=x, y_train=y)
    with pytest.raises(ValueError, match=message):
        load_images("x", "train", data_dir=tmp_path)


def test_npz_without_the_split(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=X, y_train=Y)
    with pytest.raises(ValueError, match="without x_test, y_test; it has x_train, y_train"):
        load_images("x", "test", data_dir=tmp_path)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "changed", "npy"])
def test_damaged_npz(tmp_path, damage):
    path = write_npz(tmp_path / "x.npz", X, Y)
    content = path.read_bytes()
    if damage == "npy":
        with path.open("wb") as file:
            np.save(file, X)
    else:
        changed = content.replace(X.tobytes(), bytes(X.nbytes))
        path.write_bytes(
            {"empty": b"", "text": b"hello", "cut": content[:-99], "changed": changed}[damage]
        )
    with pytest.raises(ValueError, match="Expected an .npz file.*x.npz.*cannot be read"):
        load_images("x", "train", data_dir=path)


# Arguments.


@pytest.mark.parametrize("split", ["valid", "", None, "train[:10]"])
def test_unknown_split(split):
    with pytest.raises(ValueError, match="Expected split to be one of .*'train', 'test'"):
        load_images("digits", split)


@pytest.mark.parametrize(
    "wrong", [dict(split="unlabelled"), dict(split="validation"), dict(label="label")]
)
@pytest.mark.parametrize("source", ["digits", "idx", "x.npz", "npz folder"])
def test_splits_and_labels_of_tfds_alone(tmp_path, source, wrong):
    (tmp_path / "idx").mkdir()
    write_idx(tmp_path / "idx", X, Y)
    write_npz(tmp_path / "x.npz", X, Y)
    place = {"digits": None, "npz folder": tmp_path}.get(source, tmp_path / source)
    arguments = {"name": "digits" if place is None else "x", "split": "train", "data_dir": place}
    with pytest.raises(ValueError, match="Expected split to be 'train' or 'test', and label None"):
        load_images(**{**arguments, **wrong})


@pytest.mark.parametrize("image_size", [0, -1, 32.0, "32", (32, 32)])
def test_wrong_image_size(image_size):
    with pytest.raises(ValueError, match="Expected image_size to be an integer of at least 1"):
        load_images("digits", "train", image_size=image_size)


@pytest.mark.parametrize("name", ["", None, 3])
def test_wrong_name(name):
    with pytest.raises(ValueError, match="Expected the name of a data set"):
        load_images(name, "train")


def test_data_dir_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere'.*does not exist"):
        load_images("mnist", "train", data_dir=tmp_path / "nowhere")


@pytest.mark.parametrize("count", [0, 2])
def test_data_dir_without_data(tmp_path, count):
    for i in range(count):
        write_npz(tmp_path / f"{i}.npz", X, Y)
    message = (
        r"no data for 'mnist'.*mnist/<version>/dataset_info.json.*train-images-idx3-ubyte.*mnist.npz"
        f".*Received: {count} .npz files"
    )
    with pytest.raises(FileNotFoundError, match=message):
        load_images("mnist", "train", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([[0.0]], "NumPy array.*list"),
        (np.zeros((2, 4, 4), np.float32), r"shape \(N, height.*\(2, 4, 4\).*one channel"),
        (np.zeros((0, 4, 4, 1), np.float32), r"Received: shape \(0, 4, 4, 1\)"),
        (np.zeros((2, 4, 4, 1), np.uint8), "uint8.*divide by 127.5 and subtract 1"),
        (np.full((2, 4, 4, 1), 255.0), "from 255.0 to 255.0.*divide by 127.5 and subtract 1"),
        (np.full((2, 4, 4, 1), -1.01), r"in \[-1, 1\]"),
        (np.full((2, 4, 4, 1), np.nan), "finite.*nan"),
        (np.full((2, 4, 4, 1), -np.inf), "finite.*inf"),
    ],
)
def test_check_images_rejects(images, message):
    with pytest.raises(ValueError, match=f"Expected .*x_train.*{message}"):
        check_images(images, "x_train")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_check_images_accepts(dtype):
    check_images(np.linspace(-1.0005, 1.0005, 32).reshape(2, 4, 4, 1).astype(dtype))


# TensorFlow Datasets.


@pytest.fixture(scope="module")
def tfds():
    return pytest.importorskip("tensorflow_datasets")


@pytest.fixture(scope="module")
def shapes(tfds, tmp_path_factory):
    """A prepared tfds folder with images of several sizes, no label and only a train split."""

    class MultiganShapes(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            image = tfds.features.Image(shape=(None, None, 3))
            features = tfds.features.FeaturesDict({"picture": image, "number": np.int64})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for i in range(1, 5):
                yield i, {"picture": np.full((i, 2 * i, 3), 60 * i, np.uint8), "number": i}

    folder = tmp_path_factory.mktemp("tfds")
    MultiganShapes(data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture(scope="module")
def resized(tfds, tmp_path_factory):
    """A prepared tfds folder whose second split is its validation split, as of imagenet_resized."""

    class MultiganResized(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="4x4")]

        def _info(self):
            features = tfds.features.FeaturesDict({
                "image": tfds.features.Image(shape=(4, 4, 3)),
                "label": tfds.features.ClassLabel(num_classes=3)})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(6), "validation": self._generate_examples(3)}

        def _generate_examples(self, count):
            for i in range(count):
                yield i, {"image": np.full((4, 4, 3), count, np.uint8), "label": i % 3}

    folder = tmp_path_factory.mktemp("tfds")
    MultiganResized(data_dir=folder).download_and_prepare()
    return folder


def test_the_validation_split_is_the_test_set_if_there_is_no_other(resized):
    sets = {split: load_image_set("multigan_resized/4x4", split, 4, resized)
            for split in ("train", "test", "validation")}
    assert [(len(s), s.images[0, 0, 0, 0]) for s in sets.values()] == [(6, 6), (3, 3), (3, 3)]
    assert sets["test"].note == ("test: 3 images of 4x4x3; there is no test split: this is the "
                                 "validation split")
    assert sets["validation"].note == "validation: 3 images of 4x4x3"
    with pytest.raises(ValueError, match="Expected the unlabelled split.*the splits train, validation"):
        load_image_set("multigan_resized/4x4", "unlabelled", 4, resized)


@pytest.fixture(scope="module")
def faces(tfds, tmp_path_factory):
    """A prepared tfds folder with images higher than wide, attributes, and an unlabelled split."""

    class MultiganFaces(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = tfds.features.FeaturesDict({
                "image": tfds.features.Image(shape=(7, 4, 3)),
                "label": tfds.features.ClassLabel(num_classes=3),
                "name": tfds.features.Text(),
                "attributes": {"Hat": np.bool_, "Age": np.int64, "Height": np.float32},
            })
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(3), "unlabelled": self._generate_examples(0)}

        def _generate_examples(self, classes):
            rows = np.arange(7, dtype=np.uint8)[:, None, None]
            for i in range(6):
                attributes = {"Hat": i % 2 == 0, "Age": 10 * i, "Height": 1.5}
                image = np.broadcast_to(10 * rows + i, (7, 4, 3))
                label = i % classes if classes else -1
                yield i, {"image": image, "label": label, "name": str(i), "attributes": attributes}

    folder = tmp_path_factory.mktemp("tfds")
    MultiganFaces(data_dir=folder).download_and_prepare()
    return folder


def test_tfds_attributes_and_the_central_square(faces):
    images, labels = load_images(
        "multigan_faces", "train", 4, data_dir=faces, label=["Age", "Hat", "label"]
    )
    assert labels.dtype == np.int64 and sorted(labels[:, 0]) == [0, 10, 20, 30, 40, 50]
    for image, (age, hat, label) in zip(images, labels, strict=True):
        i = age // 10
        assert hat == (i % 2 == 0) and label == i % 3
        rows = scaled(10 * np.arange(1, 5) + i)  # of 0..6, one above them and two below are cut off
        np.testing.assert_allclose(image, np.broadcast_to(rows[:, None, None], (4, 4, 3)), atol=1e-6)
    _, ages = load_images("multigan_faces", "train", 4, data_dir=faces, label="Age")
    np.testing.assert_array_equal(ages, labels[:, 0])
    _, default = load_images("multigan_faces", "train", 4, data_dir=faces)
    np.testing.assert_array_equal(default, labels[:, 2])


def test_tfds_unlabelled_split(faces):
    images, labels = load_images("multigan_faces", "unlabelled", None, data_dir=faces)
    assert images.shape == (6, 7, 4, 3) and labels is None


@pytest.mark.parametrize("label", ["Hair", "name", "Height", "attributes", ["Hat", "Hair"], [], 3])
def test_tfds_unknown_label(faces, label):
    with pytest.raises(ValueError, match="multigan_faces.*: Hat, Age, label. Received: .*Correct"):
        load_images("multigan_faces", "train", data_dir=faces, label=label)


@pytest.mark.parametrize(
    ("name", "split", "size", "label", "labels_shape"),
    [
        ("cifar10", "train", 32, None, (3,)),
        ("stl10", "unlabelled", 48, None, None),
        ("stl10", "test", 48, None, (3,)),
        ("imagenet_resized/32x32", "validation", 32, None, (3,)),
        ("imagenet_resized/64x64", "train", 64, None, (3,)),
        ("celeb_a", "train", 64, None, None),
        ("celeb_a", "validation", 128, ["Male", "Black_Hair", "Blond_Hair"], (3, 3)),
    ],
)
def test_data_sets_of_the_papers(tfds, name, split, size, label, labels_shape):
    with tfds.testing.mock_data(num_examples=3):
        images, labels = load_images(name, split, size, label=label)
        native, _ = load_images(name, split, None)
    assert images.shape == (3, size, size, 3)
    assert getattr(labels, "shape", None) == labels_shape
    if native.shape[1] == size:
        np.testing.assert_array_equal(images, native)


def test_tfds_images_and_labels(tfds):
    with tfds.testing.mock_data(num_examples=600):
        images, labels = load_images("fashion_mnist", "test", image_size=16)
        native, _ = load_images("mnist:3.0.1", "train", image_size=None)
    assert images.shape == (600, 16, 16, 1) and images.dtype == np.float32
    assert -1 <= images.min() < -0.5 and 0.5 < images.max() <= 1 and images.flags.c_contiguous
    assert labels.shape == (600,) and labels.dtype == np.int64
    assert native.shape == (600, 28, 28, 1) and native.min() == -1 and native.max() > 0.99


def test_tfds_images_of_several_sizes(shapes):
    images, labels = load_images("multigan_shapes", "train", 8, data_dir=shapes)
    assert images.shape == (4, 8, 8, 3) and labels is None
    grays = sorted(images.mean((1, 2, 3)))
    np.testing.assert_allclose(grays, scaled(np.array([60, 120, 180, 240])), atol=1e-5)
    with pytest.raises(ValueError, match="images of one size.*Give an image_size"):
        load_images("multigan_shapes", "train", None, data_dir=shapes)


def test_tfds_missing_split(shapes):
    with pytest.raises(ValueError, match="Expected the test split.*with the splits train"):
        load_images("multigan_shapes", "test", data_dir=shapes)


def test_tfds_other_version(shapes, tmp_path):
    (tmp_path / "multigan_shapes").mkdir()
    (tmp_path / "multigan_shapes" / "0.9.0").symlink_to(shapes / "multigan_shapes" / "1.0.0")
    with pytest.raises(FileNotFoundError, match="multigan_shapes/1.0.0 in.*multigan_shapes/0.9.0"):
        load_images("multigan_shapes", "train", data_dir=tmp_path)


def test_tfds_damaged_files(shapes, tmp_path):
    source = shapes / "multigan_shapes" / "1.0.0"
    target = tmp_path / "multigan_shapes" / "1.0.0"
    target.mkdir(parents=True)
    for file in source.iterdir():
        content = file.read_bytes()
        (target / file.name).write_bytes(content[:-10] if "tfrecord" in file.name else content)
    with pytest.raises(ValueError, match="Expected to read 4 images.*damaged"):
        load_images("multigan_shapes", "train", 8, data_dir=tmp_path)


def test_tfds_without_images(tfds):
    with pytest.raises(ValueError, match="image feature of uint8.*features text, label"):
        load_images("imdb_reviews", "train")


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("fashion-mnist", "fashion_mnist"),
        ("CIFAR10", "cifar10"),
        ("digit", "digits"),
        ("qqqqqq", "none"),
        ("mnist:9.9.9", "mnist"),
    ],
)
def test_unknown_data_set(tfds, name, close):
    with pytest.raises(ValueError, match=f"'digits', 'mnist', 'fashion_mnist'.*matches.*{close}"):
        load_images(name, "train")


@pytest.fixture
def empty_tfds_folder(tfds, tmp_path, monkeypatch):
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    return tmp_path


def test_no_network(empty_tfds_folder, monkeypatch):
    import requests

    def head(url, **kwargs):
        raise requests.ConnectionError(f"cannot reach {url}")

    monkeypatch.setattr(requests, "head", head)
    message = "Nothing could be downloaded.*'kmnist'.*cannot reach http.*--data_dir.*'digits'"
    with pytest.raises(FileNotFoundError, match=message):
        load_images("kmnist", "train")
    assert not list(empty_tfds_folder.iterdir())


def test_download_fails(empty_tfds_folder, tfds, monkeypatch):
    import requests

    def prepare(builder):
        raise OSError("No space left on device")

    def head(url, **kwargs):
        raise requests.ReadTimeout  # connected, so that tfds shall try

    monkeypatch.setattr(requests, "head", head)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", prepare)
    with pytest.raises(FileNotFoundError, match="'kmnist'.*OSError: No space left on device"):
        load_images("kmnist", "train")


def test_data_are_prepared_when_missing(empty_tfds_folder, shapes):
    images, _ = load_images("multigan_shapes", "train", 8)
    assert images.shape == (4, 8, 8, 3)
    assert (empty_tfds_folder / "multigan_shapes" / "1.0.0" / "dataset_info.json").exists()


# The real MNIST.


@needs_mnist
def test_mnist_is_the_same_from_every_source(tfds, tmp_path):
    images, labels = load_images("mnist", "test", data_dir=MNIST)
    with np.load(MNIST / "mnist.npz") as file:
        write_idx(tmp_path, file["x_test"], file["y_test"])
    assert images.shape == (10000, 32, 32, 1)
    assert_result(load_images("mnist", "test", data_dir=tmp_path), images, labels)

    prepared = load_images("mnist", "test", data_dir=MNIST / "tfds")

    def unordered(images, labels):  # tfds shuffles when it prepares
        return sorted((x.tobytes(), int(y)) for x, y in zip(images, labels, strict=True))

    assert unordered(*prepared) == unordered(images, labels)


# Without TensorFlow.


def test_tensorflow_is_not_needed(tmp_path):
    """Digits, npz and IDX files load, and importing keras_multigan.data imports no Keras."""
    write_npz(tmp_path / "x.npz", X, Y)
    (tmp_path / "idx").mkdir()
    write_idx(tmp_path / "idx", X, Y)
    code = f"""
import sys, types
sys.modules.update(tensorflow=None, tensorflow_datasets=None)  # importing them fails
package = types.ModuleType("keras_multigan")  # without the other parts, which import Keras
package.__path__ = [{str(ROOT / "keras_multigan")!r}]
sys.modules["keras_multigan"] = package
from keras_multigan.data import load_images
assert "keras" not in sys.modules
assert load_images("digits", "train", None)[0].shape == (1437, 8, 8, 1)
assert load_images("x", "train", None, {str(tmp_path)!r})[0].shape == (5, 4, 4, 1)
assert load_images("x", "test", None, {str(tmp_path / "idx")!r})[0].shape == (5, 4, 4, 1)
try:
    load_images("mnist", "train")
except ImportError as error:
    assert "needs tensorflow" in str(error)
else:
    raise AssertionError("loaded without TensorFlow")
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
