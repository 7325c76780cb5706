"""Folders and zips of image files: splits, classes, what is skipped and what is refused."""

import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_multigan import data
from keras_multigan.data import folder_images, sources
from keras_multigan.runs import files

pytestmark = pytest.mark.fast


def write(path, gray=100, size=(6, 6), colour=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if colour else "L", size, (gray, 0, 0) if colour else gray).save(path)


def fill(folder, count=6, start=0, **options):
    """`count` images of gray levels start, start + 1, ..."""
    for i in range(count):
        write(folder / f"{i:03d}.png", start + i, **options)


def load(place, split="train", size=6, **options):
    return data.load_image_set(None, split, size, place, **options)


def grays(images):
    return sorted(images.images[:, 0, 0, 0].tolist())


# Splits and classes.


def test_class_folders_with_splits(tmp_path):
    for split, start in (("train", 0), ("test", 100)):
        fill(tmp_path / split / "dog", 3, start)
        fill(tmp_path / split / "cat", 4, start + 50)
    images, labels, names = data.image_folder(tmp_path, "train", 6)
    assert images.shape == (7, 6, 6, 1) and images.dtype == np.float32 and labels.dtype == np.int64
    assert names == ["cat", "dog"] and labels.tolist() == [0] * 4 + [1] * 3
    expected = np.array([50, 51, 52, 53, 0, 1, 2]) / 127.5 - 1
    np.testing.assert_allclose(images[:, 0, 0, 0], expected, atol=1e-6)
    test = load(tmp_path, "test")
    assert grays(test) == [100, 101, 102, 150, 151, 152, 153]
    assert test.note == "test: 7 images of 6x6x1 in 2 classes (cat, dog)" and test.skipped == []
    for image, label in (data.load_images("mine", "train", 6, tmp_path), (images, labels)):
        np.testing.assert_array_equal(image, images)
        np.testing.assert_array_equal(label, labels)


def test_a_flat_folder_has_no_labels(tmp_path):
    fill(tmp_path, 12)
    images, labels, names = data.image_folder(tmp_path, "train", 6)
    assert images.shape == (10, 6, 6, 1) and labels is None and names is None
    assert data.load_images("mine", "train", 6, tmp_path)[1] is None


def test_a_fixed_sixth_of_every_class_is_split_off(tmp_path):
    fill(tmp_path / "a", 12)
    fill(tmp_path / "b", 6, 50)
    fill(tmp_path / "c", 1, 90)  # of a single image
    train, test = load(tmp_path), load(tmp_path, "test")
    assert sorted(grays(train) + grays(test)) == [*range(12), *range(50, 56), 90]
    assert np.bincount(test.labels).tolist() == [2, 1]
    assert np.bincount(train.labels).tolist() == [10, 5, 1]
    assert train.class_names == test.class_names == ["a", "b", "c"]
    for part in train, test:
        assert part.note.endswith(
            "no test folder, so a fixed sixth of every class is the test set (3 of 19 images)")
    assert grays(load(tmp_path, "test")) == grays(test)


def test_a_train_folder_alone_is_split_the_same_way(tmp_path):
    fill(tmp_path / "Train" / "a", 12)
    train, test = load(tmp_path), load(tmp_path, "test")
    assert len(train) == 10 and len(test) == 2 and "no test folder" in train.note
    assert not set(grays(train)) & set(grays(test))


@pytest.mark.parametrize(("train", "test"), [
    ("training", "testing"), ("train", "val"), ("TRAIN", "Validation"), ("train", "valid")])
def test_names_of_split_folders(tmp_path, train, test):
    fill(tmp_path / train, 3)
    fill(tmp_path / test, 2, 50)
    assert grays(load(tmp_path)) == [0, 1, 2] and grays(load(tmp_path, "test")) == [50, 51]
    if test != "testing":
        assert "so the validation folder is the test set" in load(tmp_path, "test").note
        assert grays(load(tmp_path, "validation")) == [50, 51]


