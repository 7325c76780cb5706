"""Trained generators without their critics: what ships, and what `pretrained` gives."""

import keras
import numpy as np

from keras_multigan import shipped
from keras_multigan.internals import flatten_layers
from keras_multigan.multigan import MultiGAN


@keras.saving.register_keras_serializable("keras_multigan")
class TrainedGenerators(MultiGAN):
    """Generators that are trained, to sample from and to export. It has no phases.

    Args:
        generators, latent_dim, seed: as for `MultiGAN`.
        shares: the generators' shares of the mixture, n numbers of at least 0 with a positive sum; None
            if they are equal.

    Raises:
        ValueError: shares of another number, negative ones, or only zeros.
    """

    def __init__(self, generators, *, latent_dim: int, shares: list[float] | None = None,
                 seed: int | None = None, **kwargs):
        super().__init__(generators, latent_dim=latent_dim, seed=seed, **kwargs)
        if shares is not None:
            values = np.asarray(shares, "float64")
            if values.shape != (self.num_generators,) or not (
                    np.isfinite(values).all() and values.min() >= 0 and values.sum() > 0):
                raise ValueError(f"shares are expected to be {self.num_generators} finite numbers of "
                                 f"at least 0, not all 0. Received: {shares}. Give one per generator.")
            shares = (values / values.sum()).tolist()
        self.shares = shares

    @classmethod
    def of(cls, model: MultiGAN) -> "TrainedGenerators":
        """The networks that `model` samples from, not copies of them, with its shares."""
        networks, shares = list(model.sampling_generators), model.mixture_weights
        owned = [{id(layer) for layer in flatten_layers(g) if layer.weights} for g in networks]
        if len(set().union(*owned)) < sum(map(len, owned)):
            networks = _joint(networks, model.latent_dim)
        return cls(networks, latent_dim=model.latent_dim, seed=model.seed,
                   shares=None if shares is None else shares.tolist())

    @property
    def mixture_weights(self):
        return None if self.shares is None else np.array(self.shares)

    def phases(self):
        return []

    def compile(self, *args, **kwargs):
        """Not there: the critics are not in the file."""
        raise ValueError("Trained generators are expected to be sampled from: their critics are not "
                         "here. Received: compile. To train on, give them to a model of "
                         "keras_multigan.models with new critics, or train again with the command of "
                         "their README.md.")


def _joint(networks, latent_dim):
    """One functional model with an output per network, whose file holds once what they share."""
    noise = keras.Input((latent_dim,), name="noise")

    def output(network):
        inputs = keras.tree.map_structure(lambda _: noise, network.input)  # a tensor or a list of one
        same = keras.models.clone_model(network, inputs, clone_function=lambda layer: layer)
        return same.outputs[0]

    return keras.Model(noise, [output(network) for network in networks])


def pretrained(name: str) -> TrainedGenerators:
    """A set of generators that ships trained. It needs no data and no network.

        model = keras_multigan.pretrained("commute_mnist")
        images = model.sample(10)                   # the mixture, (10, 16, 16, 1) in [-1, 1]
        images = model.sample(10, generator=2)      # one generator
        network = model.generators[2]               # a Keras model, noise (N, latent_dim) -> images

    The README.md in the set's folder in savedmodels/ is its card: data, options, command, measures,
    pictures, limits.

    Args:
        name: the folder's name.

    Raises:
        ValueError: there is no such set; lists all.
    """
    known = shipped.sets()
    if name not in known:
        raise ValueError("Expected the name of a trained set that ships: "
                         f"{', '.join(known) or 'there is none'}. Received: {name!r}. Your own models "
                         "load with keras.saving.load_model.")
    model = keras.saving.load_model(known[name] / "model.keras", compile=False, safe_mode=True)
    for network in model.generators:  # averages are frozen; a model that they are given to trains them
        network.trainable = False  # else Keras would see no change, and leave inner layers as they are
        network.trainable = True
    return model
