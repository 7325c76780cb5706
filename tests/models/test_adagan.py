"""AdaGAN's weights and shares."""

import numpy as np
import pytest
import tiny
from zoo import boosted

from keras_multigan.models import adagan

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01])
def test_weights_of_boosting_against_bisection(share):
    random = np.random.default_rng(int(100 * share))
    ratios = np.exp(random.normal(scale=3, size=40))
    low, high = 0.0, 1e6
    for _ in range(200):  # the sum grows with lambda
        middle = (low + high) / 2
        total = sum(max(middle - (1 - share) * h, 0) / (40 * share) for h in ratios)
        low, high = (middle, high) if total < 1 else (low, middle)
    wanted = [max(low - (1 - share) * h, 0) / (40 * share) for h in ratios]
    weights = adagan.boosting_weights(ratios, share)
    np.testing.assert_allclose(weights, wanted, atol=1e-9)
    assert weights.sum() == pytest.approx(1) and (share == 1.0) == (weights > 0).all()


def test_weights_of_boosting_at_the_ends():
    """What the mixture covers alike counts alike; what it does not cover at all has the most."""
    np.testing.assert_allclose(adagan.boosting_weights(np.full(5, 1.0), 0.2), np.full(5, 0.2))
    np.testing.assert_allclose(adagan.boosting_weights([0.0, 2.0, 2.0, 0.0], 0.5), [0.5, 0, 0, 0.5])
    np.testing.assert_allclose(adagan.boosting_weights([3.0], 0.5), [1.0])


@pytest.mark.parametrize("share, wanted", [
    (None, [1 / 3, 1 / 3, 1 / 3]), (0.5, [0.25, 0.25, 0.5]), (0.2, [0.64, 0.16, 0.2])])
def test_shares_of_the_mixture(share, wanted):
    """mixture <- (1 - b) mixture + b new."""
    np.testing.assert_allclose(boosted("AdaGAN", round_share=share).shares(3), wanted)


def test_bagging_and_the_first_round_weigh_all_alike():
    for model, number in ((boosted("AdaGAN", bagging=True), 2), (boosted("AdaGAN"), 0)):
        np.testing.assert_allclose(model.sample_weights(tiny.images(5), number, 4), np.full(5, 0.2))


@pytest.mark.parametrize("kwargs, message", [
    (dict(round_share=1.0), "0 < round_share < 1. Received: 1.0"),
    (dict(round_share=0.5, bagging=True), "None with bagging.*Received: 0.5"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        boosted("AdaGAN", **kwargs)
