"""MIX+GAN on artificial data: figures 3-11."""

import train_mix_plus

from experiments import FRECHET, Column, Experiment, Paper, Run

COLUMNS = (
    Column("Judge accuracy", "judge_accuracy", ".4f"), FRECHET,
    Column("Wasserstein estimate", "wasserstein_estimate", ".4f"), Column("TVD", "pairwise_tvd", ".4f"),
    Column("least share on one mode", "least_share_of_own_mode", ".3f"),
    Column("modes with a generator", "modes_with_a_generator", "g"),
)


def _mixture(n, **others):
    return {"n_generators": n, "n_discriminators": n, **others}


EXPERIMENTS = {
    "mixtures": Experiment(
        "Bigger mixtures are closer to the data, each generator takes a mode",
        "The paper shows figures, no numbers: Judge accuracy, Frechet distance and Wasserstein "
        "estimate fall with the size of the mixture.",
        [Run(f"{n}G{n}D", _mixture(n), x=n) for n in (1, 2, 3)],
        COLUMNS, axis="generators and discriminators",
    ),
    "size_of_a_pair": Experiment(
        "Depth or width of a single pair helps less than a mixture",
        "All others have one generator and one discriminator.",
        [Run("1G1D", _mixture(1)), Run("deeper", _mixture(1, layers=7)),
         Run("wider", _mixture(1, width={"times": 2})), Run("3G3D", _mixture(3))],
        COLUMNS,
    ),
    "random_network": Experiment(
        "Data from a random network of two layers, generators of more (figure 10)",
        "The data are a Gaussian, of which an affine map, a generator of two layers, is enough. The "
        "discriminators have five.",
        [Run(f"layers{depth}-{n}G{n}D", _mixture(n, data="network", generator_layers=depth))
         for depth in (2, 3, 5) for n in (1, 3)],
        COLUMNS[:3],
    ),
    "network_depth": Experiment(
        "Data from random networks of growing depth (not in the paper)",
        "With two layers the data are a Gaussian.",
        [Run(f"layers{depth}-{n}G{n}D", _mixture(n, data="network", data_layers=depth))
         for depth in (2, 3, 5) for n in (1, 3)],
        COLUMNS[:3],
    ),
    "training_set_size": Experiment(
        "A finite training set (figure 11)",
        "Measured against fresh samples of the same distribution.",
        [Run(f"{size or 'endless'}-{n}G{n}D", _mixture(n, training_samples=size))
         for size in (1000, 10_000, None) for n in (1, 3)],
        COLUMNS[:3],
    ),
}

PAPER = Paper(train_mix_plus, EXPERIMENTS)
