"""Which implementation measures what, and the printed report."""

import importlib.util

import numpy as np
import pytest
import tiny

from keras_multigan import metrics
from keras_multigan.metrics.inception import InceptionOutputs
from keras_multigan.models import ComMutEGAN
from keras_multigan.runs import measures, printing
from keras_multigan.runs.run import sample_each

pytestmark = pytest.mark.fast


def test_inception_sees_gray_images_in_colour_and_both_splits(monkeypatch):
    seen = []

    def outputs(images, weights):
        seen.append((images.shape, weights))
        flat = images.reshape(len(images), -1)
        return InceptionOutputs(flat, flat[:, :10], "stand-in")

    monkeypatch.setattr(metrics, "inception_outputs", outputs)
    monkeypatch.setattr(measures, "NUM_INCEPTION_IMAGES", 80)
    model = ComMutEGAN([tiny.generator(), tiny.generator()], tiny.critic(), latent_dim=tiny.LATENT,
                       tvd_weight=0, seed=1)
    splits = tiny.images(70, seed=1), tiny.images(60, seed=2)
    results = measures.measure_by_inception(model, *splits, "weights.h5")
    assert sorted(seen) == [((n, 4, 4, 3), "weights.h5") for n in (60, 70, 80)]
    generated = np.repeat(np.concatenate(sample_each(model, 40)), 3, axis=-1).reshape(80, -1)
    for name, real in zip(("fid_train", "fid_test"), splits, strict=True):
        real = np.repeat(real, 3, axis=-1).reshape(len(real), -1)
        assert results[name] == pytest.approx(metrics.frechet_distance(real, generated), rel=1e-6)
    assert results["inception_score"] == pytest.approx(
        metrics.classifier_score(generated[:, :10]), rel=1e-6)
    assert (results["inception_by"], results["inception_images"]) == ("stand-in", 80)


def test_weights_of_inception_that_are_not_there():
    with pytest.raises(FileNotFoundError, match="The flag is --inception=absent.h5; --inception=none"):
        measures.inception_outputs(tiny.images(2), "absent.h5")


def test_mnist_without_tfgan_is_measured_by_the_classifier(monkeypatch, caplog):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    real, classifier = tiny.images(60, seed=1), tiny.classifier()
    images = [tiny.images(30, seed=2), tiny.images(30, seed=3)]
    with caplog.at_level("WARNING"):
        results = measures.measure(images, real, classifier, "my classifier", "mnist:3.0.1")
    assert "TF-GAN is not installed" in caplog.text
    assert results["frechet_features"] == "logits of: my classifier"
    logits = [metrics.classifier_logits(x, classifier) for x in (real, np.concatenate(images))]
    assert results["frechet_distance"] == pytest.approx(metrics.frechet_distance(*logits), rel=1e-6)


def test_a_mixture_is_measured_in_its_shares():
    images = [np.full((10, 1), k) for k in range(3)]
    assert measures.in_shares(images, None) is images
    assert [len(x) for x in measures.in_shares(images, [0.5, 0.3, 0.2])] == [10, 6, 4]
    assert [len(x) for x in measures.in_shares(images[1:], [0, 0.5, 0.5])] == [10, 10]


def test_the_distance_on_logits_is_that_of_the_mixture():
    classifier, real = tiny.classifier(), tiny.images(60, seed=1)
    images = [tiny.images(30, seed=2), np.zeros((30, *tiny.SHAPE), "float32")]
    found = measures.measure(images, real, classifier, "tiny", "digits", [0.9, 0.1])
    wanted = np.concatenate([images[0], images[1][:3]])
    logits = [metrics.classifier_logits(x, classifier) for x in (real, wanted)]
    assert found["frechet_distance"] == pytest.approx(metrics.frechet_distance(*logits), rel=1e-6)
    assert found["classifier_score"] == pytest.approx(metrics.classifier_score(logits[1]), rel=1e-6)
    assert found["generated_images"] == 33 and len(found["frechet_distance_by_generator"]) == 2


def test_the_report():
    text = printing.report({
        "class_probabilities": [[0.25, 0.75]], "class_probabilities_by": "C", "pairwise_tvd": None,
        "frechet_distance": 1.23456, "frechet_features": "logits of: C", "fid_train": 7.0,
        "generated_images": 20, "real_images": 10, "mine": [0.5, 0.25]}, (("mine", "my own", ".1f"),))
    assert text.splitlines() == [
        "", "average class probabilities in % (C)", "                  0      1",
        "generator 0   25.00  75.00", "", "Frechet distance, mixture    1.235",
        "  on                         logits of: C", "FID, training images         7.00",
        "my own                       0.5, 0.2", "  from 20 generated and 10 real test images"]
    text = printing.report({"embedded_recall": 0.25, "embedded_real_recall": 0.875,
                            "embedded_generator_recall": [0.5, None]})
    assert text.splitlines()[1:] == ["  recall                     0.250 (real images: 0.875)",
                                     "  within generators, recall  0.50, -"]
    text = printing.report({"mode_shares": [[1.0, 0.0], [0.5, 0.5]]})
    assert "samples by nearest mode in %" in text and "generator 1   50.00  50.00" in text
