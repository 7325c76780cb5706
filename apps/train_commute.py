"""Trains ComMutE-GAN.

    python apps/train_commute.py                     5 generators on digits, minutes on 2 CPU cores
    python apps/train_commute.py --preset=paper      the paper's configuration, MNIST
    python apps/train_commute.py --resume --output=runs/commute-quick

The run folder gets options.json, metrics.json, history.csv, samples.png, curves.png,
class_table.png, tensorboard/, checkpoints/, model.keras, and export/ for TF Serving.
"""

import pathlib

import classifiers
import common
import keras
import pipeline
from absl import flags

from keras_multigan import distribute, networks, schedules
from keras_multigan.models import ComMutEGAN

GENERATORS = {
    "small": networks.commute_generator,
    "deep": networks.commute_deep_generator,
    "residual": networks.commute_residual_generator,
}
# What a preset leaves None is derived in `complete`.
PAPER = {
    "dataset": "mnist", "data_dir": None, "image_size": 32,
    "n_generators": 5, "generator": "small", "width": 1.0, "latent_dim": 128,
    "tvd_schedule": "constant:12.2", "n_critic": 3, "gp_weight": 10.0,
    "batch_size": None, "generator_batch_size": None, "learning_rate": 2e-4,
    "epochs": None, "steps_per_epoch": None, "until_converged": False,
    "classifier": "auto", "seed": 0, "precision": "float32",
    "strategy": "none", "devices": None, "tpu": "",
}
PRESETS = {
    "paper": PAPER,
    "quick": {**PAPER, "dataset": "digits", "width": 0.25, "learning_rate": 5e-4,
              "n_critic": 1, "epochs": 20, "steps_per_epoch": 50},
}


def define_flags():
    flags.DEFINE_enum("preset", "quick", list(PRESETS), "what the flags that are not given are")
    flags.DEFINE_string("dataset", None, "digits, mnist, fashion_mnist or any tfds image set")
    flags.DEFINE_string("data_dir", None, "prepared tfds folder, IDX files (.gz) or an .npz")
    flags.DEFINE_integer("image_size", None, "height and width, a multiple of 8", lower_bound=8)
    flags.DEFINE_integer("n_generators", None, "number of generators")
    flags.DEFINE_enum("generator", None, list(GENERATORS), "generator network")
    flags.DEFINE_float("width", None, "networks' width, as a part of the paper's", lower_bound=0.0)
    flags.DEFINE_integer("latent_dim", None, "length of a noise vector", lower_bound=1)
    flags.DEFINE_string("tvd_schedule", None,
                        "constant:12.2, linear:20:5:70 or sudden_death:20:20 (by epoch)")
    flags.DEFINE_integer("n_critic", None, "critic updates a step", lower_bound=1)
    flags.DEFINE_float("gp_weight", None, "weight of the gradient penalty", lower_bound=0.0)
    flags.DEFINE_integer("batch_size", None, "real images a critic update")
    flags.DEFINE_integer("generator_batch_size", None, "images of each generator in its update "
                         "(default: batch_size / n_generators)", lower_bound=1)
    flags.DEFINE_float("learning_rate", None, "Adam's, of both players", lower_bound=0.0)
    flags.DEFINE_integer("epochs", None, "epochs", lower_bound=1)
    flags.DEFINE_integer("steps_per_epoch", None, "generator updates an epoch (default: one pass "
                         "over the data)", lower_bound=1)
    flags.DEFINE_bool("until_converged", None, "stop when critic_loss moves less than 0.01 for 5 "
                      "epochs in a row; 250 epochs at most unless --epochs says")
    flags.DEFINE_string("classifier", None, "auto, or a .keras file (images -> logits)")
    flags.DEFINE_integer("seed", None, "random seed", lower_bound=0)
    flags.DEFINE_enum("strategy", None, list(distribute.STRATEGIES),
                      "the devices that share the work")
    flags.DEFINE_string("tpu", None, "TensorFlow's name or address of a TPU; not needed on a TPU VM")
    flags.DEFINE_integer("devices", None, "replicas of --strategy=mirrored", lower_bound=1)
    flags.DEFINE_enum("precision", None, ["float32", "mixed_bfloat16"], "Keras' dtype policy")
    common.define_run_flags()


