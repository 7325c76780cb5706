"""ComMutE-GAN: losses against NumPy, gradients, errors."""

import warnings

import conformance
import keras
import numpy as np
import pytest
import tiny
from zoo import commute as make

from keras_multigan import schedules
from keras_multigan.models import ComMutEGAN

pytestmark = pytest.mark.fast


class Fixed(keras.layers.Layer):
    """A generator's last layer: whatever the noise, these images."""

    def __init__(self, images):
        super().__init__()
        self.images = images

    def call(self, noise):
        return keras.ops.convert_to_tensor(self.images) + 0 * noise[:, 0, None, None, None]

    def compute_output_shape(self, shape):
        return (shape[0], *tiny.SHAPE)


def fixed_model(fakes, kernel, classes, activation=None, **kwargs):
    """Generators that give `fakes` (n, b, 4, 4, 1), the critic D(x) = activation(<kernel, x>), the
    classifier with the weights `classes`."""
    generators = [keras.Sequential([keras.Input((tiny.LATENT,)), Fixed(f)]) for f in fakes]
    critic = keras.Sequential([keras.Input(tiny.SHAPE), keras.layers.Flatten(),
                               keras.layers.Dense(1, activation, use_bias=False)])
    critic.set_weights([kernel])
    classifier = tiny.classifier()
    classifier.set_weights([classes, np.zeros(3)])
    return ComMutEGAN(generators, critic, classifier, latent_dim=tiny.LATENT, **kwargs)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_losses_against_numpy(n):
    random = np.random.default_rng(n)
    real = random.uniform(-1, 1, (4 * n, *tiny.SHAPE)).astype("float32")
    fakes = random.uniform(-1, 1, (n, 4, *tiny.SHAPE)).astype("float32")
    kernel = random.normal(size=(16, 1)).astype("float32")
    classes = random.normal(size=(16, 3)).astype("float32")
    model = fixed_model(fakes, kernel, classes, tvd_weight=7.0, gp_weight=3.0)

    def scores(images):
        return images.reshape(-1, 16).astype("float64") @ kernel

    # The gradient of a linear critic is its kernel everywhere.
    penalty = (np.linalg.norm(kernel) - 1) ** 2
    loss, logs = model.critic_loss(keras.ops.array(real), None)
    assert float(loss) == pytest.approx(
        scores(fakes).mean() - scores(real).mean() + 3 * penalty, rel=1e-5
    )
    assert float(logs["gradient_penalty"]) == pytest.approx(penalty, rel=1e-5)
    assert float(logs["wasserstein"]) == pytest.approx(
        scores(real).mean() - scores(fakes).mean(), rel=1e-4, abs=1e-6
    )

    logits = fakes.reshape(n, 4, 16).astype("float64") @ classes
    p = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).mean(axis=1)
    pairs = [np.abs(p[i] - p[j]).sum() / 2 for i in range(n) for j in range(i)]
    expected = sum(-scores(f).mean() for f in fakes)
    loss, logs = model.generator_loss(keras.ops.array(real), None)
    if n > 1:
        expected += 7 * (1 - np.mean(pairs))
        assert float(logs["tvd"]) == pytest.approx(np.mean(pairs), rel=1e-5)
    else:
        assert logs == {}
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_pairs_against_numpy(monkeypatch):
    """R3GAN's game in place of WGAN-GP's: D(x) = tanh <kernel, x>, whose gradient is known."""
    random = np.random.default_rng(0)
    real = random.uniform(-1, 1, (12, *tiny.SHAPE)).astype("float32")
    fakes = random.uniform(-1, 1, (3, 4, *tiny.SHAPE)).astype("float32")
    kernel = random.normal(size=(16, 1)).astype("float32") / 4
    classes = random.normal(size=(16, 3)).astype("float32")
    model = fixed_model(fakes, kernel, classes, activation="tanh", tvd_weight=7.0, gp_weight=0.0,
                        adversarial_loss="relativistic_pairing", r1_weight=0.5, r2_weight=0.9)
    flat = fakes.swapaxes(0, 1).reshape(12, 16)  # one of each generator after the other
    r, f = (np.tanh(x.astype("float64") @ kernel) for x in (real.reshape(12, 16), flat))

    def squared_norms(scores):
        return (1 - scores**2) ** 2 * (kernel**2).sum()

    loss, logs = model.critic_loss(keras.ops.array(real), None)
    penalty = 0.25 * squared_norms(r).mean() + 0.45 * squared_norms(f).mean()
    assert float(logs["zero_centred_penalty"]) == pytest.approx(penalty, rel=1e-5)
    assert float(logs["gradient_penalty"]) == 0
    assert float(logs["wasserstein"]) == pytest.approx(r.mean() - f.mean(), rel=1e-4)
    assert float(loss) == pytest.approx(np.log1p(np.exp(f - r)).mean() + penalty, rel=1e-5)
    loss, logs = model.generator_loss(keras.ops.array(real), None)
    own = np.log1p(np.exp(r - f)).reshape(4, 3).mean(axis=0)  # of each generator
    assert float(loss) == pytest.approx(own.sum() + 7 * (1 - float(logs["tvd"])), rel=1e-5)


