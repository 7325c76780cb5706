"""The base class of all multi-generator models: what a game is."""

import contextlib
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_multigan import export
from keras_multigan.checks import cloned, distinct, output_shape
from keras_multigan.training import Trainer
from keras_multigan.training.stacking import stored


class MultiGAN(Trainer):
    """Several generators trained against shared critics, as a list of phases.

    A subclass is one paper's mathematics: it creates its networks, defines `phases()`, names its extra
    logs in `log_names` and, if it has loss weights that change by epoch, calls `add_schedule`. See
    `training.Trainer` for compile, fit and saving.

    Args:
        generators: list of Keras models, noise (N, latent_dim) -> images (N, H, W, C), all of one
            image shape; or -> vectors (N, d). Generators that share layers come as one functional
            model with one output per generator.
        latent_dim: length of a noise vector; noise is standard normal.
        seed: int that fixes noise and data order. None draws one from NumPy's random state, which
            `keras.utils.set_random_seed` fixes.
        ema: decay of averaged copies of the generators, in [0, 1), from which `sample` and export draw.
            Every model takes it. None: no copies.
        clone: function without arguments that returns new copies of the generators, which share among
            each other what these do. None: each generator is copied for itself.

    After every step t = 0, 1, ... an averaged weight a moves to d a + (1 - d) w, with w the generator's
    and d = min(ema, (1 + t) / (10 + t)), which forgets the initial weights in runs of any length. Batch
    normalisation statistics are copied.

    Raises:
        ValueError: no generators, their shapes do not fit `latent_dim` or each other, ema out of range.
    """

    alike = (("generators", "averaged_generators"),)
    fixed = (*Trainer.fixed, "latent_dim")

    # Of models that have such an argument:
    generator_batch_size = None
    epochs_per_round = None  # that each generator is trained, one after the other

    def __init__(self, generators, *, latent_dim: int, seed: int | None = None,
                 ema: float | None = None, clone: Callable | None = None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self._joint_generators = None
        self._shares = None
        if isinstance(generators, keras.Model) and len(getattr(generators, "outputs", None) or []) > 1:
            self._joint_generators = generators
            generators = [keras.Model(generators.input, o) for o in generators.outputs]
        # Those that a model made itself share what `clone` knows.
        shared = self._joint_generators is not None or clone is not None
        self.generators = list(generators) if shared else distinct(generators, "generators")
        self.latent_dim = int(latent_dim)
        shapes = [output_shape(g, (self.latent_dim,), f"generators[{k}]")
                  for k, g in enumerate(self.generators)]
        if len(set(shapes)) > 1 or len(shapes[0]) not in (1, 3):
            raise ValueError(
                "All generators are expected to give images of one shape (H, W, C), or vectors (d,). "
                f"Received: {shapes}. Give their builders the same image_shape."
            )
        self.image_shape = shapes[0]
        self.ema, self.averaged_generators = None, []
        if ema is not None:
            self.add_averages(ema, clone)

    def add_averages(self, ema: float, clone: Callable | None = None) -> None:
        """Creates `averaged_generators`, as the class describes."""
        if not 0 <= ema < 1:
            raise ValueError(f"ema is expected to be a number, 0 <= ema < 1. Received: {ema}")
        self.ema = float(ema)
        with keras.name_scope("average"):  # no two weights have one path
            if clone is not None:
                self.averaged_generators = clone()
            elif self._joint_generators is not None:
                joint = cloned(self._joint_generators)
                self.averaged_generators = [keras.Model(joint.input, o) for o in joint.outputs]
            else:
                self.averaged_generators = [cloned(g) for g in self.generators]
        for average, generator in zip(self.averaged_generators, self.generators, strict=True):
            average.set_weights(generator.get_weights())
            average.trainable = False
            average.name = f"average_{generator.name}"

    def step(self, images, labels, sample_weights):
        super().step(images, labels, sample_weights)
        if not self.averaged_generators:
            return
        steps = ops.cast(self.averaged_steps, "float32")
        decay = ops.minimum(self.ema, (1 + steps) / (10 + steps))
        weights = [stored(w for network in networks for w in network.weights)
                   for networks in zip(*self.averages(), strict=True)]
        for mean, value in zip(*weights, strict=True):
            mean.assign(decay * mean + (1 - decay) * value if value.trainable else value)

    @property
    def averaged_steps(self):
        """Steps before the current one that `averaged_generators` have followed: those of the run,
        unless weights begin anew in its midst."""
        return self.optimizer.iterations

    def averages(self) -> list:
        """The pairs (averaged copy, generator) that a step moves."""
        return list(zip(self.averaged_generators, self.generators, strict=True))

    @property
    def batch_parts(self) -> str:
        return f"{self.num_generators} generators"

    @property
    def num_generators(self) -> int:
        return len(self.generators)

    @property
    def mixture_weights(self) -> np.ndarray | None:
        """The generators' shares of the mixture, an array (n,); None if they are equal."""
        return None

    @property
    def sampling_generators(self) -> list[keras.Model]:
        """The networks that `sample` and export use: the averaged generators if there are any."""
        return self.averaged_generators or self.generators

    def draw_images(self, generator: int, batch_size: int):
        """Training-mode images (batch_size, H, W, C) of generator number `generator`."""
        noise = self.draw(keras.random.normal, batch_size, self.latent_dim)
        return self.generators[generator](noise, training=True)

    def draw_noise(self, batch_size: int):
        """Noise (n, batch_size, latent_dim) for all generators."""
        # Rows are samples, of which a replica has its share.
        noise = self.draw(keras.random.normal, batch_size, self.num_generators, self.latent_dim)
        return ops.swapaxes(noise, 0, 1)

    def draw_each(self, batch_size: int):
        """Training-mode images (n, batch_size, H, W, C) of all generators, each from its own noise."""
        return self.run_each(self.generators, self.draw_noise(batch_size))

    def draw_mixture(self, batch_size: int):
        """Training-mode images, `batch_size` from each generator; image i is generator i mod n's.

        In this order one replica's share of a global batch has all generators in it.
        """
        images = ops.swapaxes(self.draw_each(batch_size), 0, 1)
        return ops.reshape(images, (-1, *self.image_shape))

    def draw_alike(self, batch_size: int):
        """Training-mode images (n, batch_size, H, W, C) of all generators from the same noise."""
        noise = self.draw(keras.random.normal, batch_size, self.latent_dim)
        if self._joint_generators is not None:  # what they share is computed once
            return ops.stack(self._joint_generators(noise, training=True))
        count = self.num_generators
        return self.run_each(self.generators, ops.repeat(noise[None], count, axis=0))

    def own_batch_size(self, default: int) -> int:
        """Samples that each generator makes on this replica: its share of `generator_batch_size`, or
        `default` if that is None."""
        if self.generator_batch_size is None:
            return default
        return self.generator_batch_size // self.engine.num_replicas()

    def check_batch_size(self, batch_size: int) -> None:
        super().check_batch_size(batch_size)
        replicas = self.engine.num_replicas()
        if self.generator_batch_size is not None and self.generator_batch_size % replicas:
            raise ValueError("generator_batch_size is expected to be a multiple of the number of "
                             f"replicas, {replicas}. Received: {self.generator_batch_size}")

    def call(self, noise, training=False):
        """Images of the mixture from noise (N, latent_dim). Row i is of generator i mod n, or, if the
        shares are not equal, of the generator at the place (i + 1/2) / N of all shares."""
        networks = self.generators if training else self.sampling_generators
        count, rows = self.num_generators, ops.arange(ops.shape(noise)[0])
        chosen, weights = rows % count, self._shares or (self.mixture_weights,)
        if weights[0] is not None:
            places = (ops.cast(rows, "float32") + 0.5) / ops.cast(ops.shape(noise)[0], "float32")
            chosen = ops.searchsorted(np.cumsum(weights[0])[:-1].astype("float32"), places,
                                      side="right")
        chosen = ops.reshape(ops.one_hot(chosen, count), (-1, count, *[1] * len(self.image_shape)))
        images = ops.stack([network(noise, training=training) for network in networks], axis=1)
        return ops.sum(images * ops.cast(chosen, images.dtype), axis=1)

    def predict(self, *args, **kwargs):
        """As `keras.Model.predict`: images of the mixture from noise, `call` for each batch."""
        with self._known_shares():
            return super().predict(*args, **kwargs)

    def predict_on_batch(self, x):
        """As `keras.Model.predict_on_batch`."""
        with self._known_shares():
            return super().predict_on_batch(x)

    @contextlib.contextmanager
    def _known_shares(self):
        """While it is open, `call` does not ask for `mixture_weights`, which a trace could not do."""
        weights = self.mixture_weights
        if weights is not None:
            self.predict_function = None  # it has the weights of its time
        self._shares = (weights,)
        try:
            yield
        finally:
            self._shares = None

    def export(self, filepath, **kwargs) -> list[str]:
        """`keras_multigan.export.export_generators(self, filepath, **kwargs)`."""
        return export.export_generators(self, filepath, **kwargs)

    def sample(self, num_samples: int, generator: int | None = None, seed: int | None = None,
               batch_size: int = 500) -> np.ndarray:
        """Generates images in inference mode.

        Args:
            num_samples: number of images N, at least 1.
            generator: number of the generator to use. None is the mixture, in which image i comes
                from generator i mod n, so that all have equal shares, or from one that is drawn by
                `mixture_weights`.
            seed: int for repeatable images; None for new ones at every call.
            batch_size: images computed at a time.

        Returns:
            float32 NumPy array (N, H, W, C), or (N, d) if the samples are vectors.

        Raises:
            ValueError: num_samples < 1 or there is no such generator.
        """
        n = self.num_generators
        if num_samples < 1:
            raise ValueError(f"num_samples is expected to be >= 1. Received: {num_samples}")
        if generator is not None and not 0 <= generator < n:
            raise ValueError(
                f"generator is expected to be None (the mixture) or in 0..{n - 1}. "
                f"Received: {generator}"
            )
        if seed is None:  # Keras would make a variable, which all workers of a strategy must do
            seed = np.random.randint(2**31)
        noise = ops.convert_to_numpy(keras.random.normal((num_samples, self.latent_dim), seed=seed))
        networks = self.sampling_generators
        if generator is not None:
            return self.run_network(networks[generator], noise, batch_size)
        chosen = np.arange(num_samples) % n
        with self.engine.local_copies(self):
            weights = self.mixture_weights
        if weights is not None:
            chosen = np.random.default_rng(seed).choice(n, num_samples, p=weights)
        images = np.empty((num_samples, *self.image_shape), "float32")
        for k in np.unique(chosen):
            images[chosen == k] = self.run_network(networks[k], noise[chosen == k], batch_size)
        return images

    def get_config(self) -> dict:
        config = super().get_config()
        if "generators" in config and self._joint_generators is not None:
            config["generators"] = keras.saving.serialize_keras_object(self._joint_generators)
        return {**config, "latent_dim": self.latent_dim, **({} if self.ema is None else {
            "ema": self.ema})}
