"""Images and plots of a run. matplotlib is imported inside the functions."""

import os
from collections.abc import Callable, Sequence

import keras
import numpy as np

# Tol's "muted" colours and black can be told apart with any colour blindness, and from gray.
_COLORS = ("#332288", "#CC6677", "#44AA99", "#DDCC77", "#882255", "#88CCEE", "#117733", "#AA4499",
           "#999933", "#000000")
_REAL = "#999999"


def image_grid(images_by_generator: np.ndarray) -> np.ndarray:
    """Arranges images in one picture, one row per generator.

    Args:
        images_by_generator: array (n, M, H, W, C) in [-1, 1]. If C is neither 1 nor 3, the first
            channel is shown.

    Returns:
        uint8 array (height, width, 1 or 3), with white gaps of 1 or 2 pixels.
    """
    images = np.pad(to_bytes(np.asarray(images_by_generator)), ((0, 0), (0, 0), (1, 1), (1, 0), (0, 0)),
                    constant_values=255)
    n, _, _, _, channels = images.shape
    rows = [np.concatenate(list(row), axis=1) for row in images]
    grid = np.concatenate(rows, axis=0)
    return np.pad(grid, ((0, 0), (0, 1), (0, 0)), constant_values=255)


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Images (..., C) in [-1, 1] as uint8 (..., 1 or 3); of other numbers of channels the first."""
    if images.shape[-1] not in (1, 3):
        images = images[..., :1]
    return np.clip(np.round((images + 1) * 127.5), 0, 255).astype("uint8")


def save_animation(images_by_generator: np.ndarray, path: str | os.PathLike) -> None:
    """Writes an animated WebP or GIF that repeats for ever, 12 frames per second.

    Args:
        images_by_generator: array (n, frames, H, W, C) in [-1, 1]; the generators are side by side.
        path: path with the suffix .webp or .gif.
    """
    from PIL import Image

    frames = []
    for frame in np.swapaxes(np.asarray(images_by_generator), 0, 1):
        grid = image_grid(frame[None])
        scale = max(2, 128 // frame.shape[1])
        grid = np.repeat(grid, 3, axis=-1) if grid.shape[-1] == 1 else grid
        frames.append(Image.fromarray(grid.repeat(scale, axis=0).repeat(scale, axis=1)))
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=83, loop=0)


def save_samples(images_by_generator: np.ndarray, path: str | os.PathLike) -> None:
    """Writes `image_grid` as an enlarged PNG.

    Each pixel is repeated along both axes, twice or, if that is more, 64 // H times.

    Args:
        images_by_generator: array (n, M, H, W, C), see `image_grid`.
        path: path of the PNG.
    """
    import matplotlib.image

    grid = image_grid(images_by_generator)
    scale = max(2, 64 // images_by_generator.shape[2])
    if grid.shape[-1] == 1:
        grid = np.repeat(grid, 3, axis=-1)
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    matplotlib.image.imsave(path, grid)


def save_curves(history: dict[str, list], path: str | os.PathLike) -> None:
    """Writes a PNG of training curves, one panel per log.

    Args:
        history: dict of lists with one value per epoch, one entry per log, and the epochs under
            "epoch".
        path: path of the PNG.
    """
    names = [name for name in history if name != "epoch"]
    figure, axes = _figure(len(names), 1)
    for axis, name in zip(axes, names, strict=True):
        axis.plot(history["epoch"], history[name], linewidth=1.2)
        axis.set_title(name, fontsize=9, loc="left")
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("epoch")
    figure.savefig(path, dpi=110)


def save_class_table(class_probabilities: np.ndarray, path: str | os.PathLike, title: str = "",
                     class_names: Sequence[str] | None = None) -> None:
    """Writes a PNG of a table of average class probabilities in percent, one row per generator.

    Args:
        class_probabilities: array (n, K) in [0, 1], see `metrics.class_probabilities`.
        path: path of the PNG.
        title: title of the table.
        class_names: K names; numbers if None.
    """
    table = np.asarray(class_probabilities)
    n, classes = table.shape
    names = 0 if class_names is None else 0.06 * max(map(len, class_names))  # inches, aslant
    figure, (axis,) = _figure(1, 0.45 * n + 0.9 + names, width=0.62 * classes + 1.6)
    axis.imshow(table, cmap="Blues", vmin=0, vmax=max(0.5, table.max()), aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        dark = value > 0.6 * max(0.5, table.max())
        axis.text(column, row, f"{100 * value:.1f}", ha="center", va="center", fontsize=8,
                  color="white" if dark else "black")
    axis.set_xticks(range(classes), class_names, **({} if class_names is None else {
        "rotation": 45, "ha": "right"}))
    axis.set_yticks(range(n), [f"generator {k}" for k in range(n)])
    axis.set_xlabel("class")
    axis.set_title(title, fontsize=9)
    figure.savefig(path, dpi=110)


def save_scatter(
    samples_by_generator: Sequence[np.ndarray],
    real: np.ndarray,
    path: str | os.PathLike,
    title: str = "",
) -> None:
    """Writes a PNG of samples in the plane, one colour per generator, over real samples in gray.

    Args:
        samples_by_generator: n arrays (N_i, 2), n >= 1.
        real: array (M, 2).
        path: path of the PNG.
        title: title of the plot.

    Raises:
        ValueError: no generator, or points that are not in the plane.
    """
    save_evolution([samples_by_generator], real, path, [title])


def save_evolution(
    frames: Sequence[Sequence[np.ndarray]],
    real: np.ndarray,
    path: str | os.PathLike,
    titles: Sequence[str],
) -> None:
    """Writes a PNG of several scatter plots side by side.

    P2GAN's figure 1 shows stages of a training in this way. There are at most five plots in a row. All
    have the same axes.

    Args:
        frames: list of samples_by_generator, see `save_scatter`. Later frames may have more generators.
        real: array (M, 2).
        path: path of the PNG.
        titles: one title per frame.

    Raises:
        ValueError: no frame, another number of titles, no generator, or points that are not in the
            plane.
    """
    if len(frames) == 0 or len(titles) != len(frames):
        raise ValueError("Expected at least one frame and a title for each. "
                         f"Received: {len(frames)} frames and {len(titles)} titles.")
    real = _points(real, "real", 2)
    frames = [_points_by_generator(frame, 2) for frame in frames]
    rows = -(-len(frames) // 5)
    columns = -(-len(frames) // rows)
    size = 4.6 if len(frames) == 1 else 2.6
    figure, axes = _square_panels(rows, columns, size)
    for axis, frame, title in zip(axes, frames, titles):
        _scatter(axis, frame, real, 1.6 * size)
        axis.set_title(title, fontsize=9)
    for axis in axes[len(frames):]:
        axis.axis("off")
    _legend(figure, max(frames, key=len))
    figure.savefig(path, dpi=130, bbox_inches="tight")


def plane_coordinates(vectors: np.ndarray) -> np.ndarray:
    """Projects vectors on the plane through the unit vectors e_1, e_2 and e_3.

    Source: MIX+GAN (Tang, 2020), section III-C and figure 1. The origin is e_1. The x-axis points from
    e_1 to e_2. The y-coordinate of e_3 is positive. The three points are the corners of an equilateral
    triangle.

    Args:
        vectors: array (N, d), d >= 3, finite.

    Returns:
        float64 array (N, 2).

    Raises:
        ValueError: another rank, d < 3, or values that are not finite.
    """
    vectors = _points(vectors, "vectors")
    origin, axes = _plane(vectors.shape[1])
    return (vectors - origin) @ axes.T


def plane_vectors(coordinates: np.ndarray, dimension: int) -> np.ndarray:
    """Returns the vectors of points in the plane of `plane_coordinates`.

    It is the right inverse: `plane_coordinates(plane_vectors(c, d))` equals c.

    Args:
        coordinates: array (N, 2), finite.
        dimension: d, at least 3.

    Returns:
        float64 array (N, d).

    Raises:
        ValueError: coordinates have another shape or are not finite, or d < 3.
    """
    origin, axes = _plane(dimension)
    return origin + _points(coordinates, "coordinates", 2) @ axes


def _plane(dimension):
    """Returns e_1 and the plane's orthonormal axes (2, d)."""
    if dimension < 3:
        raise ValueError("At least 3 dimensions are expected, for e_1, e_2 and e_3. Received: "
                         f"{dimension}. Use save_scatter for points in the plane.")
    e = np.eye(3, dimension)
    x, y = e[1] - e[0], e[2] - (e[0] + e[1]) / 2
    return e[0], np.stack([x / np.linalg.norm(x), y / np.linalg.norm(y)])