def test_validation_beside_test(tmp_path):
    for split, start in (("train", 0), ("val", 10), ("test", 20)):
        fill(tmp_path / split, 2, start)
    assert grays(load(tmp_path, "test")) == [20, 21] and grays(load(tmp_path, "validation")) == [10, 11]


@pytest.mark.parametrize("split", ["validation", "unlabelled"])
def test_a_split_without_folder(tmp_path, split):
    fill(tmp_path)
    with pytest.raises(ValueError, match=f"one of test, train. Received: '{split}'"):
        load(tmp_path, split)


def test_a_test_folder_without_train(tmp_path):
    fill(tmp_path / "test" / "a")
    for split in ("train", "test"):
        with pytest.raises(ValueError, match="Expected a folder train. Received: test without it"):
            load(tmp_path, split)


def test_two_folders_of_a_split(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "training")
    with pytest.raises(ValueError, match="one folder for the train split"):
        load(tmp_path)


def test_a_class_named_train(tmp_path):
    for name in ("car", "train", "bus"):
        fill(tmp_path / name, 6)
    assert load(tmp_path).class_names == ["bus", "car", "train"]


def test_folders_beside_those_of_splits(tmp_path):
    for name in ("train/a", "test/a", "new"):
        fill(tmp_path / name, 6)
    with pytest.raises(ValueError, match="nothing beside the folders of the splits.*beside them new"):
        load(tmp_path)


def test_folders_inside_a_class(tmp_path):
    fill(tmp_path / "cat" / "siamese" / "young", 3)
    fill(tmp_path / "cat", 3, 10)
    fill(tmp_path / "dog" / "poodle", 6, 50)
    images = load(tmp_path)
    assert images.class_names == ["cat", "dog"] and np.bincount(images.labels).tolist() == [5, 5]


def test_one_class(tmp_path):
    fill(tmp_path / "cat", 6)
    images = load(tmp_path)
    assert images.class_names == ["cat"] and images.labels.tolist() == [0] * 5
    assert "in 1 class (cat)" in images.note


def test_a_folder_of_folders_alone_is_passed_through(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / "photos" / "2024" / name, 6)
    assert load(tmp_path).class_names == ["cat", "dog"]


def test_class_names_that_are_numbers_are_in_their_order(tmp_path):
    for k in range(12):
        fill(tmp_path / str(k), 2, 10 * k)
    images = load(tmp_path)
    assert images.class_names == [str(k) for k in range(12)]
    np.testing.assert_array_equal(images.images[:, 0, 0, 0] // 10, images.labels)


def test_label_false_reads_all_without_labels(tmp_path):
    fill(tmp_path / "a", 6)
    fill(tmp_path, 6, 50)
    with pytest.raises(
            ValueError, match="all together.*000.png beside folders with .* a in.*label=False"):
        load(tmp_path)
    images, labels, names = data.image_folder(tmp_path, "train", 6, label=False)
    assert len(images) == 10 and labels is None and names is None


def test_test_classes_that_the_training_lacks(tmp_path):
    for name in ("train/a", "train/b", "test/a", "test/z"):
        fill(tmp_path / name, 2)
    assert len(load(tmp_path)) == 4
    with pytest.raises(ValueError, match="has: a, b. Received: z for test"):
        load(tmp_path, "test")


def test_a_test_split_may_lack_classes_and_labels(tmp_path):
    for name in ("train/a", "train/b", "test/b"):
        fill(tmp_path / name, 2)
    assert load(tmp_path, "test").labels.tolist() == [1, 1]
    fill(tmp_path / "flat" / "train" / "a", 2)
    fill(tmp_path / "flat" / "test", 2)
    assert load(tmp_path / "flat", "test").labels is None


@pytest.mark.parametrize("place", ["runs/commute-quick", "mine"])
def test_runs_in_the_folder_are_no_class(tmp_path, place):
    for name in ("a", "b", f"{place}"):
        fill(tmp_path / name, 6)
    (tmp_path / place / "options.json").touch()
    assert load(tmp_path).class_names == ["a", "b"]


@pytest.mark.parametrize("place", ["run", "runs/mine"])
def test_a_run_that_begins_in_the_folder_is_no_class(tmp_path, place):
    for name in ("a", "b"):
        fill(tmp_path / name, 6)
    with files.locked(tmp_path / place):
        assert load(tmp_path).class_names == ["a", "b"]
    (tmp_path / place).mkdir(parents=True)  # none that a run has
    with pytest.raises(ValueError, match="every class folder. Received: none in run"):
        load(tmp_path)


@pytest.mark.parametrize("empty", ["train/b", "test/b", "c"])
def test_an_empty_class_folder(tmp_path, empty):
    names = ["a", "b"] if empty == "c" else ["train/a", "test/a"]
    for name in names:
        fill(tmp_path / name, 2)
    (tmp_path / empty).mkdir()
    with pytest.raises(ValueError, match=f"every class folder. Received: none in {empty[-1]} of"):
        load(tmp_path, empty.split("/")[0] if "/" in empty else "train")
        load(tmp_path, "test")


def test_an_empty_split_folder(tmp_path):
    fill(tmp_path / "train" / "a")
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match="Expected images in .*test. Received: none"):
        load(tmp_path)


