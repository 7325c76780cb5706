"""A run from its options to its results: training, measuring, what it leaves."""

import collections
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import classifiers
import common
import keras
import measures
import numpy as np
from absl import flags, logging

from keras_multigan import callbacks, distribute, export, metrics, networks, plots

_GRAY = ("digits", "mnist", "fashion_mnist", "kmnist", "emnist")


def main(name, presets, complete, make, train):
    """What a training app does with its flags.

    Args:
        name: of the folder runs/<name>-<preset>.
        presets: dict of preset -> options.
        complete: function that fills in and checks options.
        make: see `run_on_images`.
        train: function (options, output, resume) -> results.
    """
    output = flags.FLAGS.output or f"runs/{name}-{flags.FLAGS.preset}"
    options = complete(common.resolve_options(name, presets, output, flags.FLAGS.resume))
    if flags.FLAGS.dry_run:
        return dry_run(options, make)
    results = train(options, output, flags.FLAGS.resume)
    if results is not None:
        print(measures.report(results))
        print(f"\nrun folder: {output}")


def dry_run(options, make):
    """Prints the options and the parameter counts of a run."""
    width = max(map(len, options))
    for name, value in options.items():
        print(f"{name:{width}}  {value}")
    model = build(make, options)
    print(f"\nparameters, samples of shape {model.image_shape}")
    sizes = [count_parameters([generator]) for generator in model.generators]
    each = " to ".join(f"{size:,}" for size in sorted({min(sizes), max(sizes)}))
    print(f"  generator {each} each, {count_parameters(model.generators):,} in all")
    others = collections.Counter(
        (network.name, count_parameters([network])) for phase in model.phases()
        for network in phase.networks if not any(network is g for g in model.generators))
    for (name, size), number in others.items():
        print(f"  {name} {size:,}" + f" each, {number * size:,} in all" * (number > 1))


def build(make, options):
    """The model of `options` on data of the right shape, without the data."""
    if options.get("dimension"):
        return seeded(make, options, (options["dimension"],), None, None)
    gray = re.split("[:/]", options["dataset"])[0] in _GRAY
    shape = (options["image_size"],) * 2 + (1 if gray else 3,)
    return seeded(make, options, shape, 10, networks.compact_classifier(shape, filters=4))


def seeded(make, options, *arguments):
    """make(options, *arguments) with the run's precision and initial values."""
    keras.config.set_dtype_policy(options["precision"])
    keras.utils.set_random_seed(options["seed"])
    return make(options, *arguments)


def count_parameters(models):
    """Of all together; what they share counts once."""
    found = {id(v): v for model in models for v in model.weights}
    return sum(int(np.prod(v.shape)) for v in found.values() if "seed" not in v.path)


