"""How well an independent classifier tells generated vectors from real ones."""

from typing import NamedTuple

import numpy as np

from keras_multigan.metrics import _vectors


class Judgement(NamedTuple):
    """What `judge_accuracy` returns.

    Attributes:
        accuracy: share of held-out samples that the Judge tells right; 0.5 is guessing.
        tvd_bound: 2 accuracy - 1, at least 0: the total variation distance between the two
            distributions is no smaller, up to the accuracy's own error.
    """

    accuracy: float
    tvd_bound: float


def judge_accuracy(real, fake, *, width=256, seed=0):
    """Trains a classifier, the Judge, to tell real vectors from generated ones, and tests it.

    Source: "Lessons Learned from the Training of GANs on Artificial Datasets" (Tang, 2020), section
    III-C and proposition 1: TVD >= 2 E[accuracy] - 1, with equality for the best classifier there is.
    The paper has 25,600 samples of each, an MLP of 5 layers of 1024 and 100,000 iterations on fresh
    samples. Here the samples are a finite set: one half of them trains an MLP of 5 layers (three hidden
    ones, scikit-learn's, ReLU, on standardised vectors) until its accuracy on a tenth of that half has
    not improved for 5 epochs; the other half is the test. The standard error of the accuracy is at
    most 0.5 / sqrt(test samples), 0.003 for the paper's numbers.

    Compare only accuracies of equally many samples: a Judge with more to learn from is a better one.

    Args:
        real: `(N, d)` array, finite, N >= 100.
        fake: `(M, d)` array, finite, M >= 100. The longer of the two sets is cut, at random.
        width: units in a hidden layer.
        seed: int >= 0; fixes the split and the Judge.

    Returns:
        A `Judgement`: (accuracy, tvd_bound).

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
    # Threads win little in products this small, and lose much where another program has the cores.
    with threadpool_limits(1):
        accuracy = float(judge.fit(*train).score(*test))
    return Judgement(accuracy, max(2 * accuracy - 1, 0.0))
