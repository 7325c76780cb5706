"""MIM-GAN: table 1. Of tables 2 and 3 the FIDs contradict all other sources."""

import train_mim

from experiments import FRECHET, SCORE, TVD, Column, Experiment, Paper, Run

EXPERIMENTS = {
    "weights": Experiment(
        "With and without the mutual information (MNIST score, table 1)",
        "The paper's 7.958 is MIM-GAN's MNIST score; MGAN has 6.618 there, WGAN 6.006. It states no "
        "lambda. The overlap is the mean over pairs in the last epoch, in nats.",
        [Run("without", {"mutual_information_weight": 0.0}),
         Run("overlap", {}, {"classifier_score": 7.958}),
         Run("paired", {"mutual_information": "paired"})],
        (SCORE, TVD, FRECHET, Column("mutual information at the end", "mutual_information", ".4f")),
    ),
}
PAPER = Paper(train_mim, EXPERIMENTS)
