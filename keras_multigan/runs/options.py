"""The options of a run: how one is declared, those that all runs have, what counts on resume."""

import dataclasses
import math
import operator
from typing import Any, Self

from keras_multigan import distribute
from keras_multigan.runs import files


@dataclasses.dataclass(frozen=True)
class Option:
    """One option, written once: the flag, its help and check, the field of `RunOptions`.

    Attributes:
        default: its value if neither flag nor preset says another. None is derived later, or means
            "none". In `Recipe.arguments` the constructor's own default stands in for None.
        help: one line for `--help`.
        kind: int, float, str or bool; the default's type if None.
        least: smallest number allowed.
        above: number that must be exceeded.
        most: largest number allowed.
        below: number that must not be reached. Each of the four asks for a finite number.
        choices: the values allowed.
        aliases: old names, which flags and run folders may still have.
        later: whether presets may have got it later. A run folder without it had the default then.
    """

    default: Any = None
    help: str = ""
    kind: type | None = None
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    choices: tuple = ()
    aliases: tuple[str, ...] = ()
    later: bool = False

    @property
    def value_type(self) -> type:
        return self.kind or type(self.default)

    def check(self, name: str, value: Any) -> None:
        """Raises ValueError unless `value` is None or allowed."""
        if value is None:
            return
        wanted = []
        if self.choices and value not in self.choices:
            wanted = [f"one of {', '.join(map(str, self.choices))}"]
        bounds = ((">", self.above, operator.gt), (">=", self.least, operator.ge),
                  ("<=", self.most, operator.le), ("<", self.below, operator.lt))
        bounds = [(sign, bound, holds) for sign, bound, holds in bounds if bound is not None]
        if bounds and not (math.isfinite(value) and all(f(value, b) for _, b, f in bounds)):
            wanted = [f"{sign} {bound}" for sign, bound, _ in bounds]
            if self.value_type is float:
                wanted[0] = f"a finite number {wanted[0]}"
        if wanted:
            raise ValueError(f"--{name} is expected to be {' and '.join(wanted)}. Received: {value}")


# Bounds keep out slips, such as a size of 10**8, which would take hours or all memory to fail.
MOST_NETWORKS = 1000
MOST_UNITS = 2**14  # of a layer
MOST_NOISE = 10**5
WEIGHT = {"least": 0, "most": 10**9}  # of a term in a loss
RAY = Option(help="address of a Ray cluster whose machines do the runs and share --output; auto finds "
             "a running one, local starts one here", kind=str)
