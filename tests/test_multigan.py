"""What all models share: fit on arrays and datasets, compile, sampling, errors."""

import keras
import numpy as np
import pytest
import tiny

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
        with pytest.raises(ValueError, match="Received: mixed_float16"):
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


def test_a_dataset_of_dicts():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices({"image": tiny.images()}).batch(10)
    with pytest.raises(TypeError, match="images, or of .images, labels.*as_supervised=True"):
        make().fit(data, verbose=0)


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
