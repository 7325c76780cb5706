"""A run from the model to its results: training, measuring, what it leaves."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import time

import common
import keras
import numpy as np
from absl import logging

from keras_multigan import callbacks, distribute, export, metrics, plots

# As in the papers on MNIST, where the test split has as many.
NUM_EVALUATION_IMAGES = 10_000


def train(model, images, options, output):
    """Fits `model` as `options` say, from its last checkpoint on, with all records of a run.

    Of several workers the first one alone keeps records; all of them read its checkpoints.

    Returns:
        Seconds of this attempt.
    """
    first = callbacks.restore_checkpoint(model, output / "checkpoints")
    distribute.check_same_on_all_workers(first, "epoch to go on from")
    history = callbacks.read_history(output)[:first]
    steps = options["steps_per_epoch"] or max(
        1, len(images) // (options["batch_size"] * model.batches_per_step)
    )
    stop = callbacks.ConvergenceStop(history=[row["critic_loss"] for row in history])
    if first:
        print(f"Going on after epoch {first} of {options['epochs']}.")
    if first >= options["epochs"] or (options["until_converged"] and stop.converged()):
        return 0.0
    print(f"Training for {options['epochs'] - first} epochs of {steps} steps; see "
          f"{output / 'samples.png'} meanwhile.", flush=True)
    records = [
        callbacks.RunProgress(steps * (options["epochs"] - first)),
        callbacks.HistoryLog(output, initial_epoch=first),
        callbacks.Checkpoint(output / "checkpoints"),
        callbacks.SampleGrid(output),
    ] if common.writes(options) else []
    start = time.time()
    model.fit(
        images, batch_size=options["batch_size"], epochs=options["epochs"], initial_epoch=first,
        steps_per_epoch=steps, verbose=0, callbacks=[
            callbacks.StopOnNonFinite(), *records, *([stop] if options["until_converged"] else []),
        ],
    )
    return time.time() - start


def measure(images_by_generator, real, classifier, classifier_name, dataset):
    """The measures of a mixture with equal shares.

    Args:
        images_by_generator: list of n arrays (N, H, W, C) in [-1, 1].
        real: array of test images.
        classifier: Keras model, images -> logits.
        classifier_name: what to call it.
        dataset: "mnist" (or a version of it) gets TF-GAN's MNIST functions, others the classifier's
            logits.

    Returns:
        dict for metrics.json.
    """
    probabilities = metrics.class_probabilities(images_by_generator, classifier)
    mixture = np.concatenate(images_by_generator)
    if dataset.split(":")[0] == "mnist":
        def distance(images):
            return metrics.mnist_frechet_distance(real, images)

        score = metrics.mnist_score(mixture)
        measured_by = score.classifier
    else:
        real_logits = metrics.classifier_logits(real, classifier)

        def distance(images):
            return metrics.frechet_distance(
                real_logits, metrics.classifier_logits(images, classifier)
            )

        score = metrics.classifier_score(metrics.classifier_logits(mixture, classifier))
        measured_by = classifier_name
    return {
        "frechet_distance": float(distance(mixture)),
        "frechet_distance_by_generator": [float(distance(i)) for i in images_by_generator],
        "frechet_features": f"logits of: {measured_by}",
        "classifier_score": float(score),
        "pairwise_tvd": metrics.pairwise_tvd(probabilities),
        "class_probabilities": probabilities.round(6).tolist(),
        "class_probabilities_by": classifier_name,
        "generated_images": len(mixture),
        "real_images": len(real),
    }


def report(results):
    """The printed form of `measure`."""
    table = np.array(results["class_probabilities"])
    lines = ["", f"average class probabilities in % ({results['class_probabilities_by']})",
             " " * 12 + "".join(f"{k:>7}" for k in range(table.shape[1]))]
    lines += [f"generator {k:<2}" + "".join(f"{100 * p:7.2f}" for p in row)
              for k, row in enumerate(table)]
    by_generator = ", ".join(f"{d:.2f}" for d in results["frechet_distance_by_generator"])
    lines += [
        "",
        f"pairwise TVD              {results['pairwise_tvd']:.4f}",
        f"Frechet distance, mixture {results['frechet_distance']:.3f}",
        f"  of each generator       {by_generator}",
        f"  on {results['frechet_features']}",
        f"classifier score          {results['classifier_score']:.3f}",
        f"  from {results['generated_images']} generated and {results['real_images']} real test "
        "images",
    ]
    return "\n".join(lines)


def finish(model, real, classifier, classifier_name, options, output, seconds):
    """Measures a trained model and writes model.keras, export/, pictures and metrics.json.

    Returns:
        The results.
    """
    n = model.num_generators
    images = [model.sample(NUM_EVALUATION_IMAGES // n, generator=k, seed=1000 + k)
              for k in range(n)]
    results = measure(images, real, classifier, classifier_name, options["dataset"])
    history = callbacks.read_history(output)
    results.update(epochs=len(history), training_steps=model.steps_trained,
                   seconds_of_last_attempt=round(seconds, 1))
    plots.save_samples(np.stack([i[:10] for i in images]), output / "samples.png")
    plots.save_class_table(results["class_probabilities"], output / "class_table.png",
                           f"average class probabilities in %, TVD {results['pairwise_tvd']:.4f}")
    plots.save_curves({name: [row[name] for row in history] for name in history[0]},
                      output / "curves.png")
    common.save_model(model, output / "model.keras")
    results["export"] = export_run(model, output)
    common.write_json(output / "metrics.json", results)
    return results


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