def test_one_image_cannot_be_split(tmp_path):
    fill(tmp_path, 1)
    assert len(load(tmp_path)) == 1
    with pytest.raises(ValueError, match="at least 2 images, to split off a test set. Received: 1"):
        load(tmp_path, "test")


# Links and other files.


def test_links_are_followed_once(tmp_path):
    fill(tmp_path / "elsewhere", 6)
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "a" / "0.png").symlink_to(tmp_path / "elsewhere" / "003.png")
    (tmp_path / "data" / "a" / "loop").symlink_to(tmp_path / "data")
    tree = sources.Folder(tmp_path / "data").tree()
    assert len([name for name in tree.images if name.startswith("b/")]) == 6
    assert [name for name in tree.images if name.startswith("a/")] == ["a/0.png"]
    assert load(tmp_path / "data").class_names == ["a", "b"]


def test_files_that_are_no_images_are_passed_over(tmp_path):
    fill(tmp_path, 6)
    for name in ("Thumbs.db", ".DS_Store", "._000.png", "desktop.ini", "README.md", "readme.txt",
                 ".hidden.png"):
        (tmp_path / name).write_bytes(b"no image")
    for folder in (".ipynb_checkpoints", "__MACOSX"):
        fill(tmp_path / folder, 3)
    assert load(tmp_path).note.endswith("(1 of 6 images)")
    for name in ("a.txt", "b.txt", "c.heic", "license"):
        (tmp_path / name).write_bytes(b"no image")
    note = "passed over files that are no images: 2 .txt, 1 .heic, 1 no suffix"
    assert load(tmp_path).note.endswith(note)
    assert len(load(tmp_path)) == 5


def test_suffixes_in_capitals(tmp_path):
    for i in range(6):
        write(tmp_path / f"{i}.JPG")
    assert len(load(tmp_path)) == 5


def test_names_in_any_language(tmp_path):
    fill(tmp_path / "кот", 6)
    os.makedirs(os.fsencode(tmp_path) + b"/caf\xe9")
    for i in range(6):
        write(tmp_path / "x.png", 7)
        os.rename(tmp_path / "x.png", os.fsencode(tmp_path) + b"/caf\xe9/%d\xff.png" % i)
    assert load(tmp_path).class_names == ["caf\\udce9", "кот"]
    load(tmp_path).note.encode("utf-8")


