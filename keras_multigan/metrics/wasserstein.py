"""The Wasserstein distance, as an independent critic sees it."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_multigan import losses
from keras_multigan.data.stream import training_stream
from keras_multigan.metrics import _vectors
from keras_multigan.training import Phase, Trainer

_BATCH_SIZE = 1000  # vectors measured at a time


class WassersteinEstimate(NamedTuple):
    """What `wasserstein_estimate` returns.

    Attributes:
        distance: score_gap / lipschitz, the estimate.
        score_gap: mean D(real) - mean D(fake) over held-out samples.
        lipschitz: k, the largest gradient norm of D between held-out samples.
    """

    distance: float
    score_gap: float
    lipschitz: float


def wasserstein_estimate(real, fake, *, width=256, steps=500, batch_size=256, gp_weight=10.0,
                         learning_rate=1e-3, seed=0):
    """Estimates the Wasserstein-1 distance of real and generated vectors with a critic D of its own.

    Source: "Lessons Learned from the Training of GANs on Artificial Datasets" (Tang, 2020), section
    III-C and equation 2: D is trained as WGAN-GP's critic between the two sets, and the gap of its
    mean scores divided by its Lipschitz constant k. The paper has 25,600 samples of each, width 1024
    and 100,000 iterations, and does not say how k is found. Here one half of the samples trains D, and
    the other half measures the gap, and k as the largest norm of D's gradient on as many points
    between real and generated samples, which are what the penalty sees, too.

    The estimate is from below, up to the samples' own noise: D can be trained too little or, on few
    samples in many dimensions, too long, and k is the steepest of many slopes. It can be a little
    negative where the distributions are alike. Compare only estimates with the same arguments.

    Args:
        real: `(N, d)` array, finite, N >= 100.
        fake: `(M, d)` array, finite, M >= 100. The longer of the two sets is cut, at random.
        width: units in each of the three hidden layers of D, a `networks.mlp`.
        steps: updates of D, with Adam (0.5, 0.9), whose rate falls from `learning_rate` to 0.
        batch_size: vectors of each kind a step.
        gp_weight: weight of the gradient penalty.
        learning_rate: at first.
        seed: int >= 0; fixes D's first weights, the split, the order of samples and the interpolation.

    Returns:
        A `WassersteinEstimate`: (distance, score_gap, lipschitz).

    Raises:
        ValueError: a wrong rank, different d, too few samples, or values that are not finite; a
            training that has diverged.
    """
    train, (real, fake) = _vectors.halves(real, fake, seed, minimum=100)
    model = _WassersteinCritic(_vectors.critic(real.shape[1], width, seed), gp_weight, seed=seed)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(critic_optimizer=keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9))
    model.fit(_Pairs(*train), batch_size=batch_size, steps_per_epoch=steps, verbose=0)
    share = np.random.default_rng(seed).uniform(size=(len(real), 1)).astype("float32")
    gap = float(np.mean(model.scores(real)) - np.mean(model.scores(fake)))
    k = float(model.gradient_norms(share * real + (1 - share) * fake).max())
    if not 0 < k < np.inf or not np.isfinite(gap):
        raise ValueError("The critic is expected to end with finite gradients that are not 0. "
                         f"Received: a score gap of {gap} and a gradient norm of {k}. Change "
                         f"learning_rate, {learning_rate}, or scale the samples.")
    return WassersteinEstimate(gap / k, gap, k)


class _Pairs:
    """Endless batches (real, fake), each set shuffled in an order of its own."""

    def __init__(self, *sets):
        self.sets = sets

    def stream(self, *, batch_size, seed, start=0):
        orders = (training_stream(samples, batch_size=batch_size, seed=2 * seed + number, start=start)
                  for number, samples in enumerate(self.sets))
        return (real + fake for real, fake in zip(*orders, strict=True))


class _WassersteinCritic(Trainer):
    """WGAN-GP's critic and its loss, without a generator. The "labels" of a batch are its fakes."""

    def __init__(self, critic, gp_weight, *, seed):
        super().__init__(seed=seed)
        self.critic, self.gp_weight = critic, gp_weight
        self.image_shape = critic.input_shape[1:]

    def phases(self):
        return [Phase("critic", self.critic_loss, [self.critic])]

    def critic_loss(self, real, fake):
        penalty = self.gradient_penalty(self.critic, real, fake)
        loss = losses.critic_wasserstein(
            self.critic(real, training=True), self.critic(fake, training=True)
        )
        return loss + self.gp_weight * penalty, {}

    def scores(self, vectors):
        return _in_batches(lambda x: self.critic(x, training=False), vectors)

    def gradient_norms(self, vectors):
        gradients = _in_batches(lambda x: self.input_gradient(
            lambda y: self.critic(y, training=False), x), vectors)
        return np.linalg.norm(gradients, axis=1)


def _in_batches(function, vectors):
    batches = (vectors[i : i + _BATCH_SIZE] for i in range(0, len(vectors), _BATCH_SIZE))
    return np.concatenate([ops.convert_to_numpy(function(ops.convert_to_tensor(b))) for b in batches])
