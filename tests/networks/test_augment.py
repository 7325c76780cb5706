"""Differentiable augmentation: what it changes, by how much, and that gradients flow."""

import keras
import numpy as np
import pytest
import tiny

from keras_multigan import networks
from keras_multigan.models import ComMutEGAN
from keras_multigan.networks.augment import DiffAugment

pytestmark = pytest.mark.fast


def run(policy, images, **kwargs):
    return keras.ops.convert_to_numpy(DiffAugment(policy, seed=3)(images, training=True, **kwargs))


def images(count=40, shape=(16, 8, 3)):
    return np.random.default_rng(0).uniform(-1, 1, (count, *shape)).astype("float32")


def test_nothing_changes_in_inference():
    x = images()
    np.testing.assert_array_equal(DiffAugment()(x, training=False), x)


def test_translation_moves_by_whole_pixels_and_uncovers_zeros():
    x = images()
    y = run("translation", x)
    shifts = set()
    for before, after in zip(x, y, strict=True):
        found = []
        for i in range(-2, 3):
            for j in range(-1, 2):
                moved = np.zeros_like(before)
                rows, columns = slice(max(0, -i), 16 - max(0, i)), slice(max(0, -j), 8 - max(0, j))
                from_rows = slice(max(0, i), 16 - max(0, -i))
                from_columns = slice(max(0, j), 8 - max(0, -j))
                moved[rows, columns] = before[from_rows, from_columns]
                if np.allclose(moved, after):
                    found.append((i, j))
        assert len(found) == 1
        shifts.add(found[0])
    assert len(shifts) > 5


def test_cutout_makes_one_rectangle_zero():
    x = images() * 0.5 + 2  # nowhere 0
    y = run("cutout", x)
    for before, after in zip(x, y, strict=True):
        gone = np.all(after == 0, axis=-1)
        np.testing.assert_array_equal(after[~gone], before[~gone])
        rows, columns = gone.any(axis=1), gone.any(axis=0)
        assert np.array_equal(gone, np.outer(rows, columns))
        # At an edge a part of the rectangle is outside.
        assert 4 <= rows.sum() <= 8 and 2 <= columns.sum() <= 4


def test_color_is_a_line_per_channel_on_a_gray_image():
    x = images(shape=(6, 6, 1))
    y = run("color", x)
    for before, after in zip(x, y, strict=True):
        slope, offset = np.polyfit(before.ravel(), after.ravel(), 1)
        np.testing.assert_allclose(after, slope * before + offset, atol=1e-5)
        assert 0.5 <= slope < 1.5
        assert -0.5 <= after.mean() - before.mean() < 0.5


def test_images_have_draws_of_their_own():
    x = np.repeat(images(1), 30, axis=0)
    for policy in ("color", "translation", "cutout"):
        assert len(np.unique(run(policy, x).reshape(30, -1), axis=0)) > 5, policy


def test_of_several_inputs_the_first_is_augmented():
    pair = [keras.Input((4, 4, 1)), keras.Input((3,))]
    network = keras.Model(pair, keras.layers.Concatenate()([keras.layers.Flatten()(pair[0]), pair[1]]))
    seen = networks.augmented(network, "cutout")
    x, z = images(5, (4, 4, 1)), np.ones((5, 3), "float32")
    given, changed = (keras.ops.convert_to_numpy(seen([x, z], training=training))
                      for training in (False, True))
    np.testing.assert_array_equal(given, np.hstack([x.reshape(5, -1), z]))
    np.testing.assert_array_equal(changed[:, 16:], z)
    assert (changed[:, :16] == 0).any(axis=1).all()


@pytest.mark.parametrize("policy", ["", "colour", "color,color", "cutout,", None])
def test_unknown_policies(policy):
    with pytest.raises(ValueError, match="some of color, translation, cutout.*Received"):
        DiffAugment(policy)


def test_a_critic_with_it_trains_under_a_penalty_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)

    def make():
        critic = networks.augmented(tiny.critic(), "color,translation,cutout")
        model = ComMutEGAN([tiny.generator(), tiny.generator()], critic, latent_dim=tiny.LATENT,
                           tvd_weight=0, n_critic=1, seed=0)
        model.compile()
        return model

    model = make()
    model.fit(tiny.images(), batch_size=12, steps_per_epoch=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):  # its draws go on, too
        each.fit(tiny.images(), batch_size=12, epochs=2, initial_epoch=1, steps_per_epoch=2, verbose=0)
    assert tiny.same(model, loaded)
    assert np.isfinite(np.concatenate([a.ravel() for a in tiny.state(model)])).all()
