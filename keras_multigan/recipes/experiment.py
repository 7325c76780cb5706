"""How a recipe declares the experiments of its paper: which runs, and what the paper printed."""

import dataclasses
from typing import NamedTuple


class Column(NamedTuple):
    """A column of an experiment's table.

    Attributes:
        title: its heading.
        key: in metrics.json or among its last epoch's logs; a list counts with its least number.
        form: its number format.
    """

    title: str
    key: str
    form: str


FRECHET = Column("Frechet distance", "frechet_distance", ".3f")
FID = Column("FID, training images", "fid_train", ".2f")  # with the option inception only
TVD = Column("TVD", "pairwise_tvd", ".4f")
# On a network that is in no loss; see `metrics.Reference`.
INDEPENDENT = (
    Column("Frechet distance, independent features", "embedded_frechet_distance", ".2f"),
    Column("coverage", "embedded_coverage", ".3f"), Column("floor", "embedded_floor", ".2f"),
    Column("ratio", "embedded_ratio", ".1f"),
    Column("memorised images alike", "embedded_memorized_equivalent", ".0f"),
    Column("precision", "embedded_precision", ".3f"), Column("recall", "embedded_recall", ".3f"),
    Column("support size", "embedded_support_size", ".0f"),
    Column("TVD of classes", "embedded_class_tvd", ".3f"),
    Column("least recall within a generator", "embedded_generator_recall", ".2f"),
    Column("least coverage within a generator", "embedded_generator_coverage", ".2f"),
)
SCORE = Column("classifier score", "classifier_score", ".3f")


@dataclasses.dataclass(frozen=True)
class Arm:
    """One configuration of an experiment, run once per seed.

    Attributes:
        label: its name in tables and folders.
        options: those that differ from the preset; {"times": k} multiplies the preset's.
        paper: key of metrics.json -> the value that the paper prints.
        x: its place on the plot's axis.
    """

    label: str
    options: dict
    paper: dict = dataclasses.field(default_factory=dict)
    x: float | None = None


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table or figure of a paper.

    Attributes:
        title: one line.
        note: what the paper prints and how it compares.
        arms: the configurations.
        columns: of the table; the first two that are measured are plotted.
        axis: what `Arm.x` is.
        class_tables: the paper's tables of class probabilities, in %, by label. None: no such tables.
        presets: the recipe's preset at each scale.
        curves: what history.csv has of every epoch and curves.png shows.
    """

    title: str
    note: str
    arms: list[Arm]
    columns: tuple[Column, ...] = (FRECHET, TVD, SCORE)
    axis: str | None = None
    class_tables: dict | None = None
    presets: dict = dataclasses.field(
        default_factory=lambda: {"quick": "quick", "paper": "paper"})
    curves: tuple[Column, ...] = ()

    def has_papers(self, column: Column) -> bool:
        """Whether the paper prints this column of any run."""
        return any(column.key in arm.paper for arm in self.arms)


def arm_options(recipe, experiment: Experiment, arm: Arm, scale: str, overrides: dict):
    """The complete options of an arm.

    Args:
        overrides: option -> value, for all arms.

    Raises:
        ValueError: an override that does not fit the recipe's options.
    """
    preset = experiment.presets[scale]
    base = {name: option.default for name, option in recipe.options.items()} | recipe.presets[preset]
    given = {}
    for name, value in overrides.items():
        kind = recipe.options[name].value_type if name in recipe.options else None
        if kind is None or kind is int and int(value) != value:
            raise ValueError(
                f"--{name} is expected to fit the options of the runs, which "
                + ("have none of this name" if kind is None else f"have a whole number, {base[name]}")
                + f". Received: {value}. Leave it out or change it.")
        given[name] = int(value) if kind is int else value
    options = base | arm.options | given
    for name, value in arm.options.items():
        if isinstance(value, dict):
            options[name] = value["times"] * given.get(name, base[name])
    return recipe.make_options(preset, **recipe.resolve(options, given, preset))
