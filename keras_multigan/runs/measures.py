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
# Training images that an FID is to, as many as STL-10 has; of more these are drawn.
NUM_TRAIN_IMAGES = 100_000
# Of an FID while a model trains.
NUM_FID_IMAGES = 10_000


def evaluation_count(shape) -> int:
    """Images to measure: as in the papers, or fewer if they would take more than 256 MiB as floats."""
    return min(NUM_EVALUATION_IMAGES, 2**28 // (4 * math.prod(shape)))


def measure_embedded(images_by_generator, train_set, test_set, embedding, weights=None):
    """The measures of a mixture on an embedding, and those of real images in its place.

    Args:
        images_by_generator: arrays (N, H, W, C), equally many of each generator.
        train_set: image set, of which at most as many images are used as for generators; None if there
            is none.
        test_set: image set.
        embedding: `metrics.Embedding`.
        weights: shares of the mixture, None if they are equal.

    Returns:
        dict for metrics.json: "embedding" and what `metrics.Reference.measure` returns, with the prefix
        "embedded_". With fewer than 7 images in a split, the Frechet distance to the test images alone.
    """
    images = in_shares(images_by_generator, weights)
    if train_set is None or min(len(train_set), len(test_set)) < 7:
        test = embedding(test_set.floats())
        found = metrics.embedded_measures(test, embedding(np.concatenate(images)))
        found = {name: value for name, value in found._asdict().items() if value is not None}
    else:
        found = metrics.Reference(drawn(train_set, evaluation_count(train_set.shape)), test_set,
                                  embedding).measure(images)
    return {"embedding": embedding.name, **{f"embedded_{name}": value for name, value in found.items()}}


def in_shares(images_by_generator, weights):
    """The most images of each generator that are in the shares `weights` of the mixture; all if that is
    None."""
    if weights is None:
        return images_by_generator
    weights = [w for w in weights if w > 0]
    total = min(len(x) / w for x, w in zip(images_by_generator, weights, strict=True))
    return [x[: max(1, round(total * w))] for x, w in zip(images_by_generator, weights, strict=True)]


def measure(images_by_generator, real, classifier, classifier_name, dataset, weights=None):
    """The measures of a mixture on the logits of a classifier.

    Args:
        images_by_generator: list of n arrays (N, H, W, C) in [-1, 1].
        real: test images, an array or image set.
        classifier: Keras model, images -> logits.
        classifier_name: what to call it.
        dataset: "mnist" (or a version of it) gets TF-GAN's MNIST functions where TF-GAN is installed,
            all else the classifier's logits.
        weights: shares of the mixture, None if they are equal.

    Returns:
        dict for metrics.json.
    """
    probabilities = metrics.class_probabilities(images_by_generator, classifier)
    mixture = np.concatenate(in_shares(images_by_generator, weights))
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
        "pairwise_tvd": tvd_of_several(probabilities),
        "class_probabilities": probabilities.round(6).tolist(),
        "class_probabilities_by": classifier_name,
        "generated_images": len(mixture),
        "real_images": len(real),
    }


def tvd_of_several(shares):
    """`metrics.pairwise_tvd` of a row per generator; None of one generator, which has no pair."""
    return metrics.pairwise_tvd(shares) if len(shares) > 1 else None


def inception_outputs(images, weights):
    """`metrics.inception_outputs` of an array or an image set, of any number of channels that can be
    shown."""
    try:
        parts = [metrics.inception_outputs(
            np.repeat(part, 3, axis=-1) if part.shape[-1] == 1 else part, weights)
            for part in data.in_parts(images)]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error} The flag is --inception={weights}; --inception=none trains "
                                "and measures without it.") from error
    features, logits = (np.concatenate([getattr(part, name) for part in parts])
                        for name in ("features", "logits"))
    return parts[0]._replace(features=features, logits=logits)


def fid_to(train_set, weights):
    """A function of images -> {"fid": their FID to training images}, for `callbacks.Evaluate`.

    Args:
        train_set: `data.ImageSet` or `data.ImageFiles`.
        weights: of `metrics.inception_outputs`.
    """
    real = []

    def measure(images):
        if not real:  # once there is something to compare
            real.append(inception_outputs(drawn(train_set), weights))
        return {"fid": metrics.frechet_inception_distance(
            real[0], inception_outputs(images, weights))}

    return measure


def drawn(train_set, count=NUM_TRAIN_IMAGES):
    """A set, or `count` of its images at random, in their order."""
    if len(train_set) <= count:
        return train_set
    return train_set.take(np.sort(np.random.default_rng(0).permutation(len(train_set))[:count]))


def measure_by_inception(model, train_images, test_images, weights):
    """Inception score and Frechet inception distances; see `metrics.inception_outputs`.

    Args:
        train_images, test_images: arrays or image sets.

    Returns:
        dict for metrics.json.
    """
    images = sample_each(model, NUM_INCEPTION_IMAGES // model.num_generators)
    mixture = np.concatenate(in_shares(images, model.mixture_weights))
    generated = inception_outputs(mixture, weights)
    distances = {
        name: float(metrics.frechet_inception_distance(inception_outputs(real, weights), generated))
        for name, real in (("fid_train", train_images), ("fid_test", test_images))}
    return {**distances, "inception_score": float(metrics.inception_score(generated)),
            "inception_by": generated.network, "inception_images": len(generated.logits)}
