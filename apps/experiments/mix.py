"""MIX-GAN: section V."""

import train_mix

from experiments import FID, FRECHET, SCORE, TVD, Column, Experiment, Paper, Run

COLUMNS = (FID, FRECHET, TVD, SCORE, Column("FID, test images", "fid_test", ".2f"),
           Column("Inception score", "inception_score", ".2f"))


def _paper(score, train, test):
    return {"inception_score": score, "fid_train": train, "fid_test": test}


def _mixture(n, **others):
    return {"n_generators": n, "n_discriminators": n, **others}


EXPERIMENTS = {
    "supervised": Experiment(
        "Mixtures with labels against one pair",
        "The paper's, on CIFAR-10, are Inception scores and FIDs. Frechet distance and classifier "
        "score are on a classifier's logits.",
        [Run("1G1D", _mixture(1), _paper(9.61, 4.57, 6.66)),
         Run("2G2D", _mixture(2), _paper(9.83, 4.46, 6.23)),
         Run("5G5D", _mixture(5), _paper(9.98, 3.95, 5.78)),
         Run("10G10D", _mixture(10), _paper(10.21, 3.60, 5.52))],
        COLUMNS,
    ),
    "unsupervised": Experiment(
        "Mixtures without labels against one pair",
        "The paper's are of step 60,000, after which they degrade: at its scale give --epochs=60.",
        [Run("1G1D", _mixture(1, supervised=False)), Run("5G5D", _mixture(5, supervised=False)),
         Run("10G10D", _mixture(10, supervised=False), _paper(9.67, 8.17, 10.26))],
        COLUMNS,
    ),
}


def _resolve(options, overrides):
    parts = options["n_discriminators"]
    options["batch_size"] = -(-options["batch_size"] // parts) * parts
    return options


PAPER = Paper(train_mix, EXPERIMENTS, _resolve)
