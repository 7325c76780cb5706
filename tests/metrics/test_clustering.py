"""clustering_accuracy and normalized_mutual_information, by hand."""

import itertools

import numpy as np
import pytest

from keras_multigan import metrics

pytestmark = pytest.mark.fast


def test_names_of_clusters_do_not_matter():
    labels = np.array([0, 0, 1, 1, 2, 2])
    for names in itertools.permutations([7, 3, 5]):
        clusters = np.array(names)[labels]
        assert metrics.clustering_accuracy(labels, clusters) == 1.0
        assert metrics.normalized_mutual_information(labels, clusters) == pytest.approx(1)


def test_accuracy_by_hand():
    # The greedy matching, cluster 0 for class 0, has 3 right; the other one has 2 + 2.
    labels, clusters = [0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 1, 1]
    assert metrics.clustering_accuracy(labels, clusters) == pytest.approx(4 / 7)
    # Three clusters for two classes: one of them is left over.
    assert metrics.clustering_accuracy([0, 0, 0, 1, 1], [0, 0, 1, 2, 2]) == pytest.approx(4 / 5)
    # Two classes in one cluster.
    assert metrics.clustering_accuracy([0, 0, 0, 1, 1], [4, 4, 4, 4, 4]) == pytest.approx(3 / 5)


def test_accuracy_against_all_matchings():
    random = np.random.default_rng(0)
    labels, clusters = random.integers(4, size=60), random.integers(5, size=60)
    clusters[:30] = labels[:30]
    best = max(np.mean([names[c] == y for y, c in zip(labels, clusters, strict=True)])
               for names in itertools.permutations([0, 1, 2, 3, -1]))
    assert metrics.clustering_accuracy(labels, clusters) == pytest.approx(best)


def test_mutual_information_by_hand():
    labels = np.array([0, 0, 1, 1])
    assert metrics.normalized_mutual_information(labels, [0, 1, 0, 1]) == pytest.approx(0)
    # Four clusters know the class, one bit of their two: 1 / mean(1, 2).
    assert metrics.normalized_mutual_information(labels, [0, 1, 2, 3]) == pytest.approx(2 / 3)
    assert type(metrics.normalized_mutual_information(labels, labels)) is float


MEASURES = [metrics.clustering_accuracy, metrics.normalized_mutual_information]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("labels, clusters, message", [
    (np.eye(3), [0, 1, 2], "labels as integers .* argmax"),
    ([0, 1, 2], [0.5, 0.5, 1.0], "clusters as integers"),
    ([], [], "labels as integers"),
    ([0, 1], [0, 1, 2], "2 labels and 3 clusters"),
])
def test_errors(measure, labels, clusters, message):
    with pytest.raises(ValueError, match=message):
        measure(labels, clusters)
