"""What all models share: fit on arrays and datasets, compile, sampling, errors."""

import conformance
import keras
import numpy as np
import pytest
import tiny
import zoo

from keras_multigan.models import ComMutEGAN
from keras_multigan.multigan import MultiGAN


def make(n=2, **kwargs):
    keras.utils.set_random_seed(3)
    model = ComMutEGAN([tiny.generator() for _ in range(n)], tiny.critic(), tiny.classifier(),
                       latent_dim=tiny.LATENT, seed=1, **kwargs)
    model.compile()
    return model


def test_an_epoch_is_one_pass():
    model = make()
    model.fit(tiny.images(60), batch_size=10, epochs=2, verbose=0)  # 6 batches, 3 a step
    assert model.steps_trained == 4


def test_default_batch_size_fits_the_generators():
    model = make(3)
    model.fit(tiny.images(99), verbose=0)
    assert model.steps_trained == 1  # 33 is the first multiple of 3 from 32 on


@pytest.mark.parametrize("labelled", [False, True])
def test_datasets(labelled):
    tf = pytest.importorskip("tensorflow")
    images = tiny.images(70)
    data = (images, np.zeros(70)) if labelled else images
    model = make()
    # 7 batches of 10: two steps of 3, the rest is dropped.
    model.fit(tf.data.Dataset.from_tensor_slices(data).batch(10), epochs=1, verbose=0)
    assert model.steps_trained == 2


def test_a_dataset_whose_batch_size_is_unknown_beforehand():
    tf = pytest.importorskip("tensorflow")
    images = tiny.images(30)
    generator = tf.data.Dataset.from_generator(
        lambda: iter(images.reshape(3, 10, *tiny.SHAPE)),
        output_signature=tf.TensorSpec((None, *tiny.SHAPE), tf.float32))
    model = make()
    model.fit(generator, verbose=0)
    assert model.steps_trained == 1


def test_steps_per_epoch_lets_a_step_straddle_passes():
    model = make()
    model.fit(tiny.images(5), batch_size=10, steps_per_epoch=2, verbose=0)
    assert model.steps_trained == 2


def test_labels_reach_the_losses():
    model = make()
    seen = []
    original = model.critic_loss
    model.critic_loss = lambda images, labels: (seen.append(labels), original(images, labels))[1]
    model.run_eagerly = True
    model.fit(tiny.images(60), np.arange(60), batch_size=20, verbose=0)
    assert sorted(np.concatenate([keras.ops.convert_to_numpy(y) for y in seen])) == list(range(60))


def test_mixture_deals_its_images_out_in_turn():
    model = make(3)
    mixture = model.sample(7, seed=4)
    noise = keras.ops.convert_to_numpy(keras.random.normal((7, tiny.LATENT), seed=4))
    for i, image in enumerate(mixture):
        expected = model.generators[i % 3](noise[i : i + 1], training=False)[0]
        np.testing.assert_allclose(image, expected, atol=1e-6)


def test_seed_none_draws_anew():
    model = make()
    assert not np.array_equal(model.sample(2), model.sample(2))
    arguments = dict(latent_dim=tiny.LATENT, tvd_weight=0)
    seeds = {ComMutEGAN([tiny.generator()], tiny.critic(), **arguments).seed for _ in range(3)}
    assert len(seeds) > 1
    again = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        again.append(ComMutEGAN([tiny.generator()], tiny.critic(), **arguments).seed)
    assert again[0] == again[1]


def test_mixed_precision_trains_and_gives_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make()
        history = model.fit(tiny.images(), batch_size=10, verbose=0).history
        assert model.sample(2).dtype == np.float32
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(list(history.values())).all()
    assert all(v.dtype == "float32" for v in model.trainable_variables)


def test_float16_is_refused():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(ValueError, match="Received: mixed_float16 in"):
            make()
    finally:
        keras.config.set_dtype_policy("float32")


def test_compile_names_the_optimizers_it_takes():
    with pytest.raises(TypeError, match="critic_optimizer=, generator_optimizer=. Received: loss"):
        make().compile(loss="mse")
    with pytest.raises(TypeError, match="Received: 'adam'"):  # not taken for run_eagerly
        make().compile("adam")
    model = make()
    model.compile(critic_optimizer="sgd")
    assert isinstance(model.optimizer["critic"], keras.optimizers.SGD)
    assert isinstance(model.optimizer["generator"], keras.optimizers.Adam)


