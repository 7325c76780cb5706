"""Gaussian mixtures: data, measures and protocols of an arena."""

import functools

import keras
import numpy as np
from scipy import stats

from keras_multigan import metrics, networks, plots
from keras_multigan.arena.protocol import KL, SEED, TVD, Data, Measure, Protocol
from keras_multigan.runs.run import sample_each


def _mixture(source, folder, data_dir, validation):
    samples, labels = source.sample(100_000, seed=0)
    return Data(samples, labels, source.num_modes, source)


def _mode_classifier(found):
    """A small network that tells the modes apart."""
    keras.utils.set_random_seed(0)
    network = networks.mlp_discriminator(found.samples.shape[1:], found.num_classes, (64, 64))
    network.compile(keras.optimizers.Adam(3e-3),
                    keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(found.samples[:50_000], found.labels[:50_000], batch_size=250, epochs=2, verbose=0)
    return network


def measure_plane(model, found):
    """VEEGAN's and PacGAN's measures of 2,500 samples, and whether modes are as wide as the data's: a
    generator that draws each mode's centre alone has more high quality than the data."""
    samples, source = model.sample(2500, seed=SEED), found.aid
    coverage = metrics.mode_coverage(samples, source.means, source.variance**0.5)
    return {"modes": coverage.modes, "high_quality": coverage.high_quality,
            "reverse_kl": coverage.reverse_kl, "spread": _spread(samples, source),
            **_apart(model, found)}


def _spread(samples, source):
    """The standard deviation of high-quality samples about the mean of those of their mode, in that of
    the data; None if there are none. Of real samples it is .974, since they are cut at 3 deviations."""
    distances = np.linalg.norm(samples[:, None] - source.means, axis=2)
    nearest, good = distances.argmin(axis=1), distances.min(axis=1) <= 3 * source.variance**0.5
    squares = [((x - x.mean(axis=0)) ** 2).sum() for mode in np.unique(nearest[good])
               for x in [samples[good & (nearest == mode)].astype("float64")]]
    if not squares:
        return None
    return float((sum(squares) / (good.sum() * source.dimension * source.variance)) ** 0.5)


def measure_space(model, found, count=10_000):
    """Of `count` samples, with MIX+GAN's Judge. In many dimensions modes overlap in every radius that
    holds most of their samples, so a sample counts for the nearest mode; neighbours are those in the
    space of the centres, since in all dimensions even samples in the middle of all are neighbours."""
    source = found.aid
    samples, real = model.sample(count, seed=SEED), source.sample(count, seed=1)[0]
    shares = metrics.mode_shares([samples], source.means)[0]
    near = metrics.density_coverage(*(x[:2500] @ source.means.T for x in (real, samples)))
    return {"modes": int((shares >= 0.1 / source.num_modes).sum()),
            "judge_accuracy": metrics.judge_accuracy(real, samples, width=256).accuracy,
            "frechet_distance": metrics.frechet_distance(real, samples),
            "reverse_kl": float(np.log(source.num_modes) - stats.entropy(shares)),
            "coverage": near.coverage, "density": near.density, **_apart(model, found)}


def _apart(model, found):
    """How far the generators have shared out the modes; nothing of a single one."""
    if model.num_generators == 1:
        return {}
    shares = metrics.mode_shares(sample_each(model, 1000), found.aid.means)
    return {"pairwise_tvd": metrics.pairwise_tvd(shares)}


def _scatter(samples, found, path):
    plots.save_scatter(samples, found.samples[:2000], path)


def _scatter_of_axes(samples, found, path):
    plots.save_scatter([x[:, :2] for x in samples], found.samples[:2000, :2], path)


PLANE = {
    "measure": measure_plane, "picture": _scatter, "learning_rate": 2e-3,
    "measures": (Measure("modes", "modes", ".0f", "high"),
                 Measure("high_quality", "high quality", ".3f", "high"), KL,
                 Measure("spread", "spread", ".2f"), TVD)}
SPACE = {
    "measure": measure_space, "picture": _scatter_of_axes, "learning_rate": 1e-3,
    "measures": (Measure("coverage", "coverage", ".3f", "high"),
                 Measure("judge_accuracy", "Judge's accuracy", ".3f", "low"),
                 Measure("frechet_distance", "Frechet distance", ".3f", "low"),
                 Measure("modes", "modes", ".0f", "high"), KL,
                 Measure("density", "density", ".3f", "high"), TVD)}


def mixture(title, note, source, updates, **measured_and_rate):
    dimension = source.dimension
    return Protocol(
        title, note, functools.partial(_mixture, source), _mode_classifier,
        functools.partial(networks.DenseKit, (dimension,), latent_dim=dimension, width=128),
        updates=updates, batch_size=128, num_generators=8, backend="jax", **measured_and_rate)