def save_projection(
    samples_by_generator: Sequence[np.ndarray],
    real: np.ndarray,
    critic: Callable,
    path: str | os.PathLike,
    means: np.ndarray | None = None,
    title: str = "",
) -> None:
    """Writes a PNG of vectors projected on a plane, over the critic's scores, as in MIX+GAN's figure 2.

    The plane is that of `plane_coordinates`. High scores are red. The scores are those of the points in
    the plane, not of the vectors before projection.

    Args:
        samples_by_generator: n arrays (N_i, d), n >= 1, d >= 3.
        real: array (M, d).
        critic: function or Keras model that maps float32 vectors (N, d) to scores (N,) or (N, 1).
        path: path of the PNG.
        means: array (K, d) of mode centres to mark with a cross, or None.
        title: title of the plot.

    Raises:
        ValueError: no generator, arrays of different d, or a critic that does not return one finite
            score per vector.
    """
    dimension = _points(real, "real").shape[1]
    real = plane_coordinates(real)
    samples = [plane_coordinates(s) for s in _points_by_generator(samples_by_generator, dimension)]
    figure, (axis,) = _square_panels(1, 1, 4.6)
    _scatter(axis, samples, real, 7)
    if means is not None:
        axis.plot(*plane_coordinates(_points(means, "means", dimension)).T, "k+", markersize=11)
    axis.autoscale(False)
    _contour(figure, axis, critic, dimension)
    axis.set_title(title, fontsize=9)
    _legend(figure, samples)
    figure.savefig(path, dpi=130, bbox_inches="tight")


