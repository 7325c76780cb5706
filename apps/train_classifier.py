"""Trains the classifier that ComMutE-GAN needs: on digits in seconds, on MNIST in minutes.

    python apps/train_classifier.py --dataset=mnist --output=runs/classifier

The output folder gets classifier.keras (images in [-1, 1] -> logits), options.json, metrics.json.
"""

import time

import classifiers
import common
import numpy as np
from absl import flags

_OPTIONS = ("dataset", "data_dir", "image_size", "network", "filters", "epochs", "batch_size",
            "learning_rate", "blends", "seed")


def define_flags():
    flags.DEFINE_string("dataset", "digits", "digits, mnist, fashion_mnist or any tfds name")
    flags.DEFINE_string("data_dir", None, "prepared tfds folder, IDX files (.gz) or an .npz")
    flags.DEFINE_integer("image_size", 32, "height and width", lower_bound=8)
    flags.DEFINE_enum("network", "compact", list(classifiers.NETWORKS), "architecture")
    flags.DEFINE_integer("filters", None, "channels of the first block", lower_bound=1)
    flags.DEFINE_integer("epochs", 12, "passes over the training images", lower_bound=1)
    flags.DEFINE_integer("batch_size", 128, "images a batch", lower_bound=1)
    flags.DEFINE_float("learning_rate", 2e-3, "Adam's, decayed to 0", lower_bound=0.0)
    flags.DEFINE_float("blends", 0.125, "share of each batch that are means of several images",
                       lower_bound=0.0, upper_bound=1.0)
    flags.DEFINE_integer("seed", 0, "random seed", lower_bound=0)
    flags.DEFINE_string("output", "runs/classifier", "a new folder")


def main(argv):
    options = {name: flags.FLAGS[name].value for name in _OPTIONS}
    output = flags.FLAGS.output
    common.check_output(output)
    train, test = (common.load_split(options, split) for split in ("train", "test"))
    width = {} if options["filters"] is None else {"filters": options["filters"]}
    network = classifiers.NETWORKS[options["network"]](
        train[0].shape[1:], int(np.max(train[1])) + 1, **width
    )
    start = time.time()
    accuracy = classifiers.fit(
        network, train, test, epochs=options["epochs"], batch_size=options["batch_size"],
        learning_rate=options["learning_rate"], blends=options["blends"], seed=options["seed"],
    )
    output = common.open_run(output, options)
    common.save_model(network, output / "classifier.keras")
    common.write_json(output / "metrics.json", {
        "test_accuracy": accuracy, "test_images": len(test[0]),
        "parameters": network.count_params(), "seconds": round(time.time() - start, 1),
    })
    print(f"test accuracy {100 * accuracy:.2f} % on {len(test[0])} images; "
          f"{output / 'classifier.keras'}")


if __name__ == "__main__":
    define_flags()
    common.run(main)
