"""Networks that run as one compute what they compute apart, and show and keep the same."""

import conformance
import keras
import numpy as np
import pytest
import tiny
import zoo
from keras import layers, ops

from keras_multigan import models, networks
from keras_multigan.training import load_engine, stacking
from keras_multigan.training.trainer import Trainer

SHAPE = (6, 6, 4)


def numbers(variables, seed=0):
    random = np.random.default_rng(seed)
    for variable in variables:
        if "seed" not in variable.path:
            variable.assign(random.uniform(0.2, 1.0, variable.shape))


def network(*parts, shape=SHAPE):
    return keras.Sequential([keras.Input(shape), *(part() for part in parts)])


PARTS = {
    "dense": [lambda: layers.Dense(3, activation="tanh")],
    "dense of vectors": [layers.Flatten, lambda: layers.Dense(5, use_bias=False), layers.LeakyReLU],
    "convolution": [lambda: layers.Conv2D(3, 3, 2, "same", activation="relu"),
                    lambda: layers.Conv2D(2, (2, 1), use_bias=False, dilation_rate=2)],
    "transposed convolution": [lambda: layers.Conv2DTranspose(3, 5, 2, "same"),
                               lambda: layers.Conv2DTranspose(2, 4, 2, use_bias=False)],
    "own convolutions": [lambda: networks.Conv2D(3, 5, 2, "same"),
                         lambda: networks.Conv2D(2, 5, 1, "same"),
                         lambda: networks.UpSamplingConv2D(3)],
    "batch normalisation": [layers.BatchNormalization, layers.ReLU,
                            lambda: layers.BatchNormalization(scale=False, center=False)],
    "layer normalisation": [networks.LayerNormalization,
                            lambda: networks.LayerNormalization(scale=False, center=False)],
    "spectral normalisation": [lambda: networks.SpectralNormalization(layers.Conv2D(3, 3)),
                               layers.Flatten,
                               lambda: networks.SpectralNormalization(layers.Dense(2))],
    "without weights": [layers.UpSampling2D, lambda: layers.AveragePooling2D(2),
                        lambda: layers.Activation("tanh"), layers.Flatten, lambda: layers.Dense(2)],
    "nested": [lambda: network(lambda: layers.Dense(3), layers.BatchNormalization),
               lambda: layers.Dense(2)],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("training", [True, pytest.param(False, marks=pytest.mark.tensorflow)])
def test_a_stack_computes_what_its_networks_compute(parts, training):
    """Outputs, their gradients with respect to inputs, and what is assigned on the way."""
    nets = [network(*parts) for _ in range(3)]
    numbers([v for n in nets for v in n.variables])
    inputs = np.random.default_rng(1).normal(size=(3, 5, *SHAPE)).astype("float32")
    apart = [gradient_and_value(n, x, training) for n, x in zip(nets, inputs, strict=True)]
    assigned = [[np.asarray(v.numpy()) for v in n.weights] for n in nets]
    numbers([v for n in nets for v in n.variables])

    stacked = stacking.Stacked("nets", nets)
    gradient, value = gradient_and_value(stacked, inputs, training)

    near(value, [v for _, v in apart])
    near(gradient, [g for g, _ in apart])
    for net, wanted in zip(nets, assigned, strict=True):
        for variable, array in zip(net.weights, wanted, strict=True):
            near(variable.numpy(), array)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["convolution", "transposed convolution", "own convolutions"])
def test_tensorflow_without_grouped_convolutions(name, monkeypatch):
    """On CPUs they have no gradients without oneDNN; then networks convolve one by one."""
    engine = load_engine()
    nets = [network(*PARTS[name]) for _ in range(2)]
    stacked = stacking.Stacked("nets", nets)
    inputs = np.random.default_rng(1).normal(size=(2, 5, *SHAPE)).astype("float32")
    joint = gradient_and_value(stacked, inputs, True)
    monkeypatch.setattr(engine, "_has_grouped_convolutions", lambda: False)
    for ours, theirs in zip(gradient_and_value(stacked, inputs, True), joint, strict=True):
        near(ours, theirs)


def gradient_and_value(function, inputs, training):
    found = []

    def squares(x):
        found.append(function(x, training=training))
        return ops.square(ops.tanh(found[-1]))

    gradient = load_engine().input_gradient(squares, ops.convert_to_tensor(inputs))
    value = function(ops.convert_to_tensor(inputs), training=False)
    return ops.convert_to_numpy(gradient), ops.convert_to_numpy(value)


