"""MIX+GAN: losses against NumPy, weights, vectors."""

import keras
import numpy as np
import pytest
import tiny
from zoo import mix_plus as make

from keras_multigan import networks
from keras_multigan.data import synthetic
from keras_multigan.models import MixPlusGAN

pytestmark = pytest.mark.fast

D, M = 5, 4  # length of a vector, batch


class Fixed(keras.layers.Layer):
    """A generator's last layer: whatever the noise, these vectors."""

    def __init__(self, vectors):
        super().__init__()
        self.vectors = vectors

    def call(self, noise):
        return keras.ops.convert_to_tensor(self.vectors) + 0 * noise[:, :1]

    def compute_output_shape(self, shape):
        return (shape[0], D)


@pytest.mark.parametrize("base", ["wasserstein", "vanilla"])
@pytest.mark.parametrize("n_g, n_d", [(1, 1), (3, 2), (2, 3)])
def test_losses_against_numpy(base, n_g, n_d):
    random = np.random.default_rng(n_g)
    real = random.normal(size=(M, D)).astype("float32")
    fakes = random.normal(size=(n_g, n_d * M, D)).astype("float32")
    kernels = random.normal(size=(n_d, D, 1)).astype("float32")
    a, b = random.normal(size=n_g), random.normal(size=n_d)

    generators = [keras.Sequential([keras.Input((2,)), Fixed(f)]) for f in fakes]
    discriminators = [keras.Sequential([keras.Input((D,)), keras.layers.Dense(1, use_bias=False)])
                      for _ in range(n_d)]
    for discriminator, kernel in zip(discriminators, kernels, strict=True):
        discriminator.set_weights([kernel])
    model = MixPlusGAN(generators, discriminators, latent_dim=2, adversarial_loss=base,
                       entropy_weight=0.7, gp_weight=3.0)
    model.generator_weights.set_weights([a])
    model.discriminator_weights.set_weights([b])

    def softplus(x):
        return np.log1p(np.exp(x))

    w, v = np.exp(a) / np.exp(a).sum(), np.exp(b) / np.exp(b).sum()
    loss_g = loss_d = gap = penalty = 0.0
    for j in range(n_d):
        real_scores = [float(x @ kernels[j, :, 0]) for x in real]
        loss_d += v[j] * np.mean([softplus(-s) if base == "vanilla" else -s for s in real_scores])
        for i in range(n_g):
            scores = [float(x @ kernels[j, :, 0]) for x in fakes[i, j::n_d]]
            share = v[j] * w[i]
            loss_g += share * np.mean([softplus(-s) if base == "vanilla" else -s for s in scores])
            loss_d += share * np.mean([softplus(s) if base == "vanilla" else s for s in scores])
            gap += share * (np.mean(real_scores) - np.mean(scores))
            penalty += share * (np.linalg.norm(kernels[j]) - 1) ** 2
    loss_g -= 0.7 * np.log(w).mean()
    loss_d += 3.0 * penalty - 0.7 * np.log(v).mean()

    found_g, logs_g = model.generator_loss(keras.ops.array(real), None)
    found_d, logs_d = model.discriminator_loss(keras.ops.array(real), None)
    for found, expected in [(found_g, loss_g), (found_d, loss_d), (logs_d["score_gap"], gap),
                            (logs_d["gradient_penalty"], penalty), (logs_g["least_weight"], w.min())]:
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=2e-5)
    np.testing.assert_allclose(model.mixture_weights, w, rtol=1e-5)


def test_the_papers_networks_and_optimizers():
    generator, discriminator = networks.mlp(1024, 1024), networks.mlp(1024, 1)
    assert (generator.count_params(), discriminator.count_params()) == (4_198_400, 3_149_825)
    model = MixPlusGAN([networks.mlp(4, 4, 3, 8)], [networks.mlp(4, 1, 3, 8)], latent_dim=4)
    assert model.gp_weight == 10 and model.batches_per_step == 5
    assert [float(model.default_optimizer(p.name).learning_rate) for p in model.phases()] == (
        pytest.approx([1e-5, 1e-4]))
    for base in ("vanilla", "hinge"):
        assert MixPlusGAN([networks.mlp(4, 4)], [networks.mlp(4, 1)], latent_dim=4,
                          adversarial_loss=base).gp_weight == 0


def vector_model(**kwargs):
    keras.utils.set_random_seed(3)
    model = MixPlusGAN([networks.mlp(4, 4, 3, 8) for _ in range(3)], [networks.mlp(4, 1, 3, 8)],
                       latent_dim=4, seed=1, discriminator_updates=2, **kwargs)
    model.compile(generator_optimizer=keras.optimizers.Adam(1e-3),
                  discriminator_optimizer=keras.optimizers.Adam(1e-3))
    return model


