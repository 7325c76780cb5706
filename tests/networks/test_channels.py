"""channels_first in the user's keras.json changes none of our networks."""

import keras
import pytest

from keras_multigan import networks

pytestmark = pytest.mark.fast
SHAPE = (16, 16, 3)
BUILDERS = {
    "biggan_discriminator": lambda: networks.biggan_discriminator((32, 32, 3), filters=4),
    "biggan_generator": lambda: networks.biggan_generator(8, (32, 32, 3), filters=4),
    "commute_classifier": lambda: networks.commute_classifier((32, 32, 1)),
    "commute_critic": lambda: networks.commute_critic(SHAPE, filters=4),
    "commute_deep_generator": lambda: networks.commute_deep_generator(8, (32, 32, 1), filters=8),
    "commute_generator": lambda: networks.commute_generator(8, SHAPE, filters=8),
    "commute_residual_generator": lambda: networks.commute_residual_generator(8, SHAPE, filters=8),
    "compact_classifier": lambda: networks.compact_classifier(SHAPE, 3, filters=4),
    "dcgan_discriminator": lambda: networks.dcgan_discriminator(SHAPE, filters=4),
    "dcgan_generator": lambda: networks.dcgan_generator(8, SHAPE, filters=4),
    "dcgan_trunk": lambda: networks.dcgan_trunk(SHAPE, filters=4),
    "p2_generators of DCGAN": lambda: networks.p2_generators(
        2, 8, 128, lambda: networks.dcgan_body(SHAPE, 4)),
    "embedding_classifier": lambda: networks.embedding_classifier(SHAPE, 3, filters=4),
    "p2_generators": lambda: networks.p2_generators(
        2, 8, 64, lambda: networks.resnet_body(SHAPE, 4)),
    "p2_discriminators": lambda: networks.p2_discriminators(
        2, lambda: networks.resnet_trunk(SHAPE, 4)),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_same_network_under_channels_first(name):
    def layers_of(network):
        return [(type(layer), layer.output.shape, getattr(layer, "data_format", None))
                for layer in network.layers]

    usual = layers_of(BUILDERS[name]())
    keras.config.set_image_data_format("channels_first")
    try:
        other = layers_of(BUILDERS[name]())
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_image_data_format("channels_last")
    assert other == usual