def near(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert np.linalg.norm(ours - theirs) <= 2e-5 * np.linalg.norm(theirs) + 1e-6


# What of the zoo runs as one; its other rows do not, for the reasons that stacking.py names.
STACKED = ("commute", "mix_plus", *(pytest.param(row, marks=pytest.mark.tensorflow) for row in (
    "mix", "mix without labels", "mim", "dmgan_pl", "gman")))


@pytest.mark.parametrize("row", STACKED)
def test_a_step_of_stacked_networks_is_that_of_separate_ones(row):
    steps = []
    for separate in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if separate:
                patch.setattr(Trainer, "_stack", lambda *arguments: None)
            steps.append(weights_after_one_step(zoo.ROWS[row], patch))
    assert steps[0][0] > steps[1][0] == 0, "nothing ran as one"
    for ours, theirs in zip(steps[0][1], steps[1][1], strict=True):
        scale = np.linalg.norm(theirs)
        assert np.linalg.norm(ours - theirs) <= 1e-5 * scale + 5e-7


def weights_after_one_step(make, patch):
    conformance.fix_random_numbers(patch)
    keras.utils.set_random_seed(0)
    model = make()
    # Not Adam: of a bias before a normalisation it makes a step of what is rounding alone.
    model.compile(**{f"{p.name}_optimizer": keras.optimizers.SGD(0.001, momentum=0.5)
                     for p in model.phases()})
    random = np.random.RandomState(0)
    for phase in model.phases():
        for variable in phase.weights:
            variable.assign(random.normal(size=variable.shape) / 2)
    conformance.steps(model, 1)
    return len(model._stacks), [np.asarray(v.numpy()) for v in model.variables_in_files()
                                if "seed" not in v.path]


def commute(**kwargs):
    return zoo.commute(**kwargs)


def test_networks_show_their_rows_and_write_through():
    model = commute()
    kernel = model.generators[1].layers[0].kernel
    assert len([v for v in model.trainable_variables if v.path == kernel.path]) == 0
    value = np.random.default_rng(0).normal(size=kernel.shape).astype("float32")
    kernel.assign(value)
    np.testing.assert_array_equal(kernel.numpy(), value)
    np.testing.assert_array_equal(kernel.stack.numpy()[1], value)
    before = kernel.numpy()
    conformance.steps(model, 1)
    assert not np.array_equal(before, kernel.numpy()), "a network is behind its stack"
    with pytest.raises(ValueError, match="Received: \\(2, 2\\)"):
        kernel.assign(np.zeros((2, 2)))


def test_samples_are_those_of_the_networks_as_they_are():
    model = commute()
    conformance.steps(model, 1)
    noise = np.random.default_rng(0).normal(size=(4, tiny.LATENT)).astype("float32")
    copy = keras.models.clone_model(model.generators[2])
    copy.set_weights(model.generators[2].get_weights())
    near(model.run_network(model.generators[2], noise), copy(noise, training=False))


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", stacking._ELEMENTWISE)
def test_files_of_optimizers_know_no_stacks(name, tmp_path, monkeypatch):
    """Those of a model with stacks are those of one without, and go both ways."""
    optimizer = getattr(keras.optimizers, name)
    settings = {"SGD": {"momentum": 0.5}, "Adam": {"amsgrad": True, "use_ema": True}}.get(name, {})

    def make():
        return commute(optimizer=lambda rate: optimizer(rate, **settings))

    stacked = make()
    monkeypatch.setattr(Trainer, "_stack", lambda *arguments: None)
    separate, again = make(), make()
    assert len(stacked._stacks) and not len(separate._stacks)
    for variable in stacked.optimizer["generator"].variables:
        if len(variable.shape) > 1:
            numbers([variable], seed=len(variable.path))
    stacked.save_weights(tmp_path / "a.weights.h5")
    separate.load_weights(tmp_path / "a.weights.h5")
    assert tiny.same(stacked, separate)
    assert any(np.ptp(v.numpy()) > 0 for v in separate.optimizer["generator"].variables if v.shape)
    separate.save_weights(tmp_path / "b.weights.h5")
    again.load_weights(tmp_path / "b.weights.h5")
    monkeypatch.undo()
    stacked = make()
    stacked.load_weights(tmp_path / "b.weights.h5")
    assert tiny.same(stacked, again)


def test_what_only_one_network_has_frozen_is_said():
    model = commute()
    model.generators[1].trainable = False
    with pytest.raises(ValueError, match="Call compile after setting trainable"):
        conformance.steps(model, 1)
    zoo.compiled(model)
    before = model.generators[1].get_weights()[0]
    conformance.steps(model, 1)
    np.testing.assert_array_equal(before, model.generators[1].get_weights()[0])


def test_regularizers_of_weights_count():
    def step(weight):
        keras.utils.set_random_seed(3)
        nets = [network(layers.Flatten, lambda: layers.Dense(
            16, kernel_regularizer=keras.regularizers.L2(weight)),
            lambda: layers.Reshape(tiny.SHAPE), shape=(tiny.LATENT,)) for _ in range(3)]
        model = zoo.compiled(models.ComMutEGAN(nets, tiny.critic(), latent_dim=tiny.LATENT, seed=1,
                                               tvd_weight=0), keras.optimizers.SGD)
        kernels = [n.layers[1].kernel for n in nets]
        before = [k.numpy() for k in kernels]
        conformance.steps(model, 1)
        assert len(model._stacks)
        return before, [k.numpy() for k in kernels]

    (start, without), (_, with_weight) = step(0.0), step(5.0)
    for first, free, held in zip(start, without, with_weight, strict=True):
        np.testing.assert_allclose(held, free - 1e-3 * 2 * 5.0 * first, rtol=1e-4, atol=1e-6)


class Shifted(layers.Dense):
    """Computes something else than `Dense`."""

    def call(self, inputs):
        return super().call(inputs) + 1


def different():
    yield "differ in their layers", [network(lambda k=k: layers.Dense(k)) for k in (2, 3)]
    yield "no stacked form", [network(lambda: Shifted(2)) for _ in range(2)]
    yield "no stacked form", [network(lambda: layers.Dense(2, activation=lambda x: x - ops.mean(x)))
                              for _ in range(2)]
    yield "constraints", [network(lambda: layers.Dense(2, kernel_constraint="max_norm"))
                          for _ in range(2)]
    yield "only one", [network(lambda: layers.Dense(2))]
    shared = layers.Dense(2)
    yield "some share", [network(lambda d=d: d) for d in (shared, shared, layers.Dense(2))]
    norm = layers.BatchNormalization()
    yield "if it is shared", [network(lambda: norm) for _ in range(2)]
    inputs = [keras.Input(SHAPE) for _ in range(2)]
    yield "may mix samples", [keras.Model(x, ops.mean(x, axis=0, keepdims=True)) for x in inputs]


@pytest.mark.parametrize("reason, nets", [(r, n) for r, n in different()])
def test_networks_that_cannot_run_as_one_stay_as_they_are(reason, nets):
    variables = [v for n in nets for v in n.variables]
    with pytest.raises(stacking.NotStacked, match=reason):
        stacking.Stacked("nets", nets)
    assert not any(hasattr(v, "stack") for v in variables)


@pytest.mark.parametrize("settings", [{"clipnorm": 1.0}, {"global_clipnorm": 1.0}])
def test_optimizers_that_look_at_whole_weights_get_whole_weights(settings):
    model = commute()
    model.compile(generator_optimizer=keras.optimizers.Adam(1e-3, **settings))
    assert not len(model._stacks)
    model.compile(generator_optimizer=keras.optimizers.Adam(1e-3))
    assert len(model._stacks)
    conformance.steps(model, 1)


def test_shared_layers_are_called_once():
    noise = keras.Input((tiny.LATENT,))
    last = layers.Dense(16, activation="tanh")
    joint = keras.Model(noise, [layers.Reshape(tiny.SHAPE)(last(layers.Dense(8)(noise)))
                                for _ in range(3)])
    model = zoo.compiled(models.MGAN(joint, tiny.classifier(classes=4), latent_dim=tiny.LATENT, seed=0))
    assert len(model._stacks) == 1 and not hasattr(last.kernel, "stack")
    before = last.kernel.numpy()
    conformance.steps(model, 1)
    assert not np.array_equal(before, last.kernel.numpy())


class Halved(keras.Sequential):
    """Computes something else than its layers."""

    def call(self, inputs, training=None):
        return 0.5 * super().call(inputs, training=training)


@pytest.mark.parametrize("make, why", [
    (lambda: Halved([keras.Input(SHAPE), layers.Dense(3)]), "no functional or sequential model"),
    (lambda: network(lambda: Halved([keras.Input(SHAPE), layers.Dense(3)])), "no stacked form"),
    (lambda: network(lambda: layers.Activation(layers.PReLU())), "no stacked form"),
    (lambda: network(lambda: layers.Dense(3, activation=layers.PReLU())), "no stacked form"),
], ids=["own call", "own call within", "layer as activation", "layer as activation of a layer"])
def test_what_a_stack_would_compute_otherwise(make, why):
    with pytest.raises(stacking.NotStacked, match=why):
        stacking.Stacked("nets", [make(), make()])


def test_dropout_of_which_the_first_network_has_none():
    nets = [network(lambda rate=rate: layers.Dropout(rate), layers.Flatten) for rate in (0.0, 0.5)]
    ones = np.ones((2, 50, *SHAPE), "float32")
    kept = ops.convert_to_numpy(stacking.Stacked("nets", nets)(ones, training=True))
    assert (kept[0] == 1).all() and 0.4 < (kept[1] == 0).mean() < 0.6
