"""The table of protocols."""

import numpy as np
import pytest

from keras_multigan.arena import protocols


@pytest.mark.parametrize("name", ["digits", "stacked_digits"])
def test_a_part_of_the_training_images_stands_in_for_the_test_images(tmp_path, name):
    protocol = protocols.PROTOCOLS[name]
    whole, part = (protocol.load(tmp_path, None, share).aid for share in (0.0, 0.2))
    assert [len(x) for x in (part.train, part.test, whole.test)] == [1149, 288, 360]
    both = [np.concatenate([x.images.reshape(len(x), -1) for x in sets])
            for sets in ((part.train, part.test), (whole.train,))]
    np.testing.assert_array_equal(*(rows[np.lexsort(rows.T)] for rows in both))


def test_unknown_protocol():
    with pytest.raises(ValueError, match="--protocol.*ring, grid.*Received: circle"):
        protocols.find("circle")
