"""MMGAN: Algorithm 1, of which the slides show no result."""

import train_mm

from experiments import FRECHET, SCORE, Column, Experiment, Paper, Run

EXPERIMENTS = {
    "clusters": Experiment(
        "The encoder's clusters, and a plain relativistic GAN",
        "The slides print no number. One component is the plain GAN; clusters by chance have an "
        "accuracy a little above 1 in 10.",
        [Run("soft", {}), Run("straight-through", {"assignment": "straight_through"}),
         Run("one-component", {"num_components": 1})],
        (Column("clustering accuracy", "clustering_accuracy", ".3f"), FRECHET,
         Column("NMI", "normalized_mutual_information", ".3f"), SCORE),
    ),
}
PAPER = Paper(train_mm, EXPERIMENTS)