def complete(options):
    """Fills in what depends on other options, and checks what can be checked without data."""
    n = options["n_generators"]
    if n < 1:
        raise ValueError(f"--n_generators is expected to be >= 1. Received: {n}")
    schedules.parse(options["tvd_schedule"])
    for name in ("learning_rate", "width"):
        if not 0 < options[name] < float("inf"):
            raise ValueError(
                f"--{name} is expected to be a finite number > 0. Received: {options[name]}"
            )
    options = dict(options)
    if options["epochs"] is None:
        options["epochs"] = 250 if options["until_converged"] else 70
    if options["batch_size"] is None:
        # The paper's rule: 500, or 504 for n = 3, 6, 7, 8, 9.
        sizes = (500, 504) if options["preset"] == "paper" else (100,)
        unit = n * (options["devices"] or 1)
        fitting = [size for size in sizes if size % unit == 0]
        options["batch_size"] = fitting[0] if fitting else -(-sizes[0] // unit) * unit
    if options["batch_size"] < 1 or options["batch_size"] % n:
        m = options["batch_size"]
        raise ValueError(
            f"--batch_size is expected to be a multiple of the {n} generators. Received: {m}. "
            f"Use {m // n * n or n} or {(m // n + 1) * n}."
        )
    return options


def build_networks(options, image_shape):
    """(generators, critic) of a run, initialised from its seed."""
    keras.config.set_dtype_policy(options["precision"])
    keras.utils.set_random_seed(options["seed"])

    def scaled(filters):
        return max(4, round(filters * options["width"] / 4) * 4)

    make = GENERATORS[options["generator"]]
    width = {} if options["width"] == 1.0 else {"filters": scaled(256)}
    generators = [make(options["latent_dim"], image_shape, **width)
                  for _ in range(options["n_generators"])]
    return generators, networks.commute_critic(image_shape, filters=scaled(64))


def train(options, output, resume=False):
    """One run, from its options to its results; see the module's docstring.

    Args:
        options: dict as from `complete`.
        output: the run folder, new unless `resume`.

    Returns:
        The content of metrics.json; None on a worker that is not the first.
    """
    if common.writes(options):
        common.check_output(output, resume)
    output = pathlib.Path(output)
    if (output / "metrics.json").exists():
        return common.read_json(output / "metrics.json")
    with distribute.scope(options["strategy"], options["devices"], options["tpu"]):
        train_set, test_set = (common.load_split(options, split) for split in ("train", "test"))
        generators, critic = build_networks(options, train_set[0].shape[1:])
        own_classifier = output / "classifier.keras"
        classifier, name = classifiers.get(options, train_set, test_set, own_classifier)
        adam = dict(learning_rate=options["learning_rate"], beta_1=0.5, beta_2=0.9)
        model = ComMutEGAN(
            generators, critic, classifier, latent_dim=options["latent_dim"],
            tvd_weight=options["tvd_schedule"], n_critic=options["n_critic"],
            gp_weight=options["gp_weight"], seed=options["seed"],
            generator_batch_size=options["generator_batch_size"],
        )
        model.compile(critic_optimizer=keras.optimizers.Adam(**adam),
                      generator_optimizer=keras.optimizers.Adam(**adam))
        model.check_batch_size(options["batch_size"])
        # All is known to fit: from here on there is a run.
        if common.writes(options):
            common.open_run(output, options, resume)
            if name.startswith("compact classifier") and not own_classifier.exists():
                common.save_model(classifier, own_classifier)
        seconds = pipeline.train(model, train_set[0], options, output)
    if not common.writes(options):
        return None
    # Outside the scope, where what is saved and loaded would make variables of all workers.
    return pipeline.finish(model, test_set[0], classifier, name, options, output, seconds)


def dry_run(options):
    generators, critic = build_networks(options, (options["image_size"],) * 2 + (1,))
    for name, value in options.items():
        print(f"{name:22}{value}")
    each = generators[0].count_params()
    print(f"\nparameters (images of one channel)\n  generator {each:,} each, "
          f"{each * len(generators):,} in all\n  critic    {critic.count_params():,}")


def main(argv):
    output = flags.FLAGS.output or f"runs/commute-{flags.FLAGS.preset}"
    options = complete(common.resolve_options(PRESETS, output, flags.FLAGS.resume))
    if flags.FLAGS.dry_run:
        return dry_run(options)
    results = train(options, output, flags.FLAGS.resume)
    if results is not None:
        print(pipeline.report(results))
        print(f"\nrun folder: {output}")


if __name__ == "__main__":
    define_flags()
    common.run(main)