def test_pairs_have_r3gans_optimizers():
    model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT, gp_weight=0.0,
                       adversarial_loss="relativistic_pairing", r1_weight=1.0)
    model.compile()
    for phase in ("critic", "generator"):
        adam = model.optimizer[phase]
        assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (pytest.approx(2e-4), 0, 0.99)
    assert model.log_names[-1] == "zero_centred_penalty"


def test_joint_generator_loss_gives_each_its_own_gradient():
    """Moving G_i's images changes the joint loss as it changes L_i: d sum_j L_j's adversarial part
    is d L_i's, and Delta counts once."""
    random = np.random.default_rng(0)
    fakes = random.uniform(-1, 1, (3, 4, *tiny.SHAPE)).astype("float32")
    kernel, classes = random.normal(size=(16, 1)), random.normal(size=(16, 3))
    real = keras.ops.array(tiny.images(12))

    def joint(images):
        return float(fixed_model(images, kernel, classes, tvd_weight=2.0)
                     .generator_loss(real, None)[0])

    def own(images, i):
        model = fixed_model(images, kernel, classes)
        delta = model.mean_tvd(keras.ops.array(images.swapaxes(0, 1).reshape(12, *tiny.SHAPE)))
        return -float(np.mean(images[i].reshape(-1, 16) @ kernel)) + 2.0 * (1 - float(delta))

    moved = fakes.copy()
    moved[1] = -moved[1]
    assert joint(moved) - joint(fakes) == pytest.approx(own(moved, 1) - own(fakes, 1), abs=1e-4)


def test_interpolates_lie_between_real_and_fake(monkeypatch):
    model = make(2)
    seen = []
    original = model.engine.input_gradient

    def record(fn, x):
        seen.append(keras.ops.convert_to_numpy(x))
        return original(fn, x)

    monkeypatch.setattr(model.engine, "input_gradient", record)
    monkeypatch.setattr(model, "draw_mixture", lambda b: -keras.ops.ones((2 * b, *tiny.SHAPE)))
    model.critic_loss(keras.ops.ones((12, *tiny.SHAPE)), None)
    (points,) = seen
    mixed = points.reshape(12, -1)
    assert np.ptp(mixed, axis=1).max() < 1e-6, "one epsilon a sample"
    assert len(np.unique(mixed[:, 0])) == 12, "an epsilon for each sample"
    assert np.abs(mixed).max() <= 1


def test_each_critic_update_sees_a_real_batch_of_its_own(monkeypatch):
    model = make(2, n_critic=3)
    seen = []
    original = model.critic_loss
    monkeypatch.setattr(model, "critic_loss", lambda images, labels: (
        seen.append(keras.ops.convert_to_numpy(images)), original(images, labels))[1])
    model.run_eagerly = True
    images = tiny.images(36)
    model.fit(images, batch_size=12, verbose=0)
    rows = np.concatenate(seen).reshape(36, -1)
    assert [len(batch) for batch in seen] == [12, 12, 12]
    assert sorted(map(tuple, rows)) == sorted(map(tuple, images.reshape(36, -1))), (
        "one pass shows every image once"
    )


def test_one_real_batch_for_all_critic_updates(monkeypatch):
    model = make(2, n_critic=3, fresh_batches=False)
    seen = []
    original = model.critic_loss
    monkeypatch.setattr(model, "critic_loss", lambda images, labels: (
        seen.append(keras.ops.convert_to_numpy(images)), original(images, labels))[1])
    model.run_eagerly = True
    images = tiny.images(24)
    model.fit(images, batch_size=12, verbose=0)
    assert model.batches_per_step == 1 and model.steps_trained == 2
    assert [int(model.optimizer[name].iterations) for name in ("critic", "generator")] == [6, 2]
    assert [np.array_equal(seen[0], batch) for batch in seen] == [True] * 3 + [False] * 3
    rows = np.concatenate(seen[::3]).reshape(24, -1)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, images.reshape(24, -1)))


