"""classifier_logits, class_probabilities and pairwise_tvd."""

import keras
import numpy as np
import pytest

from keras_multigan.metrics import class_probabilities, classifier_logits, pairwise_tvd

pytestmark = pytest.mark.fast


def mean_classifier(input_shape=(8, 8, 1)):
    """Logits (m, -m) for an image of mean m, so that p(class 0) = sigmoid(2 m)."""
    channels = input_shape[-1]
    model = keras.Sequential(
        [keras.Input(input_shape), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)],
        name="mean_classifier",
    )
    kernel = np.array([[1.0, -1.0]], "float32") / channels
    model.set_weights([np.repeat(kernel, channels, axis=0), np.zeros(2, "float32")])
    return model


def pixel_classifier(input_shape=(8, 8, 1), seed=0):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),  # Must be off.
            keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(seed=seed)),
        ]
    )


def constant_images(values, size=8):
    return np.ones((len(values), size, size, 1), "float32") * np.reshape(values, (-1, 1, 1, 1))


def random_images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_logits_do_not_depend_on_the_batch_size():
    images, classifier = random_images(7, 8, 8, 1), pixel_classifier()
    kernel, bias = classifier.get_weights()
    expected = images.reshape(7, -1).astype("float64") @ kernel + bias
    for batch_size in (1, 3, 7, 500):
        logits = classifier_logits(images, classifier, batch_size)
        assert isinstance(logits, np.ndarray)
        assert logits.dtype == np.float64
        np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_logits_resize_as_the_data_loader_does():
    images, classifier = random_images(5, 12, 10, 1), pixel_classifier()
    resized = keras.ops.image.resize(images, (8, 8), interpolation="bilinear", antialias=True)
    resized = keras.ops.convert_to_numpy(resized)
    expected = classifier_logits(resized, classifier)
    np.testing.assert_allclose(classifier_logits(images, classifier, 2), expected, atol=1e-6)
    tensor = keras.ops.convert_to_tensor(images)
    np.testing.assert_allclose(classifier_logits(tensor, classifier), expected, atol=1e-6)


def test_logits_of_a_classifier_for_any_size_are_not_resized():
    images = constant_images([0.5, -0.25], size=5)
    logits = classifier_logits(images, mean_classifier((None, None, 1)))
    np.testing.assert_allclose(logits, [[0.5, -0.5], [-0.25, 0.25]], atol=1e-6)


@pytest.mark.parametrize(
    ("images", "classifier", "message"),
    [
        (np.zeros((8, 8, 1)), mean_classifier, "received shape"),
        (np.zeros((0, 8, 8, 1)), mean_classifier, "samples >= 1"),
        (np.zeros((2, 8, 8, 3)), mean_classifier, "1 channel"),
        (np.zeros((2, 8, 8, 1)), lambda: mean_classifier((8, 8, 3)), "3 channel"),
        (
            np.zeros((2, 8, 8, 1)),
            lambda: keras.Sequential([keras.Input((64,)), keras.layers.Dense(2)], name="flat"),
            "'flat' with input shape",
        ),
        (
            np.zeros((2, 8, 8, 1)),
            lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Dense(2)]),
            r"returns logits of shape \(2, classes\)",
        ),
    ],
)
def test_logits_errors(images, classifier, message):
    with pytest.raises(ValueError, match=message):
        classifier_logits(images, classifier())


def test_logits_need_a_positive_batch_size():
    with pytest.raises(ValueError, match="batch_size"):
        classifier_logits(constant_images([0.0]), mean_classifier(), batch_size=0)


def test_class_probabilities_are_means_of_softmax():
    values = [[0.1, 0.9, -0.5], [1.0, 1.0, 1.0]]
    images = np.stack([constant_images(v, size=6) for v in values])  # Resized to 8 x 8.
    p = np.array([sigmoid(2 * np.array(v)).mean() for v in values])
    expected = np.stack([p, 1 - p], axis=1)
    result = class_probabilities(images, mean_classifier(), batch_size=2)
    assert isinstance(result, np.ndarray)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, atol=1e-6)
    # A list whose arrays differ in length.
    result = class_probabilities([images[0], images[1][:1]], mean_classifier())
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_class_probabilities_errors():
    with pytest.raises(ValueError, match="at least one generator"):
        class_probabilities([], mean_classifier())
    with pytest.raises(ValueError, match="received shape"):  # The generator axis is missing.
        class_probabilities(constant_images([0.0, 1.0]), mean_classifier())


def test_tvd_closed_forms():
    assert pairwise_tvd(np.eye(4)) == 1.0
    assert pairwise_tvd([[0.2, 0.3, 0.5]] * 3) == 0.0
    assert pairwise_tvd([[0.2, 0.8]]) == 0.0  # One generator has no pair.
    assert pairwise_tvd([[0.5, 0.5], [0.2, 0.8]]) == pytest.approx(0.3, rel=1e-12)


def test_tvd_matches_a_loop_over_pairs():
    p = np.random.default_rng(0).dirichlet(np.ones(10), size=5)
    pairs = [(i, j) for i in range(5) for j in range(i)]
    expected = np.mean([0.5 * sum(abs(p[i] - p[j])) for i, j in pairs])
    result = pairwise_tvd(p)
    assert type(result) is float
    assert result == pytest.approx(expected, rel=1e-12)
    assert pairwise_tvd(p[::-1]) == pytest.approx(expected, rel=1e-12)


def test_tvd_accepts_the_rounding_of_a_printed_table():
    assert pairwise_tvd([[0.3333, 0.3333, 0.3333], [1.0, 0.0, 0.0]]) == pytest.approx(
        0.6667, abs=1e-3
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([0.5, 0.5], "of shape"),
        (np.zeros((0, 3)), "of shape"),
        ([[0.5, 0.5], [0.6, 0.5]], "row 1 .* sum 1.1"),
        ([[1.5, -0.5]], "row 0 with minimum -0.5"),
        ([[np.nan, 1.0]], "row 0"),
    ],
)
def test_tvd_errors(table, message):
    with pytest.raises(ValueError, match=message):
        pairwise_tvd(table)
