"""A run on vectors: a synthetic distribution, training, measures."""

import dataclasses
from collections.abc import Callable

import keras

from keras_multigan import distribute
from keras_multigan.runs.images import Samples
from keras_multigan.runs.run import Run


def frames_every(epochs: int) -> int:
    """Epochs between two pictures of a run on vectors."""
    return max(1, epochs // 20)


@dataclasses.dataclass(frozen=True)
class VectorTask:
    """Trains and measures a method on vectors.

    Attributes:
        source: function (options) -> the source of `data.synthetic` that is learned.
        measure: function (options, source, model) -> results.
        picture: function (run, source, model, epoch) that draws what the run has to show, after one
            epoch in twenty and, with epoch=None, at the end.
        training_set: function (options, source) -> what `fit` gets; the source if None.
    """

    source: Callable
    measure: Callable
    picture: Callable
    training_set: Callable | None = None

    def like(self, options) -> Samples:
        """`Samples` of the right shape, without the data."""
        return Samples((self.source(options).dimension,))

    def count(self, options) -> int:
        """As `ImageTask.count`. Sources have no end."""
        return 0

    def train(self, run: Run) -> dict | None:
        """Does `run`. Returns the content of metrics.json, None on a worker that is not the first."""
        if done := run.finished():
            return done
        options, source = run.options, self.source(run.options)
        samples = source if self.training_set is None else self.training_set(options, source)
        with run.scope():
            model = run.build(self.like(options))
            model.check_batch_size(options.batch_size)
            run.open()
            every = frames_every(options.epochs)
            draw = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: (
                self.picture(run, source, model, epoch) if (epoch + 1) % every == 0 else None))
            seconds = run.fit(model, samples, None, draw)
        distribute.part(options.strategy)
        if not run.writes:
            return None
        results = run.keep(model, seconds)
        self.picture(run, source, model, None)
        return run.finish(results | self.measure(options, source, model))
