"""How well an independent classifier distinguishes generated vectors from real ones."""

from typing import NamedTuple

import numpy as np

from keras_multigan.metrics import _vectors


class Judgement(NamedTuple):
    """Result of `judge_accuracy`.

    Attributes:
        accuracy: fraction of held-out samples that the Judge classifies correctly. Guessing gives 0.5.
        tvd_bound: max(2 accuracy - 1, 0), a lower bound of the total variation distance between the two
            distributions, up to the statistical error of the accuracy.
    """

    accuracy: float
    tvd_bound: float


def judge_accuracy(real: np.ndarray, fake: np.ndarray, *, width: int = 256, seed: int = 0) -> Judgement:
    """Trains a classifier, the Judge, to distinguish real from generated vectors, and tests it.

    Source: "Lessons Learned from the Training of GANs on Artificial Datasets" (Tang, 2020), section
        III-C
    and proposition 1: TVD >= 2 E[accuracy] - 1, with equality for the best possible classifier.

    The paper has 25,600 samples of each kind and an MLP of 5 layers of 1024 units. It trains for
    100,000 iterations on fresh samples. Here the samples are a finite set. One half of them trains an
    MLP of 5 layers (three hidden ones, from scikit-learn, ReLU, on standardised vectors). Training ends
    if the accuracy on a tenth of that half has not improved for 5 epochs. The other half is the test
    set. The standard error of the accuracy is at most 0.5 / sqrt(test samples), 0.003 for the paper's
    numbers.

    Compare only accuracies for equal numbers of samples: with more samples to learn from, the Judge is
    better.

    Args:
        real: array (N, d), finite, N >= 100.
        fake: array (M, d), finite, M >= 100. The larger set is cut to the size of the other, at random.
        width: units per hidden layer.
        seed: int >= 0 that fixes the split and the Judge.

    Returns:
        A `Judgement` (accuracy, tvd_bound).

    Raises:
        ValueError: a wrong rank, different d, too few samples, or values that are not finite.
    """
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    train, test = (
        (np.concatenate(half), np.repeat([1, 0], len(half[0])))
        for half in _vectors.halves(real, fake, seed, minimum=100)
    )
    judge = make_pipeline(
        StandardScaler(),
        MLPClassifier((width, width, width), batch_size=min(256, len(train[0])), early_stopping=True,
                      n_iter_no_change=5, random_state=seed),
    )
    # Matrices this small gain little from threads, and lose much if other programs use the cores.
    with threadpool_limits(1):
        accuracy = float(judge.fit(*train).score(*test))
    return Judgement(accuracy, max(2 * accuracy - 1, 0.0))
