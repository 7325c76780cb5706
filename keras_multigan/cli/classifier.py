"""multigan classifier: trains what keeps generators apart and measures them."""

import time

import keras

from keras_multigan.cli.command import Command
from keras_multigan.runs import classifiers, files
from keras_multigan.runs.images import count_classes, load_both
from keras_multigan.runs.options import DATASET, MOST_UNITS, Option, RunOptions, options_class

OPTIONS = {
    **DATASET,
    "dataset": Option("digits", DATASET["dataset"].help),
    "network": Option("compact", "architecture", choices=tuple(classifiers.NETWORKS)),
    "filters": Option(help="channels of the first block", kind=int, least=1, most=MOST_UNITS),
    "epochs": Option(12, "passes over the training images", least=1, most=10**6),
    "batch_size": Option(128, "images per batch", least=1, most=10**5),
    "learning_rate": Option(2e-3, "Adam's, decayed to 0", above=0, most=10),
    "blends": Option(0.125, "share of each batch that are means of several images", least=0, most=1),
    "seed": Option(0, "random seed", least=0, most=2**32 - 5),  # a layer's is 4 more
}
OUTPUT = Option("runs/classifier", "a new folder")


def run(output=OUTPUT.default, **given):
    options = options_class("ClassifierOptions", OPTIONS)(method="classifier", preset="", **given)
    train_classifier(options, output)


def train_classifier(options: RunOptions, output) -> None:
    """Writes classifier.keras (images in [-1, 1] -> logits), options.json and metrics.json."""
    output = files.check_folder(output)
    sets = load_both(options)
    if sets[0].labels is None:
        raise ValueError("A data set with labels of at least two classes is expected. Received: "
                         f"{options.dataset!r}, {sets[0].note}.")
    keras.utils.set_random_seed(options.seed)
    width = {} if options.filters is None else {"filters": options.filters}
    network = classifiers.NETWORKS[options.network](sets[0].shape, count_classes(sets[0]), **width)
    start = time.time()
    accuracy = classifiers.fit(
        network, *sets, epochs=options.epochs, batch_size=options.batch_size,
        learning_rate=options.learning_rate, blends=options.blends, seed=options.seed,
    )
    files.open_folder(output, {name: getattr(options, name) for name in OPTIONS})
    files.save_model(network, output / "classifier.keras")
    files.write_json(output / "metrics.json", {
        "test_accuracy": accuracy, "test_images": len(sets[1]),
        "parameters": network.count_params(), "seconds": round(time.time() - start, 1),
    })
    said = "not known, without labels" if accuracy is None else f"{100 * accuracy:.2f} %"
    print(f"test accuracy {said} on {len(sets[1])} images; {output / 'classifier.keras'}")


COMMAND = Command(
    "classifier",
    """train the classifier that keeps generators apart: on digits in seconds, on MNIST in minutes

    multigan classifier --dataset=mnist --output=runs/classifier

The output folder gets classifier.keras (images in [-1, 1] -> logits), options.json, metrics.json.""",
    {**OPTIONS, "output": OUTPUT}, run)
