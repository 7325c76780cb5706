"""Every setting of Keras that could be ignored in silence: it acts as in plain Keras, or is refused.

Each row of the tables changes one thing of a tiny model. `acts` says that training went another way
because of it.
"""

import pathlib

import keras
import numpy as np
import pytest
import tiny
from keras import layers

from keras_multigan import callbacks, metrics, models

optimizers = keras.optimizers
BATCH = 10


def make(critic=None, generators=None, classifier=None, compiled=None, **arguments):
    keras.utils.set_random_seed(0)
    made = generators() if generators else [tiny.generator() for _ in range(2)]
    model = models.ComMutEGAN(
        made, critic() if critic else tiny.critic(), classifier() if classifier else None,
        **{"latent_dim": tiny.LATENT, "tvd_weight": 0 if classifier is None else 1.0, "n_critic": 1,
           "seed": 0, **arguments})
    model.compile(**({"critic_optimizer": optimizers.SGD(0.1),
                      "generator_optimizer": optimizers.SGD(0.1)} | (compiled or {})))
    return model


def trained(model, steps=2, **fit):
    fit = {"batch_size": BATCH, "steps_per_epoch": steps, "verbose": 0, **fit}
    model.fit(tiny.images(), **fit)
    return model


def weights(model):
    return np.concatenate([np.ravel(w) for w in model.critic.get_weights()])


def critic(first=None, last=None, extra=()):
    return lambda: keras.Sequential([
        keras.Input(tiny.SHAPE), layers.Flatten(), layers.Dense(8, **(first or {})),
        layers.LeakyReLU(0.2), *(layer() for layer in extra), layers.Dense(1, **(last or {}))])


class Adds(layers.Layer):
    def call(self, inputs):
        self.add_loss(keras.ops.mean(inputs**2))
        return inputs


# --- optimizers -------------------------------------------------------------------------------------

ACTING = {
    "learning_rate": lambda: optimizers.SGD(0.3),
    "learning_rate schedule": lambda: optimizers.SGD(
        optimizers.schedules.ExponentialDecay(0.1, 1, 0.1)),
    "learning_rate callable": lambda: optimizers.SGD(lambda: 0.3),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "weight_decay": lambda: optimizers.SGD(0.1, weight_decay=0.5),
    "clipnorm": lambda: optimizers.SGD(0.1, clipnorm=1e-3),
    "clipvalue": lambda: optimizers.SGD(0.1, clipvalue=1e-4),
    "global_clipnorm": lambda: optimizers.SGD(0.1, global_clipnorm=1e-3),
    "use_ema": lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
    "ema_overwrite_frequency": lambda: optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=1),
    "gradient_accumulation_steps": lambda: optimizers.SGD(0.1, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("setting", ACTING)
def test_optimizer_setting_acts(setting):
    usual = trained(make(), 4)
    other = trained(make(compiled={"critic_optimizer": ACTING[setting]()}), 4)
    assert not np.allclose(weights(usual), weights(other), atol=1e-6)


def test_loss_scale_factor_scales_the_loss_and_back():
    usual = trained(make())
    other = trained(make(compiled={"critic_optimizer": optimizers.SGD(0.1, loss_scale_factor=1024.0)}))
    np.testing.assert_allclose(weights(usual), weights(other), atol=1e-5)


def test_use_ema_leaves_the_averaged_weights():
    """Against the average of the weights after each step, by NumPy."""
    def compiled(**ema):
        return make(compiled={"critic_optimizer": optimizers.SGD(0.1, **ema)})

    plain, average = compiled(), None
    for step in range(3):
        trained(plain, 1, initial_epoch=step, epochs=step + 1)
        now = weights(plain)
        average = now if average is None else 0.5 * average + 0.5 * now
    averaged = trained(compiled(use_ema=True, ema_momentum=0.5), 3)
    np.testing.assert_allclose(weights(averaged), average, atol=1e-5)


OPTIMIZERS = [optimizers.Adam, optimizers.AdamW, optimizers.RMSprop, optimizers.Adadelta,
              optimizers.Adagrad, optimizers.Adamax, optimizers.Adafactor, optimizers.Nadam,
              optimizers.Ftrl, optimizers.Lion, optimizers.Lamb, optimizers.Muon]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.__name__)
