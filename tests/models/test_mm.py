"""MMGAN: losses against NumPy, assignments, clusters."""

import conformance
import keras
import numpy as np
import pytest
import tiny
from zoo import NUM_CLASSES as K
from zoo import mm as make

from keras_multigan.models import MMGAN

pytestmark = pytest.mark.fast

D, M = 4, 6  # length of a sample, batch


def linear_model(**kwargs):
    """A model of linear maps."""
    random = np.random.default_rng(0)
    generator, critic, encoder = (
        keras.Sequential([keras.Input((size,)), keras.layers.Dense(units, use_bias=False)])
        for size, units in [(2, D), (D, 1), (D, K)])
    model = MMGAN(generator, critic, encoder, latent_dim=2, num_components=K, **kwargs)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    return model


@pytest.mark.parametrize("assignment", ["soft", "straight_through"])
def test_losses_against_numpy(assignment, monkeypatch):
    model = linear_model(assignment=assignment, alpha=0.7)
    to_images, to_score, to_logits = (
        network.get_weights()[0] for network in (model.generator, model.critic, model.encoder))
    to_score = to_score[:, 0]
    mean, log_scale = model.latent.get_weights()
    random = np.random.default_rng(1)
    real, noise = (random.normal(size=(M, n)).astype("float32") for n in (D, 2))
    race, chosen = (random.uniform(size=s).astype("float32") for s in ((M, K), M))

    def generate(eps, y):
        mixed = sum(y[k] * (mean[k] + np.exp(log_scale[k]) * eps) for k in range(K))
        return mixed @ to_images

    critic = generator = gap = likelihood = 0.0
    for x, eps, u, c in zip(real, noise, race, chosen, strict=True):
        logits = x @ to_logits
        y = np.exp(logits) / np.exp(logits).sum()
        if assignment == "straight_through":
            y = np.eye(K)[np.argmax(logits - np.log(-np.log(u)))]
        difference = float((x - generate(eps, y)) @ to_score)
        critic -= np.log(1 / (1 + np.exp(-difference))) / M
        generator -= np.log(1 / (1 + np.exp(difference))) / M
        gap += difference / M
        component = int(c * K)
        logits = generate(eps, np.eye(K)[component]) @ to_logits
        likelihood += np.log(np.exp(logits[component]) / np.exp(logits).sum()) / M
    generator -= 0.7 * likelihood

    drawn = [race] if assignment == "straight_through" else []
    left = tiny.fix_draws(model, monkeypatch, normal=[noise], uniform=list(drawn))
    found, logs = model.critic_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(found), critic, rtol=1e-4)
    np.testing.assert_allclose(float(logs["score_gap"]), gap, rtol=1e-4)
    assert not any(left.values())
    # One noise for both fakes.
    left = tiny.fix_draws(model, monkeypatch, normal=[noise], uniform=[*drawn, chosen])
    found, logs = model.generator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(float(found), generator, rtol=1e-4)
    np.testing.assert_allclose(float(logs["log_likelihood"]), likelihood, rtol=1e-4)
    assert not any(left.values())


def test_straight_through_draws_by_the_encoder_and_has_the_soft_gradient():
    soft, hard = linear_model(seed=0), linear_model(seed=0, assignment="straight_through")
    x = keras.ops.array(np.random.default_rng(2).normal(size=(1, D)), "float32")
    many = keras.ops.repeat(x, 4000, axis=0)
    drawn = keras.ops.convert_to_numpy(hard.assign(many))
    np.testing.assert_allclose(np.sort(drawn, axis=1), [[0, 0, 1]] * 4000, atol=1e-6)
    probabilities = keras.ops.convert_to_numpy(soft.assign(x))[0]
    assert 0.05 < probabilities.min()
    np.testing.assert_allclose(drawn.mean(axis=0), probabilities, atol=6 * 0.5 / np.sqrt(4000))
    value = keras.ops.array([1.0, -2.0, 4.0])
    gradients = [m.engine.input_gradient(lambda x, m=m: m.assign(x) * value, x) for m in (soft, hard)]
    assert float(keras.ops.max(keras.ops.abs(gradients[0]))) > 0.1
    np.testing.assert_allclose(*gradients, rtol=1e-5)


def test_a_uniform_number_of_0_is_borne(monkeypatch):
    model = linear_model(assignment="straight_through")
    tiny.fix_draws(model, monkeypatch, uniform=[np.array([[0, 0, 0.5]] * M, "float32")])
    drawn = model.assign(keras.ops.ones((M, D)))
    np.testing.assert_allclose(drawn, [[0, 0, 1]] * M, atol=1e-6)


def test_alpha_is_the_weight_of_the_likelihood():
    losses = []
    for alpha in (0.0, 1.0, 2.0):
        model = linear_model(seed=0, alpha=alpha)
        loss, logs = model.generator_loss(keras.ops.ones((M, D)), None)
        losses.append(float(loss))
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4)
    assert losses[1] - losses[0] == pytest.approx(-float(logs["log_likelihood"]), rel=1e-4)


def test_clusters_are_the_encoders():
    model = make()
    images = tiny.images(25)
    found = model.cluster(images, batch_size=10)
    logits = keras.ops.convert_to_numpy(model.encoder(images, training=False))
    assert found.dtype == np.int64 and found.shape == (25,)
    np.testing.assert_array_equal(found, logits.argmax(axis=1))
    kernel, bias = model.encoder.layers[-1].get_weights()
    model.encoder.layers[-1].set_weights([-kernel, -bias])
    np.testing.assert_array_equal(model.cluster(images), logits.argmin(axis=1))
    with pytest.raises(ValueError, match=r"shape \(4, 4, 1\)"):
        model.cluster(tiny.images(2, (8, 8, 1)))


def test_the_latent_distribution_is_trained():
    model = make()
    before = model.latent.get_weights()
    conformance.steps(model, 2)
    for old, new in zip(before, model.latent.get_weights(), strict=True):
        assert (np.abs(new - old).max(axis=1) > 5e-4).all()  # at Adam's rate of 1e-3


@pytest.mark.parametrize("kwargs, message", [
    (dict(assignment="hard"), "assignment is expected to be 'soft' or 'straight_through'"),
    (dict(alpha=-1.0), "alpha >= 0"),
    (dict(alpha=float("nan")), "alpha >= 0"),
    (dict(num_components=0), "num_components >= 1"),
    (dict(clusters=4), r"encoder is expected to give 3 numbers per sample.*Received: \(None, 4\)"),
    (dict(latent_dim=9), r"generator is expected to take inputs of shape \(batch, 9\)"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_bad_networks():
    arguments = dict(latent_dim=tiny.LATENT, num_components=K)
    with pytest.raises(ValueError, match="generator is expected to be a keras.Model"):
        MMGAN(None, tiny.critic(), tiny.classifier(), **arguments)
    with pytest.raises(ValueError, match=r"critic is expected to give 1 numbers.*Dense\(1\)"):
        MMGAN(tiny.generator(), tiny.classifier(), tiny.classifier(), **arguments)