def _contour(figure, axis, critic, dimension, side=80):
    """Draws the critic's scores beneath the points that `axis` shows."""
    grid = np.meshgrid(*(np.linspace(*limits, side) for limits in (axis.get_xlim(), axis.get_ylim())))
    vectors = plane_vectors(np.stack(grid, axis=-1).reshape(-1, 2), dimension)
    scores = critic(vectors.astype("float32"))
    scores = keras.ops.convert_to_numpy(scores).astype("float64")
    if scores.shape not in ((side**2,), (side**2, 1)) or not np.isfinite(scores).all():
        raise ValueError(
            f"critic is expected to return one finite score for each of {side**2} vectors. Received: "
            f"shape {scores.shape}, from {scores.min()} to {scores.max()}."
        )
    scores = scores.reshape(side, side)
    shades = axis.contourf(*grid, scores, levels=16, cmap="RdBu_r", alpha=0.3, zorder=0)
    bar = figure.colorbar(shades, ax=axis, shrink=0.7, aspect=30)
    bar.set_label("critic", fontsize=8)
    bar.ax.tick_params(labelsize=7, length=2)


def _scatter(axis, samples_by_generator, real, size):
    axis.scatter(*real.T, s=size, color=_REAL, linewidths=0)
    # In random order, so that the last generator does not hide the others.
    points = np.concatenate(samples_by_generator)
    colors = np.repeat(_colors(samples_by_generator), [len(s) for s in samples_by_generator])
    order = np.random.default_rng(0).permutation(len(points))
    axis.scatter(*points[order].T, s=size, color=colors[order], linewidths=0, alpha=0.8)


def _colors(samples_by_generator):
    return np.resize(_COLORS, len(samples_by_generator))


def _legend(figure, samples_by_generator):
    from matplotlib.lines import Line2D

    names = ["real", *(f"generator {k}" for k in range(len(samples_by_generator)))]
    handles = [Line2D([], [], linestyle="", marker="o", markersize=5, label=name, color=color)
               for name, color in zip(names, [_REAL, *_colors(samples_by_generator)], strict=True)]
    figure.legend(handles=handles, loc="outside right center", fontsize=8, frameon=False)


def _points(points, name, dimension=None):
    """Returns `points` as a finite array (N, d)."""
    points = np.asarray(points)
    if points.ndim != 2 or dimension not in (None, points.shape[1]) or not np.isfinite(points).all():
        raise ValueError(
            f"Expected {name} as a finite array (samples, {dimension or 'd'}). Received: shape "
            f"{points.shape}."
        )
    return points


def _points_by_generator(samples_by_generator, dimension):
    if len(samples_by_generator) == 0:
        raise ValueError("Expected the samples of at least one generator. Received: none.")
    return [_points(samples, f"the samples of generator {k}", dimension)
            for k, samples in enumerate(samples_by_generator)]


def _square_panels(rows, columns, size):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size * columns + 1.2, size * rows + 0.2), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axis in axes:
        axis.set_aspect("equal")
        axis.tick_params(labelsize=7, length=2)
    return figure, axes


def _figure(panels, height, width=7):
    # Figure, unlike pyplot, changes no global state and needs no display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, max(height * panels * 1.5, 1.5)) if height == 1
                    else (width, height), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(panels, 1))
