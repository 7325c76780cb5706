"""Reference: real, memorised, half and no images in place of generators, in their order."""

import numpy as np
import pytest

from keras_multigan import data, metrics

pytestmark = pytest.mark.fast


@pytest.fixture(scope="module")
def digits():
    """Half of the training digits, the test digits, and the other half, as (images, labels)."""
    images, labels = data.load_images("digits", "train", 16)
    test = data.load_images("digits", "test", 16)
    return (images[::2], labels[::2]), test, (images[1::2], labels[1::2])


@pytest.fixture(scope="module")
def measured(digits):
    """name -> measures: of unseen digits, of 20 and 100 memorised ones, of those of five classes, of
    noise."""
    (train, train_labels), (test, _), (unseen, labels) = digits
    reference = metrics.Reference(train, test, metrics.digits_embedding(), train_labels)
    numbers = np.random.default_rng(0)
    return {
        "unseen": reference.measure([unseen]),
        **{k: reference.measure([np.resize(train[numbers.permutation(len(train))[:k]],
                                           (720, 16, 16, 1))]) for k in (20, 100)},
        "half": reference.measure([unseen[labels < 5]]),
        "noise": reference.measure([numbers.uniform(-1, 1, (720, 16, 16, 1)).astype("float32")]),
    }


def test_the_order_of_the_images_does_not_matter(digits):
    (train, labels), (test, test_labels), (unseen, _) = digits
    found = []
    for mixed in (True, False):
        sets = [data.ImageSet(np.uint8(np.round((x + 1) * 127.5)), y).take(
            slice(None) if mixed else np.argsort(y, kind="stable"))
            for x, y in ((train, labels), (test, test_labels))]
        found.append(metrics.Reference(*sets, metrics.digits_embedding()).measure([unseen[:100]]))
    for name, tolerance in {"floor": 1.5, "precision": 0.1, "train_recall": 0.1, "real_recall": 0.1,
                            "real_coverage": 0.1, "train_coverage": 0.1}.items():
        assert found[0][name] == pytest.approx(found[1][name], abs=tolerance), name


def of(measured, name):
    return {who: found[name] for who, found in measured.items()}


def test_the_distance_its_ratio_and_the_memorised_images_alike(measured):
    distance, ratio = of(measured, "frechet_distance"), of(measured, "ratio")
    assert distance["unseen"] < distance[100] < distance[20] < distance["noise"]
    assert distance["unseen"] < distance["half"] < distance["noise"]
    assert ratio["unseen"] < 3 and min(ratio[20], ratio["half"], ratio["noise"]) > 10
    floor = of(measured, "floor")
    assert all(ratio[who] == pytest.approx(distance[who] / floor[who]) for who in measured)
    assert floor["unseen"] == floor[20] == floor["noise"] < floor["half"]  # which has fewer samples
    alike = of(measured, "memorized_equivalent")
    assert 10 <= alike[20] <= 40 and 50 <= alike[100] <= 200
    # 360 real images look farther away than the curve's 10,000.
    assert set(of(measured, "real_memorized_equivalent").values()) == {None}
    assert alike["unseen"] > 150 > 50 > alike["half"] and alike["noise"] == pytest.approx(5)


def test_precision_recall_density_coverage(measured):
    for prefix in ("", "train_"):
        precision, recall, density, coverage = (of(measured, prefix + name) for name in (
            "precision", "recall", "density", "coverage"))
        for good in (precision, density):
            assert min(good["unseen"], good[20], good["half"]) > 0.7 > 0.4 > good["noise"]
        assert recall["unseen"] > 0.75 > 0.6 > recall["half"] > 0.3
        assert 0.1 > max(recall[20], recall["noise"])
        assert coverage["unseen"] > 0.85 > 0.6 > coverage["half"] > 0.4
        assert 0.4 > coverage[20] > coverage["noise"]
    assert measured["half"]["real_recall"] > 0.75 and measured["half"]["real_coverage"] > 0.85


def test_copies_support_and_classes(measured):
    copies, support, classes = (of(measured, name) for name in (
        "near_copies", "support_size", "class_tvd"))
    assert copies[20] == copies[100] == 1 and 0.2 < copies["unseen"] < 0.8 and copies["noise"] < 0.2
    assert 0.2 < measured["half"]["real_near_copies"] < 0.8
    assert support[20] == pytest.approx(20, rel=0.3) and support[20] < support[100] < support["unseen"]
    assert support["half"] < support["unseen"]
    assert classes["unseen"] < 0.1 and classes["half"] == pytest.approx(0.5, abs=0.05)
    assert sum(measured["half"]["data_class_shares"]) == pytest.approx(1, abs=1e-4)


