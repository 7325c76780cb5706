"""MIM-GAN: losses and gradients against NumPy, noise, errors."""

import conformance
import keras
import numpy as np
import pytest
import tiny
from keras import layers
from zoo import mim as make
from zoo import mim_discriminator as discriminator

from keras_multigan import networks, schedules
from keras_multigan.models import MIMGAN

pytestmark = pytest.mark.fast

D, M, K = 2, 5, 3  # length of a vector, batch, classes


class Free(layers.Layer):
    """A generator's only layer: whatever the noise, the vectors (M, D) that are its weights."""

    def build(self, shape):
        self.vectors = self.add_weight(shape=(M, D), name="vectors")

    def call(self, noise):
        return self.vectors + 0 * noise[:, :1]

    def compute_output_shape(self, shape):
        return (shape[0], D)


class Game:
    """MIM-GAN with `Free` generators, a linear discriminator and a linear classifier, beside its losses
    in loops."""

    def __init__(self, n, mutual_information, saturating, weight=0.8):
        self.n, self.mode, self.saturating, self.weight = n, mutual_information, saturating, weight
        random = np.random.default_rng(n)
        self.real = random.normal(size=(M, D)).astype("float32")
        self.fakes = random.normal(size=(n, M, D))
        self.kernel, self.classes = random.normal(size=D), 2 * random.normal(size=(D, K))
        generators = [keras.Sequential([keras.Input((4,)), Free()]) for _ in range(n)]
        for generator, vectors in zip(generators, self.fakes, strict=True):
            generator.set_weights([vectors])
        players = [keras.Sequential([keras.Input((D,)), layers.Dense(units, use_bias=False)])
                   for units in (1, K)]
        for player, kernel in zip(players, (self.kernel[:, None], self.classes), strict=True):
            player.set_weights([kernel])
        self.model = MIMGAN(generators, *players, latent_dim=4, mutual_information=mutual_information,
                            mutual_information_weight=weight, saturating=saturating)
        self.model.compile(generator_optimizer=keras.optimizers.SGD(1.0))

    def judged(self, x):
        return 1 / (1 + np.exp(-(x @ self.kernel)))

    def information(self, a, b):
        """I of two generators' samples (M, D)."""
        p, q = [[np.exp(x @ self.classes) / np.exp(x @ self.classes).sum() for x in samples]
                for samples in (a, b)]
        if self.mode == "overlap":
            p, q = sum(p) / M, sum(q) / M
            middle = (p + q) / 2
            return np.log(2) - sum(p[k] * np.log(p[k] / middle[k]) + q[k] * np.log(q[k] / middle[k])
                                   for k in range(K)) / 2
        joint = sum(np.outer(x, y) for x, y in zip(p, q, strict=True)) / M
        return sum(joint[k, c] * np.log(joint[k, c] / (joint[k].sum() * joint[:, c].sum()))
                   for k in range(K) for c in range(K))

    def own_loss(self, i, vectors):
        """L_i if G_i made `vectors`, the others being as they are."""
        judged = [self.judged(x) for x in vectors]
        loss = np.mean([np.log(1 - d) if self.saturating else -np.log(d) for d in judged]) / self.n
        others = [self.information(vectors, self.fakes[j]) for j in range(self.n) if j != i]
        return loss + self.weight * sum(others)


KINDS = pytest.mark.parametrize("kind", [("overlap", False), ("overlap", True), ("paired", False),
                                         ("paired", True)])


@KINDS
@pytest.mark.parametrize("n", [1, 2, 4])
def test_losses_against_numpy(n, kind):
    game = Game(n, *kind)
    expected = -np.mean([np.log(game.judged(x)) for x in game.real])
    expected -= np.mean([np.log(1 - game.judged(x)) for fakes in game.fakes for x in fakes])
    loss, logs = game.model.discriminator_loss(keras.ops.array(game.real), None)
    assert float(loss) == pytest.approx(expected, rel=1e-5) and logs == {}

    pairs = [game.information(game.fakes[i], game.fakes[j]) for i in range(n) for j in range(i)]
    alone = [game.own_loss(i, fakes) for i, fakes in enumerate(game.fakes)]
    # A pair is in two of the L_i, and once in the joint loss.
    loss, logs = game.model.generator_loss(keras.ops.array(game.real), None)
    assert float(loss) == pytest.approx(sum(alone) - 0.8 * sum(pairs), rel=1e-5)
    if n > 1:
        assert float(logs["mutual_information"]) == pytest.approx(np.mean(pairs), rel=1e-5)
    else:
        assert logs == {}


@KINDS
def test_each_generator_gets_the_gradient_of_its_own_loss(kind):
    game = Game(3, *kind)
    game.model.update(game.model.phases()[1], keras.ops.array(game.real), None)
    step = 1e-5
    for i, (generator, before) in enumerate(zip(game.model.generators, game.fakes, strict=True)):
        expected = np.zeros((M, D))
        for index in np.ndindex(M, D):
            change = np.zeros((M, D))
            change[index] = step
            expected[index] = (game.own_loss(i, before + change) - game.own_loss(i, before - change)
                               ) / (2 * step)
        found = before - generator.get_weights()[0]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize("mode", ["overlap", "paired"])
