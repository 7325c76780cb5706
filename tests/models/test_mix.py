"""MIX-GAN: losses and averages against NumPy, classes, errors."""

import os
import pathlib
import statistics
import subprocess
import sys

import conformance
import keras
import numpy as np
import pytest
import tiny
from zoo import NUM_CLASSES as K
from zoo import mix as make
from zoo import mix_discriminator as discriminator
from zoo import mix_generator as generator

from keras_multigan import networks
from keras_multigan.models import MIXGAN, partition_classes


def linear_model(n_g, n_d, labelled, noise, **kwargs):
    """x = z A_i + E_i[class], f = x F_j, s = f S_j + b_j; the model draws the noise (n_G, m, d)."""
    random = np.random.default_rng(1)
    d = noise.shape[-1] - labelled
    classes = partition_classes(K, n_g) if labelled else [None] * n_g
    generators, discriminators = [], []
    for own in classes:
        z = inputs = keras.Input((noise.shape[-1],))
        if labelled:
            z, label = networks.ClassFromNoise(own)(inputs)
        x = keras.layers.Dense(16, use_bias=False)(z)
        if labelled:
            x = x + keras.layers.Embedding(K, 16)(label)
        generators.append(keras.Model(inputs, keras.layers.Reshape(tiny.SHAPE)(x)))
    for _ in range(n_d):
        images = keras.Input(tiny.SHAPE)
        f = keras.layers.Dense(5, use_bias=False)(keras.layers.Flatten()(images))
        discriminators.append(keras.Model(
            images, [keras.layers.Dense(K + 1 if labelled else 1)(f), f]))
    for network in (*generators, *discriminators):
        network.set_weights([random.normal(size=w.shape) / 3 for w in network.weights])
    model = MIXGAN(generators, discriminators, latent_dim=d + labelled,
                   num_classes=K if labelled else None, **kwargs)
    model.draw = lambda distribution, *shape: keras.ops.array(noise.swapaxes(0, 1))
    return model, classes


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("n_g, n_d", [(1, 1), (2, 2), (3, 2), (2, 3), (5, 1)])
def test_losses_against_numpy(n_g, n_d, labelled):
    m, random = 6, np.random.default_rng(0)
    noise = random.normal(size=(n_g, m, 3)).astype("float32")
    real, labels = random.normal(size=(m, *tiny.SHAPE)).astype("float32"), random.integers(0, K, m)

    def network(weights, image):  # -> scores, features
        features = image.reshape(-1) @ weights[0]
        return features @ weights[1] + weights[2], features

    def hinge(scores, y):
        return max(0.0, 1 - scores[y] + max(s for k, s in enumerate(scores) if k != y))

    expected_d = expected_g = 0.0
    distances = []
    model, classes = linear_model(n_g, n_d, labelled, noise, feature_matching_weight=0.3)
    for j in range(n_d):
        of_real, of_fake, of_generator, features = [], [], [], []
        weights = model.discriminators[j].get_weights()
        for x, y in zip(real, labels, strict=True):
            s, _ = network(weights, x)
            of_real.append(hinge(s, y + 1) if labelled else max(0.0, 1 - s[0]))
        for i in range(n_g):
            own = model.generators[i].get_weights()
            for row in noise[i, j::n_d]:
                z = row[:-1] if labelled else row
                x = z @ own[0]
                if labelled:
                    phi = statistics.NormalDist().cdf(row[-1])
                    label = classes[i][int(phi * len(classes[i]))]
                    x = x + own[1][label]
                s, f = network(weights, x)
                features.append(f)
                of_fake.append(hinge(s, 0) if labelled else max(0.0, 1 + s[0]))
                of_generator.append(hinge(s, label + 1) if labelled else -s[0])
        assert len(of_fake) == m * n_g // n_d
        real_features = np.mean([network(weights, x)[1] for x in real], axis=0)
        distances.append(np.abs(np.mean(features, axis=0) - real_features).sum())
        expected_d += np.mean(of_real) + np.mean(of_fake)
        expected_g += np.mean(of_generator) + 0.3 * distances[-1]

    images, y = keras.ops.array(real), keras.ops.array(labels)
    found_d, _ = model.discriminator_loss(images, y)
    model, _ = linear_model(n_g, n_d, labelled, noise, feature_matching_weight=0.3)
    found_g, logs = model.generator_loss(images, y)
    for found, expected in [(found_d, expected_d), (found_g, expected_g),
                            (logs["feature_matching"], np.mean(distances))]:
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=2e-5)


def test_without_labels():
    model = make(labelled=False)
    model.run_eagerly = True  # one step is not worth a trace
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    history = model.fit(tiny.images(24), batch_size=12, verbose=0).history
    assert np.isfinite(list(history.values())).all() and model.feature_matching_weight == 0
    moved = [not np.array_equal(a, keras.ops.convert_to_numpy(b))
             for a, b in zip(before, model.trainable_variables, strict=True)]
    assert np.mean(moved) > 0.7
    assert model.sample(5).shape == (5, *tiny.SHAPE)


def test_averages_against_numpy():
    model = make(ema=0.15, discriminator_updates=1)
    model.run_eagerly = True
    expected = [g.get_weights() for g in model.generators]
    for a, b in zip(expected, model.averaged_generators, strict=True):
        for mean, weight in zip(a, b.get_weights(), strict=True):
            np.testing.assert_array_equal(mean, weight)
    for t, decay in enumerate([1 / 10, 0.15, 0.15]):
        conformance.steps(model, 1, first=t)
        for means, network in zip(expected, model.generators, strict=True):
            for k, weight in enumerate(network.weights):
                value = keras.ops.convert_to_numpy(weight)
                means[k] = decay * means[k] + (1 - decay) * value if weight.trainable else value
    for means, average in zip(expected, model.averaged_generators, strict=True):
        assert not average.trainable_variables
        for mean, weight in zip(means, average.get_weights(), strict=True):
            np.testing.assert_allclose(weight, mean, rtol=1e-5, atol=1e-6)
    noise = keras.random.normal((4, tiny.LATENT), seed=3)
    sampled = model.sample(4, generator=1, seed=3)
    np.testing.assert_allclose(sampled, model.averaged_generators[1](noise), atol=1e-6)
    assert np.abs(sampled - keras.ops.convert_to_numpy(model.generators[1](noise))).max() > 1e-5


