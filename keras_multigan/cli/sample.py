"""multigan sample: images of a finished run."""

import numpy as np

from keras_multigan import plots
from keras_multigan.cli.command import Command
from keras_multigan.runs import artifacts, files
from keras_multigan.runs.options import Option

# Many viewers refuse pictures wider than about 2**15 pixels.
_MOST_IN_A_ROW = 500
_FILES = (".png", ".npy", ".npz", ".webp", ".gif", "")  # the last one is a folder
_ANIMATED = (".webp", ".gif")
_FRAMES = 12  # of an animation, from one sample to the next
OPTIONS = {
    "model": Option(help=artifacts.MODEL_HELP, kind=str),
    "generator": Option("all", "all, mixture or a generator's number, from 0 on"),
    "num_samples": Option(10, "images per generator; of a .webp or .gif those between which it moves",
                          least=1, most=10**7),
    "seed": Option(help="same seed, same images; drawn and printed if not given", kind=int, least=0,
                   most=2**31 - 1),
    "output": Option("samples.png", "a new .png, .npy, .npz, .webp or .gif, or a folder for PNGs"),
    "overwrite": Option(False, "replace --output if it exists"),
}


def sample(*, model, generator="all", num_samples=10, seed=0, output="samples.png",
           overwrite=False) -> dict[str, np.ndarray]:
    """Draws images and writes them; the arguments are the flags.

    Returns:
        dict of "generator_<k>" or "mixture" -> float32 array (num_samples, H, W, C); of a .webp or .gif
        (frames, H, W, C).
    """
    output = artifacts.check_output(output, _FILES, overwrite)
    if output.suffix == ".png" and num_samples > _MOST_IN_A_ROW:
        raise ValueError(
            f"--num_samples is expected to be at most {_MOST_IN_A_ROW} for a .png. Received: "
            f"{num_samples}. Write an .npy or .npz."
        )
    if output.suffix in _ANIMATED and num_samples < 2:
        raise ValueError("--num_samples is expected to be at least 2 for a moving picture. Received: "
                         f"{num_samples}.")
    model = artifacts.open_model(model)
    if output.suffix not in (".npy", ".npz") and len(model.image_shape) != 3:
        raise ValueError(
            f"A {output.suffix or 'folder'} expects images (H, W, C). Received: samples of shape "
            f"{model.image_shape}. Write an .npy or .npz."
        )
    rows = artifacts.rows(model, generator)
    artifacts.check_memory(num_samples * len(rows) * (_FRAMES if output.suffix in _ANIMATED else 1),
                           model.image_shape)
    if output.suffix in _ANIMATED:
        if None in rows.values():
            raise ValueError("A moving picture is expected of generators. Received: the mixture, whose "
                             "generator changes from image to image. Give --generator=0.")
        path = path_of_noise(model.latent_dim, num_samples, seed)
        images = {name: artifacts.images_of(model, path, number) for name, number in rows.items()}
    else:  # One seed for all: generators of one .keras file get the same noise, column by column.
        images = {name: model.sample(num_samples, generator=number, seed=seed)
                  for name, number in rows.items()}
    if not output.suffix:
        return _write_folder(images, output)
    with files.replacing(output) as partial:
        if output.suffix == ".png":
            plots.save_samples(np.stack(list(images.values())), partial)
        elif output.suffix in _ANIMATED:
            plots.save_animation(np.stack(list(images.values())), partial)
        elif output.suffix == ".npy":
            np.save(partial, np.concatenate(list(images.values())))
        else:
            np.savez(partial, **images)
    return images


def path_of_noise(latent_dim: int, num_samples: int, seed: int) -> np.ndarray:
    """A closed path through `num_samples` noise vectors, float32 (frames, latent_dim).

    Between two of them it goes along the great circle, so that the vectors on the way have lengths that
    normal noise has.
    """
    ends = np.random.default_rng(seed).standard_normal((num_samples, latent_dim))
    path = []
    for first, second in zip(ends, np.roll(ends, -1, axis=0), strict=True):
        lengths = np.linalg.norm(first), np.linalg.norm(second)
        angle = np.arccos(np.clip(first @ second / np.prod(lengths), -1, 1))
        for t in np.arange(_FRAMES) / _FRAMES:
            # Vectors of one number have no circle: a straight line.
            weights = (1 - t, t) if np.sin(angle) < 1e-6 else (
                np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle))
            path.append(weights[0] * first + weights[1] * second)
    return np.array(path, "float32")


def _write_folder(images, folder):
    import matplotlib.image

    folder.mkdir(parents=True, exist_ok=True)
    for name, array in images.items():
        for number, image in enumerate(plots.to_bytes(array)):
            image = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
            matplotlib.image.imsave(folder / f"{name}-{number:05d}.png", image)
    return images


def run(seed=None, output=OPTIONS["output"].default, num_samples=OPTIONS["num_samples"].default,
        **given):
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    images = sample(seed=seed, output=output, num_samples=num_samples, **given)
    print(f"{output}: {num_samples} images of {', '.join(images)}; --seed={seed}")


COMMAND = Command(
    "sample",
    """draw images from a finished run, a saved model or an exported one; needs no data set

    multigan sample --model=runs/commute-quick --output=samples.png
    multigan sample --model=runs/commute-quick/export/mixture --num_samples=60000 --output=digits.npy
    multigan sample --model=runs/commute-quick --num_samples=5 --output=moving.webp
    multigan sample --model=runs/commute-quick --num_samples=100 --output=folder

A .png has one row per generator. A .npy has float32 images (N, H, W, C) in [-1, 1], one generator
after the other; a .npz has one such array per generator, named generator_0, ... or mixture. A .webp or
.gif moves from sample to sample, the generators side by side. A folder gets a PNG per image.""",
    OPTIONS, run, required=("model",))
