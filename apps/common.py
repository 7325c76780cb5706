"""What the apps share: flags to options, run folders, classifiers, errors."""

import datetime
import importlib
import importlib.util
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN off on CPUs without AVX512-VNNI, where it is 2 to 3 times as fast too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras  # noqa: E402 (the log level must be set before)
import numpy as np  # noqa: E402
from absl import app, flags, logging  # noqa: E402

from keras_multigan import (  # noqa: E402
    callbacks,
    data,
    distribute,
    export,
    metrics,
    networks,
    plots,
)

CLASSIFIERS = {"paper": networks.commute_classifier, "compact": networks.compact_classifier}
# As in the papers on MNIST, where the test split has as many.
NUM_EVALUATION_IMAGES = 10_000


def run(main, argv=None):
    """Runs `main(argv)` as an absl app. Wrong input ends it with exit code 2 and one message."""

    def guarded(argv):
        try:
            if len(argv) > 1:
                raise ValueError(f"Only flags are expected. Received: {argv[1:]}. See --help.")
            main(argv)
        except (ValueError, TypeError, OverflowError, OSError, ImportError, RuntimeError,
                callbacks.NonFiniteLossError) as error:
            logging.debug("Where it came from:", exc_info=True)  # seen with --verbosity=1
            fail(error)
        except KeyboardInterrupt:
            resumable = "resume" in flags.FLAGS
            fail("interrupted." + " Go on with --resume and the same --output." * resumable, code=130)

    def parse(argv):
        try:
            rest = flags.FLAGS(argv)
            if flags.FLAGS["verbosity"].using_default_value:
                flags.FLAGS.verbosity = -1  # else absl shows TensorFlow's long INFO lines
            return rest
        except flags.Error as error:
            fail(f"{error}\nSee {argv[0]} --help.")

    app.run(guarded, argv=argv, flags_parser=parse)


def fail(message, code=2):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def write_json(path, content):
    """Writes JSON so that a reader never sees half a file."""
    path = pathlib.Path(path)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(partial, path)


def read_json(path):
    return json.loads(pathlib.Path(path).read_text())


def versions():
    """What a result depends on besides its options."""
    backend = keras.backend.backend()
    return {"python": platform.python_version(), "keras": keras.__version__, "backend": backend,
            backend: importlib.import_module(backend).__version__, "numpy": np.__version__,
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
            else os.cpu_count(), "date": datetime.date.today().isoformat()}


def define_run_flags():
    """The flags that every training app has besides its options."""
    flags.DEFINE_string("output", None, "run folder; runs/<app>-<preset> if not given")
    flags.DEFINE_bool("resume", False, "go on with the run in --output")
    flags.DEFINE_bool("dry_run", False, "print options and parameter counts, train nothing")


def resolve_options(presets, output, resume):
    """Options from, in this order: the command line, the run to be resumed, the preset.

    Args:
        presets: dict of preset name -> dict of option -> default value.
        output: the run folder.
        resume: whether its options count.

    Raises:
        ValueError: flags that contradict the resumed run (lists the differences).
    """
    given = {name: flags.FLAGS[name].value for name in (*presets["quick"], "preset")
             if flags.FLAGS[name].present}
    path = pathlib.Path(output) / "options.json"
    if resume and not path.exists():
        raise FileNotFoundError(
            f"--resume expects the folder of a run in --output. Received: {output}, which has no "
            "options.json. Correct --output, or leave --resume out to start a run there."
        )
    if not resume:
        preset = given.get("preset", "quick")
        return {"preset": preset, **presets[preset], **given}
    started = read_json(path)["options"]
    lines = "".join(f"\n  --{name}: the run has {started.get(name)!r}, received {value!r}"
                    for name, value in given.items()
                    if name not in _MAY_DIFFER and started.get(name) != value)
    if lines:
        raise ValueError(
            f"--resume expects the options that the run in {output} was started with. "
            f"Received:{lines}\nLeave them out (the run's own are used) or choose another --output."
        )
    # A run of an earlier version lacks the options that are new.
    return {**presets[started["preset"]], **started,
            **{name: given[name] for name in _MAY_DIFFER if name in given}}


# Where the data lie and which devices share the work is no property of the run.
_MAY_DIFFER = ("data_dir", "strategy", "devices", "tpu")


def writes(options):
    """Whether this process is the one that writes the run's files."""
    return options["strategy"] != "multiworker" or distribute.is_chief()


def check_output(output, resume=False):
    """Raises FileExistsError unless `output` is new, or empty, or a run to be resumed."""
    output = pathlib.Path(output)
    has_run = (output / "options.json").exists()
    if output.exists() and (not output.is_dir() or any(output.iterdir())) and not (has_run and resume):
        raise FileExistsError(
            f"--output is expected to be a new or empty folder. Received: {output}, which "
            + ("holds a run. " if has_run else "holds other files. ")
            + ("Go on with it by --resume or c" if has_run and "resume" in flags.FLAGS else "C")
            + "hoose another folder."
        )


def open_run(output, options, resume=False):
    """Makes the run folder with options.json, or reopens it; see `check_output`."""
    check_output(output, resume)
    output = pathlib.Path(output)
    if not (output / "options.json").exists():
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / "options.json", {"options": options, "versions": versions()})
    return output


