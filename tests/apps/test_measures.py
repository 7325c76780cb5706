"""apps/measures.py: which implementation measures what."""

import importlib
import pathlib

import numpy as np
import pytest
import tiny

from keras_multigan import metrics
from keras_multigan.metrics.inception import InceptionOutputs
from keras_multigan.models import ComMutEGAN

APPS = pathlib.Path(__file__).resolve().parents[2] / "apps"


@pytest.fixture
def app(monkeypatch):
    monkeypatch.syspath_prepend(str(APPS))
    return importlib.import_module("measures")


def test_inception_sees_gray_images_in_colour_and_both_splits(app, monkeypatch):
    seen = []

    def outputs(images, weights):
        seen.append((images.shape, weights))
        flat = images.reshape(len(images), -1)
        return InceptionOutputs(flat, flat[:, :10], "stand-in")

    monkeypatch.setattr(metrics, "inception_outputs", outputs)
    monkeypatch.setattr(app, "NUM_INCEPTION_IMAGES", 80)
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT,
                       tvd_weight=0, seed=1)
    splits = tiny.images(70, seed=1), tiny.images(60, seed=2)
    results = app.measure_by_inception(model, *splits, "weights.h5")
    assert sorted(seen) == [((n, 4, 4, 3), "weights.h5") for n in (60, 70, 80)]
    generated = np.repeat(np.concatenate(app.sample_each(model, 40)), 3, axis=-1).reshape(80, -1)
    for name, real in zip(("fid_train", "fid_test"), splits, strict=True):
        real = np.repeat(real, 3, axis=-1).reshape(len(real), -1)
        assert results[name] == pytest.approx(metrics.frechet_distance(real, generated), rel=1e-6)
    assert results["inception_score"] == pytest.approx(
        metrics.classifier_score(generated[:, :10]), rel=1e-6)
    assert (results["inception_by"], results["inception_images"]) == ("stand-in", 80)


def test_mnist_without_tfgan_is_measured_by_the_classifier(app, monkeypatch, caplog):
    monkeypatch.setattr(app.importlib.util, "find_spec", lambda name: None)
    real, classifier = tiny.images(60, seed=1), tiny.classifier()
    images = [tiny.images(30, seed=2), tiny.images(30, seed=3)]
    with caplog.at_level("WARNING"):
        results = app.measure(images, real, classifier, "my classifier", "mnist:3.0.1")
    assert "TF-GAN is not installed" in caplog.text
    assert results["frechet_features"] == "logits of: my classifier"
    logits = [metrics.classifier_logits(x, classifier) for x in (real, np.concatenate(images))]
    assert results["frechet_distance"] == pytest.approx(metrics.frechet_distance(*logits), rel=1e-6)
