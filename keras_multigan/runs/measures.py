"""What is measured of generated images."""

import importlib.util
import math

import numpy as np
from absl import logging

from keras_multigan import data, metrics
from keras_multigan.runs.run import sample_each

# As in the papers on MNIST, where the test split has as many.
NUM_EVALUATION_IMAGES = 10_000
# As in the papers on CIFAR-10, where the train split has as many.
NUM_INCEPTION_IMAGES = 50_000
_OF_SETS = ("precision", "recall", "density", "coverage")


def evaluation_count(shape) -> int:
    """Images to measure: as in the papers, or fewer if they would take more than 256 MiB as floats."""
    return min(NUM_EVALUATION_IMAGES, 2**28 // (4 * math.prod(shape)))


def measure_embedded(images, train_images, test_images, embedding):
    """The measures of a mixture on an embedding, and those of training images in its place.

    Args:
        images: array (N, H, W, C) of the mixture's images.
        train_images, test_images: real images, arrays or image sets; train_images may be None.
        embedding: `metrics.Embedding`.

    Returns:
        dict for metrics.json. Precision, recall, density and coverage are of as many images of both
        sets, `embedded_count`.
    """
    def embedded(images):
        return np.concatenate([embedding(part) for part in data.in_parts(images)])

    test = embedded(test_images)
    found = metrics.embedded_measures(test, embedding(images))
    results = {"embedding": embedding.name, "embedded_frechet_distance": found.frechet_distance,
               **{f"embedded_{name}": getattr(found, name) for name in _OF_SETS},
               "embedded_count": found.count}
    if train_images is not None:
        floor = metrics.embedded_measures(test, embedded(train_images))
        results["embedded_floor"] = floor.frechet_distance
        if floor.recall is not None:
            results["embedded_of_training_images"] = [getattr(floor, name) for name in _OF_SETS]
    return results


def measure(images_by_generator, real, classifier, classifier_name, dataset):
    """The measures of a mixture with equal shares.

    Args:
        images_by_generator: list of n arrays (N, H, W, C) in [-1, 1].
        real: test images, an array or image set.
        classifier: Keras model, images -> logits.
        classifier_name: what to call it.
        dataset: "mnist" (or a version of it) gets TF-GAN's MNIST functions where TF-GAN is installed,
            all else the classifier's logits.

    Returns:
        dict for metrics.json.
    """
    probabilities = metrics.class_probabilities(images_by_generator, classifier)
    mixture = np.concatenate(images_by_generator)
    by_tfgan = dataset.split(":")[0] == "mnist"
    if by_tfgan and importlib.util.find_spec("tensorflow_gan") is None:
        logging.warning("TF-GAN is not installed: measured on the logits of %s.", classifier_name)
        by_tfgan = False
    if by_tfgan:
        def distance(images):
            return metrics.mnist_frechet_distance(real_images, images)

        real_images = np.concatenate(list(data.in_parts(real)))
        score = metrics.mnist_score(mixture)
        measured_by = score.classifier
    else:
        real_logits = np.concatenate(
            [metrics.classifier_logits(part, classifier) for part in data.in_parts(real)])

        def distance(images):
            return metrics.frechet_distance(
                real_logits, metrics.classifier_logits(images, classifier)
            )

        score = metrics.classifier_score(metrics.classifier_logits(mixture, classifier))
        measured_by = classifier_name
    return {
        "frechet_distance": float(distance(mixture)),
        "frechet_distance_by_generator": [float(distance(i)) for i in images_by_generator],
        "frechet_features": f"logits of: {measured_by}",
        "classifier_score": float(score),
        "pairwise_tvd": metrics.pairwise_tvd(probabilities),
        "class_probabilities": probabilities.round(6).tolist(),
        "class_probabilities_by": classifier_name,
        "generated_images": len(mixture),
        "real_images": len(real),
    }


def inception_outputs(images, weights):
    """`metrics.inception_outputs` of images of any number of channels that can be shown."""
    if images.shape[-1] == 1:
        images = np.repeat(images, 3, axis=-1)
    try:
        return metrics.inception_outputs(images, weights)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error} The flag is --inception={weights}; --inception=none trains "
                                "and measures without it.") from error


def measure_by_inception(model, train_images, test_images, weights):
    """Inception score and Frechet inception distances; see `metrics.inception_outputs`.

    Args:
        train_images, test_images: arrays or image sets.

    Returns:
        dict for metrics.json.
    """
    images = sample_each(model, NUM_INCEPTION_IMAGES // model.num_generators)
    generated = inception_outputs(np.concatenate(images), weights)

    def distance(real):
        parts = [inception_outputs(part, weights) for part in data.in_parts(real)]
        features, logits = (np.concatenate(arrays) for arrays in list(zip(*parts))[:2])
        return float(metrics.frechet_inception_distance(
            type(parts[0])(features, logits, parts[0].network), generated))

    distances = {"fid_train": distance(train_images), "fid_test": distance(test_images)}
    return {**distances, "inception_score": float(metrics.inception_score(generated)),
            "inception_by": generated.network, "inception_images": len(generated.logits)}
