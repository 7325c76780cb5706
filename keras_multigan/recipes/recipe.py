"""What a recipe is: all that a method needs besides its model."""

import collections
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras

from keras_multigan.multigan import MultiGAN
from keras_multigan.networks import augmented
from keras_multigan.recipes.experiment import Experiment
from keras_multigan.runs import Run, RunOptions
from keras_multigan.runs.images import ImageTask, Samples
from keras_multigan.runs.options import IMAGES, RUN, Option, options_class
from keras_multigan.runs.run import count_parameters
from keras_multigan.runs.vectors import VectorTask

LEARNING_RATE = Option(None, "learning rate of all players (default: the paper's)", float, above=0,
                       most=10)
# Of WGAN-GP's losses in the arena, in place of 10, the papers' on images.
PENALTY_ON_VECTORS = {"gp_weight": 0.1}


# The constructors' arguments that judge images, each a network or a list of networks.
_DISCRIMINATORS = {"critic", "discriminator", "discriminators", "pull_discriminator",
                   "push_discriminator"}


def scaled(sizes, width: float) -> list[int]:
    """Lengths of hidden layers as a part, `width`, of the paper's."""
    return [max(1, round(size * width)) for size in sizes]


class ArenaArm(NamedTuple):
    """The method of a recipe with settings that an experiment of the arena asks about.

    Attributes:
        title: what it is.
        arguments: function (`networks.Kit`, number of epochs) -> the constructor's arguments.
        batches: real samples of an update, in the protocol's batches.
    """

    title: str
    arguments: Callable[[Any, int], dict]
    batches: int = 1

    def with_batches(self, count: int) -> "ArenaArm":
        """The same with `count` of the protocol's batches per update."""
        return self._replace(title=f"{self.title}; {count} times the batch", batches=count)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One method as a user meets it. Flags, presets, checks, help and dry run follow from it.

    Attributes:
        name: of the command, `multigan train <name>`, and of the run folder.
        title: one line.
        model: the `MultiGAN` class.
        networks: function (options, `Samples`) -> the constructor's arguments that are no options.
            What it returns goes before an option of the same name.
        arguments: constructor argument -> `Option`. An option without a default has the constructor's.
        settings: the other options: of data, networks and optimizers. `learning_rate` sets the rate of
            every optimizer, `<phase>_learning_rate` that of one; else they are the model's.
        presets: name -> options that differ from the defaults; "quick" and "paper" at least.
        common: the options that all methods of a kind have.
        complete: function options -> options, which fills in and checks what depends on several.
        task: what trains and measures, or a function options -> that.
        stops: function (options, rows of the history so far) -> callbacks that end a run early.
        rows: of the printed report: key of the results, title, format.
        experiments: name -> `Experiment` of the paper.
        arena: function (`networks.Kit`) -> the constructor's arguments in the arena: networks,
            latent_dim, and only those numbers that a common protocol changes.
        arena_arms: name -> `ArenaArm`.
        resolve: function (options, overrides, preset) -> options of an experiment's arm, all dicts
            but the preset's name.

    Raises:
        ValueError: an argument that the model's constructor lacks, a preset of unknown options.
    """

    name: str
    title: str
    model: type[MultiGAN]
    networks: Callable[[RunOptions, Samples], dict[str, Any]]
    arguments: Mapping[str, Option]
    settings: Mapping[str, Option]
    presets: Mapping[str, Mapping[str, Any]]
    common: Mapping[str, Option] = dataclasses.field(default_factory=lambda: {**RUN, **IMAGES})
    complete: Callable[[RunOptions], RunOptions] = lambda options: options
    task: ImageTask | VectorTask | Callable = ImageTask()
    stops: Callable = lambda options, history: []
    rows: tuple = ()
    experiments: Mapping[str, Experiment] = dataclasses.field(default_factory=dict)
    arena: Callable[[Any], dict] | None = None
    arena_arms: Mapping[str, ArenaArm] = dataclasses.field(default_factory=dict)
    resolve: Callable = lambda options, overrides, preset: options
    options: dict[str, Option] = dataclasses.field(init=False)
    options_class: type[RunOptions] = dataclasses.field(init=False)

    def __post_init__(self):
        taken = inspect.signature(self.model).parameters
        if lacking := self.arguments.keys() - taken.keys():
            raise ValueError(f"The recipe {self.name!r} expects {self.model.__name__} to take its "
                             f"arguments. Received: {sorted(lacking)}, which the constructor lacks. "
                             "Make them settings, or correct their names.")
        arguments = {
            name: dataclasses.replace(option, default=taken[name].default)
            if option.default is None and taken[name].default is not inspect.Parameter.empty else option
            for name, option in self.arguments.items()}
        options = {**self.common, **self.settings, **arguments}
        object.__setattr__(self, "options", options)
        name = f"{self.model.__name__}Options"
        object.__setattr__(self, "options_class", options_class(name, options))
        for preset, values in self.presets.items():
            if unknown := values.keys() - options.keys():
                raise ValueError(f"The recipe {self.name!r} expects its presets to have its options. "
                                 f"Received: {sorted(unknown)} in {preset!r}.")

    def make_options(self, preset: str = "quick", **given) -> RunOptions:
        """The complete options of a preset, with those `given` in place of its own.

        Raises:
            ValueError: an unknown preset or option, a value that is not allowed.
        """
        if preset not in self.presets:
            raise ValueError(f"--preset is expected to be one of {', '.join(self.presets)}. Received: "
                             f"{preset}")
        if unknown := given.keys() - self.options.keys():
            raise ValueError(f"Expected options of {self.name}: {', '.join(self.options)}. Received: "
                             f"{', '.join(sorted(unknown))}")
        return self.complete(self.options_class(
            method=self.name, preset=preset, **{**self.presets[preset], **given}))

    def make(self, options: RunOptions, samples: Samples) -> MultiGAN:
        """The compiled model of a run."""
        arguments = {name: getattr(options, name) for name in self.arguments}
        arguments |= self.networks(options, samples)
        if options.ema is not None:
            arguments["ema"] = options.ema
        if getattr(options, "augment", None) is not None:
            arguments |= {name: _augmented(arguments[name], options.augment)
                          for name in _DISCRIMINATORS & arguments.keys()}
        model = self.model(**arguments, seed=options.seed)
        model.compile(**{f"{phase.name}_optimizer": _optimizer(model, phase.name, options)
                         for phase in model.phases()})
        return model

    def task_of(self, options: RunOptions) -> ImageTask | VectorTask:
        return self.task if isinstance(self.task, (ImageTask, VectorTask)) else self.task(options)

    def train(self, options: RunOptions, output, resume: bool = False) -> dict | None:
        """One run, from its options to its results; None on a worker that is not the first."""
        run = Run(self, options, output, resume)
        with run.locked():
            return self.task_of(options).train(run)

    def like(self, options: RunOptions, output="") -> MultiGAN:
        """The model of `options` on data of the right shape, without the data."""
        return Run(self, options, output).build(self.task_of(options).like(options))

    def describe(self, options: RunOptions) -> str:
        """What a dry run prints: options, parameter counts, optimizers."""
        values, model = options.as_dict(), self.like(options)
        model.check_batch_size(options.batch_size)
        width = max(map(len, values))
        lines = [f"{name:{width}}  {value}" for name, value in values.items()]
        sizes = [count_parameters([generator]) for generator in model.generators]
        each = " to ".join(f"{size:,}" for size in sorted({min(sizes), max(sizes)}))
        lines += ["", f"parameters, samples of shape {model.image_shape}",
                  f"  generator {each} each, {count_parameters(model.generators):,} in all"]
        others = collections.Counter(
            (_without_number(network.name), count_parameters([network])) for phase in model.phases()
            for network in phase.networks if not any(network is g for g in model.generators))
        lines += [f"  {name} {size:,}" + f" each, {number * size:,} in all" * (number > 1)
                  for (name, size), number in others.items()]
        lines += ["", "optimizers"]
        for phase in model.phases():
            optimizer = model.optimizer[phase.name]
            config = optimizer.get_config()
            betas = f", betas {config['beta_1']}, {config['beta_2']}" if "beta_1" in config else ""
            lines.append(f"  {phase.name}: {type(optimizer).__name__.lower()}, "
                         f"rate {config['learning_rate']:g}{betas}; {phase.repeats} "
                         f"update{'s' * (phase.repeats > 1)} per step")
        steps = options.steps_per_epoch or self.task_of(options).count(options) // (
            options.batch_size * model.batches_per_step)
        if steps:
            updates = [f"{phase.name} {steps * phase.repeats:,} per epoch, "
                       f"{options.epochs * steps * phase.repeats:,} in all" for phase in model.phases()]
            lines += [f"updates in {options.epochs:,} epochs of {steps:,} steps"]
            lines += [f"  {line}" for line in updates]
        return "\n".join(lines)


def _without_number(name: str) -> str:
    return name.rstrip("0123456789").rstrip("_")


def _optimizer(model: MultiGAN, phase: str, options: RunOptions) -> keras.optimizers.Optimizer:
    """The paper's optimizer with the learning rate of the options."""
    optimizer = model.default_optimizer(phase)
    rate = getattr(options, f"{phase}_learning_rate", getattr(options, "learning_rate", None))
    if rate is not None:
        optimizer.learning_rate = rate
    return optimizer


def _augmented(network, policy: str):
    if isinstance(network, list):
        return [_augmented(each, policy) for each in network]
    return None if network is None else augmented(network, policy)
