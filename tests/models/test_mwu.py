"""MWU's weights and shares."""

import numpy as np
import pytest
import tiny
from zoo import boosted

from keras_multigan.models import mwu

pytestmark = pytest.mark.fast


def test_doubled_weights():
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    found = mwu.doubled_weights(weights, [0.2, 0.25, 9.0, 0.0], 0.25)
    np.testing.assert_allclose(found, np.array([0.8, 0.3, 0.2, 0.2]) / 1.5)


def test_the_first_round_weighs_all_alike():
    found = boosted("MWUGAN").sample_weights(tiny.images(5), 0, 4)
    np.testing.assert_allclose(found, np.full(5, 0.2))


def test_shares_are_equal():
    np.testing.assert_allclose(boosted("MWUGAN").shares(3), np.full(3, 1 / 3))


def test_bad_arguments():
    with pytest.raises(ValueError, match="threshold >= 0"):
        boosted("MWUGAN", threshold=-1)
