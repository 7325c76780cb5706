"""MIX-GAN: section V."""

import train_mix

from experiments import FRECHET, SCORE, TVD, Experiment, Paper, Run


def _mixture(n, **others):
    return {"n_generators": n, "n_discriminators": n, **others}


EXPERIMENTS = {
    "supervised": Experiment(
        "Mixtures with labels against one pair",
        "The paper's, on CIFAR-10, are Inception scores and FIDs: 10G10D 10.21 and 5.52 against the "
        "test set. Ours are on the logits of a classifier.",
        [Run(f"{n}G{n}D", _mixture(n)) for n in (1, 2, 5)],
    ),
    "unsupervised": Experiment(
        "Mixtures without labels against one pair",
        "60,000 steps in the paper.",
        [Run(f"{n}G{n}D", _mixture(n, supervised=False)) for n in (1, 5)],
        (FRECHET, TVD, SCORE),
    ),
}
PAPER = Paper(train_mix, EXPERIMENTS)
