"""Real images that mixtures are measured against, and what real and memorised images would score."""

import functools
from collections.abc import Sequence

import numpy as np

from keras_multigan.metrics.embedding import Embedding
from keras_multigan.metrics.frechet import distance_of_moments, mean_and_root
from keras_multigan.metrics.precision_recall import per_sample
from keras_multigan.metrics.support import near_copies, nearest_distances, support_size

_ENOUGH = 2000  # test images to measure a distance against; else training images are the reference
_MOST = 10_000  # real images of a split
_NEIGHBOURS = 5000  # samples of measures by nearest neighbours, whose time grows with the square
_MEMORIZED = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_DRAWS = 10
_DRAWN_CLASS = 0.1  # share of a generator's samples that makes a class one that it draws
_REPLICATES = 100


class Reference:
    """Measures mixtures of generators on an independent embedding, with the floor of each measure.

    The Frechet distance is that to the test images, if there are 2,000 at least; else that to the
    training images, and the test images give the floor. Either way mixture and floor have equal numbers
    of samples, for few samples have a larger distance. Up to 10,000 images of a split are used.

    All else (precision, recall, density, coverage and so on) has equal numbers of real and generated
    samples, 5,000 at most.

    Args:
        train, test: both splits, arrays (N, H, W, C) in [-1, 1] or image sets (`data.ImageSet`).
        embedding: `Embedding`, a network that is in no loss.
        train_labels: int array (N,), the classes of the training images, within which each generator
            is measured; None for those of the image set, if it has any.
        seed: int that fixes which samples are used.
        features: the `features` of an earlier Reference of the same images, embedding and seed, which
            need not be computed again; or None.

    Attributes:
        features: (of the training images, of the test images), arrays (up to 10,000, F), float64.

    Raises:
        ValueError: fewer than 7 images in a split, too few for their nearest neighbours; `features` of
            another number of images.
    """

    def __init__(self, train: np.ndarray, test: np.ndarray, embedding: Embedding,
                 train_labels: np.ndarray | None = None, seed: int = 0,
                 features: Sequence[np.ndarray] | None = None):
        if min(len(train), len(test)) < 7:
            raise ValueError("At least 7 images of each split are expected. Received: "
                             f"{len(train)} for training and {len(test)} for test. Add some.")
        self.embedding, self.seed = embedding, seed
        if train_labels is None:
            train_labels = getattr(train, "labels", None)
        rows = [_chosen(images, labels, _MOST, seed) for images, labels in (
            (train, train_labels), (test, getattr(test, "labels", None)))]
        self.train_labels = None if train_labels is None else np.asarray(train_labels)[rows[0]]
        if features is None:
            features = tuple(map(self._features, (train, test), rows))
        elif (received := [len(x) for x in features]) != (expected := [len(x) for x in rows]):
            raise ValueError(f"features is expected to have {expected} rows, those of the images. "
                             f"Received: {received}. Leave it out, and they are computed.")
        self.train, self.test = self.features = tuple(features)
        by_test = len(self.test) >= _ENOUGH
        self.split = "test" if by_test else "train"
        self._real, self._other = (self.test, self.train) if by_test else (self.train, self.test)
        self._moments = mean_and_root(self._real)
        self._size, self._floors = min(len(self._other), _MOST), {}

    def _features(self, images, rows):
        parts = np.array_split(rows, -(-len(rows) // 1000))  # not all as floats at a time
        return np.concatenate([self.embedding(
            images.floats(part) if hasattr(images, "floats") else images[part]) for part in parts])

    def measure(self, images_by_generator: Sequence[np.ndarray]) -> dict:
        """Measures a mixture.

        Args:
            images_by_generator: arrays (N_i, H, W, C), each of one generator, in the proportions of the
                mixture; 7 images in all at least. Fewer images than real ones lower all numbers.

        Returns:
            dict of name -> float, or list with one per generator. "intervals" has the 95 % bootstrap
            interval of each of the marked measures; it is over samples, not over seeds.

            - frechet_distance*, floor, ratio (of the two).
            - memorized_equivalent, real_memorized_equivalent: the number of training images that,
              repeated, are as far away as all images of the mixture, or of the other split; from a
              curve of 5 ... 5,000 (most_memorized if there are fewer), outside of which it is an end.
              None for real images if there are fewer than the 10,000 of the curve: fewer samples look
              farther away, and so do mixtures of fewer.
            - precision*, recall*, density*, coverage*: against test images; train_precision and so on:
              against training images. real_precision and so on: of training against test images.
            - near_copies*, real_near_copies: `metrics.near_copies`; of test images about a half.
            - support_size, real_support_size: `metrics.support_size`; radius: the median distance of a
              training image to its nearest other one.
            - class_shares, data_class_shares, class_tvd*: of the embedding's classifier, and the total
              variation distance from the training images'. With a trained embedding only.
            - generator_classes, generator_recall, generator_coverage, generator_support_size: of each
              generator's samples, against training images of the classes that it draws, those with a
              tenth of its samples at least. Against all classes without labels. None of fewer than 7
              samples, and the support of one.
              real_generator_recall and real_generator_coverage: of test images of these classes.
            - count, distance_count: numbers of samples of each side.
        """
        numbers = np.random.default_rng(self.seed)
        by_generator = [self.embedding(images) for images in images_by_generator]
        mixture = np.concatenate(by_generator)
        pool = mixture[numbers.permutation(len(mixture))]
        found = self._distances(pool, numbers)
        intervals = {"frechet_distance": found.pop("interval")}
        sets, names = self._of_sets(pool), ("precision", "recall", "density", "coverage")
        found["count"] = sets.pop("count")
        for name, values in sets.items():
            found[name] = float(values.mean())
            if name in (*names, "near_copies"):
                intervals[name] = _interval(values, numbers)
        found |= self.real | {"radius": self._radius, "support_size": support_size(
            pool[:_NEIGHBOURS], self._radius)}
        classes = self.embedding.classes(pool)
        if classes is not None:
            data = self.embedding.classes(self.train)
            count = int(max(classes.max(), data.max())) + 1
            shares, wanted = (np.bincount(c, minlength=count) / len(c) for c in (classes, data))
            drawn = numbers.multinomial(len(classes), shares, size=_REPLICATES) / len(classes)
            found |= {"class_shares": shares.round(6).tolist(),
                      "data_class_shares": wanted.round(6).tolist(),
                      "class_tvd": float(np.abs(shares - wanted).sum() / 2)}
            intervals["class_tvd"] = _around(found["class_tvd"], np.abs(drawn - wanted).sum(axis=1) / 2)
        return found | self._of_generators(by_generator) | {"intervals": intervals}

    def _distances(self, pool, numbers):
        size = min(self._size, len(pool))
        draws = [pool[start : start + size] for start in range(0, len(pool) - size + 1, size)][:_DRAWS]
        distance = float(np.mean([self._distance(draw) for draw in draws]))
        replicates = []
        for _ in range(_REPLICATES):
            real = mean_and_root(self._real[numbers.integers(len(self._real), size=len(self._real))])
            replicates.append(np.mean([
                distance_of_moments(real, mean_and_root(pool[numbers.integers(len(pool), size=size)]))
                for _ in draws]))
        counts, curve = self.memorized

        def alike(features):  # distances fall with the number of images
            return float(np.exp(np.interp(-self._distance(features[:_MOST]),
                                          -np.minimum.accumulate(curve), np.log(counts))))

        floor = self._floor(size)
        return {"frechet_distance": distance, "floor": floor,
                "ratio": distance / max(floor, 1e-12), "memorized_equivalent": alike(pool),
                "real_memorized_equivalent": alike(self._other) if len(self._other) >= _MOST else None,
                "most_memorized": counts[-1],
                "distance_split": self.split, "distance_count": size,
                "interval": _around(distance, replicates)}

    def _of_sets(self, generated):
        """Name -> values per sample of the measures by nearest neighbours, and "count"."""
        count = min(map(len, (generated, self.train, self.test)))
        count = min(count, _NEIGHBOURS)
        train, test, generated = (x[:count] for x in (self.train, self.test, generated))
        return {**per_sample(test, generated),
                **{f"train_{name}": v for name, v in per_sample(train, generated).items()},
                "near_copies": near_copies(generated, self.train), "count": count}

    def _of_generators(self, by_generator):
        results = {name: [] for name in (
            "generator_classes", "generator_recall", "generator_coverage", "generator_support_size",
            "real_generator_recall", "real_generator_coverage")}
        test_classes = self.embedding.classes(self.test)
        for features in by_generator:
            classes, train, test = None, self.train, self.test
            drawn = self.embedding.classes(features)
            if drawn is not None and self.train_labels is not None:
                shares = np.bincount(drawn) / len(drawn)
                classes = np.flatnonzero(shares >= min(_DRAWN_CLASS, shares.max())).tolist()
                train = train[np.isin(self.train_labels, classes)]
                test = test[np.isin(test_classes, classes)]
            results["generator_classes"].append(classes)
            results["generator_support_size"].append(  # a small share of a mixture may be one sample
                support_size(features[:_NEIGHBOURS], self._radius) if len(features) > 1 else None)
            count = min(len(train), len(test), len(features), _NEIGHBOURS)
            for prefix, samples in (("generator", features), ("real_generator", test)):
                of = per_sample(train[:count], samples[:count]) if count > 6 else {}
                for name in ("recall", "coverage"):
                    results[f"{prefix}_{name}"].append(float(of[name].mean()) if of else None)
        return results

    @functools.cached_property
    def floor(self) -> float:
        """The Frechet distance of real images of the other split, up to 10,000. `measure` has that of
        as many as there are samples."""
        return self._floor(self._size)

    def _floor(self, size):
        if size not in self._floors:
            self._floors[size] = self._distance(self._other[:size])
        return self._floors[size]

    @functools.cached_property
    def _radius(self):
        return float(np.median(nearest_distances(self.train[:_NEIGHBOURS])))

    @functools.cached_property
    def real(self) -> dict[str, float]:
        """What real images have in place of a mixture: names with "real_", as in `measure`."""
        count = min(len(self.train), len(self.test), _NEIGHBOURS)
        of = {name: values.mean()
              for name, values in per_sample(self.test[:count], self.train[:count]).items()}
        of |= {"near_copies": near_copies(self.test, self.train).mean(),
               "support_size": support_size(self.train[:_NEIGHBOURS], self._radius)}
        return {f"real_{name}": float(value) for name, value in of.items()}

    @functools.cached_property
    def memorized(self) -> tuple[list[int], list[float]]:
        """(numbers k of training images, median distances of k images repeated up to 10,000)."""
        counts = [k for k in _MEMORIZED if k <= len(self.train)]
        orders = [np.random.default_rng(draw).permutation(len(self.train)) for draw in range(3)]
        return counts, [float(np.median([
            self._distance(np.resize(self.train[order[:k]], (_MOST, self.train.shape[1])))
            for order in orders])) for k in counts]

    def _distance(self, features):
        return distance_of_moments(self._moments, mean_and_root(features))


def _chosen(images, labels, most, seed):
    """Rows at random. Measures take the first ones, so that rows which may come class by class, as in
    files, do not stay in their order."""
    rows = np.random.default_rng(seed).permutation(len(images))[:most]
    by_class = labels is None or np.count_nonzero(np.diff(labels)) < len(np.unique(labels))
    return rows if by_class else np.sort(rows)


def _interval(values, numbers):
    """The 95 % bootstrap interval of the mean of values (N,)."""
    rows = numbers.integers(len(values), size=(_REPLICATES, len(values)))
    return _around(values.mean(), values[rows].mean(axis=1))


def _around(value, replicates):
    """The 95 % interval of bootstrap replicates, moved so that their median, which is biased if the
    measure is, comes to lie on the value."""
    moved = np.quantile(replicates, [0.025, 0.975]) - np.median(replicates)
    return np.maximum(value + moved, 0).tolist()
