"""What the apps share: flags to options, run folders, files, errors."""

import contextlib
import datetime
import importlib
import json
import os
import pathlib
import platform
import subprocess
import sys
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN off on CPUs without AVX512-VNNI, where it is 2 to 3 times as fast too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Where `fit` cannot fix the order in which TensorFlow adds three or more gradients (replicas, see
# training/tensorflow.py), one thread makes it unlikely that two runs differ in the last bit.
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import keras  # noqa: E402 (the log level must be set before)
import numpy as np  # noqa: E402
from absl import app, flags, logging  # noqa: E402

from keras_multigan import callbacks, data, distribute  # noqa: E402


def run(main, argv=None):
    """Runs `main(argv)` as an absl app. Wrong input ends it with exit code 2 and one message."""

    def guarded(argv):
        try:
            if len(argv) > 1:
                raise ValueError(f"Only flags are expected. Received: {argv[1:]}. See --help.")
            main(argv)
        except (ValueError, TypeError, OverflowError, OSError, ImportError, RuntimeError, MemoryError,
                subprocess.CalledProcessError, callbacks.NonFiniteLossError,
                *_tensorflow_errors()) as error:
            logging.debug("Where it came from:", exc_info=True)  # seen with --verbosity=1
            fail(error)
        except KeyboardInterrupt:
            resumable = "resume" in flags.FLAGS
            fail("interrupted." + " Go on with --resume and the same --output." * resumable, code=130)

    def parse(argv):
        for flag in flags.FLAGS.flags_by_module_dict().get("common", ()):  # else --help has not these
            flags.FLAGS.register_key_flag_for_module(argv[0], flag)
        try:
            rest = flags.FLAGS(argv)
            if flags.FLAGS["verbosity"].using_default_value:
                flags.FLAGS.verbosity = -1  # else absl shows TensorFlow's long INFO lines
            return rest
        except flags.Error as error:
            fail(f"{error}\nSee {argv[0]} --help.")

    app.run(guarded, argv=argv, flags_parser=parse)


def _tensorflow_errors():
    """What TensorFlow raises where memory runs out, say."""
    if keras.backend.backend() != "tensorflow":
        return ()
    import tensorflow as tf

    return (tf.errors.OpError,)


def fail(message, code=2):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def scaled(sizes, options):
    """Lengths of hidden layers as a part, `width`, of the paper's."""
    return [max(1, round(size * options["width"])) for size in sizes]


@contextlib.contextmanager
def replacing(path):
    """Gives a path to write to; it becomes `path` only if all went well, so that no one sees half a
    file."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")  # keeps the suffix
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path, content):
    """Writes JSON, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path):
    return json.loads(pathlib.Path(path).read_text())


def versions():
    """What a result depends on besides its options."""
    backend = keras.backend.backend()
    return {"python": platform.python_version(), "keras": keras.__version__, "backend": backend,
            backend: importlib.import_module(backend).__version__, "numpy": np.__version__,
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
            else os.cpu_count(), "date": datetime.date.today().isoformat()}


# Options of every training app; what a preset leaves None is derived by the app.
RUN = {"epochs": None, "steps_per_epoch": None, "batch_size": None, "seed": 0,
       "precision": "float32", "strategy": "none", "devices": None, "tpu": ""}
IMAGES = {"dataset": "mnist", "data_dir": None, "image_size": 32, "classifier": "auto",
          "inception": "none"}


def define_run_flags(presets):
    """The flags of `RUN`, and those that every training app has besides its options."""
    flags.DEFINE_enum("preset", "quick", list(presets), "what the flags that are not given are")
    flags.DEFINE_integer("epochs", None, "epochs", lower_bound=1)
    flags.DEFINE_integer("steps_per_epoch", None, "training steps an epoch (default: one pass over "
                         "the data)", lower_bound=1)
    flags.DEFINE_integer("batch_size", None, "real samples an update")
    flags.DEFINE_integer("seed", None, "random seed", lower_bound=0)
    flags.DEFINE_enum("precision", None, ["float32", "mixed_bfloat16"], "Keras' dtype policy")
    flags.DEFINE_enum("strategy", None, list(distribute.STRATEGIES),
                      "the devices that share the work")
    flags.DEFINE_integer("devices", None, "replicas of --strategy=mirrored", lower_bound=1)
    flags.DEFINE_string("tpu", None, "TensorFlow's name or address of a TPU; not needed on a TPU VM")
    flags.DEFINE_string("output", None, "run folder; runs/<app>-<preset> if not given")
    flags.DEFINE_bool("resume", False, "go on with the run in --output")
    flags.DEFINE_bool("dry_run", False, "print options and parameter counts, train nothing")


