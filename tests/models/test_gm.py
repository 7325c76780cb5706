"""GM-GAN: losses against NumPy, who gets which component, what is trained."""

import conformance
import keras
import numpy as np
import pytest
import tiny
from zoo import gm as make

from keras_multigan import networks
from keras_multigan.models import GMGAN

pytestmark = pytest.mark.fast

K, D, M = 5, 4, 30  # components, length of a sample, batch


def linear_model(outputs, **kwargs):
    """A model of linear maps, and a function that draws fakes from it in NumPy."""
    random = np.random.default_rng(outputs)
    generator, discriminator = (
        keras.Sequential([keras.Input((size,)), keras.layers.Dense(units, use_bias=False)])
        for size, units in [(2, D), (D, outputs)])
    model = GMGAN(generator, discriminator, latent_dim=2, num_components=K, **kwargs)
    for variable in model.variables:
        if "seed" not in variable.path:
            variable.assign(random.normal(size=variable.shape))
    mean, scale = (keras.ops.convert_to_numpy(v) for v in (model.latent.mean, model.latent.log_scale))
    uniform = random.uniform(size=M).astype("float32")
    noise = random.normal(size=(M, 2)).astype("float32")
    components = [int(u * K) for u in uniform]
    z = np.array([mean[k] + np.exp(scale[k]) * e for k, e in zip(components, noise, strict=True)])
    fakes = z @ generator.get_weights()[0]
    return model, dict(uniform=[uniform], normal=[noise]), components, fakes


def cross_entropy(scores, classes):
    """The mean over samples of the sum over outputs; no output is wanted where the class is None."""
    total = 0.0
    for row, wanted in zip(scores, classes, strict=True):
        for m, score in enumerate(row):
            probability = 1 / (1 + np.exp(-float(score)))
            total -= np.log(probability if m == wanted else 1 - probability)
    return total / len(scores)


def ascribed(scores):
    """Five Sinkhorn steps and the argmax, in loops."""
    table = np.exp(scores.astype("float64"))
    table = np.array([row / sum(row) for row in table])
    for _ in range(5):
        for k in range(table.shape[1]):
            table[:, k] /= table[:, k].mean()
        for i in range(len(table)):
            table[i] /= table[i].sum()
    return [int(row.argmax()) for row in table]


@pytest.mark.parametrize("supervised, outputs", [(True, 3), (True, K), (False, K), (False, 1)])
def test_sigmoid_losses_against_numpy(supervised, outputs, monkeypatch):
    model, draws, components, fakes = linear_model(outputs, supervised=supervised)
    random = np.random.default_rng(1)
    real = random.normal(size=(M, D)).astype("float32")
    labels = random.integers(outputs, size=M)
    kernel = model.discriminator.get_weights()[0]

    classes = labels if supervised else ascribed(real @ kernel)
    expected = cross_entropy(real @ kernel, classes) + cross_entropy(fakes @ kernel, [None] * M)
    left = tiny.fix_draws(model, monkeypatch, **{name: list(d) for name, d in draws.items()})
    found, logs = model.phases()[0].loss(keras.ops.array(real), keras.ops.array(labels))
    np.testing.assert_allclose(float(found), expected, rtol=1e-5)
    assert logs == {} and not any(left.values())

    expected = cross_entropy(fakes @ kernel, [k % outputs for k in components])
    tiny.fix_draws(model, monkeypatch, **draws)
    np.testing.assert_allclose(float(model.phases()[1].loss(keras.ops.array(real), None)[0]), expected,
                               rtol=1e-5)


def test_wasserstein_losses_against_numpy(monkeypatch):
    model, draws, _, fakes = linear_model(1, supervised=False, gp_weight=3.0,
                                             adversarial_loss="wasserstein")
    real = np.random.default_rng(1).normal(size=(M, D)).astype("float32")
    kernel = model.discriminator.get_weights()[0][:, 0]
    gap = np.mean([x @ kernel for x in real]) - np.mean([x @ kernel for x in fakes])
    penalty = (np.linalg.norm(kernel) - 1) ** 2  # a linear critic's gradient is its kernel
    epsilon = np.random.default_rng(2).uniform(size=(M, 1)).astype("float32")
    tiny.fix_draws(model, monkeypatch, uniform=[*draws["uniform"], epsilon], normal=[*draws["normal"]])
    found, logs = model.phases()[0].loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(found), 3 * penalty - gap, rtol=1e-5)
    np.testing.assert_allclose(float(logs["wasserstein"]), gap, rtol=1e-5)
    np.testing.assert_allclose(float(logs["gradient_penalty"]), penalty, rtol=1e-5)
    tiny.fix_draws(model, monkeypatch, **draws)
    np.testing.assert_allclose(float(model.phases()[1].loss(keras.ops.array(real), None)[0]),
                               -np.mean([x @ kernel for x in fakes]), rtol=1e-5)


