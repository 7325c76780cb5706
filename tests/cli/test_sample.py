"""multigan sample: the same seed gives the same images, from a run and from what it exported."""

import numpy as np
import pytest

from keras_multigan.cli.sample import path_of_noise, sample
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import artifacts


def read_png(path):
    import matplotlib.image

    return matplotlib.image.imread(path)


def test_png_of_a_run_has_a_row_per_generator(multigan, tiny_run, tmp_path):
    output = tmp_path / "new" / "grid.png"
    done = multigan("sample", f"--model={tiny_run}", "--num_samples=3", f"--output={output}")
    assert done.code == 0 and "generator_0, generator_1; --seed=" in done.out
    # Twice the size of 2 rows of 3 images of 32 pixels with the gaps of plots.image_grid.
    assert read_png(output).shape[:2] == (2 * 2 * (32 + 2), 2 * (3 * (32 + 1) + 1))
    assert read_png(output)[..., :3].std() > 0.05
    assert [path.name for path in output.parent.iterdir()] == ["grid.png"]


def test_the_seed_that_was_drawn_gives_the_images_again(multigan, tiny_run, tmp_path):
    def draw(name, *flags):
        done = multigan("sample", f"--model={tiny_run}", "--num_samples=2", f"--output={name}", *flags)
        return done.out.rpartition(";")[2].strip(), np.load(tmp_path / name)

    (flag, first), (other, second) = draw("a.npy"), draw("b.npy")
    assert flag != other and not np.array_equal(first, second)
    again = draw("c.npy", flag)
    assert again[0] == flag
    np.testing.assert_array_equal(again[1], first)


def test_bad_input(refused, tiny_run):
    refused(["sample", f"--model={tiny_run}", "--generator=2"], "error: --generator is expected",
            "[0, 1]", "'2'")
    refused(["sample", f"--model={tiny_run}", "--num_samples=0"],
            "--num_samples is expected to be >= 1 and <= 10000000. Received: 0")
    refused(["sample", f"--model={tiny_run}", f"--seed={2**31}"],
            "--seed is expected to be >= 0 and <= 2147483647. Received: 2147483648")
    refused(["sample", "--model=absent"], "Expected a run folder", "absent")


def test_same_seed_same_images(tiny_run, tmp_path):
    def draw(name, **options):
        return sample(model=tiny_run, num_samples=3, output=tmp_path / name, **options)

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


def test_a_saved_model_gives_what_its_signature_gives(tiny_run, tmp_path):
    import tensorflow as tf

    export = tiny_run / "export"
    for name, model in [("generator_1", export / "generator_1"),
                        ("generator_1", export / "generator_1" / "1"),
                        ("mixture", export / "mixture")]:
        images = sample(model=model, num_samples=4, seed=7, output=tmp_path / "x.npy", overwrite=True)
        assert list(images) == [name]
        loaded = tf.saved_model.load(str(export / name / "1"))
        served = loaded.signatures["sample"](batch_size=tf.constant(4), seed=tf.constant(7))
        np.testing.assert_allclose(images[name], served["images"].numpy(), atol=1e-5)
    both = sample(model=export, num_samples=2, seed=7, output=tmp_path / "y.npz")
    assert list(both) == ["generator_0", "generator_1"]
    assert sample(model=export, generator="mixture", num_samples=2,
                  output=tmp_path / "z.npz")["mixture"].shape == (2, 32, 32, 1)


@pytest.mark.fast
def test_vectors_are_sampled_but_are_no_pictures(refused, tmp_path):
    recipe = RECIPES["mix_plus"]
    recipe.like(recipe.make_options(dimension=3, width=4, num_generators=2)).save(
        tmp_path / "model.keras")
    drawn = sample(model=tmp_path / "model.keras", num_samples=3, output=tmp_path / "x.npz")
    assert {name: vectors.shape for name, vectors in drawn.items()} == {
        "generator_0": (3, 3), "generator_1": (3, 3)}
    for command, output in (("sample", "x.png"), ("evaluate", "x.json")):
        refused([command, "--model=model.keras", f"--output={output}"], "(H, W, C)")