@pytest.mark.tensorflow
def test_the_averages_are_exported(tmp_path):
    import tensorflow as tf

    from keras_multigan.export import export_generators

    model = make()
    for weight in model.averaged_generators[1].weights:
        weight.assign(weight + 0.5)
    loaded = tf.saved_model.load(export_generators(model, tmp_path)[1])
    noise = np.random.default_rng(0).normal(size=(4, tiny.LATENT)).astype("float32")
    served = loaded.signatures["serving_default"](noise=tf.constant(noise))["images"]
    np.testing.assert_allclose(served, model.averaged_generators[1](noise), atol=1e-6)
    assert np.abs(served - model.generators[1](noise)).max() > 0.01


# Two replicas share an all-reduced feature matching, power iterations and averages.
DEVICES = """
import conformance, keras, zoo
import numpy as np
from keras_multigan import distribute

weights = []
for arguments in (("mirrored", 2), ("none",)):
    with distribute.scope(*arguments):
        model = zoo.mix(discriminator_updates=1, feature_matching_weight=0.5)
        model.compile(discriminator_optimizer=keras.optimizers.SGD(0.01),
                      generator_optimizer=keras.optimizers.SGD(0.01))
        print(model.engine.num_replicas())
        conformance.steps(model, 2)
        weights.append(model.get_weights())
for a, b in zip(*weights, strict=True):
    assert np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(b) + 1e-7
"""


@pytest.mark.tensorflow
def test_two_devices_compute_what_one_does():
    here = pathlib.Path(__file__).resolve().parent
    paths = [str(here), str(here.parent), str(here.parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run([sys.executable, "-c", DEVICES], text=True, capture_output=True, timeout=600,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["2", "1"]


def test_the_papers_defaults():
    model = MIXGAN([generator(None)], [discriminator(1)], latent_dim=tiny.LATENT)
    assert (model.discriminator_updates, model.ema, model.batches_per_step) == (4, 0.9999, 4)
    assert make().feature_matching_weight == 0.05
    model.compile()
    for phase in model.phases():
        adam = model.optimizer[phase.name]
        assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (pytest.approx(2e-4), 0, 0.9)


@pytest.mark.parametrize("arguments, expected", [
    ((10, 1), [list(range(10))]),
    ((10, 5), [[0, 5], [1, 6], [2, 7], [3, 8], [4, 9]]),
    ((4, 4), [[0], [1], [2], [3]]),
    ((5, 2), [[0, 2, 4], [1, 3]]),
    ((2, 5), [[0], [1], [0], [1], [0]]),
])
def test_partition(arguments, expected):
    assert partition_classes(*arguments) == expected


@pytest.mark.parametrize("arguments", [(0, 2), (3, 0)])
def test_no_partition(arguments):
    with pytest.raises(ValueError, match="expected to be >= 1. Received"):
        partition_classes(*arguments)


@pytest.mark.parametrize("arguments, message", [
    (dict(discriminators=[]), "at least one Keras model"),
    (dict(discriminators=[discriminator()] * 2), "hold distinct networks"),
    (dict(discriminators=[tiny.critic()]), r"\[scores \(batch, 4\), features .*Received: \(1,\)"),
    (dict(discriminators=[discriminator(1)]), r"scores \(batch, 4\).*Received: \[\(1,\), \(6,\)\]"),
    (dict(discriminators=[discriminator(shape=(8, 8, 1))]), "expected to take inputs"),
    (dict(num_classes=None), r"num_classes=None, .*scores \(batch, 1\).*Received: \[\(4,\)"),
    (dict(num_classes=4, discriminators=[discriminator(5)]), r"classes 0..3 .*Received: \[0, 1, 2\]"),
    (dict(num_classes=2, discriminators=[discriminator(3)]), r"classes 0..1 .*Received: \[0, 1, 2\]"),
    (dict(generators=[generator([0, 1])]), r"Received: \[0, 1\]. Take partition_classes\(3, 1\)"),
    (dict(generators=[tiny.generator()]), r"generators\[0\] .* one layer ClassFromNoise. Received: 0"),
    (dict(discriminator_updates=0), "discriminator_updates >= 1"),
    (dict(ema=1), "0 <= ema < 1"),
    (dict(feature_matching_weight=-1), "feature_matching_weight >= 0"),
])
def test_bad_arguments(arguments, message):
    good = dict(generators=[generator([0, 2]), generator([1])], discriminators=[discriminator()],
                latent_dim=tiny.LATENT, num_classes=K)
    with pytest.raises(ValueError, match=message):
        MIXGAN(**{**good, **arguments})


@pytest.mark.parametrize("y, arguments, message", [
    (None, {}, r"integer labels in 0..2. Received: none"),
    (np.full(60, K), {}, "Received: 3 to 3"),
    (np.arange(60) % K, dict(batch_size=9), r"multiple of 2 \(2 discriminators, 1 .*Use 8 or 10"),
])
def test_bad_data(y, arguments, message):
    with pytest.raises(ValueError, match=message):
        make().fit(tiny.images(), y, verbose=0, **arguments)
