"""AC-GAN: losses against NumPy, who draws which class, labels, bad input."""

import keras
import numpy as np
import pytest
import tiny
from zoo import NUM_CLASSES
from zoo import acgan as make

from keras_multigan.models import ACGAN

pytestmark = pytest.mark.fast

K, D, M, LATENT = 3, 4, 8, 2  # classes, length of a sample, batch


def softplus(s):
    return np.log1p(np.exp(s))


# Name -> (L_D, L_G) of scores of real and of generated samples; test_gan.py has the others.
GAMES = {
    "vanilla": (lambda r, f: softplus(-r).mean() + softplus(f).mean(),
                lambda r, f: softplus(-f).mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "relativistic_average": (
        lambda r, f: softplus(f.mean() - r).mean() + softplus(f - r.mean()).mean(),
        lambda r, f: softplus(r - f.mean()).mean() + softplus(r.mean() - f).mean()),
}


def linear_model(**kwargs):
    """A model of linear maps, its draws, labels, real samples and fakes with their classes."""
    random = np.random.default_rng(0)
    generator, discriminator = (
        keras.Sequential([keras.Input((size,)), keras.layers.Dense(units, use_bias=False)])
        for size, units in [(LATENT + K, D), (D, 1 + K)])
    model = ACGAN(generator, discriminator, latent_dim=LATENT, num_classes=K, **kwargs)
    for network in (generator, discriminator):
        network.set_weights([random.normal(size=w.shape) for w in network.get_weights()])
    uniform = random.uniform(size=M).astype("float32")
    noise, real = (random.normal(size=(M, size)).astype("float32") for size in (LATENT, D))
    classes = [int(u * K) for u in uniform]
    kernel = generator.get_weights()[0]
    # The rows of the kernel behind the noise are the classes'.
    fakes = np.array([z @ kernel[:LATENT] + kernel[LATENT + c]
                      for z, c in zip(noise, classes, strict=True)])
    draws = {"uniform": [uniform], "normal": [noise]}
    return model, draws, random.integers(K, size=M), real, fakes, classes


def cross_entropy(logits, classes):
    return np.mean([np.log(np.exp(row).sum()) - row[c]
                    for row, c in zip(logits, classes, strict=True)])


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("classify_fakes", [True, False])
def test_losses_against_numpy(name, classify_fakes, monkeypatch):
    model, draws, labels, real, fakes, classes = linear_model(
        adversarial_loss=name, discriminator_class_weight=0.7, generator_class_weight=0.3,
        classify_fakes=classify_fakes)
    kernel = model.discriminator.get_weights()[0]
    (r, of_real), (f, of_fakes) = (((x @ kernel)[:, 0], (x @ kernel)[:, 1:]) for x in (real, fakes))
    of_d, of_g = (game(r, f) for game in GAMES[name])
    classified = cross_entropy(of_real, labels)
    if classify_fakes:
        classified += cross_entropy(of_fakes, classes)

    left = tiny.fix_draws(model, monkeypatch, **{key: list(d) for key, d in draws.items()})
    loss, logs = model.discriminator_loss(keras.ops.array(real), keras.ops.array(labels))
    np.testing.assert_allclose(float(loss), of_d + 0.7 * classified, rtol=1e-4)
    np.testing.assert_allclose(float(logs["score_gap"]), r.mean() - f.mean(), rtol=1e-4)
    np.testing.assert_allclose(float(logs["real_accuracy"]), (of_real.argmax(1) == labels).mean())
    np.testing.assert_allclose(float(logs["fake_accuracy"]), (of_fakes.argmax(1) == classes).mean())
    assert sorted(logs) == sorted(model.log_names) and not any(left.values())

    tiny.fix_draws(model, monkeypatch, **draws)
    loss, _ = model.generator_loss(keras.ops.array(real), keras.ops.array(labels))
    np.testing.assert_allclose(float(loss), of_g + 0.3 * cross_entropy(of_fakes, classes), rtol=1e-4)


def test_the_penalty_is_of_the_score_alone(monkeypatch):
    model, draws, labels, real, fakes, _ = linear_model(
        adversarial_loss="wasserstein", discriminator_class_weight=0.0, gp_weight=3.0)
    kernel = model.discriminator.get_weights()[0][:, 0]
    penalty = (np.linalg.norm(kernel) - 1) ** 2  # a linear critic's gradient is its kernel
    epsilon = np.random.default_rng(2).uniform(size=(M, 1)).astype("float32")
    tiny.fix_draws(model, monkeypatch, uniform=[*draws["uniform"], epsilon], normal=draws["normal"])
    loss, logs = model.discriminator_loss(keras.ops.array(real), keras.ops.array(labels))
    np.testing.assert_allclose(float(logs["gradient_penalty"]), penalty, rtol=1e-5)
    np.testing.assert_allclose(
        float(loss), (fakes @ kernel).mean() - (real @ kernel).mean() + 3 * penalty, rtol=1e-5)
    assert sorted(logs) == sorted(model.log_names)


@pytest.mark.parametrize("ema", [None, 0.9])
def test_each_generator_draws_its_class(ema):
    """From the same weights; in the mixture all classes have equal shares."""
    model = make(ema=ema)
    network = model.generator
    if ema is not None:
        for variable in model.averaged_generators[0].weights:
            variable.assign(2 * variable)  # not the generator's
        network = next(layer for layer in model.averaged_generators[0].layers
                       if isinstance(layer, keras.Sequential))
    assert model.num_generators == model.num_classes == NUM_CLASSES and model.mixture_weights is None
    for k in range(NUM_CLASSES):
        noise = np.random.default_rng(k).normal(size=(5, tiny.LATENT)).astype("float32")
        z = np.concatenate([noise, np.tile(np.eye(NUM_CLASSES)[k], (5, 1))], axis=1)
        found = model.sampling_generators[k](noise)
        np.testing.assert_allclose(found, network(z), atol=1e-6)
        mixed = model.sample(3 * NUM_CLASSES, seed=4)[k::NUM_CLASSES]
        alone = model.sample(3 * NUM_CLASSES, generator=k, seed=4)[k::NUM_CLASSES]
        np.testing.assert_allclose(mixed, alone, atol=1e-6)
    variables = [{id(v) for v in g.variables} for g in model.sampling_generators]
    assert variables == [variables[0]] * NUM_CLASSES


def test_fakes_are_of_all_classes_alike():
    classes = keras.ops.convert_to_numpy(make().draw_fakes(3000)[1])
    np.testing.assert_allclose(np.bincount(classes, minlength=NUM_CLASSES) / 3000, [1 / 3] * 3,
                               atol=6 * np.sqrt(2 / 9 / 3000))


def test_it_learns_which_class_is_which():
    """Two classes, one dark, one bright."""
    keras.utils.set_random_seed(0)
    generator = keras.Sequential([keras.Input((1 + 2,)), keras.layers.Dense(2)])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16, "relu"),
                                      keras.layers.Dense(1 + 2)])
    model = ACGAN(generator, discriminator, latent_dim=1, num_classes=2, seed=0)
    adam = keras.optimizers.Adam
    model.compile(discriminator_optimizer=adam(1e-2, 0.5), generator_optimizer=adam(1e-2, 0.5))
    labels = np.arange(200) % 2
    samples = 0.2 * np.random.default_rng(0).normal(size=(200, 2)) + 2 * labels[:, None] - 1
    history = model.fit(samples.astype("float32"), labels, batch_size=50, steps_per_epoch=100,
                        epochs=2, verbose=0).history
    assert history["real_accuracy"][-1] > 0.95 and history["fake_accuracy"][-1] > 0.95
    dark, bright = (model.sample(100, generator=k, seed=1).mean() for k in range(2))
    assert dark < -0.3 and bright > 0.3