def test_within_generators(digits):
    """One draws all ones, one three prototypes of a two, one all classes."""
    (train, train_labels), (test, _), (unseen, labels) = digits
    reference = metrics.Reference(train, test, metrics.digits_embedding(), train_labels)
    prototypes = np.resize(train[train_labels == 2][:3], (70, 16, 16, 1))
    found = reference.measure([unseen[labels == 1], prototypes, unseen[:100]])
    assert found["generator_classes"][:2] == [[1], [2]] and len(found["generator_classes"][2]) > 3
    recall, coverage, support = (found[f"generator_{name}"] for name in (
        "recall", "coverage", "support_size"))
    assert recall[0] > 0.5 > 0.3 > recall[1] and coverage[0] > 0.9 > 0.75 > coverage[1]
    assert support[1] == pytest.approx(3, rel=0.1) and support[1] < support[0] < support[2]
    assert len(found["real_generator_recall"]) == 3 and min(found["real_generator_recall"]) > 0.5


def test_intervals_hold_their_values(measured):
    for found in measured.values():
        assert set(found["intervals"]) == {"frechet_distance", "precision", "recall", "density",
                                           "coverage", "near_copies", "class_tvd"}
        for name, (low, high) in found["intervals"].items():
            assert 0 <= low <= found[name] + 1e-9 and found[name] <= high + 1e-9, name


def test_few_test_images_measure_against_training_images(digits, monkeypatch):
    (train, labels), (test, _), _ = digits
    embedding = metrics.digits_embedding()
    found = metrics.Reference(train, test, embedding, labels).measure([test])
    assert (found["distance_split"], found["distance_count"]) == ("train", 360)
    assert found["floor"] == pytest.approx(found["frechet_distance"], rel=1e-9)
    assert found["frechet_distance"] == pytest.approx(
        metrics.frechet_distance(embedding(train), embedding(test)))
    monkeypatch.setattr("keras_multigan.metrics.reference._ENOUGH", 300)
    found = metrics.Reference(train, test, embedding, labels).measure([train])
    assert found["distance_split"] == "test" and found["floor"] == pytest.approx(
        metrics.frechet_distance(embedding(test), embedding(train)))


def test_as_many_real_images_as_the_curve_of_memorised_ones_has(digits, monkeypatch):
    (train, labels), (test, _), _ = digits
    monkeypatch.setattr("keras_multigan.metrics.reference._MOST", 360)
    found = metrics.Reference(train, test, metrics.digits_embedding(), labels).measure([test])
    assert found["real_memorized_equivalent"] == pytest.approx(found["memorized_equivalent"])
    assert found["real_memorized_equivalent"] > 100


def test_a_random_network_orders_them_too(digits):
    (train, _), (test, _), (unseen, labels) = digits
    reference = metrics.Reference(train, test, metrics.random_embedding((16, 16, 1)))
    real, half, memorised = (reference.measure([x]) for x in (
        unseen, unseen[labels < 5], np.resize(train[:20], (720, 16, 16, 1))))
    assert real["ratio"] < half["ratio"] < memorised["ratio"]
    assert real["coverage"] > half["coverage"] > memorised["coverage"]
    assert "class_tvd" not in real and real["generator_classes"] == [None]


def test_too_few_images(digits):
    (train, _), (test, _), _ = digits
    with pytest.raises(ValueError, match="7 images of each split.*Received: 718 for training and 6"):
        metrics.Reference(train[:718], test[:6], metrics.digits_embedding())


def test_features_of_an_earlier_reference(digits):
    (train, labels), (test, _), (unseen, _) = digits
    embedding = metrics.digits_embedding()
    first = metrics.Reference(train, test, embedding, labels)
    assert [len(x) for x in first.features] == [719, 360]
    again = metrics.Reference(train, test, embedding, labels, features=first.features)
    assert again.measure([unseen]) == first.measure([unseen])
    with pytest.raises(ValueError, match=r"expected to have \[719, 300\] rows.*Received: \[719, 360\]"):
        metrics.Reference(train, test[:300], embedding, labels, features=first.features)


def test_the_floor_is_of_as_many_samples_as_the_mixture_has(digits):
    """Few samples have a larger distance; fewer than the other split must not look worse for it."""
    (train, labels), (test, _), (unseen, _) = digits
    reference = metrics.Reference(train, test, metrics.digits_embedding(), labels)
    found = reference.measure([unseen[:120]])
    wanted = metrics.frechet_distance(*(x[:count] for x, count in zip(
        reference.features, (None, 120), strict=True)))
    assert found["distance_count"] == 120
    assert found["floor"] == pytest.approx(wanted, rel=1e-6) and found["floor"] > 2 * reference.floor
    assert found["ratio"] < 3


def test_a_generator_with_a_tiny_share(digits, measured):
    """A mixture may have one sample of a generator; what cannot be said of it is None."""
    (train, labels), (test, _), (unseen, _) = digits
    found = metrics.Reference(train, test, metrics.digits_embedding(), labels).measure(
        [unseen[:1], unseen[1:3], unseen[3:]])
    support, recall = found["generator_support_size"], found["generator_recall"]
    assert support[0] is None and support[1] >= 1 and support[2] > 100
    assert recall[:2] == [None, None] and recall[2] > 0.7
    assert found["frechet_distance"] == pytest.approx(measured["unseen"]["frechet_distance"], rel=0.3)