def run_on_images(make, options, output, resume=False, *, select=None,
                  training_set=None, extra=None):
    """One run on an image set, with all its records.

    Args:
        make: function (options, image_shape, num_classes, classifier) -> compiled model.
        options: dict with those of `common.RUN` and `common.IMAGES`.
        output: the run folder, new unless `resume`.
        select: function labels -> which samples of both splits count, a boolean array; all if None.
            The classifier is trained on all of them.
        training_set: function (images, labels) -> what `fit` gets; images, and labels where the model
            needs them, if None.
        extra: function (model, images_by_generator, (test images, labels), classifier) -> dict of
            results beside those of `measures.measure`.

    Returns:
        The content of metrics.json; None on a worker that is not the first.
    """
    output, done = _open(options, output, resume)
    if done:
        return done
    scope = distribute.scope(options["strategy"], options["devices"], options["tpu"])
    splits = [common.load_split(options, split) for split in ("train", "test")]
    shape, num_classes = splits[0][0].shape[1:], int(splits[0][1].max()) + 1
    train_set, test_set = splits if select is None else (
        tuple(array[select(labels)] for array in (images, labels)) for images, labels in splits)
    if training_set is not None:
        train_set = training_set(*train_set)
    own_classifier = output / "classifier.keras"
    keras.utils.set_random_seed(options["seed"])  # dropout in a loaded classifier has one, too
    classifier, name, trained = classifiers.find(options, shape, num_classes, own_classifier)
    with scope:
        # Measured, and trained, on one device, whatever devices the model has.
        its_classifier = (classifier if options["strategy"] == "none"
                          else keras.models.clone_model(classifier))
        model = seeded(make, options, shape, num_classes, its_classifier)
        model.check_batch_size(options["batch_size"])
    # What would fail after the training fails now.
    metrics.classifier_logits(test_set[0][:1], classifier)
    if options["inception"] != "none":
        measures.inception_outputs(test_set[0][:1], options["inception"])
    if not trained:
        classifiers.train(classifier, *splits, options["dataset"])
    if model.num_classes is None and training_set is None:
        train_set = (train_set[0], None)
    if common.writes(options):
        common.open_run(output, options, resume)
        if not trained:
            common.save_model(classifier, own_classifier)
    with scope:
        its_classifier.set_weights(classifier.get_weights())
        seconds = train(model, *train_set, options, output, callbacks.SampleGrid(output))
    if not common.writes(options):
        return None
    # Outside the scope, where what is saved and loaded would make variables of all workers.
    results = keep(model, output, seconds)
    images = measures.sample_each(model, measures.NUM_EVALUATION_IMAGES // model.num_generators)
    plots.save_samples(np.stack([i[:10] for i in images]), output / "samples.png")
    results |= measures.measure(images, test_set[0], classifier, name, options["dataset"])
    if extra is not None:
        results |= extra(model, images, test_set, classifier)
    if options["inception"] != "none":
        results |= measures.measure_by_inception(model, splits[0][0], test_set[0], options["inception"])
    plots.save_class_table(results["class_probabilities"], output / "class_table.png",
                           f"average class probabilities in %, TVD {results['pairwise_tvd']:.4f}")
    common.write_json(output / "metrics.json", results)
    return results


def run_on_vectors(make, samples, options, output, resume=False, *, measure, picture):
    """One run on vectors, with all its records.

    Args:
        make: function (options, (d,), None, None) -> compiled model.
        samples: a source of `data.synthetic`, or an array (N, d).
        options, output, resume: as of `run_on_images`.
        measure: function (model) -> results.
        picture: function (model, epoch) that draws what the run has to show, after one epoch in
            twenty and, with epoch=None, at the end.

    Returns:
        As `run_on_images`.
    """
    output, done = _open(options, output, resume)
    if done:
        return done
    with distribute.scope(options["strategy"], options["devices"], options["tpu"]):
        model = seeded(make, options, (options["dimension"],), None, None)
        model.check_batch_size(options["batch_size"])
        if common.writes(options):
            common.open_run(output, options, resume)
        every = max(1, options["epochs"] // 20)
        draw = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: (
            picture(model, epoch) if (epoch + 1) % every == 0 else None))
        seconds = train(model, samples, None, options, output, draw)
    if not common.writes(options):
        return None
    results = keep(model, output, seconds)
    picture(model, None)
    results |= measure(model)
    common.write_json(output / "metrics.json", results)
    return results


def _open(options, output, resume):
    """The folder as a path, and the results of a run that is finished."""
    if common.writes(options):
        common.check_output(output, resume)
    output = pathlib.Path(output)
    done = output / "metrics.json"
    return output, common.read_json(done) if done.exists() else None


def train(model, x, y, options, output, *pictures):
    """Fits `model` as `options` say, from its last checkpoint on, with all records of a run.

    Of several workers the first one alone keeps records; all of them read its checkpoints.

    Returns:
        Seconds of this attempt.
    """
    first = callbacks.restore_checkpoint(model, output / "checkpoints")
    distribute.check_same_on_all_workers(first, "epoch to go on from")
    stops = []
    if options.get("until_converged"):
        history = callbacks.read_history(output)[:first]
        stops = [callbacks.ConvergenceStop(history=[row["critic_loss"] for row in history])]
    steps = options["steps_per_epoch"] or max(
        1, len(x) // (options["batch_size"] * model.batches_per_step)
    )
    if first:
        print(f"Going on after epoch {first} of {options['epochs']}.")
    if first >= options["epochs"] or any(stop.converged() for stop in stops):
        return 0.0
    print(f"Training for {options['epochs'] - first} epochs of {steps} steps; see "
          f"{output / 'samples.png'} meanwhile.", flush=True)
    records = [
        callbacks.RunProgress(steps * (options["epochs"] - first)),
        callbacks.HistoryLog(output, initial_epoch=first),
        callbacks.Checkpoint(output / "checkpoints"),
        *pictures,
    ] if common.writes(options) else []
    start = time.time()
    model.fit(
        x, y, batch_size=options["batch_size"], epochs=options["epochs"], initial_epoch=first,
        steps_per_epoch=steps, verbose=0, callbacks=[callbacks.StopOnNonFinite(), *records, *stops],
    )
    return time.time() - start


def keep(model, output, seconds):
    """Writes what every trained model leaves: model.keras, export/ and curves.png.

    Returns:
        dict of the first results, the length of the run.
    """
    history = callbacks.read_history(output)
    plots.save_curves({name: [row[name] for row in history] for name in history[0]},
                      output / "curves.png")
    common.save_model(model, output / "model.keras")
    return {"epochs": len(history), "training_steps": model.steps_trained,
            "seconds_of_last_attempt": round(seconds, 1), "last_epoch": history[-1],
            "export": export_run(model, output)}


def export_run(model, output):
    """Writes <output>/export if it is not there; on JAX a TensorFlow process does, from model.keras.

    Returns:
        "export", or why there is none and the command that makes it.
    """
    if (output / "export" / "models.config").exists():  # the last file of an export
        return "export"
    shutil.rmtree(output / "export", ignore_errors=True)
    if keras.backend.backend() == "tensorflow":
        export.export_generators(model, output / "export")
        return "export"
    command = [sys.executable, str(pathlib.Path(__file__).with_name("export.py")),
               f"--model={output}", f"--output={output / 'export'}"]
    if importlib.util.find_spec("tensorflow") is None:
        missing = "none: TensorFlow is not installed; where it is: " + " ".join(command[1:])
        logging.warning("Export: %s", missing)
        return missing
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": "tensorflow"})
    return "export"