def test_every_optimizer_of_keras_trains(optimizer):
    first = weights(make())
    model = trained(make(compiled={"critic_optimizer": optimizer(learning_rate=0.01)}))
    assert np.isfinite(weights(model)).all() and not np.array_equal(first, weights(model))


def test_refused_optimizers():
    with pytest.raises(ValueError, match="LossScaleOptimizer, which float16 needs"):
        make(compiled={"critic_optimizer": optimizers.LossScaleOptimizer(optimizers.SGD(0.1))})
    with pytest.raises(ValueError, match="an optimizer of its own"):
        shared = optimizers.SGD(0.1)
        make(compiled={"critic_optimizer": shared, "generator_optimizer": shared})


# --- layers and networks ----------------------------------------------------------------------------

REGULARIZERS = {
    "kernel_regularizer": dict(first=dict(kernel_regularizer=keras.regularizers.L2(0.5))),
    "bias_regularizer": dict(first=dict(bias_regularizer=keras.regularizers.L1(0.5))),
    "kernel_constraint": dict(first=dict(kernel_constraint=keras.constraints.MaxNorm(0.1))),
}


@pytest.mark.parametrize("setting", REGULARIZERS)
def test_layer_setting_acts(setting):
    usual, other = trained(make(critic())), trained(make(critic(**REGULARIZERS[setting])))
    assert not np.allclose(weights(usual), weights(other), atol=1e-6)