def test_generator_batch_size(monkeypatch):
    model = make(3, generator_batch_size=7)
    drawn = []
    original = model.draw_each
    monkeypatch.setattr(model, "draw_each", lambda b: (drawn.append(b), original(b))[1])
    model.generator_loss(keras.ops.array(tiny.images(12)), None)
    model.critic_loss(keras.ops.array(tiny.images(12)), None)
    assert drawn == [7, 4]


def test_tvd_weight_follows_its_schedule():
    model = make(tvd_weight=schedules.sudden_death(20, 2))
    model.run_eagerly = True
    seen = []
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(float(model.tvd_weight_value)))
    model.fit(tiny.images(), batch_size=12, epochs=4, steps_per_epoch=1, verbose=0, callbacks=[spy])
    assert seen == [20, 20, 0, 0]


def test_the_papers_defaults():
    model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT)
    model.compile()
    assert (model.n_critic, model.gp_weight, model.tvd_weight(0)) == (3, 10.0, 12.2)
    for phase in ("critic", "generator"):
        adam = model.optimizer[phase]
        assert isinstance(adam, keras.optimizers.Adam)
        assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (
            pytest.approx(2e-4), 0.5, 0.9)
    assert model.optimizer["critic"] is not model.optimizer["generator"]


def test_classifier_never_moves():
    model = make()
    model.run_eagerly = True
    before = model.classifier.get_weights()
    conformance.steps(model, 2)
    for old, new in zip(before, model.classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("arguments, message", [
    (dict(generators=[]), "at least one"),
    (dict(generators=tiny.generator()), "list of at least one"),
    (dict(generators=[tiny.generator(), tiny.generator(shape=(8, 8, 1))]), "of one shape"),
    (dict(generators=[tiny.generator(latent_dim=9)]), r"generators\[0\] is expected to take"),
    (dict(generators=[lambda noise: noise]), "to be a keras.Model"),
    (dict(critic=tiny.critic(shape=(8, 8, 1))), "critic is expected to take"),
    (dict(critic=tiny.classifier()), r"one score, \(batch, 1\)"),
    (dict(classifier=tiny.classifier(shape=(8, 8, 1))), "classifier is expected to take"),
    (dict(classifier=tiny.critic()), "give logits"),
    (dict(classifier=None), "A classifier is expected"),
    (dict(classifier=None, tvd_weight="sudden_death:20:1"), "A classifier is expected"),
    (dict(n_critic=0), "n_critic >= 1"),
    (dict(n_critic=2.5), "a whole number"),
    (dict(gp_weight=-1), "gp_weight >= 0"),
    (dict(gp_weight=float("nan")), "gp_weight >= 0"),
    (dict(tvd_weight=-1), ">= 0"),
    (dict(generator_batch_size=0), "generator_batch_size >= 1"),
    (dict(adversarial_loss="hinge"), "'wasserstein' or 'relativistic_pairing'. Received: 'hinge'"),
    (dict(adversarial_loss="relativistic_pairing", generator_batch_size=7), "to be None with rel.*: 7"),
    (dict(r1_weight=-1), "r1_weight >= 0"),
    (dict(r2_weight=float("inf")), "r2_weight >= 0"),
])
def test_bad_arguments(arguments, message):
    good = dict(generators=[tiny.generator(), tiny.generator()], critic=tiny.critic(),
                classifier=tiny.classifier(), latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match=message):
        ComMutEGAN(**{**good, **arguments})


def test_one_network_twice():
    network = tiny.generator()
    with pytest.raises(ValueError, match="distinct networks"):
        make_with([network, network])


def make_with(generators):
    return ComMutEGAN(generators, tiny.critic(), tiny.classifier(), latent_dim=tiny.LATENT)


def test_no_classifier_is_needed_without_a_weight_or_with_one_generator():
    for n, weight in ((2, 0), (2, "constant:0"), (1, 12.2)):
        model = make(n, classifier=None, tvd_weight=weight)
        model.run_eagerly = True  # one step is not worth a trace
        history = model.fit(tiny.images(), batch_size=12, steps_per_epoch=1, verbose=0).history
        assert history["tvd"] == [0.0]


def test_warns_of_batch_normalisation_under_the_penalty():
    critic = keras.Sequential([keras.Input(tiny.SHAPE), keras.layers.Flatten(),
                               keras.layers.BatchNormalization(name="bn"), keras.layers.Dense(1)])
    with pytest.warns(UserWarning, match=r"batch normalisation \(bn\).*LayerNormalization"):
        ComMutEGAN([tiny.generator()], critic, latent_dim=tiny.LATENT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ComMutEGAN([tiny.generator()], critic, latent_dim=tiny.LATENT, gp_weight=0)
        ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT)
