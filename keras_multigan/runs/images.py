"""A run on an image set: data, classifier, training, measures."""

import dataclasses
import re
from collections.abc import Callable

import keras
import numpy as np

from keras_multigan import callbacks, data, distribute, metrics, networks, plots
from keras_multigan.runs import classifiers, files, measures, report
from keras_multigan.runs.run import Run, sample_each

_FEWEST = 3  # test images, as many as a distance needs
_COUNTS = {"digits": 1437, "mnist": 60_000, "fashion_mnist": 60_000, "kmnist": 60_000,
           "cifar10": 50_000}  # training images
_GRAY = ("digits", "mnist", "fashion_mnist", "kmnist", "emnist")


@dataclasses.dataclass(frozen=True)
class Samples:
    """What the networks of a run must fit.

    Attributes:
        shape: of one sample, (H, W, C) or (d,).
        num_classes: of the data, or None.
        classifier: Keras model, images -> logits, or None.
    """

    shape: tuple[int, ...]
    num_classes: int | None = None
    classifier: keras.Model | None = None


@dataclasses.dataclass(frozen=True)
class ImageTask:
    """Trains and measures a method on the image set of its options.

    Attributes:
        select: function (options, labels) -> which samples of both splits count, a boolean array or a
            slice; all if None. The classifier is trained on all samples.
        training_set: function (options, image set) -> (x, y) for `fit`. None gives the set, with labels
            if the model needs them.
        measure: function (options, model, images by generator, (test images, labels), classifier) ->
            results beside those of `measures`. The last two are None without labels.
    """

    select: Callable | None = None
    training_set: Callable | None = None
    measure: Callable | None = None

    def like(self, options) -> Samples:
        """`Samples` of the right shape, without the data."""
        gray = re.split("[:/]", options.dataset)[0] in _GRAY
        shape = (options.image_size,) * 2 + (1 if gray else 3,)
        return Samples(shape, 10, networks.compact_classifier(shape, filters=4))

    def count(self, options) -> int:
        """Training images, without the data; 0 if that is not known."""
        unknown = self.select is not None or options.validation
        return 0 if unknown else _COUNTS.get(options.dataset.split(":")[0], 0)

    def train(self, run: Run) -> dict | None:
        """Does `run`. Returns the content of metrics.json, None on a worker that is not the first."""
        if done := run.finished():
            return done
        options, scope = run.options, run.scope()
        train_set, test_set = whole = load_splits(options)
        note = f"{train_set.note}. {test_set.note}"
        print(f"Data: {note}.")
        if self.select is not None:
            train_set, test_set = (s.take(self.select(options, s.labels)) for s in whole)
        x, y = (train_set, None) if self.training_set is None else (
            self.training_set(options, train_set))
        classifier, name, is_trained = classifiers.find(
            options, whole[0], run.output / "classifier.keras")
        with scope:
            # The original is trained and measures on one device, whatever devices the model has.
            its_classifier = (classifier if options.strategy == "none" or classifier is None
                              else keras.models.clone_model(classifier))
            model = run.build(Samples(train_set.shape, count_classes(whole[0]), its_classifier))
            model.check_batch_size(options.batch_size)
        if x is train_set and model.num_classes is None:
            x = x.without_labels()
        # What would fail after the training fails now.
        if len(test_set) < _FEWEST:
            raise ValueError(f"At least {_FEWEST} test images are expected, to measure with. Received: "
                             f"{len(test_set)}. Add some.")
        if classifier is not None:
            classifiers.check(classifier, test_set.floats(slice(1)))
        if (own := run.output / "embedding.keras").exists():
            classifiers.load_own(own)
        if options.inception != "none":
            measures.inception_outputs(test_set.floats(slice(1)), options.inception)
        if not is_trained:
            classifiers.train(classifier, *whole, options.dataset)
        run.open()
        if run.writes and not is_trained:
            files.save_model(classifier, run.output / "classifier.keras")
        every = report.frames_every(options.epochs)
        # Outside the scope, in which its network would make variables of all workers.
        embedding = classifiers.embedding(options, train_set, test_set, run.output) if (
            run.writes) else None
        evaluate = self._evaluate(train_set, embedding, every) if run.writes else None
        fid = self._fid(options, train_set)
        with scope:
            if classifier is not None:
                its_classifier.set_weights(classifier.get_weights())
            seconds = run.fit(
                model, x, y, callbacks.SampleGrid(run.output, keep_every=every),
                evaluate=evaluate, fid=fid)
        distribute.part(options.strategy)
        # Outside the scope: in it, what is saved and loaded would make variables of all workers.
        if not run.writes:
            return None
        results = run.keep(model, seconds) | {"data_note": note}
        return run.finish(results | self._measured(run, model, train_set, test_set, classifier, name,
                                                   embedding))

    def _evaluate(self, train_set, embedding, every):
        """Measures against training images, if there are enough for a distance on 64 features."""
        count = min(len(train_set), 1000)
        if count <= 64:
            print(f"Nothing is measured while it trains: there are only {count} training images.")
            return None
        chosen = np.sort(np.random.default_rng(1).permutation(len(train_set))[:count])
        return callbacks.Evaluate(
            metrics.against(train_set.floats(chosen), embedding, prefix="train_"), count, every)

    def _fid(self, options, train_set):
        """Measures FIDs while it trains, if the options ask for it."""
        if options.fid_every is None:
            return None
        if options.inception == "none":
            print("No FID is measured while it trains: that needs --inception.")
            return None
        return callbacks.Evaluate(measures.fid_to(train_set, options.inception),
                                  measures.NUM_FID_IMAGES, options.fid_every)

    def _measured(self, run, model, train_set, test_set, classifier, name, embedding):
        options, output, results = run.options, run.output, {}
        count = measures.evaluation_count(model.image_shape)
        images = sample_each(model, count // model.num_generators)
        plots.save_samples(np.stack([i[:10] for i in images]), output / "samples.png")
        test = measures.drawn(test_set, count)
        results |= measures.measure_embedded(
            images, train_set, test, embedding, model.mixture_weights)
        if classifier is not None:
            results |= measures.measure(images, test, classifier, name, options.dataset,
                                        model.mixture_weights)
            names, tvd = train_set.class_names, results["pairwise_tvd"]
            if names is not None and len(names) != len(results["class_probabilities"][0]):
                names = None  # the classifier's classes are others
            apart = "" if tvd is None else f", TVD {tvd:.4f}"
            plots.save_class_table(results["class_probabilities"], output / "class_table.png",
                                   f"average class probabilities in %{apart}", names)
            results |= {} if names is None else {"class_names": names}
        if self.measure is not None:
            results |= self.measure(
                options, model, images, (test.floats(), test.labels), classifier)
        if options.inception != "none":
            results |= measures.measure_by_inception(
                model, measures.drawn(train_set), test, options.inception)
        return results


def load_splits(options):
    """(training set, what is measured against) of the options' data set: the test split, or with
    `validation` that share of the training images, in which no two runs differ."""
    return hold_out(load_split(options, "train"), options.validation) if options.validation else (
        load_both(options))


def load_both(options):
    """Both splits of the options' data set."""
    train, test = (load_split(options, split) for split in ("train", "test"))
    if train.shape != test.shape:
        raise ValueError("Training and test images of one shape are expected. Received: "
                         f"{train.shape} and {test.shape}. Convert one of them.")
    return without_single_class(train, test)


def without_single_class(train_set, test_set=None):
    """Both sets without labels if those of the training set, or of the test set if it alone has some,
    are of one class. A test set may lack classes."""
    sets = [x for x in (train_set, test_set) if x is not None]
    labels = next((x.labels for x in sets if x.labels is not None), None)
    if labels is None or len(np.unique(labels)) > 1:
        return train_set, test_set
    return tuple(x if x is None or x.labels is None else x.without_labels()
                 for x in (train_set, test_set))


def hold_out(train_set, share: float):
    """Splits a set in two, of which the second one has `share` of the images. Classes keep their
    shares; no two runs differ."""
    from sklearn.model_selection import train_test_split

    train_set, _ = without_single_class(train_set)
    try:
        rows = train_test_split(np.arange(len(train_set)), test_size=share, random_state=0,
                                stratify=train_set.labels)
    except ValueError as error:
        raise ValueError(f"--validation expects a share with images of every class. Received: {share} "
                         f"of {len(train_set)} images ({files.short(error)}).") from error
    kept, held_out = (train_set.take(np.sort(r)) for r in rows)
    kept.note += f", of which {len(held_out)} are held out and measured in place of the test images"
    held_out.note = "The test images are not used"
    return kept, held_out


def load_split(options, split: str):
    """The `data.ImageSet` of a split of the options' data set."""
    split = getattr(options, "train_split", "train") if split == "train" else split
    return load_labelled(options.dataset, split, options.image_size, options.data_dir, options.label,
                         background=options.background, stream=options.stream)


def load_labelled(dataset, split, image_size, data_dir, label, **others):
    """`data.load_image_set` with the option --label."""
    names = None if label is None or split == "unlabelled" else [n.strip() for n in label.split(",")]
    found = data.load_image_set(dataset, split, image_size, data_dir, **others,
                                label=names[0] if names and len(names) == 1 else names)
    if found.labels is not None and found.labels.ndim == 2:
        found = data.ImageSet(found.images, *combinations(found.labels, names), found.skipped,
                              found.note)
    return found


def combinations(labels: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """One class for each combination of several labels.

    Args:
        labels: integer array (N, M) of 0 and 1.
        names: the M names.

    Returns:
        The classes, int64 (N,) in 0..2^M-1: the binary number of the labels, the first one leading. And
        the names of all classes up to the largest, such as "Male+Black_Hair"; "none" if all labels are
        0.

    Raises:
        ValueError: other values, or more than 10 labels.
    """
    if not np.isin(labels, (0, 1)).all() or len(names) > 10:
        raise ValueError("Several --label are expected to be at most 10, of 0 and 1. Received: "
                         f"{', '.join(names)}, up to {labels.max()}. Choose others, or one.")
    bits = 1 << np.arange(len(names))[::-1]
    classes = labels @ bits
    return classes, ["+".join(np.array(names)[number & bits > 0]) or "none"
                     for number in range(classes.max() + 1)]


def count_classes(image_set) -> int | None:
    """The number of classes of a set, None without labels."""
    return None if image_set.labels is None else int(image_set.labels.max()) + 1


def of_classes(labels: np.ndarray, classes: str) -> np.ndarray:
    """Which labels are of `classes`, such as "8,3"; a boolean array.

    Raises:
        ValueError: a class that has no label.
    """
    if labels is None:
        raise ValueError(f"Labels are expected to choose the classes {classes}. Received: none.")
    wanted, known = class_names(classes), {str(label) for label in np.unique(labels)}
    if not wanted <= known:
        raise ValueError(f"Classes are expected to be of {sorted(known)}. Received: {sorted(wanted)}")
    return np.isin(labels.astype(str), list(wanted))


def class_names(classes: str) -> set[str]:
    return {text.strip() for text in classes.split(",")}