def test_generators_that_are_not_there(tiny_run, tmp_path):
    output = tmp_path / "x.npy"
    for generator in ("2", "-1", "first", ""):
        with pytest.raises(ValueError, match=r"--generator is expected.*\[0, 1\]"):
            sample(model=tiny_run, generator=generator, output=output)
    for model, generator in (("generator_1", "0"), ("mixture", "0")):
        with pytest.raises(ValueError, match="--generator is expected"):
            sample(model=tiny_run / "export" / model, generator=generator, output=output)
    with pytest.raises(ValueError, match=r"Expected \[1\].*Received: the mixture"):
        sample(model=tiny_run / "export" / "generator_1", generator="mixture", output=output)
    assert not list(tmp_path.iterdir())


@pytest.mark.fast
def test_output_is_checked_first_and_never_lost(refused, tmp_path):
    # No model is there: the output is looked at before anything is loaded.
    for name in ("x.jpg", "x.NPY"):
        refused(["sample", "--model=absent", f"--output={name}"],
                "end in .png, .npy, .npz, .webp, .gif, or to be a folder. Received")
    refused(["sample", "--model=absent", "--num_samples=501"], "at most 500", "Received: 501")
    (tmp_path / "kept.npy").write_bytes(b"mine")
    refused(["sample", "--model=absent", "--output=kept.npy"], "kept.npy, which exists", "--overwrite")
    (tmp_path / "folder.npy").mkdir()
    refused(["sample", "--model=absent", "--output=folder.npy", "--overwrite"], "another name")
    assert (tmp_path / "kept.npy").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["moving.webp", "moving.gif"])
def test_a_moving_picture(tiny_run, tmp_path, name):
    from PIL import Image

    for model in (tiny_run, tiny_run / "export"):
        images = sample(model=model, num_samples=3, seed=4, output=tmp_path / name, overwrite=True)
        assert {k: v.shape for k, v in images.items()} == {
            "generator_0": (36, 32, 32, 1), "generator_1": (36, 32, 32, 1)}
        with Image.open(tmp_path / name) as picture:
            assert picture.n_frames == 36 and picture.size == (4 * (2 * 33 + 1), 4 * 34)
    # It is at the second sample after 12 frames. Neighbours differ less than samples do.
    first = images["generator_0"]
    steps = np.abs(np.diff(first, axis=0)).mean(axis=(1, 2, 3))
    assert steps.max() < np.abs(first[12] - first[0]).mean()
    for flags, message in (({"num_samples": 1}, "at least 2"),
                           ({"generator": "mixture"}, "the mixture")):
        with pytest.raises(ValueError, match=message):
            sample(model=tiny_run, output=tmp_path / f"x{name}", **flags)
    assert not (tmp_path / f"x{name}").exists()


def test_a_folder_of_single_images(tiny_run, tmp_path):
    sample(model=tiny_run, num_samples=2, seed=1, generator="1", output=tmp_path / "folder")
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [
        "generator_1-00000.png", "generator_1-00001.png"]
    with pytest.raises(FileExistsError, match="another name"):
        sample(model=tiny_run, output=tmp_path / "folder")


def test_the_path_of_noise_has_the_lengths_of_noise():
    path = path_of_noise(64, 4, seed=0)
    assert path.shape == (48, 64) and path.dtype == np.float32
    np.testing.assert_array_equal(path, path_of_noise(64, 4, seed=0))
    assert 0.6 * 8 < np.linalg.norm(path, axis=1).min() < np.linalg.norm(path, axis=1).max() < 1.4 * 8
    one = path_of_noise(1, 5, seed=3)[:, 0]  # of one number: straight from one to the next
    ends = np.random.default_rng(3).standard_normal(5)
    np.testing.assert_allclose(one[::12], ends, rtol=1e-6)
    assert ends.min() - 1e-6 <= one.min() and one.max() <= ends.max() + 1e-6


@pytest.mark.fast
def test_more_samples_than_memory(refused, tmp_path, monkeypatch):
    recipe = RECIPES["gm"]
    recipe.like(recipe.make_options(width=0.02, num_components=2, supervised=False)).save(
        tmp_path / "model.keras")
    monkeypatch.setattr(artifacts, "available_memory", lambda: 2**20)
    for command, output in (("sample", "x.npy"), ("evaluate", "x.json")):
        refused([command, "--model=model.keras", "--num_samples=5000", f"--output={output}"],
                "--num_samples is expected to fit into memory, of which 0.0 GB are free", "Give fewer")