def test_a_folder_without_images(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
            FileNotFoundError, match="no image in .*Expected files named .*.png.*Received: 1 .txt"):
        data.image_folder(tmp_path)
    with pytest.raises(
            FileNotFoundError, match="no data for 'mine'.*images .*.png.*0 .npz files.*1 .txt"):
        data.load_images("mine", "train", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere', which does not exist"):
        data.image_folder(tmp_path / "nowhere")


# Damaged files.


def damaged(folder, count, contents=(b"", b"text", b"\x89PNG\r\n\x1a\nbad")):
    for i in range(count):
        (folder / f"bad{i}.png").write_bytes(contents[i % len(contents)])


def test_up_to_a_tenth_of_damaged_files_is_skipped(tmp_path):
    fill(tmp_path / "train", 27, 0)
    fill(tmp_path / "test", 2)
    damaged(tmp_path / "train", 3)
    images = load(tmp_path)
    assert grays(images) == list(range(27))
    assert images.skipped[0] == ("train/bad0.png", "the file is empty")
    assert images.skipped[1] == ("train/bad1.png", "not an image of a known format")
    note = "skipped 3 that cannot be decoded: train/bad0.png (the file is empty); train/bad1"
    assert note in images.note
    assert load(tmp_path, stream=True).skipped == images.skipped


@pytest.mark.parametrize("stream", [False, True])
def test_more_damaged_files_are_an_error(tmp_path, stream):
    fill(tmp_path / "train", 60)
    fill(tmp_path / "test", 2)
    damaged(tmp_path / "train", 7)
    message = r"90% .* 7 of 67 .*bad0.png \(the file is empty\).*bad4.png \(.*\); and 2 more. Replace"
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, stream=stream)
    assert "bad5" not in str(caught.value)


def test_a_class_of_damaged_files_alone(tmp_path):
    fill(tmp_path / "train" / "a", 30)
    fill(tmp_path / "test" / "a", 2)
    (tmp_path / "train" / "b").mkdir()
    damaged(tmp_path / "train" / "b", 2)
    with pytest.raises(ValueError, match="all of class b among them"):
        load(tmp_path)


def test_pipes_and_broken_links_are_named(tmp_path):
    fill(tmp_path / "train", 20)
    fill(tmp_path / "test", 2)
    os.mkfifo(tmp_path / "train" / "pipe.png")
    (tmp_path / "train" / "link.png").symlink_to(tmp_path / "gone.png")
    assert [name for name, _ in load(tmp_path).skipped] == ["train/link.png", "train/pipe.png"]
    assert load(tmp_path).skipped[0][1] == "no file, or a link to nothing"


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    fill(tmp_path / "train", 20)
    fill(tmp_path / "test", 2)
    write(tmp_path / "train" / "big.bmp", size=(60, 60))
    monkeypatch.setattr(sources, "MAX_BYTES", 2**11)
    assert load(tmp_path).skipped == [("train/big.bmp", "larger than 0 MiB")]


@pytest.mark.parametrize("stream", [False, True])
def test_floats_of_unknown_range_name_the_file(tmp_path, stream):
    fill(tmp_path / "train", 20)
    fill(tmp_path / "test", 2)
    Image.fromarray(np.full((6, 6), 200, np.float32)).save(tmp_path / "train" / "deep.tif")
    with pytest.raises(
            ValueError, match=r"train/deep.tif with floats from 200.0 to 200.0; expected \[0, 1\]"):
        load(tmp_path, stream=stream)


# Channels and sizes.


def test_all_gray_is_one_channel_and_mixed_is_colour(tmp_path):
    fill(tmp_path / "train", 5)
    fill(tmp_path / "test", 2)
    assert load(tmp_path).shape == (6, 6, 1)
    write(tmp_path / "test" / "colour.png", 200, colour=True)
    assert load(tmp_path, "test").shape == (6, 6, 1)  # the training set decides
    write(tmp_path / "train" / "zz.png", 200, colour=True)
    images = load(tmp_path)
    assert images.shape == (6, 6, 3) == load(tmp_path, "test").shape
    assert images.images[1, 0, 0].tolist() == [1, 1, 1] and images.images[-1, 0, 0].tolist() == [200, 0,
    0]


