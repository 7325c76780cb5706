"""Several optimizers behind the one that Keras knows."""

import keras
import numpy as np

from keras_multigan import internals
from keras_multigan.training.stacking import unstacked


@keras.saving.register_keras_serializable("keras_multigan")
class OptimizerGroup(keras.optimizers.Optimizer):
    """One optimizer per phase, seen by Keras (trainer, saving) as a single optimizer.

    `group["critic"]` is the optimizer of the phase "critic"; set learning rates there.
    `group.iterations` counts training steps.

    Args:
        optimizers: dict of phase name -> `keras.optimizers.Optimizer`, in the order of the phases.

    Raises:
        ValueError: two phases share an optimizer, or an optimizer is not a Keras one.
    """

    def __init__(self, optimizers, name="optimizer_group"):
        # The group applies no gradients itself; the base class wants a learning rate all the same.
        super().__init__(learning_rate=0.0, name=name)
        for phase, optimizer in optimizers.items():
            if not isinstance(optimizer, keras.optimizers.Optimizer):
                raise ValueError(
                    f"{phase}_optimizer is expected to be a keras.optimizers.Optimizer. "
                    f"Received: {optimizer!r}. Pass, for example, keras.optimizers.Adam(2e-4)."
                )
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                raise ValueError(
                    f"{phase}_optimizer is expected to be an optimizer without automatic loss scaling. "
                    "Received: a LossScaleOptimizer, which float16 needs. Pass its inner optimizer and "
                    "train in float32 or mixed_bfloat16."
                )
        if len({id(optimizer) for optimizer in optimizers.values()}) < len(optimizers):
            raise ValueError(
                "Each phase is expected to have an optimizer of its own. Received: one optimizer "
                f"for several of {list(optimizers)}; its moments and step count would mix. "
                "Create one instance per phase."
            )
        for phase, optimizer in optimizers.items():
            optimizer.name = phase  # Keras' callbacks log learning_rate_<name>
        self.members = dict(optimizers)

    @property
    def optimizers(self):
        """The members as a list, where Keras' learning-rate callbacks and TensorBoard look."""
        return list(self.members.values())

    def __getitem__(self, phase):
        return self.members[phase]

    def build(self, phases):
        """Builds every optimizer on its phase's variables. Raises ValueError if a variable has two
        owners."""
        if self.built:
            return
        owners = {}
        for phase in phases:
            for variable in phase.variables:
                if owners.setdefault(id(variable), phase.name) != phase.name:
                    raise ValueError(
                        "Every variable is expected to be updated by exactly one phase. Received: "
                        f"{variable.path} in the phases {owners[id(variable)]!r} and {phase.name!r}."
                    )
            self.members[phase.name].build(phase.variables)
            _save_as_unstacked(self.members[phase.name], phase.weights)
        super().build([])

    def finalize_variable_values(self, var_list):
        """What `fit` does at its end: averaged weights become those of the networks, if an optimizer
        has use_ema."""
        for optimizer in self.optimizers:
            optimizer.finalize_variable_values(internals.trained_variables(optimizer))

    def restart(self):
        """Forgets what the members have gathered (moments, updates so far), not the learning rates."""
        for optimizer in self.optimizers:
            new = type(optimizer).from_config(optimizer.get_config())
            new.build(internals.trained_variables(optimizer))
            for variable, first in zip(optimizer.variables, new.variables, strict=True):
                if variable is not optimizer.learning_rate:
                    variable.assign(keras.ops.convert_to_numpy(first))

    @property
    def variables(self):
        return [self.iterations] + [v for o in self.members.values() for v in o.variables]

    def unstacked_variables(self):
        """The variables in the order of files, which know no stacks."""
        return [self.iterations] + [v for o in self.members.values() for v in _in_files(o)]

    @property
    def learning_rate(self):
        raise AttributeError(
            "A group of optimizers has no single learning rate. Use, for example, "
            f"model.optimizer[{next(iter(self.members))!r}].learning_rate."
        )

    # The members save themselves as children of the group.
    def save_own_variables(self, store):
        store["iterations"] = keras.ops.convert_to_numpy(self.iterations)

    def load_own_variables(self, store):
        self.iterations.assign(store["iterations"])

    def get_config(self):
        return {
            "optimizers": {
                name: keras.saving.serialize_keras_object(o) for name, o in self.members.items()
            },
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        optimizers = {
            name: keras.saving.deserialize_keras_object(o, custom_objects)
            for name, o in config["optimizers"].items()
        }
        return cls(optimizers, name=config["name"])


def _save_as_unstacked(optimizer, weights):
    """Gives a built optimizer the files that it would have without stacks."""
    if not any(internals.is_view(v) for v in weights):
        return
    # Now, since it makes variables, which all workers of a strategy must do. A function, since Keras
    # would track a list of them.
    listed = unstacked(optimizer, weights)
    optimizer.in_files = lambda: listed

    def save(store):
        for index, variable in enumerate(optimizer.in_files()):
            store[str(index)] = np.asarray(variable.numpy())

    def load(store):
        own = optimizer.in_files()
        if len(store.keys()) != len(own):
            raise ValueError(f"Expected the {len(own)} variables of the optimizer {optimizer.name!r}. "
                             f"Received: {len(store.keys())}, of another optimizer or model.")
        for index, variable in enumerate(own):
            variable.assign(store[str(index)])

    optimizer.save_own_variables, optimizer.load_own_variables = save, load


def _in_files(optimizer):
    return optimizer.in_files() if hasattr(optimizer, "in_files") else optimizer.variables
