"""What the trainer does for every model: weights, hooks, logs, configuration."""

import keras
import numpy as np
import pytest
import tiny
from keras import ops

from keras_multigan import callbacks
from keras_multigan.models import GMGAN, ComMutEGAN
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase, Trainer

pytestmark = pytest.mark.fast


class Regression(Trainer):
    """w minimises the weighted mean of (w - x)^2: a step moves it by 2 rate (mean of x - w)."""

    image_shape = (1,)

    def __init__(self, repeats=1, **kwargs):
        super().__init__(**kwargs)
        self.repeats, self.calls, self.seen = repeats, 0, []
        self.network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(
            1, use_bias=False, kernel_initializer="zeros")])

    def phases(self):
        return [Phase("fit", self.squared_gap, [self.network], repeats=self.repeats, after=self.count)]

    def count(self):
        self.calls += 1

    def squared_gap(self, images, labels, sample_weights):
        weights = ops.ones_like(images[:, 0]) if sample_weights is None else sample_weights
        gaps = ops.square(self.network(ops.ones_like(images)) - images)[:, 0]
        return ops.sum(weights * gaps) / ops.sum(weights), {}

    def default_optimizer(self, phase):
        return keras.optimizers.SGD(0.5)


def value(model):
    return float(model.network.get_weights()[0][0, 0])


@pytest.mark.parametrize("weights, expected", [(None, 2.0), ([0.0, 0.0, 1.0, 1.0], 3.5),
                                               ([3.0, 0.0, 0.0, 1.0], 1.75)])
def test_sample_weights_reach_the_losses(weights, expected):
    model = Regression(seed=0)
    model.compile()
    x = np.array([[1.0], [0.0], [3.0], [4.0]], "float32")
    model.fit(x, sample_weight=None if weights is None else np.array(weights), batch_size=4, verbose=0)
    assert value(model) == pytest.approx(expected)


def test_sample_weights_of_a_dataset():
    tf = pytest.importorskip("tensorflow")
    x = np.array([[1.0], [0.0], [3.0], [4.0]], "float32")
    y, weights = np.zeros(4, "int64"), np.array([0, 0, 1, 1], "float32")
    model = Regression(seed=0)
    model.compile()
    model.fit(tf.data.Dataset.from_tensor_slices((x, y, weights)).batch(4), verbose=0)
    assert value(model) == pytest.approx(3.5)


def test_samples_and_their_weights_are_shuffled_together():
    model = Regression(seed=0)
    model.compile(fit_optimizer=keras.optimizers.SGD(1e-3))
    x = np.arange(6, dtype="float32")[:, None]
    model.fit(x, sample_weight=(x[:, 0] == 5).astype("float32"), batch_size=6, epochs=300, verbose=0)
    assert value(model) == pytest.approx(5 * (1 - (1 - 2e-3) ** 300), rel=1e-3)


@pytest.mark.parametrize("weights", [np.ones(3), np.ones((4, 1)), -np.ones(4), np.zeros(4),
                                     np.array([1, np.nan, 1, 1]), np.array(["a"] * 4)])
def test_bad_sample_weights(weights):
    model = Regression(seed=0)
    model.compile()
    with pytest.raises(ValueError, match="Sample weights are expected to be finite numbers .4,."):
        model.fit(np.ones((4, 1), "float32"), sample_weight=weights, batch_size=4, verbose=0)


def test_weights_that_no_loss_takes():
    model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT)
    model.compile()
    with pytest.raises(ValueError, match="losses take no `sample_weights`. Received: weights for ComM"):
        model.fit(tiny.images(), sample_weight=np.ones(60), batch_size=10, verbose=0)


def test_the_hook_follows_every_update():
    model = Regression(repeats=3, seed=0)
    model.compile()
    model.run_eagerly = True
    model.fit(np.ones((12, 1), "float32"), batch_size=2, verbose=0)
    assert model.steps_trained == 2 and model.calls == 6


def test_a_log_without_a_name():
    class Talkative(Regression):
        def squared_gap(self, images, labels, sample_weights):
            loss, _ = super().squared_gap(images, labels, sample_weights)
            return loss, {"gap": loss}

    model = Talkative(seed=0)
    model.compile()
    with pytest.raises(ValueError, match=r"phase 'fit' .*log_names has, \[\]. Received: \['gap'\]"):
        model.fit(np.ones((4, 1), "float32"), batch_size=4, verbose=0)