def test_replicas_share_their_statistics_before_the_logarithm(mode, monkeypatch):
    model = make(3, mutual_information=mode)
    fakes = keras.ops.array(tiny.images(3 * 8))
    whole = model.pairwise_information(fakes)
    statistics = []
    monkeypatch.setattr(model.engine, "mean_over_replicas", lambda x: (statistics.append(x), x)[1])
    for half in (fakes[:12], fakes[12:]):
        model.pairwise_information(half)
    mean = sum(statistics) / 2
    monkeypatch.setattr(model.engine, "mean_over_replicas", lambda x: mean)
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy,
                                    (model.pairwise_information(fakes[:12]), whole)), atol=1e-6)


def test_noise():
    """m vectors for each generator: the same ones in its own update if "paired", else its own."""
    def fakes(mode):
        generators = [keras.Sequential([keras.Input((3,)), layers.Activation("linear")])
                      for _ in range(2)]
        model = MIMGAN(generators, networks.mlp(3, 1, 2), networks.mlp(3, 2, 2), latent_dim=3, seed=1,
                       mutual_information=mode)
        batches = [model.fakes(4), model.draw_mixture(4)]
        return [keras.ops.convert_to_numpy(x).reshape(4, 2, 3) for x in batches]

    for mode, same in (("overlap", False), ("paired", True)):
        generator_phase, discriminator_phase = fakes(mode)
        assert np.array_equal(generator_phase[:, 0], generator_phase[:, 1]) == same
        assert not np.array_equal(discriminator_phase[:, 0], discriminator_phase[:, 1])
        assert len(np.unique(generator_phase)) == (12 if same else 24)


def test_each_generator_makes_a_full_batch(monkeypatch):
    model = make(3)
    drawn = []
    original = model.draw_each
    monkeypatch.setattr(model, "draw_each", lambda b: (drawn.append(b), original(b))[1])
    for phase in model.phases():
        phase.loss(keras.ops.array(tiny.images(7)), None)
    assert drawn == [7, 7]


def test_the_classifier_is_frozen():
    classifier = keras.Sequential([keras.Input(tiny.SHAPE), layers.Flatten(), layers.Dropout(0.9),
                                   layers.BatchNormalization(), layers.Dense(3)])
    model = make(2, classifier=classifier)
    model.run_eagerly = True
    before = classifier.get_weights()
    conformance.steps(model, 1)
    assert all(map(np.array_equal, before, classifier.get_weights()))
    fakes = keras.ops.array(tiny.images(8))
    a, b = (keras.ops.convert_to_numpy(model.pairwise_information(fakes)) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_the_weight_follows_its_schedule():
    model = make(mutual_information_weight=schedules.sudden_death(2, 1))
    model.run_eagerly = True
    model.fit(tiny.images(), batch_size=12, epochs=2, steps_per_epoch=1, verbose=0)
    assert float(model.mutual_information_weight_value) == 0


def test_the_papers_defaults():
    model = MIMGAN([tiny.generator()], discriminator(), latent_dim=tiny.LATENT)
    model.compile()
    assert (model.mutual_information_weight(0), model.mutual_information) == (1, "overlap")
    assert model.batch_unit == model.batches_per_step == 1
    for phase in ("discriminator", "generator"):
        adam = model.optimizer[phase]
        assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (
            pytest.approx(2e-4), 0.5, 0.999)


@pytest.mark.parametrize("arguments, message", [
    (dict(discriminator=tiny.critic(shape=(8, 8, 1))), "discriminator is expected to take"),
    (dict(discriminator=tiny.classifier()), r"one score, \(batch, 1\)"),
    (dict(classifier=tiny.classifier(shape=(8, 8, 1))), "classifier is expected to take"),
    (dict(classifier=tiny.critic()), "give logits"),
    (dict(classifier=None), "A classifier is expected"),
    (dict(classifier=None, mutual_information_weight="sudden_death:2:1"), "A classifier is expected"),
    (dict(mutual_information="joint"), "'overlap' or 'paired'. Received: 'joint'"),
    (dict(mutual_information_weight=-1), ">= 0"),
])
def test_bad_arguments(arguments, message):
    good = dict(generators=[tiny.generator(), tiny.generator()], discriminator=discriminator(),
                classifier=tiny.classifier(), latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match=message):
        MIMGAN(**{**good, **arguments})


def test_no_classifier_is_needed_without_a_weight_or_with_one_generator():
    for n, weight in ((2, 0), (2, "constant:0"), (1, 1.0)):
        model = make(n, classifier=None, mutual_information_weight=weight)
        model.run_eagerly = True  # one step is not worth a trace
        history = model.fit(tiny.images(), batch_size=12, steps_per_epoch=1, verbose=0).history
        assert history["mutual_information"] == [0.0]