def test_regularizer_is_in_the_logged_loss_once_and_its_gradient():
    """L2 of weight c adds c |W|^2 to the loss and 2 c W to the gradient, which SGD shows."""
    model = make(critic(last=dict(kernel_regularizer=keras.regularizers.L2(10.0))))
    plain = make(critic())
    kernel = model.critic.layers[-1].get_weights()[0]
    logs, plain_logs = (m.train_on_batch(tiny.images(BATCH)) for m in (model, plain))
    np.testing.assert_allclose(logs["critic_loss"] - plain_logs["critic_loss"],
                               10 * (kernel**2).sum(), rtol=1e-4)
    np.testing.assert_allclose(
        plain.critic.layers[-1].get_weights()[0] - model.critic.layers[-1].get_weights()[0],
        0.1 * 20 * kernel, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("network", [critic(extra=[Adds]),
                                     critic(first=dict(activity_regularizer="l2"))])
def test_added_losses_are_refused(network):
    with pytest.raises(ValueError, match="'critic'.*Received: add_loss or an activity regularizer in"):
        trained(make(network))


def test_a_frozen_layer_stays_and_a_frozen_network_is_refused():
    def frozen_first():
        network = critic()()
        network.layers[1].trainable = False
        return network

    model = make(frozen_first)
    before = model.critic.layers[1].get_weights()[0]
    trained(model)
    np.testing.assert_array_equal(before, model.critic.layers[1].get_weights()[0])

    def frozen():
        network = critic()()
        network.trainable = False
        return network

    with pytest.raises(ValueError, match="none that can be trained in the phase 'critic'"):
        make(frozen)
    with pytest.raises(ValueError, match="none that can be trained"):
        make(trainable=False)


def test_float16_layers_are_refused():
    with pytest.raises(ValueError, match="Received: mixed_float16 in"):
        make(critic(first=dict(dtype="mixed_float16")))


def test_float64_networks_train():
    keras.config.set_dtype_policy("float64")
    try:
        model = trained(make())
        # JAX has float64 only if jax_enable_x64 is set.
        expected = "float64" if keras.backend.backend() == "tensorflow" else "float32"
        assert weights(model).dtype == expected and np.isfinite(weights(model)).all()
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.tensorflow
def test_networks_with_conditions_and_loops_train():
    """In one thread TensorFlow waits for ever at a condition; see `internals.single_threaded`."""
    import tensorflow as tf

    class Conditional(layers.Layer):
        def call(self, inputs):
            return tf.cond(tf.reduce_mean(inputs) > 0, lambda: inputs, lambda: 2 * inputs)

    class Recurrent(layers.Layer):
        def call(self, inputs):
            return tf.while_loop(lambda i, x: i < 2, lambda i, x: (i + 1, 1.1 * x), (0, inputs))[1]

    for layer in (Conditional, Recurrent):
        assert trained(make(critic(extra=[layer]), n_critic=2)).steps_trained == 2


@pytest.mark.parametrize("classifier, message", [
    (dict(activation="softmax"), "probabilities. Leave out its softmax"),
    (dict(kernel_initializer="zeros"), "the same logits for all"),
    (dict(bias_initializer=keras.initializers.Constant(np.nan)), "finite logits"),
])
def test_classifier_that_gives_no_logits_is_refused(classifier, message):
    with pytest.raises(ValueError, match=message):
        make(classifier=lambda: keras.Sequential(
            [keras.Input(tiny.SHAPE), layers.Flatten(), layers.Dense(3, **classifier)]))


def test_critic_with_probabilities_is_refused():
    with pytest.raises(ValueError, match="scores without activation. Received: sigmoid"):
        make(critic(last=dict(activation="sigmoid")))


def test_networks_that_share_layers_are_refused_as_a_list():
    def sharing():
        trunk = layers.Dense(8)
        return [keras.Sequential([keras.Input((tiny.LATENT,)), trunk, layers.Dense(16),
                                  layers.Reshape(tiny.SHAPE)]) for _ in range(2)]

    with pytest.raises(ValueError, match="numbers 0 and 1, which share .*one functional model"):
        make(generators=sharing)


def test_generators_have_names_of_their_own():
    model = make(generators=lambda: [keras.Sequential(tiny.generator().layers, name="g")
                                     for _ in range(2)], ema=0.9)
    assert [g.name for g in model.generators] == ["g_0", "g_1"]
    assert [g.name for g in model.averaged_generators] == ["average_g_0", "average_g_1"]
    paths = [v.path for v in model.variables]
    assert len(paths) == len(set(paths))


def test_summary_counts_what_is_trained(capsys):
    model = make(classifier=tiny.classifier)
    lines = []
    model.summary(print_fn=lambda line, line_break=True: lines.append(line))
    text = "\n".join(lines)
    count = sum(int(np.prod(v.shape)) for phase in model.phases() for v in phase.variables)
    assert f"Trainable params: {count}" in text.replace(",", "")
    assert "(2," not in text and "(None, 4, 4, 1)" in text
    assert model.classifier.trainable
    model.classifier.layers[-1].trainable = False
    model.summary(print_fn=lambda line, line_break=True: None)
    assert model.classifier.trainable and not model.classifier.layers[-1].trainable


# --- compile and fit --------------------------------------------------------------------------------

def test_attributes_that_are_set_later_act():
    model = trained(make())
    gp = trained(make())
    gp.gp_weight = 0.0
    gp.n_critic = 2
    for each in (model, gp):
        trained(each, initial_epoch=1, epochs=2)
    assert int(gp.optimizer["critic"].iterations) == 6
    assert not np.allclose(weights(model), weights(gp))
    scheduled = make(classifier=tiny.classifier)
    scheduled.tvd_weight = 3.0
    trained(scheduled)
    assert float(scheduled.tvd_weight_value) == 3.0


@pytest.mark.parametrize("name, value", [
    ("adversarial_loss", "hinge"), ("latent_dim", 5), ("seed", 3), ("n_critic", 1.5), ("n_critic", 0),
    ("gp_weight", -1.0), ("gp_weight", np.nan), ("r1_weight", 1.0), ("fresh_batches", False),
])
def test_attributes_that_would_not_act_are_refused(name, value):
    model = make()
    with pytest.raises(ValueError, match=f"{name} is expected to stay what the model was made with"):
        setattr(model, name, value)
    assert model.get_config()[name] != value


def test_what_a_running_step_has_compiled_stays():
    model = make()
    change = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: setattr(model, "n_critic", 2))
    with pytest.raises(ValueError, match="n_critic is expected to stay as it is while fit runs"):
        trained(model, epochs=2, callbacks=[change])
    model.n_critic = 2
    trained(model)


