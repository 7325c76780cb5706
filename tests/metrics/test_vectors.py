"""How two sets are divided for training and test."""

import numpy as np
import pytest

from keras_multigan.metrics import _vectors

pytestmark = pytest.mark.fast


def test_halves_are_balanced_disjoint_and_random():
    real, fake = np.arange(100)[:, None], np.arange(1000, 1331)[:, None]
    (train, test), (again, _), (other, _) = (_vectors.halves(real, fake, s, 10) for s in (0, 0, 1))
    assert all(len(x) == 50 and x.dtype == np.float32 for x in (*train, *test))
    assert {*train[0][:, 0], *test[0][:, 0]} == {*range(100)}
    chosen = {*train[1][:, 0], *test[1][:, 0]}
    assert len(chosen) == 100 and chosen < {*range(1000, 1331)} and max(chosen) > 1250
    np.testing.assert_array_equal(train, again)
    assert not np.array_equal(train, other)
    assert not np.array_equal(train[0][:, 0], np.arange(50))
