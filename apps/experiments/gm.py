"""GM-GAN: the slides' best variants."""

import train_gm

from experiments import FID, FRECHET, SCORE, Column, Experiment, Paper, Run

_PLAIN = {"num_components": 1, "dynamic": False, "supervised": False}
EXPERIMENTS = {
    "variants": Experiment(
        "Dynamic and static mixtures against a plain GAN",
        "The slides' distances are FIDs, here with --inception; the Frechet distance is on classifier "
        "logits. As theirs, the dynamic mixture has K = 10 and d = 100, the plain GAN d = 200, the "
        "static ones K = 11 and 10. A few outliers make recall large; coverage counts balls around "
        "the real images alone.",
        [Run("plain", {**_PLAIN, "scale": 1.0, "latent_dim": 200},
             {"fid_train": 27.73, "precision": 0.52, "recall": 0.2}),
         Run("static", {"dynamic": False, "num_components": 11, "latent_dim": 200},
             {"fid_train": 258.6}),
         Run("static-wgan", {"dynamic": False, "supervised": False, "base": "wasserstein",
                             "latent_dim": 200}, {"fid_train": 110.47}),
         Run("dynamic", {}, {"fid_train": 15.67, "precision": 0.55, "recall": 0.29}),
         Run("dynamic-unsupervised", {"supervised": False})],
        (FID, FRECHET, Column("recall", "recall", ".3f"), Column("precision", "precision", ".3f"),
         Column("coverage", "coverage", ".3f"), SCORE,
         Column("means moved by", "moved_means", ".3f")),
    ),
}
PAPER = Paper(train_gm, EXPERIMENTS)
