"""multigan sample: images of a finished run."""

import numpy as np

from keras_multigan import plots
from keras_multigan.cli.command import Command
from keras_multigan.runs import artifacts, files
from keras_multigan.runs.options import Option

# Many viewers refuse pictures wider than about 2**15 pixels.
_MOST_IN_A_ROW = 500
OPTIONS = {
    "model": Option(help=artifacts.MODEL_HELP, kind=str),
    "generator": Option("all", "all, mixture or a generator's number, from 0 on"),
    "num_samples": Option(10, "images per row", least=1),
    "seed": Option(help="same seed, same images; drawn and printed if not given", kind=int, least=0,
                   most=2**31 - 1),
    "output": Option("samples.png", "a new .png, .npy or .npz"),
    "overwrite": Option(False, "replace --output if it exists"),
}


def sample(*, model, generator="all", num_samples=10, seed=0, output="samples.png",
           overwrite=False) -> dict[str, np.ndarray]:
    """Draws images and writes them; the arguments are the flags.

    Returns:
        dict of "generator_<k>" or "mixture" -> float32 array (num_samples, H, W, C).
    """
    output = artifacts.check_output(output, (".png", ".npy", ".npz"), overwrite)
    if output.suffix == ".png" and num_samples > _MOST_IN_A_ROW:
        raise ValueError(
            f"--num_samples is expected to be at most {_MOST_IN_A_ROW} for a .png. Received: "
            f"{num_samples}. Write an .npy or .npz."
        )
    model = artifacts.open_model(model)
    if output.suffix == ".png" and len(model.image_shape) != 3:
        raise ValueError(
            f"A .png is expected of images (H, W, C). Received: samples of shape {model.image_shape}. "
            "Write an .npy or .npz."
        )
    # One seed for all: generators of one .keras file get the same noise, column by column.
    images = {name: model.sample(num_samples, generator=number, seed=seed)
              for name, number in artifacts.rows(model, generator).items()}
    with files.replacing(output) as partial:
        if output.suffix == ".png":
            plots.save_samples(np.stack(list(images.values())), partial)
        elif output.suffix == ".npy":
            np.save(partial, np.concatenate(list(images.values())))
        else:
            np.savez(partial, **images)
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

A .png has one row per generator. A .npy has float32 images (N, H, W, C) in [-1, 1], one generator
after the other; a .npz has one such array per generator, named generator_0, ... or mixture.""",
    OPTIONS, run, required=("model",))