def test_a_source_is_an_endless_training_set():
    source = synthetic.axis_gaussians(3, 4)
    whole, parts = vector_model(), vector_model()
    whole.fit(source, batch_size=8, epochs=2, steps_per_epoch=2, verbose=0)
    for epoch in range(2):
        parts.fit(source, batch_size=8, epochs=epoch + 1, initial_epoch=epoch, steps_per_epoch=2,
                  verbose=0)
    assert tiny.same(whole, parts)
    finite = vector_model()
    finite.fit(source.sample(32, seed=0)[0], batch_size=8, verbose=0)
    assert finite.steps_trained == 2 and not tiny.same(whole, finite)


def test_the_mixture_is_sampled_by_its_weights():
    model = vector_model()
    model.generator_weights.set_weights([np.log([0.7, 0.3, 1e-9])])
    mixture = model.sample(4000, seed=2)
    noise = keras.ops.convert_to_numpy(keras.random.normal((4000, 4), seed=2))
    each = [keras.ops.convert_to_numpy(g(noise)) for g in model.generators]
    owner = np.argmin([np.abs(mixture - images).max(axis=1) for images in each], axis=0)
    share = np.bincount(owner, minlength=3) / 4000
    np.testing.assert_allclose(share, [0.7, 0.3, 0], atol=6 * 0.5 / np.sqrt(4000))


@pytest.mark.tensorflow
def test_the_exported_mixture_has_its_weights(tmp_path):
    import tensorflow as tf

    from keras_multigan.export import export_generators

    model = vector_model()
    model.generator_weights.set_weights([np.log([0.5, 0.3, 0.2])])
    loaded = tf.saved_model.load(export_generators(model, tmp_path)[-1])
    noise = np.random.default_rng(0).normal(size=(4000, 4)).astype("float32")
    each = np.stack([keras.ops.convert_to_numpy(g(noise)) for g in model.generators])
    served = loaded.signatures["serving_default"](noise=tf.constant(noise))["images"].numpy()
    owner = np.abs(each - served).max(axis=2).argmin(axis=0)
    np.testing.assert_allclose(np.bincount(owner) / 4000, [0.5, 0.3, 0.2], atol=6 * 0.5 / 4000**0.5)
    draw = loaded.signatures["sample"]
    assert draw(batch_size=tf.constant(10), seed=tf.constant(1))["images"].shape == (10, 4)
    # The generators are far apart, so a constant one's rows can be counted.
    for generator, value in zip(model.generators, (1.0, 2.0, 3.0), strict=True):
        generator.layers[-2].set_weights([np.zeros((8, 4)), np.full(4, value)])
    loaded = tf.saved_model.load(export_generators(model, tmp_path, version=2)[-1])
    images = loaded.signatures["sample"](batch_size=tf.constant(10), seed=tf.constant(1))["images"]
    assert np.bincount(images.numpy()[:, 0].astype(int)).tolist() == [0, 5, 3, 2]


@pytest.mark.parametrize("kwargs, message", [
    (dict(adversarial_loss="square"), "Expected one of wasserstein, .*pearson. Received: 'square'"),
    (dict(discriminator_updates=0), "discriminator_updates >= 1"),
    (dict(entropy_weight=-1.0), "entropy_weight"),
    (dict(gp_weight=float("nan")), "gp_weight"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        vector_model(**kwargs) if "discriminator_updates" not in kwargs else make(**kwargs)


def test_bad_networks_and_data():
    good = networks.mlp(4, 4, 3, 8)
    for bad, message in [([], "at least one Keras model"), ([networks.mlp(4, 2)], "one score"),
                         ([networks.mlp(3, 1)], r"discriminators\[0\] is expected to take inputs")]:
        with pytest.raises(ValueError, match=message):
            MixPlusGAN([good], bad, latent_dim=4)
    model = vector_model()
    source = synthetic.axis_gaussians(3, 4)
    for x, options, message in [
        (source, {}, "steps_per_epoch is expected to be a number"),
        (synthetic.ring(), dict(steps_per_epoch=1), r"shape \(4,\). Received: \(2,\)"),
        (np.full((8, 4), np.nan, "float32"), {}, "finite samples"),
        (np.zeros((8, 4), "int64"), {}, "type int64"),
        (np.zeros((8, 4, 1), "float32"), {}, r"\(N, d\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.fit(x, batch_size=4, verbose=0, **options)
