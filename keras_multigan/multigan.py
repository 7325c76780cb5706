"""The base class of all multi-generator models."""

import functools

import keras
import numpy as np
from keras import ops

from keras_multigan import schedules
from keras_multigan.checks import output_shape
from keras_multigan.training import OptimizerGroup, feed, load_engine

_SEED_STATE = "seed_generator_state"


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator that draws differently on every replica of a distribution strategy.

    Keras' own gives all replicas the same numbers.
    """

    def next(self, ordered=True):
        return load_engine().fold_in_replica(super().next(ordered))


class MultiGAN(keras.Model):
    """Several generators trained against shared critics, as a list of phases.

    A subclass is one paper's mathematics: it creates its networks before calling
    `super().__init__`, and defines `phases()`, the names of its extra logs in `log_names` and, where
    it has loss weights that change by epoch, calls `add_schedule`.

    Args:
        generators: list of Keras models, noise (N, latent_dim) -> images (N, H, W, C), all of one
            image shape; or -> vectors (N, d). Generators that share layers come as one functional
            model with an output for each of them.
        latent_dim: length of a noise vector; noise is standard normal.
        seed: int that fixes noise and data order; from NumPy's random state if None, which
            `keras.utils.set_random_seed` fixes.

    Raises:
        ValueError: no generators, or their shapes do not fit `latent_dim` or each other.
    """

    log_names = ()
    num_classes = None  # a model that needs labels has their number here
    generator_batch_size = None  # of a model that has such an argument

    def __init__(self, generators, *, latent_dim, seed=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.engine = load_engine()
        self._joint_generators = None
        if isinstance(generators, keras.Model) and len(getattr(generators, "outputs", None) or []) > 1:
            self._joint_generators = generators
            generators = [keras.Model(generators.inputs, o) for o in generators.outputs]
        if not isinstance(generators, (list, tuple)) or not generators:
            raise ValueError(
                "generators is expected to be a list of at least one Keras model. Received: "
                f"{generators!r}. Pass, for example, [commute_generator() for _ in range(5)]."
            )
        if len({id(generator) for generator in generators}) < len(generators):
            raise ValueError(
                "generators is expected to hold distinct networks. Received: one network several "
                "times, as in [g] * n. Build one a generator: [make() for _ in range(n)]."
            )
        self.generators = list(generators)
        self.latent_dim = int(latent_dim)
        self.seed = np.random.randint(2**31) if seed is None else int(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        shapes = [output_shape(g, (self.latent_dim,), f"generators[{k}]")
                  for k, g in enumerate(self.generators)]
        if len(set(shapes)) > 1 or len(shapes[0]) not in (1, 3):
            raise ValueError(
                "All generators are expected to give images of one shape (H, W, C), or vectors (d,). "
                f"Received: {shapes}. Give their builders the same image_shape."
            )
        self.image_shape = shapes[0]
        self._schedules = {}
        self._inference = {}

    # What a subclass defines.

    def phases(self):
        """The list of `Phase`s of one training step, in order."""
        raise NotImplementedError(f"{type(self).__name__} must define phases().")

    @property
    def batch_unit(self):
        """What a replica's share of a real batch must be a multiple of."""
        return 1

    @property
    def batch_parts(self):
        """What `batch_unit` counts, for messages."""
        return f"{self.num_generators} generators"

    def default_optimizer(self, phase):
        """The paper's optimizer for `phase`, used where `compile` is given none."""
        raise ValueError(
            f"compile expects {phase}_optimizer. Received: None. Pass a Keras optimizer."
        )

    def add_schedule(self, name, schedule):
        """Creates the loss weight `self.<name>_value`, a scalar variable that follows `schedule`
        (a number or a callable epoch -> weight) when `fit` begins an epoch."""
        self._schedules[name] = schedule = schedules.get(schedule)
        variable = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(schedule(0)), dtype="float32",
            trainable=False, name=name, autocast=False,
        )
        setattr(self, f"{name}_value", variable)
        return schedule

    # Noise and images.

    @property
    def num_generators(self):
        return len(self.generators)

    @property
    def mixture_weights(self):
        """The generators' shares of the mixture, a NumPy array (n,); None where they are equal."""
        return None

    @property
    def sampling_generators(self):
        """The networks that `sample` and export use: `generators`, or a model's copies of them."""
        return self.generators

    def draw_images(self, generator, batch_size):
        """Training-mode images (batch_size, H, W, C) of generator number `generator`."""
        noise = self.draw(keras.random.normal, batch_size, self.latent_dim)
        return self.generators[generator](noise, training=True)

    def draw_mixture(self, batch_size):
        """Training-mode images, `batch_size` from each generator; image i is generator i mod n's.

        Dealt out like this, a replica's share of a global batch has all generators in it.
        """
        images = [self.draw_images(k, batch_size) for k in range(self.num_generators)]
        return ops.reshape(ops.stack(images, axis=1), (-1, *self.image_shape))

    def draw(self, distribution, batch_size, *shape):
        """This replica's rows (batch_size, *shape) of what one device would draw for all of them.

        Args:
            distribution: `keras.random.normal` or another that takes shape and seed.
        """
        replicas = self.engine.num_replicas()
        numbers = distribution((batch_size * replicas, *shape), seed=self.seed_generator)
        return self.engine.replica_share(numbers)

    def own_batch_size(self, default):
        """Samples that each generator makes on this replica: its share of `generator_batch_size`,
        `default` where that is None."""
        if self.generator_batch_size is None:
            return default
        return self.generator_batch_size // self.engine.num_replicas()

    def sample(self, num_samples, generator=None, seed=None, batch_size=500):
        """Generates images in inference mode.

        Args:
            num_samples: number of images N, at least 1.
            generator: number of the generator to use; None for the mixture, in which image i comes
                from generator i mod n, so that all have equal shares, or from one that is drawn by
                `mixture_weights`.
            seed: int for repeatable images; None for new ones at every call.
            batch_size: images computed at a time.

        Returns:
            float32 NumPy array (N, H, W, C), or (N, d) where the samples are vectors.

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
        if generator is not None:
            return self._predict(generator, noise, batch_size)
        chosen = np.arange(num_samples) % n
        if self.mixture_weights is not None:
            chosen = np.random.default_rng(seed).choice(n, num_samples, p=self.mixture_weights)
        images = np.empty((num_samples, *self.image_shape), "float32")
        for k in np.unique(chosen):
            images[chosen == k] = self._predict(k, noise[chosen == k], batch_size)
        return images

    def _predict(self, k, noise, batch_size):
        # Not `predict`, which builds a data pipeline and, on several workers, waits for all of them.
        if k not in self._inference:
            self._inference[k] = self.engine.inference(self.sampling_generators[k])
        images = [ops.convert_to_numpy(self._inference[k](noise[start : start + batch_size]))
                  for start in range(0, len(noise), batch_size)]
        return np.concatenate(images).astype("float32", copy=False)

    # Training.

    def compile(self, *unnamed, run_eagerly=False, steps_per_execution=1, jit_compile="auto",
                **optimizers):
        """Sets one optimizer a phase.

        Args:
            **optimizers: `<phase name>_optimizer=` a Keras optimizer (or its name) for each phase;
                the paper's where it is left out.
            run_eagerly, steps_per_execution, jit_compile: as in `keras.Model.compile`.

        Raises:
            TypeError: an argument without name, or one that names no phase.
            ValueError: an optimizer shared by two phases; the float16 precision; jit_compile or
                steps_per_execution > 1 on several TensorFlow replicas.
        """
        if self.dtype_policy.compute_dtype == "float16":
            raise ValueError(
                "Expected the precision float32 or mixed_bfloat16. Received: mixed_float16, which "
                "needs loss scaling in every phase. Use keras.config.set_dtype_policy"
                "('mixed_bfloat16')."
            )
        self.engine.check_compile(jit_compile, steps_per_execution)
        phases = self.phases()
        names = [phase.name for phase in phases]
        unknown = set(optimizers) - {f"{name}_optimizer" for name in names}
        if unnamed or unknown:
            raise TypeError(
                f"compile expects {', '.join(f'{name}_optimizer=' for name in names)}. Received: "
                f"{', '.join([*map(repr, unnamed), *sorted(unknown)])}. The losses are the model's own."
            )
        self._compile_arguments = dict(
            run_eagerly=run_eagerly, steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        chosen = {name: optimizers.get(f"{name}_optimizer") for name in names}
        group = OptimizerGroup(
            {name: self.default_optimizer(name) if o is None else keras.optimizers.get(o)
             for name, o in chosen.items()}
        )
        group.build(phases)
        for layer in self._flatten_layers(include_self=False):  # dropout, too, draws by replica
            if type(getattr(layer, "seed_generator", None)) is keras.random.SeedGenerator:
                layer.seed_generator.__class__ = ReplicaSeedGenerator
        super().compile(optimizer=group, loss=None, **self._compile_arguments)
        self._loss_tracker = None
        self._trackers = {
            name: keras.metrics.Mean(name=name)
            for name in [*(f"{name}_loss" for name in names), *self.log_names]
        }

    @property
    def steps_trained(self):
        """Training steps done so far, over all calls of `fit`."""
        return int(ops.convert_to_numpy(self.optimizer.iterations))

    @property
    def batches_per_step(self):
        """Real batches that one training step consumes."""
        return max(phase.repeats for phase in self.phases())

    def train_step(self, *arguments):
        """What Keras calls, with other arguments on every backend."""
        return self.engine.train_step(self, *arguments)

    def make_train_function(self, force=False):
        made = self.train_function
        super().make_train_function(force)
        if self.train_function is not made:
            self.train_function = self.engine.in_fixed_order(self.train_function, self)

    def run_step(self, data):
        """One training step on the batches of `data`; its logs, averaged over the epoch so far."""
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        parts = self.batches_per_step
        # Without this the end of a dataset would come when half a step has happened.
        with self.engine.after(images):
            images = _split(images, parts, self._replica_batch_size)
            labels = ([None] * parts if labels is None
                      else _split(labels, parts, self._replica_batch_size))
            self.step(images, labels)
            self.optimizer.assign_add(self.optimizer.iterations, 1)
        return {name: tracker.result() for name, tracker in self._trackers.items()}

    def step(self, images, labels):
        """One training step on lists of real batches and labels; override for other control flow."""
        for phase in self.phases():
            self.engine.repeat(functools.partial(self.update, phase),
                               images[: phase.repeats], labels[: phase.repeats])

    def begin_epoch(self, epoch):
        """What `fit` does before epoch number `epoch`: the scheduled loss weights get their values."""
        for name, schedule in self._schedules.items():
            getattr(self, f"{name}_value").assign(schedule(epoch))

    def update(self, phase, images, labels):
        """One update of `phase`; its logs go to the metrics."""
        logs = self.engine.minimize(phase, self.optimizer[phase.name], images, labels)
        for name, value in logs.items():
            self._trackers[name].update_state(value)

    def check_batch_size(self, batch_size):
        """Raises ValueError unless real batches of this size, over all replicas, can be used."""
        unit, replicas = self.batch_unit, self.engine.num_replicas()
        if batch_size < 1 or batch_size % (unit * replicas):
            unit *= replicas
            raise ValueError(
                f"The batch size is expected to be a multiple of {unit} ({self.batch_parts}, "
                f"{replicas} replicas). Received: {batch_size}. Use "
                f"{max(batch_size // unit, 1) * unit} or {max(batch_size // unit + 1, 2) * unit}."
            )
        if self.generator_batch_size is not None and self.generator_batch_size % replicas:
            raise ValueError("generator_batch_size is expected to be a multiple of the number of "
                             f"replicas, {replicas}. Received: {self.generator_batch_size}")
        devices = self.engine.num_devices()
        if batch_size * self.batches_per_step % devices:
            raise ValueError(f"The batch size is expected to be a multiple of the {devices} devices. "
                             f"Received: {batch_size}. Use {max(batch_size // devices, 1) * devices}.")

    def fit(self, x, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None,
            initial_epoch=0, steps_per_epoch=None):
        """Trains the model. One step updates every phase and consumes `batches_per_step` batches.

        Args:
            x: NumPy array of images (N, H, W, C), float32 in [-1, 1], or of vectors (N, d); or a
                `tf.data.Dataset` of batches (all of one size but the last) of images or (images,
                labels); or a source of `data.synthetic`, of which every batch is a new draw.
            y: integer labels (N,), only beside an array; a model with `num_classes` needs labels in
                0..num_classes-1.
            batch_size: samples a batch for arrays and sources; 32, rounded up to fit the
                generators, if None.
            epochs, verbose, callbacks, initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: steps an epoch; one pass over the data if None. A source needs it.

        Arrays are shuffled, and sources drawn, by (`seed`, steps trained so far), so that a loaded
        model goes on where it stopped, bit for bit, if `initial_epoch` says how many epochs it has
        had: schedules follow the epoch. State must be restored before `fit`
        (`callbacks.restore_checkpoint`, `load_model`); Keras' BackupAndRestore does so later, when the
        order is fixed. The order of a Dataset is its owner's affair.

        Returns:
            `keras.callbacks.History`, with the mean of each log by epoch.

        Raises:
            ValueError: the batch does not fit the model, images out of range, too few of them.
            TypeError: x is none of these.
        """
        self._assert_compile_called("fit")
        dataset, steps_per_epoch = feed.steps(self, x, y, batch_size, steps_per_epoch)
        callbacks = [_BeginEpoch(), *keras.tree.flatten(callbacks or [])]
        with self.engine.synchronized(self):
            return super().fit(
                dataset, epochs=epochs, verbose=verbose, initial_epoch=initial_epoch,
                callbacks=callbacks, steps_per_epoch=steps_per_epoch,
                shuffle=False,  # the dataset is shuffled already, where it is ours
            )

    def set_batch_size(self, batch_size):
        """What `fit` does with the size of a real batch, over all replicas, once it is known."""
        self.check_batch_size(batch_size)
        self.samples_per_step = batch_size * self.batches_per_step
        self._replica_batch_size = batch_size // self.engine.num_replicas()

    # Saving.

    def get_config(self):
        return {
            **super().get_config(),
            "generators": keras.saving.serialize_keras_object(
                self.generators if self._joint_generators is None else self._joint_generators),
            "latent_dim": self.latent_dim,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{name: keras.saving.deserialize_keras_object(value)
                      if isinstance(value, (dict, list)) and name != "dtype" else value
                      for name, value in config.items()})

    def get_compile_config(self):
        if not self.compiled:
            return None
        optimizers = {f"{name}_optimizer": keras.saving.serialize_keras_object(o)
                      for name, o in self.optimizer.members.items()}
        return {**self._compile_arguments, **optimizers}

    def compile_from_config(self, config):
        self.compile(**{name: keras.saving.deserialize_keras_object(value)
                        if isinstance(value, dict) else value for name, value in config.items()})

    def save_own_variables(self, store):
        super().save_own_variables(store)
        # Keras never saves random state; without it a resumed run would draw other noise.
        for index, state in enumerate(self._seed_states()):
            store[f"seed_{index}"] = ops.convert_to_numpy(state)

    def load_own_variables(self, store):
        states = self._seed_states()
        saved = {key: store[key] for key in store.keys()}
        for index, state in enumerate(states):
            state.assign(saved.pop(f"seed_{index}"))
        super().load_own_variables(saved)

    def _seed_states(self):
        return [v for v in self.variables if v.path.endswith(_SEED_STATE)]


class _BeginEpoch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.begin_epoch(epoch)


def _split(tensor, parts, size):
    """A tensor (parts * size, ...) as a list of tensors (size, ...), whose shapes are known."""
    tensor = ops.reshape(tensor, (parts, size, *tensor.shape[1:]))
    return [tensor[index] for index in range(parts)]
