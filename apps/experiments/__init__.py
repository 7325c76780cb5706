"""The papers' experiments, one paper a file: which runs, and what the paper printed of them."""

import typing


class Column(typing.NamedTuple):
    title: str
    key: str  # in metrics.json or among its last epoch's logs; a list counts with its least number
    form: str


FRECHET = Column("Frechet distance", "frechet_distance", ".3f")
TVD = Column("TVD", "pairwise_tvd", ".4f")
SCORE = Column("classifier score", "classifier_score", ".3f")


class Run(typing.NamedTuple):
    label: str
    options: dict  # of the app, where they differ from the preset
    paper: dict = {}  # metrics.json's key -> as printed in the paper
    x: float | None = None  # on the plot's axis


class Experiment(typing.NamedTuple):
    title: str
    note: str
    runs: list
    columns: tuple = (FRECHET, TVD, SCORE)  # the first two are plotted
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
    overrides = {key: value if preset[key] is None else type(preset[key])(value)
                 for key, value in overrides.items()}
    options = {"preset": name, **preset, **run.options, **overrides}
    if paper.resolve is not None:
        options = paper.resolve(options, overrides)
    return paper.app.complete(options)