def test_schedule_out_of_range_is_refused():
    for bad in (np.nan, -1.0, np.inf):
        model = make(classifier=tiny.classifier, tvd_weight=lambda epoch, bad=bad: bad if epoch else 1)
        with pytest.raises(ValueError, match="tvd_weight is expected to return a finite number >= 0"):
            trained(model, 1, epochs=2)


def test_second_compile_acts():
    model = trained(make())
    model.compile(critic_optimizer=optimizers.SGD(0.0), generator_optimizer=optimizers.SGD(0.0))
    before = weights(model)
    trained(model, initial_epoch=1, epochs=2)
    np.testing.assert_array_equal(before, weights(model))


def test_samples_are_of_the_weights_after_any_compile():
    """Networks that run as one have other variables after `compile`."""
    model, noise = make(), np.ones((4, tiny.LATENT), "float32")
    for rate in (0.1, 0.2):
        earlier = model.sample(4, seed=1), model.generators[0].predict(noise, verbose=0)
        model.compile(critic_optimizer=optimizers.SGD(rate), generator_optimizer=optimizers.SGD(rate))
        trained(model)
        later = model.sample(4, seed=1), model.generators[0].predict(noise, verbose=0)
        assert not any(np.allclose(*pair) for pair in zip(earlier, later, strict=True))
        own = keras.ops.convert_to_numpy(model.generators[0](noise, training=False))
        np.testing.assert_allclose(later[1], own, atol=1e-6)


def test_an_optimizer_of_other_variables_is_refused():
    model, adam = make(), optimizers.Adam()
    model.compile(generator_optimizer=adam)
    with pytest.raises(ValueError, match="generator_optimizer is expected to be a new optimizer"):
        model.compile(generator_optimizer=adam)
    trained(model)


def test_bfloat16_weights_are_refused():
    keras.config.set_dtype_policy("bfloat16")
    try:
        with pytest.raises(ValueError, match="Received: bfloat16 in"):
            make(critic=critic())
    finally:
        keras.config.set_dtype_policy("float32")


def test_steps_per_execution_has_to_divide_an_epoch():
    model = make(compiled={"steps_per_execution": 2})
    with pytest.raises(ValueError, match="a multiple of steps_per_execution, 2.*Received: 3"):
        trained(model, 3)
    trained(model, 4)
    assert model.steps_trained == 4