RUN = {
    "epochs": Option(help="epochs", kind=int, least=1, most=10**6),
    "steps_per_epoch": Option(help="training steps per epoch (default: one pass over the data)",
                              kind=int, least=1, most=10**7),
    "batch_size": Option(help="real samples per update", kind=int, least=1, most=10**5),
    "seed": Option(0, "random seed", least=0, most=2**32 - 1),
    "precision": Option("float32", "Keras' dtype policy", choices=("float32", "mixed_bfloat16")),
    "strategy": Option("none", "the devices that share the work", choices=distribute.STRATEGIES),
    "devices": Option(help="replicas of --strategy=mirrored", kind=int, least=1,
                      most=distribute.MOST_DEVICES),
    "ema": Option(help="decay of averaged generators, which samples and export use (default: none)",
                  kind=float, least=0, below=1, later=True),
    "tpu": Option("", "TensorFlow's name or address of a TPU; not needed on a TPU VM"),
}
DATASET = {
    "dataset": Option("mnist", "digits, mnist, fashion_mnist or any tfds image set"),
    "data_dir": Option(help="where the images lie: a folder or .zip of image files, .npz, .npy, "
                       ".h5, .csv, IDX files or a prepared tfds folder", kind=str),
    "image_size": Option(32, "height and width of the images", least=8, most=2048),
    "background": Option("black", "what lies under transparent pixels of image files",
                         choices=("black", "white")),
    "label": Option(help="tfds feature with the labels, such as Male of celeb_a; several of 0 and 1, "
                    "such as Male,Black_Hair, are one class per combination (default: label)",
                    kind=str),
    "stream": Option(help="whether image files are decoded batch by batch (default: if they need more "
                     "than a quarter of the memory)", kind=bool),
}
IMAGES = {
    **DATASET,
    "train_split": Option("train", "split to learn from: unlabelled of stl10",
                          choices=("train", "unlabelled")),
    "classifier": Option("auto", "auto, paper (ComMutE-GAN's own, trained here), or a .keras file "
                         "(images -> logits)"),
    "embedding": Option("auto", "what measures independently of the losses: auto (a network that "
                        "labels train, if there are any), or a fixed random network",
                        choices=("auto", "random")),
    "validation": Option(0.0, "share of the training images that are held out and measured in place of "
                         "the test images, to choose settings with", least=0, most=0.9),
    "augment": Option(help="what the discriminators' images go through, real and generated: some of "
                      "color,translation,cutout (default: nothing)", kind=str),
    "inception": Option("none", "none, or what measures Inception score and FIDs after the training: "
                        "tfgan (TF-Hub), imagenet (keras.applications) or a file of weights"),
    "fid_every": Option(help="epochs between two FIDs to training images while it trains, with "
                        "--inception (default: none)", kind=int, least=1, most=10**6, later=True),
}
# Where the data lie and which devices share the work is no property of the run. It may be trained
# longer.
_MAY_DIFFER = ("data_dir", "stream", "strategy", "devices", "tpu", "epochs")
# What options.json of version 0.1 has beside options.
_IGNORED = {"app", "dimension"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of one run, checked. A method's own are further fields; see `options_class`.

    Attributes:
        method: the recipe's name.
        preset: the preset that they began with.
    """

    method: str
    preset: str

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if option := field.metadata.get("option"):
                option.check(field.name, getattr(self, field.name))

    def replace(self, **changes) -> Self:
        return dataclasses.replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def options_class(name: str, options: dict[str, Option]) -> type[RunOptions]:
    """The frozen dataclass with a field per option."""
    fields = [(key, option.value_type,
               dataclasses.field(default=option.default, metadata={"option": option}))
              for key, option in options.items()]
    return dataclasses.make_dataclass(name, fields, bases=(RunOptions,), frozen=True, kw_only=True)


def renamed(stored: dict[str, Any], options: dict[str, Option]) -> dict[str, Any]:
    """The entries of a stored dict under today's names."""
    today = {old: name for name, option in options.items() for old in option.aliases}
    return {today.get(name, name): value for name, value in stored.items()}


def resolve(recipe, given: dict[str, Any], output, resume: bool) -> RunOptions:
    """Options from, in this order: the command line, the run to be resumed, the preset.

    Args:
        recipe: the `Recipe`.
        given: option name, or "preset", -> value, of the command line.
        output: the run folder.
        resume: whether its options count.

    Raises:
        ValueError: flags that contradict the resumed run (lists the differences).
        FileNotFoundError: `output` holds no run to resume.
    """
    if not resume:
        return recipe.make_options(**given)
    started = files.read_options(output)
    method = started.get("method") or started.get("app", recipe.name).replace("-", "_")
    if method != recipe.name or started.get("preset") not in recipe.presets:
        raise ValueError(f"--resume expects a run of the method {recipe.name}. Received: {output}, a "
                         f"run of {method}. Resume it with the command that made it.")
    known = renamed(started, recipe.options)
    if strange := known.keys() - recipe.options.keys() - _IGNORED - {"method", "preset"}:
        raise ValueError(f"--resume expects a run with known options. Received: {output}, whose "
                         f"options.json has {sorted(strange)}. Resume it with the version that "
                         "made it.")
    known = {name: value for name, value in known.items() if name in {*recipe.options, "preset"}}
    lines = "".join(f"\n  --{name}: the run has {known.get(name)!r}, received {value!r}"
                    for name, value in given.items()
                    if name not in _MAY_DIFFER and known.get(name) != value)
    if lines:
        raise ValueError(
            f"--resume expects the options that the run in {output} was started with. "
            f"Received:{lines}\nLeave them out (the run's own are used) or choose another --output."
        )
    for name, value in known.items():
        _check_type(recipe.options.get(name), name, value, output)
    # A run of an earlier version lacks the options that are new.
    new = lacking(recipe, known)
    try:
        recipe.make_options(**{**new, **known})
    except ValueError as error:
        raise ValueError(f"--resume expects {output}/options.json as it was written. Received: {error} "
                         "Correct it or put the file back.") from error
    return recipe.make_options(**{**new, **known, **given})


def lacking(recipe, stored: dict[str, Any]) -> dict[str, Any]:
    """The options that a run was started without, and which its preset may have today: what they were
    for it.

    Args:
        stored: its options under today's names.
    """
    return {name: option.default for name, option in recipe.options.items()
            if option.later and name not in stored}


def _check_type(option, name, value, output):
    """Raises ValueError unless a stored value could have come from the flag."""
    wanted = {int: int, float: (int, float), bool: bool}.get(option and option.value_type, str)
    if value is not None and (not isinstance(value, wanted)
                              or (isinstance(value, bool) and wanted is not bool)):
        raise ValueError(f"--resume expects {output}/options.json as it was written. Received: "
                         f"{name}={value!r}. Correct it or put the file back.")
