"""A Keras model that is trained by phases: compile, steps, fit, saving."""

import functools
import warnings
from collections.abc import Callable

import keras
import numpy as np
from absl import logging
from keras import ops, tree

from keras_multigan import internals, losses, schedules
from keras_multigan.training import feed
from keras_multigan.training.arguments import KeptArguments
from keras_multigan.training.engine import load_engine
from keras_multigan.training.keras_callbacks import adapted
from keras_multigan.training.optimizers import OptimizerGroup
from keras_multigan.training.phase import Phase
from keras_multigan.training.stacking import NotStacked, Stacks, elementwise, stored


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator that draws differently on every replica of a distribution strategy.

    Keras' own gives all replicas the same numbers.
    """

    def next(self, ordered=True):
        return load_engine().fold_in_replica(super().next(ordered))


class Trainer(KeptArguments):
    """A model whose training step is a list of `Phase`s, each with its own optimizer.

    A subclass creates its networks, defines `phases()` and names in `log_names` what its losses log
    besides themselves. What its constructor takes it keeps under the same name (`self.critic`,
    `self.gp_weight`), from which `get_config` rebuilds it.

    Args:
        seed: int that fixes random draws and the order of the data. None draws one from NumPy's random
            state, which `keras.utils.set_random_seed` fixes.
    """

    log_names = ()
    num_classes = None  # a model that needs labels sets their number
    may_end = False  # whether the data of `fit` may end at any step; see feed.py
    # Names of lists of networks that may run as one (stacking.py): one that a phase trains, and those
    # that do so if it does.
    alike = ()

    def __init__(self, *, seed: int | None = None, name: str | None = None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.engine = load_engine()
        self.seed = np.random.randint(2**31) if seed is None else int(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self._schedules = {}
        self._inference = {}
        self._stacks = Stacks()
        self.means_to_go_on_from = []  # of a checkpoint within an epoch
        self.built = True

    # What a subclass defines.

    def phases(self) -> list[Phase]:
        """The list of `Phase`s of one training step, in order."""
        raise NotImplementedError(f"{type(self).__name__} must define phases().")

    @property
    def batch_unit(self) -> int:
        """What one replica's share of a real batch must be a multiple of."""
        return 1

    @property
    def batch_parts(self) -> str:
        """What `batch_unit` counts, for messages."""
        return "1 sample"

    def default_optimizer(self, phase: str) -> keras.optimizers.Optimizer:
        """The paper's optimizer of `phase`, used if `compile` is given none."""
        raise ValueError(
            f"compile expects {phase}_optimizer. Received: None. Pass a Keras optimizer."
        )

    # What losses use.

    def add_schedule(self, name: str, schedule) -> Callable:
        """Creates the loss weight `self.<name>_value`, a scalar variable that follows `schedule`
        (a number or a callable epoch -> weight) when `fit` begins an epoch."""
        self._schedules[name] = schedule = schedules.get(schedule)
        variable = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(schedule(0)), dtype="float32",
            trainable=False, name=name, autocast=False,
        )
        setattr(self, f"{name}_value", variable)
        return schedule

    def draw(self, distribution: Callable, batch_size: int, *shape: int):
        """This replica's rows (batch_size, *shape) of what one device would draw for all of them.

        Args:
            distribution: `keras.random.normal` or another function of shape and seed.
        """
        replicas = self.engine.num_replicas()
        numbers = distribution((batch_size * replicas, *shape), seed=self.seed_generator)
        return self.engine.replica_share(numbers)

    def run_each(self, networks: list, inputs):
        """Training-mode outputs (n, N, ...) of n networks, each on its own of `inputs` (n, N, ...).

        They are computed in one pass if `compile` has found that the networks can run as one.
        """
        stacked = self._stacks.find(networks)
        if stacked is not None:
            return stacked(inputs)
        outputs = [network(inputs[k], training=True) for k, network in enumerate(networks)]
        return tree.map_structure(lambda *x: ops.stack(x), *outputs)

    def run_all(self, networks: list, inputs):
        """The same on the same inputs (N, ...) for all."""
        return self.run_each(networks, ops.repeat(inputs[None], len(networks), axis=0))

    def gradient_penalty(self, network: Callable, real, fakes, penalties=losses.gradient_penalties):
        """WGAN-GP's E (||grad D(x^)||_2 - 1)^2, x^ = eps x + (1 - eps) x~, eps ~ U[0, 1] per sample.

        Args:
            network: D, called with training=True.
            real, fakes: x and x~, tensors (m, ...) of equal shape.
            penalties: function of gradients (m, ...) that returns the penalty of each, (m,).

        Returns:
            float32 scalar, at least 0.
        """
        epsilon = self.draw(keras.random.uniform, real.shape[0], *[1] * (len(real.shape) - 1))
        return ops.mean(self.gradient_penalties(network, real, fakes, epsilon, penalties))

    def gradient_penalties(self, network: Callable, real, fakes, epsilon,
                           penalties=losses.gradient_penalties):
        """The penalty of each sample, float32 (m,), for a given eps (m, 1, ...)."""
        real, epsilon = ops.cast(real, fakes.dtype), ops.cast(epsilon, fakes.dtype)
        return penalties(self.input_gradient(
            lambda x: network(x, training=True), epsilon * real + (1 - epsilon) * fakes))

    def zero_centred_penalty(self, network: Callable, *weighted):
        """The sum of weight / 2 E ||grad D(x)||_2^2, R1 and R2 of R3GAN (Huang et al., 2024).

        Args:
            network: D, called with training=True.
            *weighted: pairs of samples x, a tensor (m, ...), and their weight.

        Returns:
            float32 scalar, at least 0.
        """
        return sum(weight / 2 * ops.mean(losses.squared_gradient_norms(
            self.input_gradient(lambda x: network(x, training=True), samples)))
            for samples, weight in weighted if weight)

    def input_gradient(self, fn: Callable, x):
        """The gradient of sum(fn(x)) with respect to x, itself differentiable; same shape as x."""
        return self.engine.input_gradient(fn, x)

    def batch_mean(self, values):
        """The mean of values (m, ...) over the rows of all replicas, differentiable."""
        return self.mean_over_replicas(ops.mean(values, axis=0))

    def mean_over_replicas(self, value):
        """The mean of the replicas' tensors, differentiable."""
        return self.engine.mean_over_replicas(value)

    def run_network(self, network: keras.Model, inputs: np.ndarray,
                    batch_size: int = 500) -> np.ndarray:
        """The outputs of `network` in inference mode, float32 (N, ...), computed in batches.

        Unlike `predict` it builds no data pipeline and does not wait for other workers.
        """
        if id(network) not in self._inference:
            self._inference[id(network)] = self.engine.inference(network)
        run = self._inference[id(network)]
        outputs = [ops.convert_to_numpy(run(inputs[start : start + batch_size]))
                   for start in range(0, len(inputs), batch_size)]
        return np.concatenate(outputs).astype("float32", copy=False)

    # Training.

    def compile(self, *unnamed, run_eagerly: bool = False, steps_per_execution: int = 1,
                jit_compile: bool | str = "auto", **optimizers):
        """Sets one optimizer per phase.

        Args:
            **optimizers: `<phase name>_optimizer=` a Keras optimizer (or its name) for each phase. The
                paper's is used if it is left out.
            run_eagerly, steps_per_execution, jit_compile: as in `keras.Model.compile`.

        Raises:
            TypeError: an argument without name, or one that names no phase.
            ValueError: an optimizer shared by two phases; the float16 precision; jit_compile or
                steps_per_execution > 1 on several TensorFlow replicas; a constructor argument that
                `get_config` does not have; a phase without trainable variables; networks or model made
                outside the scope of the strategy.
        """
        for layer in [self, *internals.flatten_layers(self)]:
            if layer.compute_dtype == "float16" or layer.variable_dtype == "bfloat16":
                raise ValueError(
                    "Expected the precision float32 or mixed_bfloat16. Received: "
                    f"{layer.dtype_policy.name} in {layer.name}; float16 needs loss scaling in every "
                    "phase, and checkpoints do not keep bfloat16 weights. Build the networks after "
                    "keras.config.set_dtype_policy('mixed_bfloat16').")
        with self.scope():
            self._compile(unnamed, optimizers, run_eagerly=run_eagerly,
                          steps_per_execution=steps_per_execution, jit_compile=jit_compile)

    def scope(self):
        """The context of the distribution strategy in which the model was made."""
        return self.engine.scope(self)

    def _compile(self, unnamed, optimizers, **arguments):
        self.engine.check_compile(arguments["jit_compile"], arguments["steps_per_execution"],
                                  {name: o for name, o in optimizers.items() if o is not None})
        self._check_config()
        own = set(map(id, super().variables))
        for name, optimizer in optimizers.items():
            if getattr(optimizer, "built", False) and not own.issuperset(
                    map(id, internals.trained_variables(optimizer))):
                raise ValueError(
                    f"{name} is expected to be a new optimizer. Received: one that updates other "
                    "variables, of another model or of networks that have run as one. Pass "
                    "type(optimizer).from_config(optimizer.get_config()).")
        self._stacks.separate()
        self._inference.clear()  # traced with the variables that the networks had
        phases = self.phases()
        names = [phase.name for phase in phases]
        if frozen := [p.name for p in phases if not (self.trainable and p.variables)]:
            raise ValueError(f"Every phase is expected to update variables. Received: none that can be "
                             f"trained in the phase {frozen[0]!r}. Set trainable=True on a network of "
                             "it, and on the model.")
        unknown = set(optimizers) - {f"{name}_optimizer" for name in names}
        if unnamed or unknown:
            raise TypeError(
                f"compile expects {', '.join(f'{name}_optimizer=' for name in names)}. Received: "
                f"{', '.join([*map(repr, unnamed), *sorted(unknown)])}. The losses are the model's own."
            )
        self._compile_arguments = arguments
        chosen = {name: optimizers.get(f"{name}_optimizer") for name in names}
        group = OptimizerGroup(
            {name: self.default_optimizer(name) if o is None else keras.optimizers.get(o)
             for name, o in chosen.items()}
        )
        for lists in self.alike:
            self._stack({name: list(getattr(self, name)) for name in lists}, phases, group)
        group.build(phases)
        for layer in internals.flatten_layers(self):  # dropout, too, draws by replica
            if type(getattr(layer, "seed_generator", None)) is keras.random.SeedGenerator:
                layer.seed_generator.__class__ = ReplicaSeedGenerator
        super().compile(optimizer=group, loss=None, **self._compile_arguments)
        internals.drop_loss_tracker(self)
        internals.skip_symbolic_build(self)
        self._trackers = {
            name: keras.metrics.Mean(name=name)
            for name in [*(f"{name}_loss" for name in names), *self.log_names]
        }

    def _stack(self, lists, phases, optimizers):
        """Lets the networks of the first list run as one, if they can, and those of the others."""
        first, networks = next(iter(lists.items()))
        parts = self.engine.parts_of(first)
        if len(networks) % parts:
            raise ValueError(f"The number of {first} is expected to be a multiple of the {parts} "
                             f"devices to which they are dealt out. Received: {len(networks)}")
        owner = [phase.name for phase in phases
                 if {id(n) for n in networks} <= {id(n) for n in phase.networks}]
        try:
            if not owner:
                raise NotStacked("no phase trains all of them")
            if not elementwise(optimizers[owner[0]]):
                raise NotStacked(f"{owner[0]}_optimizer does not treat every number for itself")
            for name, each in lists.items():
                if each:
                    self._stacks.add(name, each)
        except NotStacked as reason:
            for each in lists.values():  # all of them or none
                self._stacks.remove(each)
            if parts > 1:
                raise ValueError("strategy='generators' expects generators that run as one. Received: "
                                 f"{reason}. Use strategy='mirrored'.") from None
            if len(networks) > 1:
                logging.info("The %d %s run one after the other: %s.", len(networks), first, reason)

    @property
    def variables(self):
        return stored(super().variables)

    def variables_in_files(self) -> list:
        """The model's and its optimizers' variables in the order of checkpoints, which know no
        stacks."""
        return [*super().variables, *self.optimizer.unstacked_variables()]

    @property
    def steps_trained(self) -> int:
        """Training steps done so far, over all calls of `fit`."""
        return int(ops.convert_to_numpy(self.optimizer.iterations))

    @property
    def batches_per_step(self) -> int:
        """Real batches that one training step consumes."""
        return max(phase.repeats if phase.fresh else 1 for phase in self.phases())

    def train_step(self, *arguments):
        """What Keras calls, with other arguments on every backend."""
        return self.engine.train_step(self, *arguments)

    def make_train_function(self, force=False):
        made = self.train_function
        super().make_train_function(force)
        if self.train_function is not made:
            self.train_function = self.engine.unless_ended(
                self.engine.in_fixed_order(self.train_function, self), self)

    def run_step(self, data):
        """One training step on the batches of `data`; its logs, averaged over the epoch so far."""
        parts = data if isinstance(data, (tuple, list)) else (data,)
        fields = dict(zip(self._fields, [part for part in parts if part is not None], strict=True))
        parts = self.batches_per_step
        # Without this the end of a dataset would come when half a step has happened.
        with self.engine.after(fields["images"]):
            images, labels, weights = (
                _split(fields[name], parts, self._replica_batch_size) if name in fields
                else [None] * parts for name in ("images", "labels", "sample_weights"))
            self.step(images, labels, weights)
            self.optimizer.assign_add(self.optimizer.iterations, 1)
        return {name: tracker.result() for name, tracker in self._trackers.items()}

    def step(self, images, labels, sample_weights):
        """One training step on lists of real batches, of their labels and of their weights (None if
        there are none). Override it for another order of updates."""
        for phase in self.phases():
            batches = list(zip(images, labels, sample_weights, strict=True))
            batches = batches[: phase.repeats] if phase.fresh else batches[:1] * phase.repeats
            self.engine.repeat(functools.partial(self.update, phase), batches)

    def begin_epoch(self, epoch: int) -> None:
        """What `fit` does before epoch number `epoch`: the scheduled loss weights get their values."""
        for name, schedule in self._schedules.items():
            schedule = schedules.get(getattr(self, name, schedule))  # it may have been set anew
            value = float(schedule(epoch))
            if not 0 <= value < np.inf:
                raise ValueError(f"The schedule {name} is expected to return a finite number >= 0. "
                                 f"Received: {value} in epoch {epoch}. Correct it.")
            getattr(self, f"{name}_value").assign(value)

    def update(self, phase: Phase, images, labels=None, sample_weights=None) -> None:
        """One update of `phase`; its logs go to the metrics."""
        batch = (images, labels, sample_weights)[: 3 if phase.takes_sample_weights else 2]
        logs = self.engine.minimize(phase, self.optimizer[phase.name], *batch)
        if phase.after is not None:
            phase.after()
        if unknown := logs.keys() - self._trackers.keys():
            raise ValueError(
                f"The loss of the phase {phase.name!r} is expected to log what log_names has, "
                f"{list(self.log_names)}. Received: {sorted(unknown)}. Add it to "
                f"{type(self).__name__}.log_names."
            )
        for name, value in logs.items():
            self._trackers[name].update_state(value)

    def check_batch_size(self, batch_size: int) -> None:
        """Raises ValueError unless real batches of this size, over all replicas, can be used."""
        unit, replicas = self.batch_unit, self.engine.num_replicas()
        if batch_size < 1 or batch_size % (unit * replicas):
            unit *= replicas
            raise ValueError(
                f"The batch size is expected to be a multiple of {unit} ({self.batch_parts}, "
                f"{replicas} replicas). Received: {batch_size}. Use "
                f"{max(batch_size // unit, 1) * unit} or {max(batch_size // unit + 1, 2) * unit}."
            )
        devices = self.engine.num_devices()
        if batch_size * self.batches_per_step % devices:
            raise ValueError(f"The batch size is expected to be a multiple of the {devices} devices. "
                             f"Received: {batch_size}. Use {max(batch_size // devices, 1) * devices}.")

    def fit(self, x, y=None, batch_size: int | None = None, epochs: int = 1, verbose="auto",
            callbacks=None, initial_epoch: int = 0, steps_per_epoch: int | None = None,
            sample_weight: np.ndarray | None = None,
            validation_data=None, **others) -> keras.callbacks.History:
        """Trains the model. One step updates every phase and consumes `batches_per_step` batches.

        Args:
            x: images (N, H, W, C), floats in [-1, 1], or vectors (N, d): a NumPy array, a list of
                arrays or a tensor. Or batches of them, in order: a `tf.data.Dataset`, a
                `keras.utils.PyDataset` or a Python iterator of images, (images, labels), (images,
                labels, sample weights), or dicts with the keys "image", "label", "sample_weight" (or
                their plurals, or x, y). Or a source of `data.synthetic`, of which every batch is a new
                draw, or a set of `data.load_image_set`.
            y: integer labels (N,), only beside an array. A model with `num_classes` needs labels in
                0..num_classes-1.
            batch_size: samples per batch for arrays and sources. None is 32, rounded up to fit the
                generators.
            epochs, verbose, callbacks, initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: steps per epoch; None is one pass over the data. A source and an iterator
                need it.
            sample_weight: float array (N,), finite and at least 0, only beside an array, for a model
                with a loss that takes `sample_weights`.
            validation_data: must be None. A GAN's losses say nothing on held-out data; measure samples
                with `callbacks.Evaluate` instead.
            **others: the other arguments of `keras.Model.fit` are not there.

        Arrays are shuffled, and sources drawn, by (`seed`, steps trained so far). So a loaded model
        goes on bit for bit if `initial_epoch` says how many epochs it has had: schedules follow the
        epoch. State must be restored before `fit` (`callbacks.restore_checkpoint`, `load_model`).
        Keras' BackupAndRestore restores it too late, after the order is fixed. Batches are not
        reshuffled. A PyDataset goes on at the batch where the last step stopped.

        Returns:
            `keras.callbacks.History`, with the mean of each log per epoch.

        Raises:
            ValueError: the batch does not fit the model, images out of range, too few of them, weights
                that no loss takes.
            TypeError: x is none of these; an argument that is not there.
        """
        internals.check_compiled(self, "fit")
        if validation_data is not None or any(name.startswith("validation") for name in others):
            raise ValueError("validation_data is expected to be None: a GAN's losses say nothing on "
                             "held-out data. Received: data. Measure samples with "
                             "keras_multigan.callbacks.Evaluate.")
        if others:
            raise TypeError(f"fit expects arguments that a GAN has. Received: {', '.join(others)}. "
                            "Arrays are always shuffled, by the model's seed; to weigh samples, pass "
                            "sample_weight to a model whose losses take it.")
        with self.engine.scope(self), warnings.catch_warnings():
            dataset, steps_per_epoch = feed.steps(
                self, x, y, batch_size, steps_per_epoch, sample_weight)
            if steps_per_epoch and steps_per_epoch % self.steps_per_execution:
                raise ValueError(
                    "The steps of an epoch are expected to be a multiple of steps_per_execution, "
                    f"{self.steps_per_execution}, since one execution does all of its steps. Received: "
                    f"{steps_per_epoch}. Set steps_per_epoch, or compile with another number.")
            # Keras says so of every finite dataset whose length it does not know.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            self._fitting = True
            try:
                return super().fit(
                    dataset, epochs=epochs, verbose=verbose, initial_epoch=initial_epoch,
                    callbacks=adapted(callbacks), steps_per_epoch=steps_per_epoch,
                    shuffle=False,  # the dataset is shuffled already if it is ours
                )
            except Exception:
                if self.data_error is not None:
                    raise self.data_error from None
                raise
            finally:
                self._fitting = False

    def train_on_batch(self, x, y=None, sample_weight=None, return_dict: bool = True) -> dict:
        """One training step. Every update of it sees this batch.

        Args:
            x: images (m, H, W, C), floats in [-1, 1], or vectors (m, d); m must fit the model.
            y: integer labels (m,), or None.
            sample_weight: float array (m,), or None.
            return_dict: must be True.

        Returns:
            dict of log name -> mean over the steps since `reset_metrics`.
        """
        internals.check_compiled(self, "train_on_batch")
        if not return_dict:
            raise ValueError("train_on_batch expects return_dict=True, since it has several losses. "
                             "Received: False.")
        with self.engine.scope(self):
            self.engine.check_one_batch()
            given = feed.batch(self, x, y, sample_weight)
            given = [self.engine.local_rows(np.concatenate([array] * self.batches_per_step))
                     for array in given.values()]
            names = dict(zip(("x", "y", "sample_weight"), given))
            return super().train_on_batch(**names, return_dict=True)

    def evaluate(self, *args, **kwargs):
        """Not there: a GAN's losses say nothing on held-out data."""
        raise ValueError("evaluate is not for GANs, whose losses say nothing on held-out data. "
                         "Received: a call. Measure model.sample(...) with keras_multigan.metrics, a "
                         "run folder with `multigan evaluate`.")

    def set_batch(self, batch_size: int, fields: tuple[str, ...]) -> None:
        """What `fit` does once it knows the size of a real batch, over all replicas, and the fields of
        an element: "images" and, if they are there, "labels" and "sample_weights"."""
        self.check_batch_size(batch_size)
        stored(v for phase in self.phases() for v in phase.weights)  # complains before work is lost
        if "sample_weights" in fields and not any(p.takes_sample_weights for p in self.phases()):
            raise ValueError(
                "sample_weight is expected to be None for a model whose losses take no "
                f"`sample_weights`. Received: weights for {type(self).__name__}. Leave them out."
            )
        self.samples_per_step = batch_size * self.batches_per_step
        self._replica_batch_size, self._fields = batch_size // self.engine.num_replicas(), fields

    def summary(self, *args, **kwargs) -> None:
        """As `keras.Model.summary`; networks that no phase trains do not count as trainable."""
        trained = {id(v) for phase in self.phases() for v in phase.weights}
        others = [layer for layer in self.layers if layer.trainable and not any(
            id(v) in trained for v in layer.trainable_variables)]
        before = [(each, each.trainable) for layer in others
                  for each in [layer, *internals.flatten_layers(layer)]]
        for layer in others:
            layer.trainable = False
        try:
            super().summary(*args, **kwargs)
        finally:
            for layer, trainable in before:  # outer ones first, which set their inner ones
                layer.trainable = trainable

    # Saving.

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
        return [v for v in self.variables if internals.is_seed_state(v)]


def _split(tensor, parts, size):
    """A tensor (parts * size, ...) as a list of tensors (size, ...), whose shapes are known."""
    tensor = ops.reshape(tensor, (parts, size, *tensor.shape[1:]))
    return [tensor[index] for index in range(parts)]