def test_reals_are_ascribed_in_equal_shares():
    """Also where the discriminator prefers one component for all of them."""
    model = linear_model(K, supervised=False)[0]
    group = np.random.default_rng(0).permutation(np.arange(40) % K)
    noise = np.random.default_rng(1).normal(size=(40, K))
    scores = 4 * np.eye(K)[group] + 0.1 * noise + np.array([9.0, 0, 0, -2, 0])
    assert (scores.argmax(axis=1) == 0).all()
    found = keras.ops.convert_to_numpy(model.ascribe(keras.ops.array(scores, "float32")))
    np.testing.assert_array_equal(found, group)
    far = keras.ops.array([[500.0, -500, 0, 0, 0]] * 4, "float32")  # rows that softmax rounds to 0
    assert set(keras.ops.convert_to_numpy(model.ascribe(far))) <= set(range(K))


def test_fakes_come_from_all_components_alike():
    model = make(num_components=4)
    components = keras.ops.convert_to_numpy(model.draw_fakes(4000)[1])
    np.testing.assert_allclose(np.bincount(components, minlength=4) / 4000, [0.25] * 4,
                               atol=6 * np.sqrt(0.25 * 0.75 / 4000))


@pytest.mark.parametrize("dynamic", [True, False])
def test_only_a_dynamic_mixture_is_trained(dynamic, tmp_path):
    model = make(dynamic=dynamic)
    model.latent.mean.assign(np.arange(12.0).reshape(4, 3) / 12)  # not the seed's
    before = model.latent.get_weights()
    conformance.steps(model, 2)
    after = model.latent.get_weights()
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old, new) != dynamic
        if dynamic:  # at Adam's rate of 1e-3, in every component
            assert (np.abs(new - old).max(axis=1) > 5e-4).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert all(np.array_equal(a, b) for a, b in zip(after, loaded.latent.get_weights(), strict=True))
    np.testing.assert_array_equal(loaded.sample(8, seed=0), model.sample(8, seed=0))
    noise = np.ones((2, tiny.LATENT), "float32")
    expected = loaded.generator(after[0][2] + np.exp(after[1][2]) * noise)
    np.testing.assert_allclose(loaded.generators[2](noise), expected, atol=1e-5)


def test_the_best_reported_defaults():
    arguments = dict(latent_dim=tiny.LATENT, num_components=11)
    dynamic = GMGAN(tiny.generator(), tiny.classifier(classes=10), **arguments)
    assert (dynamic.num_classes, dynamic.num_generators, dynamic.batches_per_step) == (10, 11, 1)
    np.testing.assert_allclose(np.exp(dynamic.latent.log_scale), 1.4, rtol=1e-6)
    static = GMGAN(tiny.generator(), tiny.critic(), dynamic=False, supervised=False,
                   adversarial_loss="wasserstein", **arguments)
    assert static.num_classes is None and static.batches_per_step == 5
    np.testing.assert_array_equal(np.exp(static.latent.log_scale), 1)
    for model, beta in [(dynamic, 0.999), (static, 0.9)]:
        adam = model.default_optimizer("generator")
        assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (pytest.approx(2e-4), 0.5, beta)


def test_labels_are_checked():
    with pytest.raises(ValueError, match=r"integer labels in 0..2. Received: none"):
        make().fit(tiny.images(), verbose=0)
    make(supervised=False, outputs=4).fit(tiny.images(12), batch_size=12, verbose=0)


@pytest.mark.parametrize("kwargs, message", [
    (dict(adversarial_loss="hinge"), "sigmoid' or 'wasserstein'. Received: 'hinge'"),
    (dict(adversarial_loss="wasserstein", outputs=1), "expects supervised=False. Received: superv"),
    (dict(adversarial_loss="wasserstein", supervised=False),
     r"outputs one of \[1\].*Received: \(None, 3\)"),
    (dict(outputs=5), r"outputs one of \[1, 2, 3, 4\].*Received: \(None, 5\)"),
    (dict(outputs=3, supervised=False), r"outputs one of \[1, 4\].*Received: \(None, 3\)"),
    (dict(discriminator_updates=0), "discriminator_updates >= 1"),
    (dict(discriminator_updates=1.5), "discriminator_updates >= 1"),
    (dict(gp_weight=-1.0), "gp_weight >= 0"),
    (dict(num_components=0), "num_components >= 1"),
    (dict(scale=-1.0), "scale > 0"),
    (dict(latent_dim=9), r"generator is expected to take inputs of shape \(batch, 9\)"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_bad_networks():
    with pytest.raises(ValueError, match="generator is expected to be a keras.Model"):
        GMGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT, num_components=2)
    with pytest.raises(ValueError, match="discriminator is expected to take inputs"):
        GMGAN(tiny.generator(), networks.mlp(3, 2), latent_dim=tiny.LATENT, num_components=2)
