"""Pictures: what is drawn where."""

import keras
import numpy as np
import pytest
from matplotlib.image import imread

from keras_multigan import plots

pytestmark = pytest.mark.fast

CORNERS = [[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]]


def clouds(*centres):
    noise = np.random.default_rng(0).normal(scale=0.02, size=(40, 2))
    return [noise + centre for centre in centres]


def pixels(path, color):
    """Number of pixels of exactly this colour, given as hex."""
    image = np.round(imread(path)[..., :3] * 255).astype(int)
    return int((image == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1).sum())


@pytest.mark.parametrize("channels, seen", [(1, [0, 0, 0]), (2, [0, 0, 0]), (3, [0, 1, 2])])
def test_samples_of_any_number_of_channels(channels, seen, tmp_path):
    images = np.random.default_rng(0).uniform(-1, 1, (1, 2, 32, 32, channels))
    plots.save_samples(images, tmp_path / "x.png")
    pixel = imread(tmp_path / "x.png")[2, 2, :3]
    np.testing.assert_allclose(pixel, (images[0, 0, 0, 0, seen] + 1) / 2, atol=1 / 255)


def test_scatter_shows_real_samples_and_every_generator(tmp_path):
    real = np.concatenate(clouds(*CORNERS))
    path = tmp_path / "scatter.png"
    plots.save_scatter(clouds(*CORNERS[:2]), real, path, title="two of four")
    assert all(pixels(path, color) > 50 for color in (plots._REAL, *plots._COLORS[:2]))
    assert pixels(path, plots._COLORS[2]) == 0
    other = tmp_path / "other.png"
    plots.save_scatter(clouds(*CORNERS[:2]), real[:80], other)
    assert pixels(other, plots._REAL) < pixels(path, plots._REAL)


def test_evolution_has_a_panel_a_frame(tmp_path):
    real = np.concatenate(clouds(*CORNERS))
    frames = [clouds(*CORNERS[:k]) for k in range(1, 4)]
    sizes = []
    for count in (1, 2, 3):
        path = tmp_path / f"{count}.png"
        plots.save_evolution(frames[:count], real, path, ["start", "middle", "end"][:count])
        sizes.append(imread(path).shape)
        assert [pixels(path, c) > 0 for c in plots._COLORS[:3]] == [k < count for k in range(3)]
    assert sizes[2][1] > sizes[1][1] > sizes[1][0] and sizes[2][0] == pytest.approx(sizes[1][0], abs=30)


@pytest.mark.parametrize("samples, real, message", [
    ([], np.zeros((4, 2)), "at least one generator"),
    ([np.zeros((4, 3))], np.zeros((4, 2)), r"generator 0 as a finite array \(samples, 2\)"),
    ([np.zeros((4, 2))], np.zeros((4, 3)), r"real as .* Received: shape \(4, 3\)"),
    ([np.zeros((4, 2)), np.full((4, 2), np.nan)], np.zeros((4, 2)), "generator 1"),
])
def test_bad_points(tmp_path, samples, real, message):
    with pytest.raises(ValueError, match=message):
        plots.save_scatter(samples, real, tmp_path / "no.png")


@pytest.mark.parametrize("frames, titles", [([], []), ([[np.zeros((4, 2))]], ["a", "b"])])
def test_bad_frames(tmp_path, frames, titles):
    with pytest.raises(ValueError, match="a title for each. Received"):
        plots.save_evolution(frames, np.zeros((4, 2)), tmp_path / "no.png", titles)


