"""The papers' experiments, one paper a file: which runs, and what the paper printed of them."""

import typing


class Column(typing.NamedTuple):
    title: str
    key: str  # in metrics.json or among its last epoch's logs; a list counts with its least number
    form: str


FRECHET = Column("Frechet distance", "frechet_distance", ".3f")
FID = Column("FID, training images", "fid_train", ".2f")  # with the option inception only
TVD = Column("TVD", "pairwise_tvd", ".4f")
SCORE = Column("classifier score", "classifier_score", ".3f")


class Run(typing.NamedTuple):
    label: str
    options: dict  # of the app, where they differ from the preset; {"times": k} multiplies it
    paper: dict = {}  # metrics.json's key -> as printed in the paper
    x: float | None = None  # on the plot's axis


class Experiment(typing.NamedTuple):
    title: str
    note: str
    runs: list
    columns: tuple = (FRECHET, TVD, SCORE)  # the first two that are measured are plotted
    axis: str | None = None
    class_tables: dict | None = None  # the paper's, in %, by label; None: no such tables are wanted
    presets: dict = {"quick": "quick", "paper": "paper"}  # the app's preset at each scale

    def has_papers(self, column):
        """Whether the paper prints this column of any run."""
        return any(column.key in run.paper for run in self.runs)


class Paper(typing.NamedTuple):
    app: typing.Any  # the module that trains: PRESETS, complete, make, train
    experiments: dict
    resolve: typing.Callable | None = None  # (options, overrides) -> options that a run completes


def complete(paper, experiment, run, scale, overrides):
    """The complete options of a run."""
    name = experiment.presets[scale]
    preset = paper.app.PRESETS[name]
    for key, value in overrides.items():
        kind = type(preset.get(key))
        if key not in preset or kind is int and int(value) != value:
            raise ValueError(
                f"--{key} is expected to fit the options of the runs, which "
                + (f"have a whole number, {preset[key]}" if key in preset else "have none of this name")
                + f". Received: {value}. Leave it out or change it.")
        overrides = {**overrides, key: int(value) if kind is int else value}
    options = {"preset": name, **preset, **run.options, **overrides}
    for key, value in run.options.items():
        if isinstance(value, dict):
            options[key] = value["times"] * overrides.get(key, preset[key])
    if paper.resolve is not None:
        options = paper.resolve(options, overrides)
    return paper.app.complete(options)
