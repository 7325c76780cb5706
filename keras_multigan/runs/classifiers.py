"""The classifier of a run: what keeps generators apart, and measures them."""

import contextlib

import keras
import numpy as np
from absl import logging

from keras_multigan import callbacks, data, metrics, networks
from keras_multigan.runs import files

_MOST = 200_000  # images that one learns from, of the data sets that do not fit into memory as floats
NETWORKS = {"paper": networks.commute_classifier, "compact": networks.compact_classifier,
            "embedding": networks.embedding_classifier}


def fit(network, train, test, *, epochs, batch_size=128, learning_rate=2e-3, blends=0.125, seed=0,
        verbose=True):
    """Trains a classifier (logits) on randomly shifted, rotated, dimmed and noisy images, and on blends
    of several images, labelled with their shares.

    It judges generators from their first steps on. A classifier that has seen only clean images gives
    all blurred ones the same class with certainty, and so no gradient that keeps generators apart.
    Without the blends, the first generator that draws one blob keeps a class of its own and never
    takes a second one.

    Args:
        network: Keras model, images -> logits.
        train, test: `data.ImageSet` or `data.ImageFiles` with labels.
        blends: the share of blends in a batch.

    Returns:
        Accuracy on `test`; None if that has no labels.
    """
    keras.utils.set_random_seed(seed)
    steps = -(-len(train) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps * epochs)
    spoil = keras.Sequential([
        keras.layers.RandomTranslation(0.07, 0.07, fill_mode="nearest", seed=seed),
        keras.layers.RandomRotation(0.03, fill_mode="nearest", seed=seed + 1),
        keras.layers.RandomContrast(0.5, value_range=(-1, 1), seed=seed + 2),
        keras.layers.RandomBrightness(0.2, value_range=(-1, 1), seed=seed + 3),
        keras.layers.GaussianNoise(0.4, seed=seed + 4),
    ])
    inputs = keras.Input(train.shape)
    trained = keras.Model(inputs, network(spoil(inputs)))
    trained.compile(keras.optimizers.Adam(schedule),
                    keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    labels = keras.utils.to_categorical(train.labels, network.output_shape[-1])
    trained.fit(_Blends(train, labels, batch_size, blends, seed), epochs=epochs, verbose=0,
                callbacks=[callbacks.RunProgress(steps * epochs)] if verbose else [])
    if test.labels is None:
        return None
    logits = np.concatenate([metrics.classifier_logits(part, network) for part in data.in_parts(test)])
    return float(np.mean(logits.argmax(axis=1) == test.labels))


class _Blends(keras.utils.PyDataset):
    """Batches of images, a share of them weighted means of four."""

    def __init__(self, images, labels, batch_size, share, seed):
        super().__init__()
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.share = share
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def on_epoch_end(self):
        self.parts = [self.random.permutation(len(self.images)) for _ in range(4)]

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        count = len(self.parts[0][rows])
        weights = self.random.dirichlet([1.0] * 4, count).astype("float32")
        weights[int(count * self.share) :] = [1, 0, 0, 0]
        images = sum(w.reshape(-1, 1, 1, 1) * self.images.floats(part[rows])
                     for w, part in zip(weights.T, self.parts, strict=True))
        labels = sum(w[:, None] * self.labels[part[rows]]
                     for w, part in zip(weights.T, self.parts, strict=True))
        return images, labels


@contextlib.contextmanager
def _float32():
    """Keras' precision float32, whatever that of the run."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def find(options, train_set, saved):
    """The classifier of a run: the file --classifier; for MNIST the shipped one, unless the options ask
    for the paper's; else the one in the file `saved`; else one that `train` has yet to train.

    Args:
        options: of the run.
        train_set: `data.ImageSet`.
        saved: Path.

    Returns:
        (Keras model, images -> logits; what to call it in results; whether it is trained). Without
        labels there is none, (None, None, True), unless the options name a file.
    """
    keras.utils.set_random_seed(options.seed)  # dropout in a loaded classifier has a seed, too
    if options.classifier not in ("auto", "paper"):
        return files.load_model(options.classifier), str(options.classifier), True
    if train_set.labels is None:
        return None, None, True
    papers = options.classifier == "paper"
    shipped = options.dataset.split(":")[0] == "mnist" and options.image_size == 32
    if shipped and papers and options.strategy == "multiworker" and not saved.exists():
        logging.warning("Several workers need a trained classifier: this run has the shipped one, not "
                        "the paper's. `multigan classifier --network=paper` makes that one.")
        papers = False
    if shipped and not papers:
        return metrics.shipped_classifier(), "keras_multigan MNIST classifier (shipped)", True
    name = f"{'ComMutE-GAN' if papers else 'compact'} classifier trained on {options.dataset}"
    if saved.exists():
        return load_own(saved), name, True
    if options.strategy == "multiworker":
        raise ValueError(
            "--strategy=multiworker expects a trained classifier, the same one on all workers. "
            f"Received: none for --dataset={options.dataset}. Make one with "
            f"`multigan classifier --dataset={options.dataset}` and pass it as --classifier."
        )
    keras.utils.set_random_seed(0)  # all runs on a data set are measured by one classifier
    classes = int(train_set.labels.max()) + 1
    with _float32():
        network = (networks.commute_classifier(train_set.shape, classes) if papers
                   else networks.compact_classifier(train_set.shape, classes, filters=16))
    return network, name, False


def check(classifier, images) -> None:
    """Raises ValueError unless `classifier` gives logits of at least 2 classes of `images`."""
    shape = metrics.classifier_logits(images[:1], classifier).shape
    if shape[1] < 2:
        raise ValueError("A classifier is expected to tell at least 2 classes apart. Received: "
                         f"{classifier.name!r}, which gives {shape[1]} output. Make another one with "
                         "`multigan classifier`.")


def embedding(options, train_set, test_set, folder):
    """What measures a run independently of its losses: a fixed random network without labels or if the
    options ask for it; else for digits and MNIST the shipped one, for other data one that is trained
    here and kept in the run folder."""
    if train_set.labels is None or options.embedding == "random":
        return metrics.random_embedding(train_set.shape)
    if (found := shipped_embedding(options.dataset, train_set)) is not None:
        return found
    path, name = folder / "embedding.keras", f"independent network trained on {options.dataset}"
    if not path.exists():
        keras.utils.set_random_seed(1001)
        with _float32():
            network = networks.embedding_classifier(
                train_set.shape, int(train_set.labels.max()) + 1, filters=16)
        train(network, train_set, test_set, f"{options.dataset}, to measure with", seed=1001)
        files.save_model(network, path)
    return metrics.Embedding(load_own(path), f"{name} (64 features)")


def shipped_embedding(dataset, images) -> metrics.Embedding | None:
    """The embedding that ships for a data set, None if none does. Warns if it does not know the images,
    which then are others under the same name.

    Args:
        dataset: name of the data set.
        images: `data.ImageSet` or `data.ImageFiles`, with labels or without.
    """
    made = {"digits": metrics.digits_embedding, "mnist": metrics.mnist_embedding}
    name = dataset.split(":")[0]
    if name not in made or images.shape[-1] != 1:
        return None
    found = made[name]()
    if images.labels is not None:
        # As many as an embedding takes at once: JAX compiles nothing besides.
        rows = np.unique(np.linspace(0, len(images) - 1, 500).astype(int))
        right = np.mean(found.classes(found(images.floats(rows))) == images.labels[rows])
        if right < 0.5:
            logging.warning(
                "--dataset=%s expects the images of that name, on which the network that measures was "
                "trained. Received: images of which it tells %.0f %% rightly. If they are others, all "
                "measures are wrong: give them another name by --dataset.", dataset, 100 * right)
    return found


def load_own(path) -> keras.Model:
    """The network of a run folder in the file `path`."""
    if not path.is_file():  # `files.load_model` would not know what to do
        raise ValueError(f"Expected a .keras file. Received: {path}, which is a folder. Remove it and "
                         "go on with --resume, which trains another one in the same way.")
    return files.load_model(path, "Remove it and go on with --resume, which trains another one in the "
                            "same way.")


def train(network, train_set, test_set, dataset, seed=0):
    """Trains what `find` has made."""
    print(f"Training a classifier on {dataset}.", flush=True)
    # Some 1,100 updates on digits; after fewer it is not sure even of real ones.
    small = len(train_set) < 10_000
    fitting = (dict(epochs=25, batch_size=32, learning_rate=4e-3) if small
               else dict(epochs=2, batch_size=128, learning_rate=2e-3))
    if len(train_set) > _MOST:
        train_set = train_set.take(np.random.default_rng(0).permutation(len(train_set))[:_MOST])
    with _float32():
        accuracy = fit(network, train_set, test_set, **fitting, seed=seed, verbose=False)
    print("Its accuracy is not known: the test images have no labels." if accuracy is None else
          f"Its accuracy on the test images is {100 * accuracy:.2f} %.", flush=True)
