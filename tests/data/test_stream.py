"""The order of training samples."""

import itertools

import numpy as np
import pytest

from keras_multigan.data import training_stream

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
