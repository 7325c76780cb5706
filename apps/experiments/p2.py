"""P2GAN: figure 1, table 1, section 3.2."""

import train_p2

from experiments import FRECHET, SCORE, TVD, Column, Experiment, Paper, Run

_CONSTRAINTS = {key: value for key, value in train_p2.PRESETS["constraints"].items()
                if train_p2.RING[key] != value}
EXPERIMENTS = {
    "ring": Experiment(
        "Eight generators on a ring of eight Gaussians (figure 1)",
        "The paper's figure shows each generator on a mode of its own, all modes taken. evolution.png "
        "in the run's folder is its counterpart.",
        [Run("growing", {}), Run("no-push", {"push_weight": 0.0}), Run("one", {"n_generators": 1})],
        (Column("modes covered", "modes_covered", "g"),
         Column("least share on one mode", "least_share_of_own_mode", ".3f"),
         Column("high-quality samples", "high_quality", ".3f"), FRECHET),
    ),
    "constraints": Experiment(
        "Two classes, pushed away from one of them (section 3.2)",
        "The first generator is to avoid the auxiliary class. The paper shows pictures, no numbers. "
        "Without push the auxiliary source still pulls the second generator; without source no force "
        "is left but that of the data.",
        [Run("push", {**_CONSTRAINTS}),
         Run("no-push", {**_CONSTRAINTS, "push_weight": 0.0, "auxiliary_push": 0.0}),
         Run("no-source", {**_CONSTRAINTS, "push_weight": 0.0, "auxiliary_push": 0.0,
                           "auxiliary_pull": 0.0})],
        (Column("first generator outside the class", "first_outside_auxiliary_class", ".3f"),
         FRECHET, TVD, SCORE),
    ),
}
PAPER = Paper(train_p2, EXPERIMENTS)
