"""The order of training samples."""

import itertools

import numpy as np
import pytest

from keras_multigan.data import training_stream, with_auxiliary

pytestmark = pytest.mark.fast

IMAGES = np.arange(10)


def take(count, **kwargs):
    stream = training_stream(IMAGES, **{"batch_size": 4, "seed": 1, **kwargs})
    return list(itertools.islice(stream, count))


def test_each_pass_shows_every_image_once_and_batches_straddle_passes():
    seen = np.concatenate([images for (images,) in take(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(IMAGES)
    assert not np.array_equal(seen[:10], seen[10:])


@pytest.mark.parametrize("start", [0, 1, 2, 5, 7])
def test_start_goes_on_where_a_stream_stopped(start):
    for a, b in zip(take(12)[start:], take(12 - start, start=start), strict=True):
        np.testing.assert_array_equal(a, b)


def test_seed_decides_the_order():
    np.testing.assert_array_equal(take(3), take(3))
    assert not np.array_equal(take(3), take(3, seed=2))


def test_labels_stay_with_their_images():
    for images, labels in take(5, labels=-IMAGES):
        np.testing.assert_array_equal(images, -labels)


def test_a_batch_may_be_larger_than_the_data():
    ((images,),) = take(1, batch_size=25)
    assert len(images) == 25 and np.bincount(images).min() >= 2


def test_sources_get_equal_shares():
    primary, few, one = np.arange(10.0).reshape(5, 2), np.array([[20.0, 21], [22, 23]]), [[30.0, 31]]
    samples, sources = with_auxiliary(primary, few, one)
    assert sources.dtype == np.int64
    np.testing.assert_array_equal(sources, [0] * 5 + [1] * 5 + [2] * 5)
    np.testing.assert_array_equal(samples[:5], primary)
    np.testing.assert_array_equal(samples[5:10, 0], [20, 22, 20, 22, 20])
    np.testing.assert_array_equal(samples[10:], one * 5)


def test_an_auxiliary_source_may_be_the_largest():
    primary = np.zeros((2, 4, 4, 1), "float32")
    samples, sources = with_auxiliary(primary, primary[:1], np.ones((3, 4, 4, 1), "float32"))
    assert samples.shape == (9, 4, 4, 1) and samples.dtype == np.float32
    np.testing.assert_array_equal(sources, [0, 0, 0, 1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(samples.mean(axis=(1, 2, 3)), sources == 2)


@pytest.mark.parametrize("auxiliary, shape", [
    (np.zeros((0, 2)), r"\(5, 2\), \(0, 2\)"), (np.zeros((5, 3)), r"\(5, 2\), \(5, 3\)"),
    (np.zeros(2), r"\(5, 2\), \(2,\)"), (1.0, r"\(5, 2\), \(\)"),
])
def test_sources_that_do_not_fit(auxiliary, shape):
    with pytest.raises(ValueError, match=f"at least one sample, of the same shape.*{shape}"):
        with_auxiliary(np.zeros((5, 2)), auxiliary)
    with pytest.raises(ValueError, match="at least one sample, of the same shape"):
        with_auxiliary(auxiliary, np.zeros((5, 2)))