def load_model(path, fix="Save it again."):
    """A .keras file, without code execution.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged; the message ends with `fix`.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file() or path.suffix != ".keras":
        raise FileNotFoundError(f"Expected a saved model (.keras file). Received: {path}")
    try:
        if not zipfile.is_zipfile(path):  # Keras would say "not found"
            raise ValueError("it is no zip file, or it is cut off")
        return keras.saving.load_model(path, safe_mode=True)
    except Exception as error:  # from zip, JSON, HDF5 or any layer's from_config
        raise ValueError(
            f"Expected a complete .keras file of known classes. Received: {path}, which cannot be "
            f"loaded ({short(error)}). {fix}"
        ) from error


def short(error):
    """The error's first sentence; Keras' next one may advise to switch its safe mode off."""
    return f"{type(error).__name__}: {' '.join(str(error).split()).split('. ')[0][:300]}"


def train_classifier(network, train, test, *, epochs, batch_size=128, learning_rate=2e-3, seed=0,
                     verbose=2):
    """Trains a classifier (logits) on randomly shifted, rotated, dimmed and noisy images, and on blends
    of several, labelled with their shares.

    It is to judge generators from their first steps on: one that has seen only clean images gives
    one class, with certainty, to all blurred ones, and no gradient to part them. Without the blends
    the first generator to draw one blob holds a class of its own and never takes a second one.

    Args:
        network: Keras model, images -> logits.
        train, test: (images, labels).

    Returns:
        Accuracy on `test`.
    """
    keras.utils.set_random_seed(seed)
    images, labels = train
    steps = -(-len(images) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps * epochs)
    spoil = keras.Sequential([
        keras.layers.RandomTranslation(0.07, 0.07, fill_mode="nearest", seed=seed),
        keras.layers.RandomRotation(0.03, fill_mode="nearest", seed=seed + 1),
        keras.layers.RandomContrast(0.5, value_range=(-1, 1), seed=seed + 2),
        keras.layers.RandomBrightness(0.2, value_range=(-1, 1), seed=seed + 3),
        keras.layers.GaussianNoise(0.4, seed=seed + 4),
    ])
    inputs = keras.Input(images.shape[1:])
    trained = keras.Model(inputs, network(spoil(inputs)))
    trained.compile(keras.optimizers.Adam(schedule),
                    keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    labels = keras.utils.to_categorical(labels, network.output_shape[-1])
    trained.fit(_Blends(images, labels, batch_size, seed), epochs=epochs, verbose=verbose)
    logits = metrics.classifier_logits(test[0], network)
    return float(np.mean(logits.argmax(axis=1) == test[1]))


class _Blends(keras.utils.PyDataset):
    """Batches of images, an eighth of them weighted means of four."""

    def __init__(self, images, labels, batch_size, seed):
        super().__init__()
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def on_epoch_end(self):
        self.parts = [self.random.permutation(len(self.images)) for _ in range(4)]

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        count = len(self.parts[0][rows])
        weights = self.random.dirichlet([1.0] * 4, count).astype("float32")
        weights[count // 8 :] = [1, 0, 0, 0]
        images = sum(w.reshape(-1, 1, 1, 1) * self.images[part[rows]]
                     for w, part in zip(weights.T, self.parts, strict=True))
        labels = sum(w[:, None] * self.labels[part[rows]]
                     for w, part in zip(weights.T, self.parts, strict=True))
        return images, labels


def load_split(options, split):
    """(images, labels) of a split of the options' data set; labels are required."""
    name = options["dataset"]
    images, labels = data.load_images(
        name, split, image_size=options["image_size"], data_dir=options["data_dir"]
    )
    if labels is None:
        raise ValueError(f"Expected a data set with labels. Received: {name!r}, which has none.")
    return images, labels


def get_classifier(options, train, test, saved):
    """The classifier of a run: the file --classifier; for MNIST the shipped one; else the one in the
    file `saved`; else one that is trained now on the data set.

    Returns:
        (Keras model, images -> logits; what to call it in results)
    """
    if options["classifier"] != "auto":
        return load_model(options["classifier"]), str(options["classifier"])
    if options["dataset"].split(":")[0] == "mnist" and options["image_size"] == 32:
        return metrics.shipped_classifier(), "keras_multigan MNIST classifier (shipped)"
    name = f"compact classifier trained on {options['dataset']}"
    if saved.exists():
        return load_model(saved), name
    if options["strategy"] == "multiworker":
        raise ValueError(
            "--strategy=multiworker expects a trained classifier, since Keras' own fit does not run "
            f"on several workers. Received: none for --dataset={options['dataset']}. Make one with "
            f"apps/train_classifier.py --dataset={options['dataset']} and pass it as --classifier."
        )
    print(f"Training a classifier on {options['dataset']}.", flush=True)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)  # all runs on a data set are measured by one classifier
    network = networks.compact_classifier(
        train[0].shape[1:], int(train[1].max()) + 1, filters=16
    )
    # Some 1,100 updates on digits; on fewer it is not sure even of real ones.
    small = len(train[0]) < 10_000
    accuracy = train_classifier(network, train, test, epochs=25 if small else 2,
                                batch_size=32 if small else 128, verbose=0)
    keras.config.set_dtype_policy(policy)
    print(f"Its accuracy on the test images is {100 * accuracy:.2f} %.", flush=True)
    return network, name


def save_model(model, path):
    """Saves a Keras model so that a reader never sees half a file."""
    partial = path.with_name(f"partial-{path.name}")
    model.save(partial)
    os.replace(partial, path)


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
    ] if writes(options) else []
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
    save_model(model, output / "model.keras")
    results["export"] = export_run(model, output)
    write_json(output / "metrics.json", results)
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