def test_the_plane_through_three_unit_vectors():
    root = np.sqrt(2)
    corners = plots.plane_coordinates(np.eye(5)[:4])
    height = root * np.sqrt(3) / 2  # of the equilateral triangle with sides of sqrt(2)
    # e_4 is as far from all three: it falls on the middle.
    expected = [[0, 0], [root, 0], [root / 2, height], [root / 2, height / 3]]
    np.testing.assert_allclose(corners, expected, atol=1e-12)
    coordinates = np.random.default_rng(0).normal(size=(20, 2))
    for dimension in (3, 8):
        vectors = plots.plane_vectors(coordinates, dimension)
        assert vectors.shape == (20, dimension)
        np.testing.assert_allclose(plots.plane_coordinates(vectors), coordinates, atol=1e-12)
        np.testing.assert_allclose(vectors[:, :3].sum(axis=1), 1)  # the plane x + y + z = 1
        np.testing.assert_array_equal(vectors[:, 3:], 0)
        distances = np.linalg.norm(vectors - vectors[0], axis=1)
        np.testing.assert_allclose(np.linalg.norm(coordinates - coordinates[0], axis=1), distances)
    # What is added at right angles to the plane is projected away.
    aside = np.array([1, 1, 1, 0, 0, 0, 0, 3])
    np.testing.assert_allclose(plots.plane_coordinates(vectors + aside), coordinates, atol=1e-12)


@pytest.mark.parametrize("call, message", [
    (lambda: plots.plane_coordinates(np.zeros((4, 2))), "At least 3 dimensions"),
    (lambda: plots.plane_coordinates(np.zeros(4)), r"vectors as a finite array \(samples, d\)"),
    (lambda: plots.plane_vectors(np.zeros((4, 3)), 5), r"coordinates as .* \(samples, 2\)"),
    (lambda: plots.plane_vectors(np.zeros((4, 2)), 2), "Received: 2"),
])
def test_bad_planes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_projection(tmp_path):
    real = np.random.default_rng(0).normal(scale=0.05, size=(90, 6))
    real += np.repeat(np.eye(6)[:3], 30, axis=0)
    seen = []

    def critic(vectors):
        seen.append(vectors)
        return vectors[:, 1] - vectors[:, 0]

    path = tmp_path / "projection.png"
    plots.save_projection([real[:30], real[30:60]], real, critic, path, means=np.eye(6)[:3], title="2G")
    assert all(pixels(path, color) > 20 for color in ("#000000", plots._REAL))
    (vectors,) = seen
    assert vectors.dtype == np.float32 and vectors.shape[1] == 6
    np.testing.assert_allclose(vectors.sum(axis=1), 1, atol=1e-5)
    # The contour covers all of the samples, and the critic is high on the right, red.
    inside = plots.plane_coordinates(vectors)
    projected = plots.plane_coordinates(real)
    assert (inside.min(axis=0) < projected.min(axis=0)).all()
    assert (inside.max(axis=0) > projected.max(axis=0)).all()
    image = imread(path)[..., :3]
    middle = image[image.shape[0] // 2]
    tinted = np.flatnonzero(np.ptp(middle, axis=1) > 0.1)
    left, right = middle[tinted[5]], middle[tinted[tinted < 0.7 * len(middle)][-20]]
    assert left[2] > left[0] and right[0] > right[2]


def test_projection_with_a_keras_critic_and_no_means(tmp_path):
    real = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    path = tmp_path / "projection.png"
    plots.save_projection([real + 1], real, network, path)
    assert pixels(path, plots._REAL) > 20


@pytest.mark.parametrize("samples, critic, means, message", [
    ([np.zeros((4, 5))], lambda v: v[:, 0], None, r"generator 0 as a finite array \(samples, 4\)"),
    ([np.zeros((4, 4))], lambda v: v, None, "one finite score for each"),
    ([np.zeros((4, 4))], lambda v: v[:, 0] * np.nan, None, "from nan to nan"),
    ([np.zeros((4, 4))], lambda v: v[:, 0], np.eye(3), r"means as a finite array \(samples, 4\)"),
    ([], lambda v: v[:, 0], None, "at least one generator"),
])
def test_bad_projections(tmp_path, samples, critic, means, message):
    with pytest.raises(ValueError, match=message):
        plots.save_projection(samples, np.eye(4), critic, tmp_path / "no.png", means=means)
