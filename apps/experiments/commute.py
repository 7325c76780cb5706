"""ComMutE-GAN: tables 1-3, figures 3-4, sections 5.1-5.3."""

import train_commute

from experiments import Experiment, Paper, Run


def _options(n, weight, **others):
    return {"n_generators": n, "tvd_schedule": f"constant:{weight}", **others}


def _paper(frechet_distance, tvd=None):
    return {"frechet_distance": frechet_distance} | ({} if tvd is None else {"pairwise_tvd": tvd})


EXPERIMENTS = {
    "batch_concatenation": Experiment(
        "Batch concatenation without and with the TVD loss (tables 1-3)",
        "The generators' order is arbitrary: compare how the classes are shared out. The paper's "
        "class tables have a TVD (equation 7) of 0.884, 0.981 and 0.839, less than it prints.",
        [Run("n2-gamma0", _options(2, 0, until_converged=True), _paper(4.738, 0.9832)),
         Run("n2-gamma5", _options(2, 5, until_converged=True), _paper(3.602, 0.9965)),
         Run("n4-gamma0", _options(4, 0, until_converged=True), _paper(2.9439, 0.9633))],
        class_tables={
            "n2-gamma0": [
                [0.00, 27.23, 13.23, 0.63, 18.91, 0.00, 0.00, 22.46, 0.32, 17.23],
                [19.15, 0.01, 8.94, 19.75, 0.06, 17.19, 18.35, 0.29, 14.93, 1.31]],
            "n2-gamma5": [
                [18.98, 21.77, 0.47, 0.03, 18.96, 0.00, 0.13, 19.47, 0.49, 19.69],
                [0.51, 0.04, 21.25, 19.79, 0.16, 17.90, 23.48, 0.01, 16.82, 0.05]],
            "n4-gamma0": [
                [0.02, 0.15, 0.04, 13.00, 6.91, 4.92, 36.91, 0.11, 33.14, 4.79],
                [38.99, 0.00, 11.32, 22.84, 0.01, 24.13, 0.03, 0.00, 2.33, 0.33],
                [0.15, 45.49, 15.88, 0.14, 31.99, 0.68, 2.65, 0.86, 0.84, 1.31],
                [0.36, 0.29, 22.05, 2.46, 0.72, 0.95, 0.00, 41.96, 1.94, 29.24]]},
    ),
    "gamma_sweep": Experiment(
        "Weight of the TVD loss, 5 generators (figure 3)",
        "The paper prints no number of this sweep, only that about 12.2 is best.",
        [Run(f"gamma{weight}", _options(5, weight), x=weight)
         for weight in (0, 5, 10, 11, 12, 13, 14, 15, 20)],
        axis="weight of the TVD loss (gamma)",
    ),
    "schedules": Experiment(
        "Schedules of the TVD loss's weight, 5 generators (sections 5.2.2 and 5.2.3)",
        "The constant weight is the paper's best, to compare with; it prints no number for it.",
        # At the paper's 70 epochs these are linear:20:5:70 and sudden_death:20:20.
        [Run("constant", _options(5, 12.2)),
         Run("linear-decay", {"n_generators": 5, "tvd_schedule": "linear:20:5:{epochs}"},
             _paper(3.5379, 0.9999)),
         Run("sudden-death", {"n_generators": 5, "tvd_schedule": "sudden_death:20:{two_sevenths}"},
             _paper(2.6685, 0.9998))],
    ),
    "n_sweep": Experiment(
        "Number of generators (figure 4)",
        'The paper prints only n = 1 ("FID ~ 4.25"). Of the others it says that n = 3, 6, 7, 9 are '
        "much worse and that n = 4 and 5 are best.",
        [Run(f"n{n}", _options(n, 12.2, until_converged=True), _paper(4.25) if n == 1 else {}, x=n)
         for n in range(1, 11)],
        axis="number of generators",
    ),
    "model_size": Experiment(
        "Small generators against one large one (section 5.1.1)",
        "The paper calls its distances averages, and says that its residual run did not converge. "
        "Its generators have 3,642,640 (4 x 910,660), 69,657,924 and 3,882,049 parameters.",
        [Run("4-small", _options(4, 12.5), _paper(2.6)),
         Run("1-deep", _options(1, 0, generator="deep"), _paper(5.56)),
         Run("1-residual", _options(1, 0, generator="residual"), _paper(23.42))],
        class_tables={},
    ),
}


def _resolve(options, overrides):
    if options["preset"] == "quick":
        options["until_converged"] = False
    if "batch_size" in overrides:
        n = options["n_generators"]
        options["batch_size"] = -(-overrides["batch_size"] // n) * n
    epochs = train_commute.complete({**options, "tvd_schedule": "constant:0"})["epochs"]
    options["tvd_schedule"] = options["tvd_schedule"].format(
        epochs=epochs, two_sevenths=max(1, round(epochs * 2 / 7)))
    return options


PAPER = Paper(train_commute, EXPERIMENTS, _resolve)
