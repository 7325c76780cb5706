"""Trains the classifier that ComMutE-GAN needs: on digits in seconds, on MNIST in minutes.

    python apps/train_classifier.py --dataset=mnist --output=runs/classifier

The output folder gets classifier.keras (images in [-1, 1] -> logits), options.json, metrics.json.
"""

import time

import common
import numpy as np
from absl import flags

DATASET = flags.DEFINE_string("dataset", "digits", "digits, mnist, fashion_mnist or any tfds name")
DATA_DIR = flags.DEFINE_string("data_dir", None, "tfds folder, IDX files or an .npz")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 32, "height and width", lower_bound=1)
NETWORK = flags.DEFINE_enum("network", "compact", list(common.CLASSIFIERS), "architecture")
FILTERS = flags.DEFINE_integer("filters", None, "channels of the first block", lower_bound=1)
EPOCHS = flags.DEFINE_integer("epochs", 12, "passes over the training images", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "images a batch", lower_bound=1)
LEARNING_RATE = flags.DEFINE_float("learning_rate", 2e-3, "Adam's, decayed to 0", lower_bound=0.0)
SEED = flags.DEFINE_integer("seed", 0, "random seed", lower_bound=0)
OUTPUT = flags.DEFINE_string("output", "runs/classifier", "a new folder")

_OPTIONS = ("dataset", "data_dir", "image_size", "network", "filters", "epochs", "batch_size",
            "learning_rate", "seed")


def main(argv):
    options = {name: flags.FLAGS[name].value for name in _OPTIONS}
    train, test = (common.load_split(options, split) for split in ("train", "test"))
    output = common.open_run(OUTPUT.value, options)
    width = {} if FILTERS.value is None else {"filters": FILTERS.value}
    network = common.CLASSIFIERS[NETWORK.value](
        train[0].shape[1:], int(np.max(train[1])) + 1, **width
    )
    start = time.time()
    accuracy = common.train_classifier(
        network, train, test, epochs=EPOCHS.value, batch_size=BATCH_SIZE.value,
        learning_rate=LEARNING_RATE.value, seed=SEED.value,
    )
    network.save(output / "classifier.keras")
    common.write_json(output / "metrics.json", {
        "test_accuracy": accuracy, "test_images": len(test[0]),
        "parameters": network.count_params(), "seconds": round(time.time() - start, 1),
    })
    print(f"test accuracy {100 * accuracy:.2f} % on {len(test[0])} images; "
          f"{output / 'classifier.keras'}")


if __name__ == "__main__":
    common.run(main)
