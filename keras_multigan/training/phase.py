"""What one turn of one player is."""

import dataclasses
from collections.abc import Callable, Sequence

import keras


@dataclasses.dataclass(frozen=True)
class Phase:
    """One player's turn: minimise `loss` over the trainable variables of `networks`.

    Attributes:
        name: names the player; its optimizer is compiled as `<name>_optimizer`, its loss is logged
            as `<name>_loss`.
        loss: `loss(images, labels) -> (scalar float32, logs)`. images (m, H, W, C) is a batch of
            real samples, labels (m,) or None; logs is a dict of name -> scalar. The networks that
            are not updated count as constants.
        networks: the networks whose trainable variables are updated. They may share layers.
        repeats: updates in one training step; each sees a batch of real samples of its own.
    """

    name: str
    loss: Callable
    networks: Sequence[keras.Model]
    repeats: int = 1

    @property
    def variables(self):
        found = {id(v): v for network in self.networks for v in network.trainable_variables}
        return list(found.values())