def test_forced_channels_and_background(tmp_path):
    fill(tmp_path, 6)
    assert load(tmp_path, channels=3).shape == (6, 6, 3)
    Image.new("RGBA", (6, 6)).save(tmp_path / "clear.png")
    assert load(tmp_path).shape == (6, 6, 3)
    images = load(tmp_path, channels=1, background="white")
    assert images.shape == (6, 6, 1) and grays(images)[-1] == 255
    for wrong in ({"channels": 4}, {"background": "pink"}, {"label": "cat"}):
        with pytest.raises(ValueError, match="Expected .* to be one of .* for image files"):
            load(tmp_path, **wrong)


def test_sizes_are_mixed_or_native(tmp_path):
    write(tmp_path / "train" / "a.png", 10, (20, 30))
    write(tmp_path / "train" / "b.png", 20, (7, 5))
    write(tmp_path / "test" / "a.png", 20, (7, 5))
    assert load(tmp_path, size=8).images[:, 0, 0, 0].tolist() == [10, 20]
    with pytest.raises(
            ValueError, match=r"one size, 30x20 \(.*Received: train/b.png of 5x7. Give an image_size"):
        load(tmp_path, size=None)
    (tmp_path / "train" / "a.png").unlink()
    assert load(tmp_path, size=None).shape == (5, 7, 1) == load(tmp_path, "test", size=None).shape


# Zips.


def zipped(folder, path, prefix=""):
    with zipfile.ZipFile(path, "w") as file:
        for name in sorted(folder.rglob("*")):
            if name.is_file():
                file.write(name, prefix + str(name.relative_to(folder)))
    return path


