"""The common networks of a comparison: shapes, shared layers, equal numbers of parameters."""

import keras
import numpy as np
import pytest

from keras_multigan import networks
from keras_multigan.internals import flatten_layers
from keras_multigan.networks import ConvKit, DenseKit


def kit(kind="dense", n=3, **given):
    given["num_generators"] = n
    if kind == "conv":
        return ConvKit((16, 16, 1), filters=given.pop("filters", 8), units=6, latent_dim=5, **given)
    shape, latent_dim = {"dense": ((2,), 4), "dense images": ((8, 8, 2), 5)}[kind]
    return DenseKit(shape, width=given.pop("width", 16), latent_dim=latent_dim, **given)


def trained(*models):
    return sum(int(np.prod(v.shape)) for model in models for v in model.trainable_variables)


@pytest.mark.parametrize("kind, shape", [("dense", (2,)), ("dense images", (8, 8, 2)),
                                         ("conv", (16, 16, 1))])
def test_shapes(kind, shape):
    made = kit(kind)
    z = np.zeros((6, made.latent_dim), "float32")
    assert [g(z).shape for g in made.generators()] == 3 * [(6, *shape)]
    assert made.generator(7).input_shape == (None, 7)
    for own in ("first", "last"):
        assert [tuple(y.shape) for y in made.joint_generators(own)(z)] == 3 * [(6, *shape)]
    x, packed = np.zeros((6, *shape), "float32"), np.zeros((6, *shape[:-1], 3 * shape[-1]), "float32")
    scores, features = made.discriminator(4, features=True)(x)
    assert scores.shape == (6, 4) and features.shape == (6, 6 if kind == "conv" else 16)
    assert made.discriminator(pack=3)(packed).shape == (6, 1)
    assert made.discriminator(beside=5)([x, np.zeros((6, 5), "float32")]).shape == (6, 1)


def test_images_end_in_tanh_and_vectors_do_not():
    z = 1e4 * np.random.default_rng(0).normal(size=(9, 5)).astype("float32")
    for kind in ("conv", "dense images"):
        images = keras.ops.convert_to_numpy(kit(kind).generator()(z))
        assert 0.9 < np.abs(images).max() <= 1
    assert np.abs(keras.ops.convert_to_numpy(kit().generator()(z[:, :4]))).max() > 10


@pytest.mark.parametrize("normalization, kinds", [
    (None, {}), ("spectral", {networks.SpectralNormalization: 3}),
    ("weight", {networks.WeightNormalization: 3}), ("layer", {networks.LayerNormalization: 2})])
def test_normalizations(normalization, kinds):
    """Those of weights are on every affine layer, the layer's after hidden ones."""
    found = flatten_layers(kit().discriminator(normalization=normalization, dropout=0.5))
    for kind in (networks.SpectralNormalization, networks.WeightNormalization,
                 networks.LayerNormalization):
        assert sum(isinstance(layer, kind) for layer in found) == kinds.get(kind, 0)
    assert sum(isinstance(layer, networks.Dropout) for layer in found) == 2


@pytest.mark.parametrize("kind, n", [("dense", 3), ("conv", 3), ("conv", 8)])
def test_a_large_generator_has_the_parameters_of_all(kind, n):
    made = kit(kind, n)
    large = made.large_generator()
    assert trained(large) == pytest.approx(trained(*made.generators()), rel=0.02)
    z = np.zeros((2, made.latent_dim), "float32")
    assert large(z).shape == made.generator()(z).shape


@pytest.mark.parametrize("kind, n", [("dense", 3), ("dense images", 5), ("conv", 3), ("conv", 8)])
def test_a_large_discriminator_has_the_parameters_of_all(kind, n):
    made = kit(kind, n)
    large, one = made.discriminator(large=True), made.discriminator()
    assert trained(large) == pytest.approx(n * trained(one), rel=0.02)
    assert large.input_shape == one.input_shape and large.output_shape == one.output_shape


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_generators_share_nothing_and_are_of_full_size(kind):
    made = kit(kind)
    generators = made.generators()
    weights = [id(v) for g in generators for v in g.weights]
    assert len(set(weights)) == len(weights)
    assert {trained(g) for g in generators} == {trained(made.generator())}


@pytest.mark.parametrize("own", ["first", "last"])
def test_joint_generators_share_all_but_one_layer(own):
    made = kit(width=5)
    parts = {"first": 4 * 5 + 5, "middle": 5 * 5 + 5, "last": 5 * 2 + 2}
    assert trained(made.joint_generators(own)) == sum(parts.values()) + 2 * parts[own]


def test_joint_image_generators_have_batch_normalizations_of_their_own():
    made = kit("conv", filters=2)
    model = made.joint_generators("last")
    norms = [layer for layer in flatten_layers(model)
             if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 3 * 2 and len({id(layer) for layer in norms}) == 6
    first, middle, last = 5 * 16 * 4, 9 * 4 * 2, 9 * 2 + 1
    assert trained(model) == first + middle + 3 * last + 3 * 2 * (4 + 2)


@pytest.mark.parametrize("n", [2, 5, 10])
@pytest.mark.parametrize("kind, size", [("dense", {"width": 128}), ("conv", {"filters": 32}),
                                         ("dense images", {"width": 64})])
def test_parameters_are_matched_within_a_few_per_cent(kind, size, n):
    made = kit(kind, n, match="parameters", **size)
    one = trained(made.generator())
    generators = made.generators()
    assert trained(*generators) == pytest.approx(one, rel=0.03)
    assert len({trained(g) for g in generators}) == 1
    for own in ("first", "last"):
        assert trained(made.joint_generators(own)) == pytest.approx(one, rel=0.05)


def test_another_number_of_generators():
    for match in ("generator", "parameters"):
        made = kit(match=match)
        assert len(made.with_generators(7).generators()) == 7 and len(made.generators()) == 3
        assert [trained(g) for g in made.with_generators(7).generators()] == [
            trained(g) for g in kit(n=7, match=match).generators()]


@pytest.mark.parametrize("make, message", [
    (lambda: kit().with_generators(1), "num_generators is expected to be at least 2.*Received: 1"),
    (lambda: kit(n=1), "num_generators is expected to be at least 2.*Received: 1"),
    (lambda: kit(match="size"), "match.*Received: 'size'"),
    (lambda: kit().joint_generators("middle"), "own.*Received: 'middle'"),
    (lambda: kit().discriminator(normalization="batch"), "normalization.*Received: 'batch'"),
    (lambda: ConvKit((12, 12, 1), latent_dim=2, num_generators=2), r"Received: \(12, 12, 1\)")])
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
