"""What AdaGAN and MWU share: losses, rounds, ratios of densities, bad input."""

import conformance
import keras
import numpy as np
import pytest
import tiny
from zoo import boosted

from keras_multigan.data import synthetic
from keras_multigan.models import AdaGAN, boosting
from keras_multigan.models.adagan import boosting_weights
from keras_multigan.models.mwu import doubled_weights


def test_losses_against_numpy(monkeypatch):
    critic = keras.Sequential([keras.Input(tiny.SHAPE), keras.layers.Flatten(), keras.layers.Dense(1)])
    model = AdaGAN([tiny.generator() for _ in range(2)], critic, latent_dim=tiny.LATENT)
    real, fakes, asked = tiny.images(4, seed=1), tiny.images(4, seed=2), []
    monkeypatch.setattr(model, "draw_images", lambda generator, batch_size: (
        asked.append((generator, batch_size)) or keras.ops.array(fakes)))
    kernel, bias = critic.get_weights()
    of_real, of_fakes = (x.reshape(4, -1) @ kernel + bias for x in (real, fakes))
    loss, logs = model.discriminator_loss(keras.ops.array(real), None)
    np.testing.assert_allclose(
        float(loss), np.log1p(np.exp(-of_real)).mean() + np.log1p(np.exp(of_fakes)).mean(), rtol=1e-5)
    np.testing.assert_allclose(float(logs["score_gap"]), of_real.mean() - of_fakes.mean(), rtol=1e-4)
    np.testing.assert_allclose(float(model.generator_loss(keras.ops.array(real), None)[0]),
                               np.log1p(np.exp(-of_fakes)).mean(), rtol=1e-5)
    assert float(logs["round"]) == 1 and asked == [(1, 4)] * 2


def weights_of(model):
    return [g.get_weights() for g in model.generators]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", ["AdaGAN", "MWUGAN"])
def test_rounds(name, tmp_path):
    """Each leaves its generator in its place; the mixture has what is trained; a run that goes on
    within a round ends as one that was not interrupted."""
    model, drawn = boosted(name, epochs_per_round=2, ema=0.5), []
    ends = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights = model.mixture_weights
            drawn.append(None if weights is None else weights.tolist())
            if epoch == 2:
                model.save(tmp_path / "within.keras")
            ends.append(model.sampling_generators[-1].get_weights())
            assert self.params["epochs"] == 7

    options = dict(batch_size=12, steps_per_epoch=1, verbose=0)
    history = model.fit(tiny.images(), epochs=7, callbacks=Look(), **options)
    assert history is model.history and history.epoch == [0, 1, 2, 3, 4, 5, 6]
    assert history.history["round"] == [1, 1, 2, 2, 3, 3, 3]  # the last has what is left
    assert drawn == [[0, 0, 1]] * 2 + [[1, 0, 0], [0.5, 0, 0.5]] + [[0.5, 0.5, 0], None, None]
    for number, epoch in enumerate((1, 3, 6)):
        assert same(model.sampling_generators[number].get_weights(), ends[epoch])
    assert not same(ends[1], ends[3])
    assert int(model.optimizer["generator"].iterations) == 3 and model.steps_trained == 7

    again = keras.saving.load_model(tmp_path / "within.keras", safe_mode=True)
    again.fit(tiny.images(), epochs=7, initial_epoch=3, **options)
    assert tiny.same(model, again)


def test_all_rounds_share_the_epochs_if_none_says_otherwise():
    model = boosted("MWUGAN", n=2, epochs_per_round=None)
    with pytest.raises(ValueError, match="each of its 2 rounds. Received: epochs=1"):
        model.fit(tiny.images(), batch_size=12, verbose=0)
    history = model.fit(tiny.images(), batch_size=12, epochs=4, steps_per_epoch=1, verbose=0)
    assert history.history["round"] == [1, 1, 2, 2] and model.get_config()["epochs_per_round"] == 2


def test_a_callback_that_stops_training_ends_all_rounds():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = boosted("AdaGAN", epochs_per_round=2)
    history = model.fit(tiny.images(), batch_size=12, epochs=6, steps_per_epoch=1, verbose=0,
                        callbacks=[Stop()])
    assert history.epoch == [0, 1] and model.stop_training