@pytest.mark.parametrize("prefix", ["", "mine/"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_zip_is_as_its_folder(tmp_path, prefix, stream):
    for split in ("train", "test"):
        for start, name in enumerate(("cat", "dog")):
            fill(tmp_path / "data" / split / name, 4, 50 * start)
    place = zipped(tmp_path / "data", tmp_path / "a.zip", prefix)
    before = sorted(tmp_path.rglob("*"))
    folder, archive = load(tmp_path / "data", "test"), load(place, "test", stream=stream)
    np.testing.assert_array_equal(folder.floats(), archive.floats())
    np.testing.assert_array_equal(folder.labels, archive.labels)
    assert folder.class_names == archive.class_names == ["cat", "dog"]
    assert before == sorted(tmp_path.rglob("*"))  # nothing is extracted
    np.testing.assert_array_equal(data.image_folder(place, "test", 6)[0], folder.floats())


def test_a_flat_zip(tmp_path):
    fill(tmp_path / "data", 6)
    for prefix in ("", "photos/"):
        images = load(zipped(tmp_path / "data", tmp_path / "a.zip", prefix))
        assert len(images) == 5 and images.labels is None


def test_zips_of_macos_and_windows(tmp_path):
    fill(tmp_path / "data", 6)
    place = zipped(tmp_path / "data", tmp_path / "a.zip", "photos\\cat\\")
    with zipfile.ZipFile(place, "a") as file:
        file.writestr("__MACOSX/photos/cat/._000.png", b"x")
        file.writestr("photos/", b"")
    assert load(place).class_names == ["cat"] and len(load(place)) == 5


@pytest.mark.parametrize(
    "name", ["../out.png", "a/../../out.png", "/out.png", "C:/out.png", "..\\out.png"])
def test_names_that_lead_out_of_a_zip(tmp_path, name):
    fill(tmp_path / "data", 6)
    place = zipped(tmp_path / "data", tmp_path / "a.zip")
    with zipfile.ZipFile(place, "a") as file:
        file.writestr(name, b"x")
    with pytest.raises(ValueError, match="names stay inside it.*out.png"):
        load(place)


def test_a_zip_bomb_is_skipped(tmp_path, monkeypatch):
    fill(tmp_path / "data" / "train", 20)
    fill(tmp_path / "data" / "test", 2)
    place = zipped(tmp_path / "data", tmp_path / "a.zip")
    with zipfile.ZipFile(place, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("train/bomb.png", bytes(2**22))
    monkeypatch.setattr(sources, "MAX_BYTES", 2**20)
    assert load(place).skipped == [("train/bomb.png", "larger than 1 MiB")]


def test_damage_in_a_zip(tmp_path):
    fill(tmp_path / "data" / "train", 20)
    fill(tmp_path / "data" / "test", 2)
    place = zipped(tmp_path / "data", tmp_path / "a.zip")
    content = bytearray(place.read_bytes())
    content[content.index(b"train/010.png") + 20] ^= 255
    place.write_bytes(content)
    ((name, reason),) = load(place).skipped
    assert name == "train/010.png" and "CRC" in reason
    place.write_bytes(content[:200])
    with pytest.raises(
            ValueError, match="Expected a .zip of image files.*a.zip, which cannot be read"):
        load(place)
    with zipfile.ZipFile(place, "w") as file:
        file.writestr("a.txt", b"x")
    with pytest.raises(FileNotFoundError, match="no image in .*a.zip.*Received: 1 .txt"):
        load(place)


# What data_dir may be.


def test_a_folder_with_nothing_but_a_zip(tmp_path):
    fill(tmp_path / "data", 6)
    (tmp_path / "place").mkdir()
    zipped(tmp_path / "data", tmp_path / "place" / "a.zip")
    assert len(load(tmp_path / "place")) == 5


@pytest.mark.parametrize(("name", "what"), [
    ("a.png", "a single image"), ("a.pdf", "another kind"), ("a", "another kind"),
    ("a.tar.gz", "another kind")])
def test_a_file_that_is_no_data_set(tmp_path, name, what):
    write(tmp_path / "x.png")
    os.rename(tmp_path / "x.png", tmp_path / name)
    with pytest.raises(
            ValueError, match=f"data_dir to be a folder or .zip of image files, an .npz.*{what}"):
        data.load_images("mine", "train", data_dir=tmp_path / name)


def test_an_npz_of_another_name(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=np.zeros((3, 6, 6), np.uint8))
    os.rename(tmp_path / "x.npz", tmp_path / "x.zip")
    assert load(tmp_path / "x.zip").shape == (6, 6, 1)


def test_files_of_tfds_are_no_image_folder(tmp_path):
    (tmp_path / "cifar10" / "3.0.2").mkdir(parents=True)
    (tmp_path / "cifar10" / "3.0.2" / "dataset_info.json").write_text("{}")
    fill(tmp_path / "downloads", 6)
    with pytest.raises(
            FileNotFoundError, match="'mnist'.*cifar10/3.0.2 of tfds, which need their name"):
        data.load_images("mnist", "train", data_dir=tmp_path)


def test_streaming_is_chosen_by_memory(tmp_path, monkeypatch):
    fill(tmp_path, 6)
    size = 5 * 6 * 6
    assert folder_images.available_memory() > 2**20
    for memory, kind in ((4 * size, data.ImageSet), (4 * size - 4, data.ImageFiles)):
        monkeypatch.setattr(folder_images, "available_memory", lambda memory=memory: memory)
        images = load(tmp_path)
        assert type(images) is kind and images.shape == (6, 6, 1) and len(images) == 5
        assert ("decoded batch by batch" in images.note) == (kind is data.ImageFiles)
    assert type(load(tmp_path, stream=False)) is data.ImageSet
    with pytest.raises(ValueError, match="stream not to be True"):
        data.load_image_set("digits", stream=True)