def nan():
    images = tiny.images()
    images[3, 0, 0, 0] = np.nan
    return images


@pytest.mark.parametrize("x, arguments, message", [
    (tiny.images(), dict(batch_size=9), "multiple of 2 .2 generators.*Received: 9. Use 8 or 10"),
    (tiny.images(), dict(batch_size=0), "Received: 0"),
    (tiny.images(20), dict(batch_size=10), "fewer samples"),
    (tiny.images(shape=(8, 8, 1)), {}, r"shape \(4, 4, 1\)"),
    (tiny.images() * 127.5 + 127.5, {}, r"in \[-1, 1\]"),
    (nan(), {}, "finite"),
    (tiny.images()[..., 0], {}, "Received"),
    ((tiny.images() * 127).astype("int8"), {}, "floating"),
    (tiny.images(), dict(y=np.zeros(3)), "One label per image"),
])
def test_bad_arrays(x, arguments, message):
    model = make()
    before = tiny.state(model)
    with pytest.raises(ValueError, match=message):
        model.fit(x, verbose=0, **arguments)
    assert all(np.array_equal(a, b) for a, b in zip(before, tiny.state(model), strict=True))


def test_bad_datasets():
    tf = pytest.importorskip("tensorflow")
    model = make()

    def dataset(images, batch=10):
        return tf.data.Dataset.from_tensor_slices(images).batch(batch)

    for data, arguments, message in (
        (dataset(tiny.images(), 9), {}, "multiple of 2"),
        (dataset(tiny.images(20)), {}, "fewer samples"),
        (dataset(tiny.images(60) * 255), {}, r"in \[-1, 1\]"),
        (dataset(tiny.images(60, (8, 8, 1))), {}, r"shape \(4, 4, 1\)"),
        (dataset(tiny.images()), dict(batch_size=10), "Batch the dataset"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(data, verbose=0, **arguments)


def batches(labels, names=("image", "label"), count=6, size=10):
    return [dict(zip(names, (tiny.images(size, seed=k), np.full(size, k)))) if labels == "dict" else
            (tiny.images(size, seed=k), np.full(size, k)) if labels else tiny.images(size, seed=k)
            for k in range(count)]


class Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches, self.asked, self.ends = batches, [], 0

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        self.asked.append(index)
        return self.batches[index]

    def on_epoch_end(self):
        self.ends += 1


@pytest.mark.parametrize("labels", [False, True, "dict"])
def test_batches_of_a_py_dataset_and_of_an_iterator_train_alike(labels):
    models = [make(n_critic=1) for _ in range(3)]
    models[0].fit(Batches(batches(labels)), epochs=2, verbose=0)
    models[1].fit(iter(batches(labels) * 2), epochs=2, steps_per_epoch=6, verbose=0)
    for epoch in range(2):  # in two parts
        models[2].fit(Batches(batches(labels)), epochs=epoch + 1, initial_epoch=epoch, verbose=0)
    assert models[0].steps_trained == 12
    assert tiny.same(models[0], models[1]) and tiny.same(models[0], models[2])


def test_a_py_dataset_goes_on_where_the_last_step_stopped():
    model, data = make(n_critic=1), Batches(batches(False))
    model.fit(data, steps_per_epoch=4, verbose=0)
    data.asked.clear()
    model.fit(data, steps_per_epoch=1, verbose=0)
    assert data.asked[:3] == [0, 5, 4]  # the first one and the last one are looked at


def test_a_py_dataset_with_a_smaller_last_batch_goes_on_at_the_row():
    data = [tiny.images(size, seed=size) for size in (10, 10, 8)]
    whole, parts = make(n_critic=1), make(n_critic=1)
    whole.fit(Batches(data), epochs=3, verbose=0)
    for epoch in range(3):
        parts.fit(Batches(data), epochs=epoch + 1, initial_epoch=epoch, verbose=0)
    assert tiny.same(whole, parts)


def test_no_batch_of_an_iterator_is_taken_ahead():
    model, batches_of = make(n_critic=1), iter(batches(False))
    model.fit(batches_of, steps_per_epoch=3, verbose=0)
    assert len(list(batches_of)) == 3


@pytest.mark.parametrize("n_critic", [1, 2])
def test_several_steps_per_execution_of_a_finite_dataset(n_critic):
    tf = pytest.importorskip("tensorflow")
    models = [make(n_critic=n_critic) for _ in range(2)]
    models[1].compile(steps_per_execution=2)
    for model in models:
        for _ in range(2):  # of three and of six steps
            model.fit(tf.data.Dataset.from_tensor_slices(tiny.images(60)).batch(10), verbose=0)
    assert [model.steps_trained for model in models] == [12 // n_critic] * 2


def test_a_dataset_of_dicts():
    tf = pytest.importorskip("tensorflow")
    images = tiny.images()

    def trained(element):
        model = make(n_critic=1)
        model.fit(tf.data.Dataset.from_tensor_slices(element).batch(10), verbose=0)
        return model

    assert tiny.same(trained({"label": np.arange(60), "image": images, "id": np.arange(60)}),
                     trained((images, np.arange(60))))
    with pytest.raises(TypeError, match="keys image, label and sample_weight.*Received: picture"):
        trained({"picture": images})


def test_lists_and_tensors():
    images = tiny.images()
    models = [make() for _ in range(3)]
    for model, x in zip(models, (images, list(images), keras.ops.convert_to_tensor(images))):
        model.fit(x, batch_size=10, verbose=0)
    assert tiny.same(models[0], models[1]) and tiny.same(models[0], models[2])


def test_train_on_batch_of_any_size_before_fit():
    model = make(n_critic=2)
    logs = model.train_on_batch(tiny.images(10))
    assert {"critic_loss", "generator_loss"} <= set(logs) and np.isfinite(list(logs.values())).all()
    model.train_on_batch(tiny.images(4), np.zeros(4, "int64"))
    assert model.steps_trained == 2 and int(model.optimizer["critic"].iterations) == 4
    with pytest.raises(ValueError, match="multiple of 2"):
        model.train_on_batch(tiny.images(5))
    with pytest.raises(ValueError, match="return_dict=True"):
        model.train_on_batch(tiny.images(4), return_dict=False)
    model.fit(tiny.images(), batch_size=10, verbose=0)
    assert model.steps_trained == 5


def test_calling_the_model_and_predict_give_the_mixture():
    model = make(3)
    noise = np.random.default_rng(0).normal(size=(7, tiny.LATENT)).astype("float32")
    images = model.predict(noise, verbose=0)
    np.testing.assert_allclose(images, keras.ops.convert_to_numpy(model(noise)), atol=1e-6)
    for i, image in enumerate(images):
        expected = model.generators[i % 3](noise[i : i + 1], training=False)[0]
        np.testing.assert_allclose(image, keras.ops.convert_to_numpy(expected), atol=1e-5)


def test_the_called_mixture_has_the_models_shares():
    model = zoo.mix_plus()
    model.generator_weights.set_weights([np.log([0.75, 0.25])])
    noise = np.random.default_rng(0).normal(size=(8, tiny.LATENT)).astype("float32")
    images = keras.ops.convert_to_numpy(model(noise))
    each = [keras.ops.convert_to_numpy(g(noise, training=False)) for g in model.generators]
    np.testing.assert_allclose(images, np.concatenate([each[0][:6], each[1][6:]]), atol=1e-6)
    np.testing.assert_allclose(model.predict(noise, verbose=0), images, atol=1e-6)
    model.generator_weights.set_weights([np.log([0.25, 0.75])])
    np.testing.assert_allclose(model.predict_on_batch(noise),
                               np.concatenate([each[0][:2], each[1][2:]]), atol=1e-6)


def test_what_a_gan_has_not_names_the_way():
    model = make()
    with pytest.raises(ValueError, match="evaluate.*model.sample"):
        model.evaluate(tiny.images())
    with pytest.raises(ValueError, match="validation_data.*Evaluate"):
        model.fit(tiny.images(), validation_data=tiny.images())
    for data, arguments, message in (
            (iter([tiny.images(10)]), {}, "steps_per_epoch is expected to be a number"),
            (iter([]), dict(steps_per_epoch=1), "fewer samples"),
            (Batches([]), {}, "have a length"),
            (Batches([tiny.images(10)]), {}, "fewer samples"),
            (Batches([tiny.images(10)] * 3), dict(batch_size=10), "batch_size expected to be None")):
        with pytest.raises(ValueError, match=message):
            model.fit(data, verbose=0, **arguments)


@pytest.mark.tensorflow
def test_export_as_in_keras(tmp_path):
    model = make()
    model.export(tmp_path / "export")
    assert (tmp_path / "export" / "models.config").exists()


def test_a_finite_dataset_brings_no_warning(recwarn):
    tf = pytest.importorskip("tensorflow")
    make().fit(tf.data.Dataset.from_tensor_slices(tiny.images()).batch(10), epochs=2, verbose=0)
    assert not [w for w in recwarn if "ran out of data" in str(w.message)]
    with pytest.raises(ValueError, match="Batch the dataset"):
        make().fit(tf.data.Dataset.from_tensor_slices(tiny.images()), verbose=0)


def test_a_critic_of_any_image_size_and_a_count_that_is_a_float():
    inputs = keras.Input((None, None, 1))
    scores = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(1, 3)(inputs))
    model = ComMutEGAN([tiny.generator()], keras.Model(inputs, scores), latent_dim=tiny.LATENT,
                       n_critic=2.0)
    model.compile()
    model.fit(tiny.images(), batch_size=10, verbose=0)
    assert model.n_critic == 2 and type(model.n_critic) is int


def test_neither_array_nor_dataset():
    with pytest.raises(TypeError, match="Received: list"):
        make().fit([1, 2, 3])


def test_fit_needs_compile():
    model = ComMutEGAN([tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT)
    with pytest.raises(ValueError, match="compile"):
        model.fit(tiny.images())


def test_the_base_class_is_abstract():
    model = MultiGAN([tiny.generator()], latent_dim=tiny.LATENT)
    with pytest.raises(NotImplementedError, match="must define phases"):
        model.phases()


@pytest.mark.parametrize("name", ["commute", "gm", "p2"])
def test_averaged_generators(name):
    """Shared weights are averaged once; sampling draws from the averages; loading keeps them."""
    row = zoo.ROWS[name]
    model = zoo.compiled(type(row()).from_config({**row().get_config(), "ema": 0.15}))
    model.run_eagerly = True
    distinct = {id(w): w for g in model.generators for w in g.weights}
    copies = {id(w): w for g in model.averaged_generators for w in g.weights}
    assert len(copies) == len(distinct) and not copies.keys() & distinct.keys()
    expected = [keras.ops.convert_to_numpy(w) for w in distinct.values()]
    # P2GAN's second generator joins after an epoch; then averages begin anew.
    for t, decay in enumerate([1 / 10, 1 / 10 if name == "p2" else 0.15, 0.15]):
        conformance.steps(model, 1, first=t)
        for k, weight in enumerate(distinct.values()):
            value = keras.ops.convert_to_numpy(weight)
            expected[k] = decay * expected[k] + (1 - decay) * value if weight.trainable else value
    for weight, mean in zip(copies.values(), expected, strict=True):
        if "seed" not in weight.path:
            np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), mean, rtol=1e-5, atol=1e-6)
    drawn = model.sample(4, generator=1, seed=3)
    noise = keras.ops.convert_to_numpy(keras.random.normal((4, tiny.LATENT), seed=3))
    averaged = model.averaged_generators[1](noise, training=False)
    np.testing.assert_allclose(drawn, keras.ops.convert_to_numpy(averaged), atol=1e-5)
    again = type(model).from_config(model.get_config())
    assert again.ema == 0.15 and len(again.averaged_generators) == model.num_generators


class Halved(keras.Sequential):
    def call(self, inputs, training=None):
        return 0.5 * super().call(inputs, training=training)


def test_averages_of_a_network_with_a_call_of_its_own_are_refused():
    with pytest.raises(ValueError, match="without a call of their own are expected.*Halved"):
        ComMutEGAN([Halved(tiny.generator().layers)], tiny.critic(), latent_dim=tiny.LATENT, ema=0.9)


@pytest.mark.parametrize("ema", [-0.1, 1, float("nan")])
def test_ema_out_of_range(ema):
    with pytest.raises(ValueError, match="0 <= ema < 1"):
        make(ema=ema)
