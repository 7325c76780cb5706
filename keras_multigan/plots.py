"""Pictures of a run. matplotlib is imported where it is used."""

import numpy as np


def image_grid(images_by_generator):
    """Images as one picture, a row a generator.

    Args:
        images_by_generator: array (n, M, H, W, C) in [-1, 1], C 1 or 3.

    Returns:
        uint8 array (height, width, C), with white gaps of 1 or 2 pixels.
    """
    images = np.clip(np.round((np.asarray(images_by_generator) + 1) * 127.5), 0, 255)
    images = np.pad(images.astype("uint8"), ((0, 0), (0, 0), (1, 1), (1, 0), (0, 0)),
                    constant_values=255)
    n, _, _, _, channels = images.shape
    rows = [np.concatenate(list(row), axis=1) for row in images]
    grid = np.concatenate(rows, axis=0)
    return np.pad(grid, ((0, 0), (0, 1), (0, 0)), constant_values=255)


def save_samples(images_by_generator, path, scale=2):
    """Writes `image_grid` as a PNG, every pixel `scale` times as large."""
    import matplotlib.image

    grid = image_grid(images_by_generator)
    if grid.shape[-1] == 1:
        grid = np.repeat(grid, 3, axis=-1)
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    matplotlib.image.imsave(path, grid)


def save_curves(history, path):
    """Writes a PNG with one panel a log. history: dict of log name -> values by epoch."""
    names = [name for name in history if name != "epoch"]
    figure, axes = _figure(len(names), 1)
    for axis, name in zip(axes, names, strict=True):
        axis.plot(history["epoch"], history[name], linewidth=1.2)
        axis.set_title(name, fontsize=9, loc="left")
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("epoch")
    figure.savefig(path, dpi=110)


def save_class_table(class_probabilities, path, title=""):
    """Writes a PNG of the (n, K) table of average class probabilities by generator, in percent."""
    table = np.asarray(class_probabilities)
    n, classes = table.shape
    figure, (axis,) = _figure(1, 0.45 * n + 0.9, width=0.62 * classes + 1.6)
    axis.imshow(table, cmap="Blues", vmin=0, vmax=max(0.5, table.max()), aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        dark = value > 0.6 * max(0.5, table.max())
        axis.text(column, row, f"{100 * value:.1f}", ha="center", va="center", fontsize=8,
                  color="white" if dark else "black")
    axis.set_xticks(range(classes))
    axis.set_yticks(range(n), [f"generator {k}" for k in range(n)])
    axis.set_xlabel("class")
    axis.set_title(title, fontsize=9)
    figure.savefig(path, dpi=110)


def _figure(panels, height, width=7):
    # The object interface leaves pyplot's global state and the user's display alone.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, max(height * panels * 1.5, 1.5)) if height == 1
                    else (width, height), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(panels, 1))
