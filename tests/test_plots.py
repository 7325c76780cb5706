"""Pictures: what is drawn where."""

import numpy as np
import pytest
from matplotlib.image import imread

from keras_multigan import plots

CORNERS = [[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]]


def clouds(*centres):
    noise = np.random.default_rng(0).normal(scale=0.02, size=(40, 2))
    return [noise + centre for centre in centres]


def pixels(path, color):
    """Number of pixels of exactly this colour, given as hex."""
    image = np.round(imread(path)[..., :3] * 255).astype(int)
    return int((image == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1).sum())


def test_scatter_shows_real_samples_and_every_generator(tmp_path):
    real = np.concatenate(clouds(*CORNERS))
    path = tmp_path / "scatter.png"
    plots.save_scatter(clouds(*CORNERS[:2]), real, path, title="two of four")
    assert all(pixels(path, color) > 50 for color in ("#BBBBBB", *plots._COLORS[:2]))
    assert pixels(path, plots._COLORS[2]) == 0
    other = tmp_path / "other.png"
    plots.save_scatter(clouds(*CORNERS[:2]), real[:80], other)
    assert pixels(other, "#BBBBBB") < pixels(path, "#BBBBBB")


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
