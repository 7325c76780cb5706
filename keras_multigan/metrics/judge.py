"""How well an independent classifier distinguishes generated vectors from real ones."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_multigan.metrics import _vectors
from keras_multigan.training import Phase, Trainer

_BATCH_SIZE = 256  # the paper's
_AHEAD = 16  # batches drawn at a time


class Judgement(NamedTuple):
    """Result of `judge_accuracy`.

    Attributes:
        accuracy: fraction of held-out samples that the Judge classifies correctly. Guessing gives 0.5.
        tvd_bound: max(2 accuracy - 1, 0), a lower bound of the total variation distance between the two
            distributions, up to the statistical error of the accuracy.
    """

    accuracy: float
    tvd_bound: float


def judge_accuracy(
    real: np.ndarray | Callable, fake: np.ndarray | Callable, *, width: int = 256, seed: int = 0,
    steps: int | None = None, num_samples: int | None = None,
) -> Judgement:
    """Trains a classifier, the Judge, to distinguish real from generated vectors, and tests it.

    Source: "Lessons Learned from the Training of GANs on Artificial Datasets" (Tang, 2020), sections
    III-C and IV-D, and proposition 1: TVD >= 2 E[accuracy] - 1, with equality for the best possible
    classifier.

    Functions that draw samples are judged as in the paper: a network of 5 layers (three hidden ones of
    `width` units, LeakyReLU) is trained on new samples in every step, 256 of each kind, and tested on
    `num_samples` other ones of each. The paper has 100,000 steps and 25,600 samples, and Adam, whose
    learning rate it does not state: here 1e-3, which falls to 0 (betas 0.5 and 0.9). Vectors are
    standardised.

    Arrays are finite sets. One half of them trains an MLP of 5 layers (three hidden ones, from
    scikit-learn, ReLU, on standardised vectors). Training ends if the accuracy on a tenth of that half
    has not improved for 5 epochs. The other half is the test set. With more samples to learn from, this
    Judge is better.

    The standard error of the accuracy is at most 0.5 / sqrt(test samples), 0.002 for the paper's
    numbers. Compare only accuracies with the same arguments.

    Args:
        real, fake: functions (n, seed) -> new samples, an array (n, d), for an int seed >= 0. Or arrays
            (N, d) and (M, d), N, M >= 100, of which the larger is cut to the size of the other, at
            random. Finite. `data.synthetic.FiniteSamples` makes of an array what can be drawn from.
        width: units per hidden layer.
        seed: int >= 0 that fixes the samples or the split, and the Judge.
        steps: updates of the Judge of functions; 1,000 if None. None for arrays.
        num_samples: test samples of each kind, from functions; 25,600 if None. None for arrays.

    Returns:
        A `Judgement` (accuracy, tvd_bound).

    Raises:
        ValueError: a wrong rank, different d, too few samples, or values that are not finite; steps or
            num_samples beside arrays.
        TypeError: a function beside an array.
    """
    if callable(real) != callable(fake):
        raise TypeError("real and fake are expected to be two functions or two arrays. Received: "
                        f"{type(real).__name__} and {type(fake).__name__}. Draw an array with "
                        "data.synthetic.FiniteSamples.")
    if callable(real):
        accuracy = _endless(real, fake, width, seed, 1000 if steps is None else steps,
                            25_600 if num_samples is None else num_samples)
    elif steps is not None or num_samples is not None:
        raise ValueError("steps and num_samples are expected to be None beside arrays. Received: "
                         f"{steps} and {num_samples}. Leave them out, or give functions.")
    else:
        accuracy = _of_arrays(real, fake, width, seed)
    return Judgement(accuracy, max(2 * accuracy - 1, 0.0))


def _of_arrays(real, fake, width, seed):
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
        return float(judge.fit(*train).score(*test))


def _endless(real, fake, width, seed, steps, num_samples):
    pairs = _Draws(real, fake, seed=seed)
    judge = _Judge(_vectors.critic(pairs.dimension, width, seed), seed=seed)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    judge.compile(judge_optimizer=keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9))
    for step in range(steps):
        # Not by `fit`: its data thread would wait for a generator that waits for TensorFlow's.
        number, batch = divmod(step, _AHEAD)
        if batch == 0:
            drawn = pairs.draw(_AHEAD * _BATCH_SIZE, number + 1)
        rows = slice(batch * _BATCH_SIZE, (batch + 1) * _BATCH_SIZE)
        judge.train_on_batch(*(x[rows] for x in drawn))
    real_scores, fake_scores = (judge.run_network(judge.network, x, 2000)[:, 0]
                                for x in pairs.draw(num_samples, 0))
    return float(np.mean(real_scores > 0) + np.mean(fake_scores <= 0)) / 2


class _Draws:
    """New samples (real, fake) for each number, standardised by those of number 1. Number 0 is the
    test's."""

    def __init__(self, *sources, seed):
        self.sources, self.seed, self.scale = sources, seed, (0, 1)
        both = np.concatenate(self.draw(_AHEAD * _BATCH_SIZE, 1))
        self.dimension, deviation = both.shape[1], both.std(axis=0)
        self.scale = both.mean(axis=0), np.where(deviation > 0, deviation, 1)

    def draw(self, count, number):
        seeds = np.random.SeedSequence((self.seed, number, len(self.sources))).generate_state(2) >> 1
        drawn = _vectors.pair(*(source(count, int(s)) for source, s in
                                zip(self.sources, seeds, strict=True)), ("real", "fake"), 1)
        return tuple(((x - self.scale[0]) / self.scale[1]).astype("float32") for x in drawn)


class _Judge(Trainer):
    """A network whose score is the log odds of a real sample. The "labels" of a batch are its fakes."""

    def __init__(self, network, *, seed):
        super().__init__(seed=seed)
        self.network = network
        self.image_shape = network.input_shape[1:]

    def phases(self):
        return [Phase("judge", self.judge_loss, [self.network])]

    def judge_loss(self, real, fake):
        real, fake = (self.network(x, training=True) for x in (real, fake))
        return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake)), {}