def define_image_flags():
    """The flags of `IMAGES`."""
    flags.DEFINE_string("dataset", None, "digits, mnist, fashion_mnist or any tfds image set")
    flags.DEFINE_string("data_dir", None, "prepared tfds folder, IDX files (.gz) or an .npz")
    flags.DEFINE_integer("image_size", None, "height and width, a multiple of 8", lower_bound=8)
    flags.DEFINE_string("classifier", None, "auto, or a .keras file (images -> logits)")
    flags.DEFINE_string("inception", None, "none, or what measures Inception score and FIDs after the "
                        "training: tfgan (TF-Hub), imagenet (keras.applications) or a file of weights")


def check_positive(options, *names):
    """Raises ValueError unless these options are finite numbers > 0."""
    for name in names:
        if not 0 < options[name] < float("inf"):
            raise ValueError(
                f"--{name} is expected to be a finite number > 0. Received: {options[name]}"
            )


def resolve_options(name, presets, output, resume):
    """Options from, in this order: the command line, the run to be resumed, the preset.

    Args:
        name: of the app.
        presets: dict of preset name -> dict of option -> default value.
        output: the run folder.
        resume: whether its options count.

    Raises:
        ValueError: flags that contradict the resumed run (lists the differences).
    """
    given = {option: flags.FLAGS[option].value for option in (*presets["quick"], "preset")
             if flags.FLAGS[option].present}
    path = pathlib.Path(output) / "options.json"
    if resume and not path.exists():
        raise FileNotFoundError(
            f"--resume expects the folder of a run in --output. Received: {output}, which has no "
            "options.json. Correct --output, or leave --resume out to start a run there."
        )
    if not resume:
        preset = given.get("preset", "quick")
        return {"app": name, "preset": preset, **presets[preset], **given}
    started = read_json(path)["options"]
    if started.get("app", name) != name or started.get("preset") not in presets:
        raise ValueError(f"--resume expects a run of this app, {name}. Received: {output}, a run of "
                         f"{started.get('app', 'another')}. Resume it with the app that made it.")
    lines = "".join(f"\n  --{option}: the run has {started.get(option)!r}, received {value!r}"
                    for option, value in given.items()
                    if option not in _MAY_DIFFER and started.get(option) != value)
    if lines:
        raise ValueError(
            f"--resume expects the options that the run in {output} was started with. "
            f"Received:{lines}\nLeave them out (the run's own are used) or choose another --output."
        )
    # A run of an earlier version lacks the options that are new.
    return {**presets[started["preset"]], **started,
            **{option: given[option] for option in _MAY_DIFFER if option in given}}


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


def load_split(options, split):
    """(images, labels) of a split of the options' data set; labels are required."""
    name = options["dataset"]
    images, labels = data.load_images(
        name, split, image_size=options["image_size"], data_dir=options["data_dir"]
    )
    if labels is None:
        raise ValueError(f"Expected a data set with labels. Received: {name!r}, which has none.")
    return images, labels


def of_classes(labels, classes):
    """Which labels are of `classes`, as "8,3"; a boolean array.

    Raises:
        ValueError: a class that has no label.
    """
    wanted, known = class_names(classes), {str(label) for label in np.unique(labels)}
    if not wanted <= known:
        raise ValueError(f"Classes are expected to be of {sorted(known)}. Received: {sorted(wanted)}")
    return np.isin(labels.astype(str), list(wanted))


def class_names(classes):
    return {text.strip() for text in classes.split(",")}


def save_model(model, path):
    """Saves a Keras model, whole or not at all."""
    with replacing(path) as partial:
        model.save(partial)