@pytest.mark.parametrize("arguments, message", [
    (dict(validation_split=0.2), "validation_data is expected to be None"),
    (dict(validation_data=tiny.images()), "validation_data is expected to be None"),
    (dict(shuffle=False), "Received: shuffle. Arrays are always shuffled"),
    (dict(class_weight={0: 1.0}), "Received: class_weight"),
    (dict(sample_weight=np.ones(60, "float32")), "sample_weight is expected to be None"),
    (dict(callbacks=keras.callbacks.CallbackList()), "a list of callbacks"),
])
def test_fit_refuses_what_it_would_ignore(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        trained(make(), **arguments)


# --- data -------------------------------------------------------------------------------------------

def _later(x, y):
    """The forms in which batches come one after the other: 3 good ones, then this one."""
    good = [tiny.images(BATCH)] * 3 + [x]
    labels = [np.zeros(BATCH, "int64")] * 3 + [y]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        yield tf.data.Dataset.from_generator(
            lambda: zip(good, labels, strict=True),
            output_signature=(tf.TensorSpec((None, *tiny.SHAPE)), tf.TensorSpec((None,), "int64")))

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(good)

        def __getitem__(self, index):
            return good[index], labels[index]

    yield Batches()
    yield iter(zip(good, labels, strict=True))


@pytest.mark.parametrize("images, label, message", [
    (lambda x: (x + 1) * 127.5, 0, "in \\[-1, 1\\]. Received: values from"),
    (lambda x: np.full_like(x, np.nan), 0, "finite and in \\[-1, 1\\]"),
    (lambda x: np.clip(x, 0, None), 0, "as of images in \\[0, 1\\]"),
    (lambda x: x, 7, "labels in 0..2. Received: 7 to 7"),
    (lambda x: x, -1, "labels in 0..2. Received: -1 to -1"),
])
def test_later_batches_are_checked_as_the_first(images, label, message):
    x, y = images(tiny.images(BATCH)).astype("float32"), np.full(BATCH, label, "int64")
    for data in _later(x, y):
        model = make()
        model.num_classes = 3
        with pytest.raises(ValueError, match=message):
            model.fit(data, steps_per_epoch=4, verbose=0)


@pytest.mark.parametrize("x, message", [
    (np.clip(tiny.images(), 0, None), "as of images in \\[0, 1\\]"),
    ((tiny.images() * 1000 + 30000).astype("uint16"), "divide by 32767.5"),
    ((tiny.images() * 100 + 127).astype("uint8"), "divide by 127.5"),
    (np.zeros((0, *tiny.SHAPE), "float32"), "not to be empty"),
])
def test_arrays_are_checked(x, message):
    with pytest.raises(ValueError, match=message):
        make().fit(x, batch_size=BATCH, verbose=0)


# --- callbacks --------------------------------------------------------------------------------------

def test_terminate_on_nan_stops():
    model = make(compiled={"critic_optimizer": optimizers.SGD(1e30)})
    history = trained(model, 5, epochs=3, callbacks=[keras.callbacks.TerminateOnNaN()])
    assert len(model.history.epoch) == 1 and history.stop_training
    with pytest.raises(RuntimeError, match="NaN or Inf loss"):
        trained(make(compiled={"critic_optimizer": optimizers.SGD(1e30)}), 5,
                callbacks=[keras.callbacks.TerminateOnNaN(raise_error=True)])


def test_learning_rate_callbacks_act_and_their_logs_name_the_phase():
    model = make()
    trained(model, epochs=2, callbacks=[
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 * rate)])
    rates = model.history.history
    np.testing.assert_allclose(rates["learning_rate_critic"], [0.05, 0.025])
    np.testing.assert_allclose(rates["learning_rate_generator"], [0.05, 0.025])


class Sets(keras.callbacks.Callback):
    """Puts numbers into a log."""

    def __init__(self, name, values):
        super().__init__()
        self.name, self.values = name, values

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


@pytest.mark.parametrize("name, values, best", [
    ("critic_loss", [2.0, 1.0, 3.0, 3.0, 3.0], 1), ("frechet_distance", [2.0, 1.0, 3.0, 3.0, 3.0], 1),
    ("coverage", [0.2, 0.4, 0.1, 0.1, 0.1], 1), ("precision", [0.2, 0.4, 0.1, 0.1, 0.1], 1)])
def test_monitors_know_which_way_is_better(tmp_path, name, values, best):
    model = make()
    saved = tmp_path / "best.keras"
    stop = keras.callbacks.EarlyStopping(name, patience=2)
    plateau = keras.callbacks.ReduceLROnPlateau(name, patience=2, factor=0.5)
    kept = keras.callbacks.ModelCheckpoint(saved, monitor=name, save_best_only=True)
    trained(model, 1, epochs=5, callbacks=[Sets(name, values), kept, plateau, stop])
    assert len(model.history.epoch) == best + 3 and stop.best_epoch == best
    assert keras.saving.load_model(saved).steps_trained == best + 1
    assert float(model.optimizer["critic"].learning_rate) == pytest.approx(0.05)


