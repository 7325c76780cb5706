"""What AdaGAN and MWU share: one GAN after the other, each on the data that those before it miss."""

import random

import keras
import numpy as np
from keras import ops

from keras_multigan import internals, losses
from keras_multigan.checks import check_samples, check_score, cloned, non_negative, whole_number
from keras_multigan.multigan import MultiGAN
from keras_multigan.training import Phase, feed

GAME = losses.adversarial_loss("vanilla")
_LARGEST = 18.0  # logit of a discriminator of data against fakes: ratios are in [1e-8, 1e8]


class BoostedGAN(MultiGAN):
    """Rounds, each with a generator of its own and weights of the samples.

    `generators[-1]` is the one that is trained. When a round ends it leaves its weights (the averaged
    ones, if there are any) to the generator of that round, and begins anew, as do discriminator and
    optimizers; so at the end `generators[t]` is that of round t. A round is `epochs_per_round` epochs,
    and `fit` begins it by the number of the epoch; the last round has all further epochs.

    Densities are compared by networks like the discriminator, each new and trained for the purpose on
    batches of data and of fakes, by an Adam of its own. With l its logits, exp(-l) estimates the ratio
    of fakes to data. They depend on data, earlier generators, `seed` and round, and on no optimizer of
    `compile`, so that a resumed run finds the same weights.

    A subclass defines `sample_weights` and `shares`.
    """

    log_names = ("score_gap", "round")
    settable = ("epochs_per_round",)

    def __init__(self, generators, discriminator, *, latent_dim, epochs_per_round=None,
                 ratio_updates=None, ratio_learning_rate=8e-4, seed=None, **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        self.discriminator = discriminator
        check_score(discriminator, self.image_shape, "discriminator")
        self.epochs_per_round = whole_number(epochs_per_round, "epochs_per_round", or_none=True)
        self.ratio_updates = whole_number(ratio_updates, "ratio_updates", or_none=True)
        self.ratio_learning_rate = non_negative(ratio_learning_rate, "ratio_learning_rate")
        shapes = [[w.shape for w in g.weights] for g in self.generators]
        if any(each != shapes[0] for each in shapes):
            raise ValueError("generators are expected to have weights of the same shapes. Received: "
                             "others. Build them with the same arguments.")
        for network in (self.generators[-1], discriminator):
            fresh(network, 0)  # fails now, not in the second round
        self.round_value = self.add_weight(shape=(), initializer="zeros", dtype="float32",
                                           trainable=False, name="round", autocast=False)
        # Generators that are trained when an epoch ends; the first always counts.
        self.add_schedule("num_trained", lambda epoch: max(1, min(
            self.num_generators, (epoch + 1) // (self.epochs_per_round or epoch + 1))))

    def sample_weights(self, samples: np.ndarray, number: int, batch_size: int) -> np.ndarray:
        """The weights, float64 (N,) with the sum 1, of the training samples in round `number`."""
        raise NotImplementedError

    def shares(self, count: int) -> np.ndarray:
        """The shares of the first `count` generators in their mixture, float64 (count,)."""
        raise NotImplementedError

    def phases(self):
        return [
            Phase("discriminator", self.discriminator_loss, [self.discriminator]),
            Phase("generator", self.generator_loss, [self.generators[-1]]),
        ]

    @property
    def mixture_weights(self):
        finished, trained = (int(ops.convert_to_numpy(v))
                             for v in (self.round_value, self.num_trained_value))
        weights, shares = np.zeros(self.num_generators), self.shares(trained)
        finished = min(finished, trained)
        weights[:finished] = shares[:finished]
        weights[-1] += shares[finished:].sum()
        return None if np.allclose(weights, weights[0], rtol=1e-9) else weights

    @property
    def averaged_steps(self):
        return self.optimizer["generator"].iterations - 1  # of the round

    def averages(self):
        return super().averages()[-1:]  # rounding would move the others

    def default_optimizer(self, phase):
        return keras.optimizers.Adam(1e-3 if phase == "generator" else 1e-4, beta_1=0.5)

    def discriminator_loss(self, samples, labels):
        fakes = self.draw_images(self.num_generators - 1, samples.shape[0])
        real_scores, fake_scores = self.scores(samples), self.scores(fakes)
        logs = {"score_gap": ops.mean(real_scores) - ops.mean(fake_scores),
                "round": self.round_value + 1}
        return ops.mean(GAME.real(real_scores)) + ops.mean(GAME.fake(fake_scores)), logs

    def generator_loss(self, samples, labels):
        fakes = self.draw_images(self.num_generators - 1, samples.shape[0])
        return ops.mean(GAME.generator(self.scores(fakes))), {}

    def scores(self, samples):
        return ops.cast(self.discriminator(samples, training=True), "float32")

    def fit(self, x, y=None, batch_size: int | None = None, epochs: int = 1, verbose="auto",
            callbacks=None, initial_epoch: int = 0, sample_weight=None,
            **others) -> keras.callbacks.History:
        """Trains the rounds of the epochs `initial_epoch` to `epochs`; see `Trainer.fit`.

        Args:
            x: images (N, H, W, C), floats in [-1, 1], or vectors (N, d): an array, list or tensor, for
                every sample gets a weight.
            y, sample_weight: must be None.

        Raises:
            ValueError: as `Trainer.fit`; fewer epochs than generators, if `epochs_per_round` is None;
                an `initial_epoch` that is neither in the round so far nor in the next.
            TypeError: x is no array.
        """
        internals.check_compiled(self, "fit")
        who = type(self).__name__
        if not feed.is_array(x):
            raise TypeError(f"{who} expects all training samples as one array, for each gets a weight. "
                            f"Received: {type(x).__name__}. Draw some, or load the images into memory.")
        if y is not None or sample_weight is not None:
            raise ValueError(f"{who} expects samples alone: it has no labels, and finds the weights "
                             "itself. Received: y or sample_weight. Leave them out.")
        samples = np.asarray(feed.to_numpy(x), "float32")
        check_samples(samples, self.image_shape)
        if self.epochs_per_round is None:
            if epochs < self.num_generators:
                raise ValueError(
                    f"{who} expects an epoch at least for each of its {self.num_generators} rounds. "
                    f"Received: epochs={epochs}. Train longer, with fewer steps_per_epoch.")
            self.epochs_per_round = epochs // self.num_generators
        self._ratios, history = {}, None
        while True:
            number = min(initial_epoch // self.epochs_per_round, self.num_generators - 1)
            end = (number + 1) * self.epochs_per_round
            ends = number + 1 < self.num_generators and end < epochs
            stop = _EndOfRound(end)
            with self.scope():
                self._begin(number)
                weights = self.sample_weights(samples, number, batch_size or 32)
            part = super().fit(
                _WeightedRows(samples, weights), batch_size=batch_size, epochs=epochs, verbose=verbose,
                callbacks=[*keras.tree.flatten(callbacks or []), *[stop] * ends],
                initial_epoch=initial_epoch, **others)
            history = _joined(history, part)
            if not stop.reached:
                self.history = history
                return history
            self.stop_training, initial_epoch = False, end

    def _begin(self, number):
        """Begins round `number`, if it is the next."""
        now = int(ops.convert_to_numpy(self.round_value))
        if number == now:
            return
        if number != now + 1:
            length = self.epochs_per_round
            raise ValueError(
                f"initial_epoch is expected to be in round {now}, epochs {now * length} to "
                f"{(now + 1) * length - 1}, or in the next. Received: an epoch of round {number}. Give "
                "the number of epochs that the model has had.")
        trained, current = self.sampling_generators[-1].get_weights(), self.generators[-1]
        for networks in (self.generators, self.averaged_generators):
            if networks:
                networks[now].set_weights(trained)
        for who, network in (("generator", current), ("discriminator", self.discriminator)):
            network.set_weights(fresh(network, f"{self.seed} {number} {who}").get_weights())
        if self.averaged_generators:
            self.averaged_generators[-1].set_weights(current.get_weights())
        self.optimizer.restart()
        self.round_value.assign(number)

    def ratios(self, samples, counts, batch_size) -> np.ndarray:
        """Estimates (N,) of the density of fakes over that of the data, at the samples (N, ...).

        Args:
            counts: fakes of each generator, a list that begins with generator 0.
        """
        counts = [int(count) for count in counts]
        numbers = np.random.default_rng([self.seed, *counts])
        fakes = np.concatenate([
            self.sample(count, generator=k, seed=int(numbers.integers(2**31)))
            for k, count in enumerate(counts) if count])
        network = fresh(self.discriminator, f"{self.seed} {counts}")
        network.compile(keras.optimizers.Adam(self.ratio_learning_rate, beta_1=0.5),
                        keras.losses.BinaryCrossentropy(from_logits=True))
        targets = np.repeat([1.0, 0.0], batch_size).astype("float32")[:, None]

        def batches():
            while True:
                rows = [x[numbers.integers(len(x), size=batch_size)] for x in (samples, fakes)]
                yield np.concatenate(rows), targets

        updates = self.ratio_updates or -(-10 * len(samples) // batch_size)
        network.fit(batches(), steps_per_epoch=updates, shuffle=False, verbose=0)
        logits = self.run_network(network, samples)[:, 0].astype("float64")
        del self._inference[id(network)]
        return np.exp(-np.clip(logits, -_LARGEST, _LARGEST))


def fresh(network: keras.Model, seed: int | str) -> keras.Model:
    """A new network with the layers of `network` and initial weights that `seed` fixes.

    Raises:
        ValueError: `network` is neither functional nor sequential.
    """
    state = random.getstate()
    random.seed(seed)  # from which initializers without a seed of their own draw one
    try:
        return cloned(network)
    finally:
        random.setstate(state)


class _WeightedRows:
    """Rows of samples (N, ...), drawn by weights, as `fit` takes a source."""

    def __init__(self, samples, weights):
        self.samples, self.ends = samples, np.cumsum(weights)

    def __len__(self):
        return len(self.samples)

    def stream(self, *, batch_size, seed, start=0):
        """Batches that depend on the seed and their position alone."""
        while True:
            places = np.random.default_rng([seed, start]).random(batch_size) * self.ends[-1]
            yield (self.samples[np.searchsorted(self.ends, places, side="right")],)
            start += 1


class _EndOfRound(keras.callbacks.Callback):
    """Ends `fit` with the last epoch of a round, if nothing else has."""

    def __init__(self, end):
        super().__init__()
        self.end, self.reached = end, False

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.end and not self.model.stop_training:
            self.model.stop_training = self.reached = True


def _joined(history, part):
    """One `History` of two calls of `fit`; the first may be None."""
    if history is None:
        return part
    history.epoch += part.epoch
    for name, values in part.history.items():
        history.history.setdefault(name, []).extend(values)
    return history
