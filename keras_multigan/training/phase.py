"""What one turn of one player is."""

import dataclasses
import inspect
from collections.abc import Callable, Sequence

import keras

from keras_multigan import internals
from keras_multigan.training.stacking import stored


@dataclasses.dataclass(frozen=True)
class Phase:
    """One player's turn: minimise `loss` over the trainable variables of `networks`.

    Attributes:
        name: names the player. Its optimizer is compiled as `<name>_optimizer`, and its loss is logged
            as `<name>_loss`.
        loss: `loss(images, labels) -> (scalar float32, logs)`. images (m, H, W, C) is a batch of real
            samples, labels (m,) or None. logs is a dict of name -> scalar. The networks that are not
            updated count as constants. A loss with a third parameter `sample_weights` gets `fit`'s
            weights (m,), or None if `fit` has none.
        networks: the networks whose trainable variables are updated. They may share layers.
        repeats: updates per training step; see fresh.
        after: called without arguments after each update, for what follows it: averages or clipping
            of weights, for example.
        fresh: whether each update sees a batch of real samples of its own. Else all see the step's
            first.
    """

    name: str
    loss: Callable
    networks: Sequence[keras.Model]
    repeats: int = 1
    after: Callable | None = None
    fresh: bool = True

    def value(self, *batch):
        """`loss(*batch)`, plus the regularizers of the weights that this phase updates.

        Raises:
            ValueError: a layer of the networks has called `add_loss`, or has an activity regularizer.
        """
        value, logs = self.loss(*batch)
        if adding := internals.layers_that_added_losses(self.networks):
            raise ValueError(
                f"The networks of the phase {self.name!r} are expected to have regularizers of weights "
                f"only. Received: add_loss or an activity regularizer in {', '.join(adding)}. A step "
                "calls a network with real, generated and mixed samples, so it is not clear which call "
                "counts. Put the term into the loss of the phase."
            )
        for variable in self.weights:
            if variable.regularizer is not None:
                value = value + variable.regularizer(variable)
        return value, logs

    @property
    def weights(self) -> list[keras.Variable]:
        """The networks' own trainable variables."""
        found = {id(v): v for network in self.networks for v in network.trainable_variables}
        return list(found.values())

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables that are updated: of networks that run as one, stacks of their weights."""
        return stored(self.weights)

    @property
    def takes_sample_weights(self) -> bool:
        return "sample_weights" in inspect.signature(self.loss).parameters