class Forgetful(MultiGAN):
    def __init__(self, generators, power, **kwargs):
        super().__init__(generators, **kwargs)

    def phases(self):
        return [Phase("generator", lambda images, labels: (ops.mean(images), {}), self.generators)]

    def default_optimizer(self, phase):
        return keras.optimizers.SGD(0.1)


def test_a_forgotten_argument_is_an_error_at_compile():
    model = Forgetful([tiny.generator()], 2, latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match=r"none for \['power'\]. Keep it \(self.power = power"):
        model.compile()

    class Extended(Forgetful):
        def get_config(self):
            return {**super().get_config(), "power": 2}

    Extended([tiny.generator()], 2, latent_dim=tiny.LATENT).compile()


def test_old_names_of_arguments():
    arguments = dict(latent_dim=tiny.LATENT, num_components=3, supervised=False)
    with pytest.raises(TypeError, match="GMGAN expects adversarial_loss=. Received: base="):
        GMGAN(tiny.generator(), tiny.critic(), base="wasserstein", **arguments)
    model = GMGAN(tiny.generator(), tiny.critic(), adversarial_loss="wasserstein", seed=0, **arguments)
    config = model.get_config()
    old = {"adversarial_loss": "base", "discriminator_updates": "n_critic"}
    of_version_1 = {old.get(name, name): value for name, value in config.items()}
    assert "base" in of_version_1 and GMGAN.from_config(of_version_1).get_config() == config


def test_gradient_penalty_against_numpy():
    critic = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    kernel = np.array([[1.0], [2.0], [2.0]])
    critic.set_weights([kernel])
    model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT, seed=0)
    real, fake = ops.ones((4, 3)), ops.zeros((4, 3))
    assert float(model.gradient_penalty(critic, real, fake)) == pytest.approx((3 - 1) ** 2, rel=1e-5)
    square = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(
        lambda x: ops.sum(x * x, axis=1, keepdims=True) / 2)])  # its gradient is x itself
    share = np.array([0.0, 0.25, 0.5, 1.0], "float32")[:, None]
    found = model.gradient_penalties(square, real, fake, ops.array(share))
    np.testing.assert_allclose(found, (share[:, 0] * np.sqrt(3) - 1) ** 2, rtol=1e-5)


class Noisy(Regression):
    """Each of its updates draws numbers."""

    def squared_gap(self, images, labels):
        noise = self.draw(keras.random.normal, 4, 1)
        return ops.mean(ops.square(self.network(noise) - images)), {}


@pytest.mark.parametrize("kind", ["dataset", "iterator"])
def test_data_of_unknown_length_end_between_two_steps(kind, tmp_path, monkeypatch):
    """Not within one, where a repeated phase may have drawn its numbers. A resumed run is exact."""
    tf = pytest.importorskip("tensorflow")
    begun = []

    def counted(step, model):
        made = in_fixed_order(step, model)
        return lambda *arguments: (begun.append(model), made(*arguments))[1]

    def make():
        model = Noisy(repeats=3, seed=1)
        model.compile()
        return model

    def fit(model, *epochs):
        for epoch in epochs:  # seven batches: two steps of three, and one batch that is left
            batches = tf.data.Dataset.from_tensor_slices(np.arange(28.0)[:, None]).batch(4)
            batches = batches.filter(lambda x: True)  # now its length is not known
            given = {"x": batches} if kind == "dataset" else {"x": iter(batches), "steps_per_epoch": 5}
            model.fit(**given, epochs=epoch + 1, initial_epoch=epoch, verbose=0)

    whole, resumed = make(), make()
    in_fixed_order = whole.engine.in_fixed_order
    monkeypatch.setattr(whole.engine, "in_fixed_order", counted)
    fit(whole, 0)
    callbacks.save_checkpoint(whole, tmp_path, 1)
    fit(whole, 1)
    assert callbacks.restore_checkpoint(resumed, tmp_path) == 1
    fit(resumed, 1)
    assert whole.steps_trained == 4 and int(whole.optimizer["fit"].iterations) == 12
    if keras.backend.backend() == "tensorflow":
        assert len(begun) == 6, "a step was begun that had no data"
    assert tiny.same(whole, resumed)
