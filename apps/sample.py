"""Draws images from a finished run, a saved model or an exported one; needs no data set.

    python apps/sample.py --model=runs/commute-quick --output=samples.png
    python apps/sample.py --model=runs/commute-quick/export/mixture --num_samples=60000 \
        --output=digits.npy

A .png has one row a generator. A .npy has float32 images (N, H, W, C) in [-1, 1], one generator
after the other; a .npz has one such array each, named generator_0, ... or mixture.
"""

import artifacts
import common
import numpy as np
from absl import flags

from keras_multigan import plots

# Wider pictures than about 2**15 pixels are refused by many viewers.
_MOST_IN_A_ROW = 500


def define_flags():
    flags.DEFINE_string("model", None, artifacts.MODEL_HELP)
    flags.DEFINE_string("generator", "all", "all, mixture or a generator's number, from 0 on")
    flags.DEFINE_integer("num_samples", 10, "images of each row", lower_bound=1)
    flags.DEFINE_integer("seed", None, "same seed, same images; drawn and printed if not given",
                         lower_bound=0, upper_bound=2**31 - 1)
    flags.DEFINE_string("output", "samples.png", "a new .png, .npy or .npz")
    flags.DEFINE_bool("overwrite", False, "replace --output if it exists")
    flags.mark_flag_as_required("model")


def sample(*, model, generator="all", num_samples=10, seed=0, output="samples.png",
           overwrite=False):
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
    with common.replacing(output) as partial:
        if output.suffix == ".png":
            plots.save_samples(np.stack(list(images.values())), partial)
        elif output.suffix == ".npy":
            np.save(partial, np.concatenate(list(images.values())))
        else:
            np.savez(partial, **images)
    return images


def main(argv):
    names = ("model", "generator", "num_samples", "output", "overwrite")
    seed = flags.FLAGS.seed
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    images = sample(seed=seed, **{name: flags.FLAGS[name].value for name in names})
    print(f"{flags.FLAGS.output}: {flags.FLAGS.num_samples} images of {', '.join(images)}; "
          f"--seed={seed}")


if __name__ == "__main__":
    define_flags()
    common.run(main)
