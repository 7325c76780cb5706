"""A run on an image set: data, classifier, training, measures."""

import dataclasses
import re
from collections.abc import Callable

import keras
import numpy as np

from keras_multigan import callbacks, data, metrics, networks, plots
from keras_multigan.runs import classifiers, files, measures
from keras_multigan.runs.run import Run, sample_each

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
        select: function (options, labels) -> which samples of both splits count, a boolean array; all
            if None. The classifier is trained on all samples.
        training_set: function (options, images, labels) -> what `fit` gets. None gives images, and
            labels if the model needs them.
        measure: function (options, model, images by generator, (test images, labels), classifier) ->
            results beside those of `measures.measure`.
    """

    select: Callable | None = None
    training_set: Callable | None = None
    measure: Callable | None = None

    def like(self, options) -> Samples:
        """`Samples` of the right shape, without the data."""
        gray = re.split("[:/]", options.dataset)[0] in _GRAY
        shape = (options.image_size,) * 2 + (1 if gray else 3,)
        return Samples(shape, 10, networks.compact_classifier(shape, filters=4))

    def train(self, run: Run) -> dict | None:
        """Does `run`. Returns the content of metrics.json, None on a worker that is not the first."""
        if done := run.finished():
            return done
        options, scope = run.options, run.scope()
        splits = [load_split(options, split) for split in ("train", "test")]
        train_set, test_set = self._select(options, splits)
        classifier, name, is_trained = classifiers.find(
            options, splits[0], run.output / "classifier.keras")
        with scope:
            # The original is trained and measures on one device, whatever devices the model has.
            its_classifier = (classifier if options.strategy == "none"
                              else keras.models.clone_model(classifier))
            model = run.build(Samples(splits[0][0].shape[1:], count_classes(splits[0]), its_classifier))
            model.check_batch_size(options.batch_size)
        # What would fail after the training fails now.
        metrics.classifier_logits(test_set[0][:1], classifier)
        if options.inception != "none":
            measures.inception_outputs(test_set[0][:1], options.inception)
        if not is_trained:
            classifiers.train(classifier, *splits, options.dataset)
        run.open()
        if run.writes and not is_trained:
            files.save_model(classifier, run.output / "classifier.keras")
        if model.num_classes is None and self.training_set is None:
            train_set = (train_set[0], None)
        with scope:
            its_classifier.set_weights(classifier.get_weights())
            seconds = run.fit(model, *train_set, callbacks.SampleGrid(run.output))
        # Outside the scope: in it, what is saved and loaded would make variables of all workers.
        return self._finish(run, model, seconds, splits[0], test_set, classifier, name) if (
            run.writes) else None

    def _select(self, options, splits):
        """(what `fit` gets, (test images, labels))."""
        if self.select is not None:
            splits = [(images[chosen], labels[chosen]) for images, labels in splits
                      for chosen in [self.select(options, labels)]]
        train_set, test_set = splits
        if self.training_set is not None:
            train_set = self.training_set(options, *train_set)
        return train_set, test_set

    def _finish(self, run, model, seconds, train_split, test_set, classifier, name):
        options, output = run.options, run.output
        results = run.keep(model, seconds)
        images = sample_each(model, measures.NUM_EVALUATION_IMAGES // model.num_generators)
        plots.save_samples(np.stack([i[:10] for i in images]), output / "samples.png")
        results |= measures.measure(images, test_set[0], classifier, name, options.dataset)
        if self.measure is not None:
            results |= self.measure(options, model, images, test_set, classifier)
        if options.inception != "none":
            results |= measures.measure_by_inception(model, train_split[0], test_set[0],
                                                     options.inception)
        plots.save_class_table(results["class_probabilities"], output / "class_table.png",
                               f"average class probabilities in %, TVD {results['pairwise_tvd']:.4f}")
        return run.finish(results)


def load_split(options, split: str) -> tuple[np.ndarray, np.ndarray]:
    """(images, labels) of a split of the options' data set; labels are required."""
    images, labels = data.load_images(
        options.dataset, split, image_size=options.image_size, data_dir=options.data_dir
    )
    if labels is None:
        raise ValueError(
            f"Expected a data set with labels. Received: {options.dataset!r}, which has none.")
    return images, labels


def count_classes(split: tuple[np.ndarray, np.ndarray]) -> int:
    return int(split[1].max()) + 1


def of_classes(labels: np.ndarray, classes: str) -> np.ndarray:
    """Which labels are of `classes`, such as "8,3"; a boolean array.

    Raises:
        ValueError: a class that has no label.
    """
    wanted, known = class_names(classes), {str(label) for label in np.unique(labels)}
    if not wanted <= known:
        raise ValueError(f"Classes are expected to be of {sorted(known)}. Received: {sorted(wanted)}")
    return np.isin(labels.astype(str), list(wanted))


def class_names(classes: str) -> set[str]:
    return {text.strip() for text in classes.split(",")}