def test_ratios_find_what_is_not_covered():
    """Data of four Gaussians far apart, of which a generator makes one. Boosting and doubling leave
    that one out."""
    centres = np.repeat(np.array([[-4, 0], [4, 0], [0, 4], [0, -4]], "float32"), 50, axis=0)
    data = centres + np.random.default_rng(0).normal(scale=0.1, size=centres.shape).astype("float32")
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    made.set_weights([0.1 * np.eye(2), np.array([-4, 0])])
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16, activation="relu"),
                               keras.layers.Dense(1)])
    model = AdaGAN([made, other], critic, latent_dim=2, ratio_updates=150,
                   ratio_learning_rate=0.02, seed=0)
    model.compile()
    ratios = model.ratios(data, [200], 50)
    assert ratios[:50].min() > 1 and ratios[50:].max() < 0.25
    np.testing.assert_array_equal(ratios, model.ratios(data, [200], 50))
    model.optimizer["discriminator"].learning_rate = 1e-6  # as a schedule ends
    np.testing.assert_array_equal(ratios, model.ratios(data, [200], 50))
    weights = boosting_weights(ratios, 0.5)
    assert weights[:50].max() == 0
    np.testing.assert_allclose(weights[50:].sum(), 1)
    doubled = doubled_weights(np.full(200, 1 / 200), ratios, 0.25)
    np.testing.assert_allclose(doubled[50:] / doubled[0], 2)


def test_rows_are_drawn_by_their_weights():
    rows = boosting._WeightedRows(np.arange(4), np.array([0.5, 0.0, 0.3, 0.2]))
    (drawn,) = next(rows.stream(batch_size=4000, seed=1))
    shares = np.bincount(drawn, minlength=4) / 4000
    np.testing.assert_allclose(shares, [0.5, 0, 0.3, 0.2], atol=6 * 0.5 / np.sqrt(4000))
    later = rows.stream(batch_size=5, seed=1, start=2)
    first = rows.stream(batch_size=5, seed=1)
    batches = [next(first)[0] for _ in range(3)]
    np.testing.assert_array_equal(next(later)[0], batches[2])
    assert not np.array_equal(*batches[:2])


def test_new_networks_depend_on_the_seed_alone():
    network, *others = tiny.critic(), *(boosting.fresh(tiny.critic(), s) for s in ("a", "a", "b"))
    weights = [other.get_weights() for other in others]
    assert same(weights[0], weights[1]) and not same(weights[0], weights[2])
    assert not same(weights[0], network.get_weights())


@pytest.mark.parametrize("kwargs, message", [
    (dict(epochs_per_round=0), "epochs_per_round >= 1"),
    (dict(ratio_updates=0.5), "ratio_updates >= 1"),
    (dict(ratio_learning_rate=-1), "ratio_learning_rate >= 0"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        boosted("AdaGAN", **kwargs)


def test_bad_networks():
    different = [tiny.generator(), keras.Sequential([
        keras.Input((tiny.LATENT,)), keras.layers.Dense(16), keras.layers.Reshape(tiny.SHAPE)])]
    with pytest.raises(ValueError, match="weights of the same shapes"):
        AdaGAN(different, tiny.critic(), latent_dim=tiny.LATENT)

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = tiny.critic()

        def call(self, x, training=False):
            return self.inner(x, training=training)

    with pytest.raises(ValueError, match="Functional or sequential networks without a call"):
        AdaGAN([tiny.generator()], Subclassed(), latent_dim=tiny.LATENT)


@pytest.mark.parametrize("x, kwargs, error, message", [
    (synthetic.ring(), {}, TypeError, "all training samples as one array.*Received: GaussianMixture"),
    (tiny.images(), {"y": np.zeros(60, int)}, ValueError, "samples alone.*Received: y"),
    (tiny.images(), {"sample_weight": np.ones(60)}, ValueError, "samples alone"),
    (tiny.images(shape=(8, 8, 1)), {}, ValueError, r"generators' shape \(4, 4, 1\)"),
    (tiny.images(), {"epochs": 9, "initial_epoch": 6}, ValueError,
     "round 0, epochs 0 to 0, or in the next. Received: an epoch of round 2"),
])
def test_bad_data(x, kwargs, error, message):
    with pytest.raises(error, match=message):
        boosted("AdaGAN").fit(x, batch_size=12, steps_per_epoch=1, verbose=0, **kwargs)


def test_a_model_that_has_ended_does_not_go_back():
    model = boosted("AdaGAN", n=2)
    conformance.steps(model, 1)
    conformance.steps(model, 1, first=1)
    with pytest.raises(ValueError, match="round 1, .*Received: an epoch of round 0"):
        conformance.steps(model, 1)


@pytest.mark.parametrize("name", ["AdaGAN", "MWUGAN"])
def test_averages_begin_anew_with_every_round(name):
    """Else a long run's decay would keep the initial weights of later generators."""
    model, seen = boosted(name, epochs_per_round=1, ema=0.999), []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(int(model.averaged_steps))

    model.fit(tiny.images(), epochs=3, batch_size=12, steps_per_epoch=4, verbose=0, callbacks=Look())
    assert seen == [3, 3, 3]  # steps before the last one of each round