def test_other_callbacks_of_keras_work(tmp_path):
    model = make()
    used = [keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True),
            keras.callbacks.ModelCheckpoint(tmp_path / "step.keras", save_freq=3),
            keras.callbacks.BackupAndRestore(tmp_path / "backup"),
            keras.callbacks.EarlyStopping("critic_loss", restore_best_weights=True, patience=9)]
    trained(model, epochs=2, callbacks=used)
    assert (tmp_path / "log.csv").read_text().startswith("epoch,critic_loss")
    assert (tmp_path / "2.weights.h5").exists() and (tmp_path / "step.keras").exists()
    swap = make(compiled={name: optimizers.SGD(0.1, use_ema=True)
                          for name in ("critic_optimizer", "generator_optimizer")})
    trained(swap, epochs=2, callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)])


@pytest.mark.tensorflow
def test_tensorboard_names_the_learning_rates(tmp_path):
    trained(make(), epochs=1, callbacks=[keras.callbacks.TensorBoard(tmp_path, histogram_freq=1)])
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*events*"))
    assert b"learning_rate_critic" in written and b"learning_rate_generator" in written


def test_evaluate_puts_measures_into_the_logs():
    model, seen = make(compiled={"critic_optimizer": optimizers.SGD(1e-3)}), []

    def measure(samples):
        seen.append(samples)
        return {"mean": samples.mean()}

    trained(model, 1, epochs=4, callbacks=[callbacks.Evaluate(measure, num_samples=6, every=2)])
    logged = model.history.history["mean"]
    assert [s.shape for s in seen] == [(6, *tiny.SHAPE)] * 3  # epochs 1, 2, 4
    assert logged == pytest.approx([seen[k].mean() for k in (0, 1, 1, 2)])
    np.testing.assert_array_equal(seen[-1], model.sample(6, seed=0))


def test_evaluate_on_images_and_its_errors():
    real = tiny.images(20, (8, 8, 1))
    measured = metrics.against(real)(real)
    assert measured["precision"] == measured["coverage"] == 1.0
    assert measured["frechet_distance"] == pytest.approx(0, abs=1e-3)
    for bad in (dict(num_samples=0), dict(every=0)):
        with pytest.raises(ValueError, match="expected to be >= 1"):
            callbacks.Evaluate(metrics.against(real), **bad)
    with pytest.raises(ValueError, match="At least 7 real images"):
        metrics.against(real[:6])
    with pytest.raises(ValueError, match="names that no log has. Received: .'critic_loss'"):
        trained(make(), callbacks=[callbacks.Evaluate(lambda samples: {"critic_loss": 0.0})])


# --- strategies -------------------------------------------------------------------------------------

@pytest.mark.tensorflow
def test_scopes(run_process, tmp_path):
    """Two virtual devices, which a process must ask for before it uses any."""
    program = tmp_path / "scopes.py"
    here = str(pathlib.Path(tiny.__file__).parent)
    program.write_text(f"import sys; sys.path.insert(0, {here!r})" + '''
import keras, tensorflow as tf, tiny
from keras_multigan import models
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
def make():
    return models.ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), None, latent_dim=3,
                             tvd_weight=0, n_critic=1, seed=0)
with strategy.scope():
    model = make()
model.compile()
model.fit(tiny.images(), batch_size=20, verbose=0)
assert model.steps_trained == 3
outside = make()
with strategy.scope():
    for made in (outside.compile, models.ComMutEGAN(
            outside.generators, tiny.critic(), None, latent_dim=3, tvd_weight=0).compile):
        try:
            made()
        except ValueError as error:
            assert "strategy.scope()" in str(error), error
        else:
            raise AssertionError("made outside, compiled inside")
''')
    run_process(door=program)
