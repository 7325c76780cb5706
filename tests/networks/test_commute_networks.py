"""ComMutE-GAN's networks: the paper's parameter counts, shapes, ranges."""

import keras
import numpy as np
import pytest

from keras_multigan import networks

pytestmark = pytest.mark.fast

SMALL = dict(image_shape=(16, 24, 3), filters=8)


@pytest.mark.parametrize("name, expected", [
    ("commute_generator", 910_660),
    ("commute_deep_generator", 69_657_924),
    ("commute_critic", 4_306_177),
])
def test_parameters_are_the_papers(name, expected):
    assert getattr(networks, name)().count_params() == expected


def test_residual_generator_is_as_large_as_the_papers():
    count = networks.commute_residual_generator().count_params()
    assert abs(count / 3_882_049 - 1) < 0.01
    assert f"{count:,}" in networks.commute_residual_generator.__doc__


@pytest.mark.parametrize("make", [networks.commute_generator, networks.commute_deep_generator,
                                  networks.commute_residual_generator])
@pytest.mark.parametrize("training", [False, True])
def test_generators_make_images(make, training):
    images = make(5, **SMALL)(np.random.default_rng(0).normal(size=(4, 5)), training=training)
    images = keras.ops.convert_to_numpy(images)
    assert images.shape == (4, 16, 24, 3) and images.dtype == np.float32
    assert np.abs(images).max() <= 1 and images.std() > 0


def test_critic_layers_are_the_papers():
    critic = networks.commute_critic()
    convolutions = [x for x in critic.layers if isinstance(x, keras.layers.Conv2D)]
    assert [(x.filters, x.kernel_size, x.strides) for x in convolutions] == [
        (f, (5, 5), (2, 2)) for f in (64, 128, 256, 512)
    ]
    norms = [x for x in critic.layers if isinstance(x, keras.layers.LayerNormalization)]
    assert [x.gamma.shape[0] for x in norms] == [128, 256]
    assert [x.rate for x in critic.layers if isinstance(x, keras.layers.Dropout)] == [0.3] * 4
    assert critic.layers[-1].activation is keras.activations.linear


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def test_the_other_readings_have_the_same_parameters():
    """keras.io's dropout in the critic; batch normalisation after the generators' activations."""
    critic = networks.commute_critic(dropout="middle")
    assert critic.count_params() == 4_306_177
    assert [x.rate for x in critic.layers if isinstance(x, keras.layers.Dropout)] == [0.3, 0.3, 0.2]
    assert kinds(critic) == [
        "InputLayer", "Conv2D", "LeakyReLU", "Conv2D", "LayerNormalization", "LeakyReLU", "Dropout",
        "Conv2D", "LayerNormalization", "LeakyReLU", "Dropout", "Conv2D", "LeakyReLU", "Flatten",
        "Dropout", "Dense"]
    for name in ("commute_generator", "commute_residual_generator"):
        before, after = (getattr(networks, name)(normalization=n) for n in ("before", "after"))
        assert before.count_params() == after.count_params()
        assert sorted(kinds(before)) == sorted(kinds(after)) and kinds(before) != kinds(after)
    # In the upsampling blocks; the last one's comes before its tanh.
    assert kinds(networks.commute_generator(normalization="after")) == [
        "InputLayer", "Dense", "BatchNormalization", "LeakyReLU", "Reshape",
        *["UpSamplingConv2D", "LeakyReLU", "BatchNormalization"] * 2,
        "Dropout", "UpSamplingConv2D", "BatchNormalization", "Activation"]
    for name in ("commute_generator", "commute_residual_generator"):
        with pytest.raises(ValueError, match="'before' or 'after' the activation. Received: 'none'"):
            getattr(networks, name)(normalization="none")
    with pytest.raises(ValueError, match="'all', 'middle' or 'none'. Received: 'some'"):
        networks.commute_critic(dropout="some")


def test_without_dropout():
    critic = networks.commute_critic(dropout="none")
    assert critic.count_params() == 4_306_177 and "Dropout" not in kinds(critic)
    for make in (networks.commute_generator, networks.commute_deep_generator):
        usual, without = make(filters=8), make(filters=8, dropout=False)
        assert [kind for kind in kinds(usual) if kind != "Dropout"] == kinds(without) != kinds(usual)


def test_critic_and_classifiers_take_any_images():
    images = np.zeros((3, 16, 24, 3), "float32")
    assert networks.commute_critic(**SMALL)(images).shape == (3, 1)
    assert networks.commute_classifier(num_classes=7, **SMALL)(images).shape == (3, 7)
    assert networks.compact_classifier(num_classes=4, **SMALL)(images).shape == (3, 4)


def test_dropout_of_the_last_block_is_not_on_pixels():
    layers = networks.commute_generator().layers
    kinds = [type(layer).__name__ for layer in layers[-4:]]
    assert kinds == ["Dropout", "UpSamplingConv2D", "BatchNormalization", "Activation"]


@pytest.mark.parametrize("arguments", [dict(image_shape=(30, 32, 1)), dict(image_shape=(32, 32)),
                                       dict(filters=6)])
def test_impossible_sizes(arguments):
    with pytest.raises(ValueError, match="multiples of 8.*Received"):
        networks.commute_generator(**arguments)
