"""P2GAN: figure 1, table 1, section 3.2."""

import train_p2

from experiments import FID, FRECHET, SCORE, TVD, Column, Experiment, Paper, Run

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
        [Run("push", {}),
         Run("no-push", {"push_weight": 0.0, "auxiliary_push": 0.0}),
         Run("no-source", {"push_weight": 0.0, "auxiliary_push": 0.0,
                           "auxiliary_pull": 0.0})],
        (Column("first generator outside the class", "first_outside_auxiliary_class", ".3f"),
         FRECHET, TVD, SCORE),
        presets={"quick": "constraints", "paper": "constraints"},
    ),
    "generators": Experiment(
        "The number of generators on images (table 1)",
        "The paper's FIDs are on CIFAR-10; the Frechet distance is on a classifier's logits. A "
        "generator joins after every so many of 150 epochs.",
        [Run(f"{k}", {"n_generators": k, "growth": growth}, {"fid_train": fid}, x=k)
         for k, growth, fid in ((1, None, 26.7), (3, 15, 25.7), (5, 10, 20.1), (10, 5, 23.1),
                                (15, 3, 23.5))],
        columns=(FID, FRECHET, TVD, SCORE, Column("generators at the end", "active_generators", "g")),
        axis="generators", presets={"quick": "images", "paper": "images_paper"},
    ),
}
PAPER = Paper(train_p2, EXPERIMENTS)
