"""Times a training step on image files that are decoded batch by batch, against images in memory.

    python benchmarks/stream.py                       DCGAN's networks, 64x64x3, batches of 64
    python benchmarks/stream.py --batch_size=32 --filters=32

Both train the same compiled model and take turns, so that a machine whose speed wanders is the same for
both. The ratio is of each pair of turns; 1 is no loss.
"""

import pathlib
import sys
import tempfile
import time

import numpy as np

import multigan_cli


def write_images(folder, count, size):
    """Smooth random PNG files, which compress as photos do."""
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(random.integers(0, 256, (8, 8, 3), "uint8"))
        small.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.png")


def compare(images=3000, image_size=64, batch_size=64, filters=64, turns=10, steps=8):
    """Prints what a step took; the arguments are the flags."""
    import keras

    from keras_multigan import data, models, networks

    class Times(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_begin(self, epoch, logs=None):
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())

    shape, times = (image_size, image_size, 3), Times()
    model = models.MIMGAN([networks.dcgan_generator(100, shape, filters)],
                          networks.dcgan_discriminator(shape, filters), latent_dim=100, seed=0)
    model.compile()
    with tempfile.TemporaryDirectory() as folder:
        write_images(pathlib.Path(folder), images, image_size)
        sets = [data.load_image_set("photos", "train", image_size, folder, stream=stream)
                for stream in (False, True)]
        seconds = []
        for turn in range(turns + 1):
            row = []
            for image_set in sets:
                model.fit(image_set, batch_size=batch_size, steps_per_epoch=steps + 2, verbose=0,
                          callbacks=[times])
                # The first steps find batches that were made while nothing else ran.
                row.append((times.ends[-1] - times.ends[1]) / steps)
            if turn:  # the first one traces
                seconds.append(row)
    memory, files = np.array(seconds).T
    ratios = files / memory
    print(f"seconds per step (median): {np.median(memory):.4f} in memory, {np.median(files):.4f} from "
          f"files\nratio of a pair of turns: {np.median(ratios):.3f} ({ratios.min():.3f}-"
          f"{ratios.max():.3f})")


def main(arguments):
    """The program."""
    multigan_cli.set_environment()  # before the package is imported
    from keras_multigan.cli.command import Command
    from keras_multigan.runs.options import Option

    Command("benchmark", __doc__, {
        "images": Option(3000, "files that are made", least=100),
        "image_size": Option(64, "their height and width", least=16),
        "batch_size": Option(64, "real images per step", least=1),
        "filters": Option(64, "channels of the networks' maps next to the image", least=1),
        "turns": Option(10, "turns of each", least=1),
        "steps": Option(8, "steps per turn that count", least=1),
    }, compare)(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