@pytest.mark.parametrize("kwargs, betas", [({}, (0.5, 0.999)), ({"gp_weight": 10.0}, (0.0, 0.9))])
def test_the_papers_optimizers(kwargs, betas):
    adam = linear_model(**kwargs)[0].default_optimizer("generator")
    assert (adam.beta_1, adam.beta_2) == betas and float(adam.learning_rate) == pytest.approx(2e-4)


def test_labels_are_checked():
    with pytest.raises(ValueError, match=r"ACGAN expects integer labels in 0..2. Received: none"):
        make().fit(tiny.images(), verbose=0)


@pytest.mark.parametrize("kwargs, message", [
    (dict(adversarial_loss="square"), "relativistic_pairing. Received: 'square'"),
    (dict(discriminator_class_weight=-1.0), "discriminator_class_weight >= 0"),
    (dict(generator_class_weight=float("nan")), "generator_class_weight >= 0"),
    (dict(gp_weight=-1.0), "gp_weight >= 0"),
    (dict(discriminator_updates=0), "discriminator_updates >= 1"),
    (dict(num_classes=0), "num_classes >= 1. Received: 0"),
    (dict(num_classes=4), r"inputs of shape \(batch, 7\).* one-hot class of num_classes=4"),
    (dict(latent_dim=9), r"inputs of shape \(batch, 12\).*latent_dim=9 numbers of noise"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_bad_networks():
    arguments = dict(latent_dim=tiny.LATENT, num_classes=3)
    with pytest.raises(ValueError, match=r"the 3 classes, \(batch, 4\). Received: \(None, 1\)"):
        ACGAN(tiny.generator(tiny.LATENT + 3), tiny.critic(), **arguments)
    mixing = keras.Sequential([keras.Input(tiny.SHAPE), keras.layers.Flatten(),
                               keras.layers.BatchNormalization(name="bn"), keras.layers.Dense(4)])
    ACGAN(tiny.generator(tiny.LATENT + 3), mixing, **arguments)
    with pytest.raises(ValueError, match="no batch normalization, which mixes .*Received: 'bn'"):
        ACGAN(tiny.generator(tiny.LATENT + 3), mixing, gp_weight=1.0, **arguments)
