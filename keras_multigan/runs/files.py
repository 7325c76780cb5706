"""Files of a run folder: written whole or not at all, read without running code."""

import contextlib
import datetime
import hashlib
import importlib
import json
import os
import pathlib
import platform
import re
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator

import keras
import numpy as np

try:
    import fcntl
except ImportError:
    fcntl = None

_PARTIAL = re.compile(r"partial-[0-9a-f]+-.")


def check_writable(path) -> pathlib.Path:
    """`path`, of a file or folder to come. Raises OSError if it cannot be written; leaves nothing."""
    path = pathlib.Path(path)
    folder = path.absolute().parent if path.is_file() else path.absolute()
    while not folder.exists() and not folder.is_symlink():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return path
    except OSError as error:
        raise OSError(
            f"--output is expected to be where files can be written. Received: {short_path(path)}, but "
            f"nothing can be written into {short_path(folder)} ({error.strerror or error}). Choose "
            "another place, or change its permissions.") from error


def short_path(path) -> str:
    """A path for a message, which terminals can show."""
    text = str(path).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 300 else f"{text[:200]}... ({len(text)} characters)"


@contextlib.contextmanager
def replacing(path):
    """Gives a path to write to. It becomes `path` only if all went well, so that no one sees half a
    file."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keeps the suffix; see _PARTIAL. Processes of several machines may have one number.
    partial = path.with_name(f"partial-{secrets.token_hex(6)}-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path):
    """Gives a folder to write to. It becomes `path` only if all went well; one that is there goes."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent) as temporary:
        made = pathlib.Path(temporary) / "new"
        made.mkdir()
        yield made
        if path.exists():
            os.rename(path, pathlib.Path(temporary) / "earlier")
        os.rename(made, path)


def write_json(path, content) -> None:
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path):
    return json.loads(pathlib.Path(path).read_text())


def write_summed(path, content: dict) -> None:
    """Writes an object with a check sum, for a digit may change and the file still be JSON."""
    write_json(path, {**content, "sha256": _digest(content)})


def _digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_object(path, fix: str) -> dict:
    """The JSON object in a file, less its check sum; earlier versions wrote none.

    Raises:
        ValueError: there is none, or its check sum is wrong. The message ends with `fix`.
    """
    try:
        content = read_json(path)
        if not isinstance(content, dict) or not content:
            raise ValueError(f"it holds {json.dumps(content)[:40]}")
        if content.pop("sha256", None) not in (None, _digest(content)):
            raise ValueError("its check sum is wrong")
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"Expected a JSON object with entries. Received: {path}, which cannot be read "
                         f"({short(error)}). {fix}") from error
    return content


def read_options(output) -> dict:
    """The options in a run folder's options.json. Raises FileNotFoundError or ValueError."""
    path = pathlib.Path(output) / "options.json"
    if not path.exists():
        raise FileNotFoundError(
            f"--resume expects the folder of a run in --output. Received: {output}, which has no "
            "options.json. Correct --output, or leave --resume out to start a run there."
        )
    fix = "Put it back, start another run, or give a finished run's model.keras instead of its folder."
    options = read_object(path, fix).get("options")
    if not isinstance(options, dict) or not options:
        raise ValueError(f"Expected a run's options (a JSON object). Received: {path}, whose options "
                         f"are {json.dumps(options)[:40]}. {fix}")
    wrong = [name for kind, names in ((str, ("method", "app", "preset", "dataset", "data")),
                                      (int, ("epochs", "seed", "image_size")))
             for name in names if not isinstance(options.get(name, kind()), kind)]
    if wrong:
        raise ValueError(f"Expected a run's options. Received: {path}, with "
                         f"{wrong[0]}={options[wrong[0]]!r}. {fix}")
    return options


def read_versions(output) -> dict:
    """The versions in a run folder's options.json; none if they are damaged."""
    found = read_json(pathlib.Path(output) / "options.json").get("versions")
    return found if isinstance(found, dict) else {}


def versions() -> dict:
    """What a result depends on besides its options."""
    backend = keras.backend.backend()
    return {"python": platform.python_version(), "keras": keras.__version__, "backend": backend,
            backend: importlib.import_module(backend).__version__, "numpy": np.__version__,
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
            else os.cpu_count(), "date": datetime.date.today().isoformat()}


def check_folder(output, resumable: bool = False, resume: bool = False) -> pathlib.Path:
    """`output` as a path. Raises FileExistsError unless it is new, or empty, or a run to be resumed;
    OSError if nothing can be written into it."""
    output = pathlib.Path(output)
    has_run = (output / "options.json").exists()
    if not has_run and (odd := set("*?[]") & set(str(output))):
        raise ValueError(f"--output is expected to have no {' '.join(sorted(odd))}, which TensorFlow "
                         f"takes for patterns when it loads what is exported. Received: {output}")
    taken = output.exists() and (not output.is_dir() or any(  # a run killed at once leaves a partial
        not path.name.startswith("partial-") for path in output.iterdir()))
    if taken and not (has_run and resume):
        raise FileExistsError(
            f"--output is expected to be a new or empty folder. Received: {output}, which "
            + ("holds a run. " if has_run else "holds other files. ")
            + ("Go on with it by --resume or c" if has_run and resumable else "C")
            + "hoose another folder."
        )
    return check_writable(output)


def open_folder(output, options: dict) -> pathlib.Path:
    """Makes the folder `output` with options.json if it is not there."""
    output = pathlib.Path(output)
    if not (output / "options.json").exists():
        output.mkdir(parents=True, exist_ok=True)
        write_summed(output / "options.json", {"options": options, "versions": versions()})
    return output


def extend(output, epochs: int) -> None:
    """Gives a run another number of epochs. What a run of the earlier number left is kept as
    metrics-<epochs>.json or, if it is made again, removed. A kill in between leaves the earlier run,
    to be ended again."""
    path = output / "options.json"
    content = {name: value for name, value in read_json(path).items() if name != "sha256"}
    earlier = content["options"]["epochs"]
    if (output / "metrics.json").exists():
        os.replace(output / "metrics.json", output / f"metrics-{earlier}.json")
    shutil.rmtree(output / "export", ignore_errors=True)
    write_summed(path, {**content, "options": {**content["options"], "epochs": epochs},
                        "earlier_epochs": [*content.get("earlier_epochs", []), earlier]})


@contextlib.contextmanager
def locked(output, shared: bool = False) -> Iterator[None]:
    """Keeps other processes from training in the folder `output`, which is made for that and removed
    again if nothing is written to it. What killed processes have left half written is removed. The lock
    ends with the process. Where the system has no `flock` (Windows) there is none. If it is `shared`,
    others that share it are let in, and what is half written may be theirs.

    Raises:
        RuntimeError: another process has the lock.
        OSError: the folder cannot be made.
    """
    output = pathlib.Path(output)
    made = [path for path in (output, *output.parents) if not path.exists()]
    output.mkdir(parents=True, exist_ok=True)
    descriptor = None
    try:
        if fcntl is not None:
            descriptor = os.open(output, os.O_RDONLY)
            _lock(descriptor, output, shared)
            partial = [] if shared else [*output.glob("partial-*"), *output.glob("*/partial-*")]
            for path in partial:
                if _PARTIAL.match(path.name):  # of a process that was killed
                    path.unlink()
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def _lock(descriptor, output, shared):
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RuntimeError(
            f"--output is expected to be a folder in which nothing else trains. Received: {output}, in "
            "which another process does. Wait for it or choose another folder.") from error


def save_model(model: keras.Model, path) -> None:
    with replacing(path) as partial:
        model.save(partial)


def load_model(path, fix: str = "Save it again.", compile: bool = True) -> keras.Model:
    """A .keras file, without code execution.

    Args:
        compile: whether it gets its optimizers, if it was saved with them.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged; the message ends with `fix`.
    """
    path = pathlib.Path(os.path.expanduser(path))
    if not path.is_file() or path.suffix != ".keras":
        raise FileNotFoundError(f"Expected a saved model (.keras file). Received: {short_path(path)}. "
                                "Correct the path.")
    try:
        if not zipfile.is_zipfile(path):  # Keras would say "not found"
            raise ValueError("it is no zip file, or it is cut off")
        with zipfile.ZipFile(path) as file:  # HDF5 would not see a wrong weight
            if damaged := file.testzip():
                raise ValueError(f"the check sum of {damaged} is wrong")
        return keras.saving.load_model(path, compile=compile, safe_mode=True)
    except Exception as error:  # from zip, JSON, HDF5 or any layer's from_config
        raise ValueError(
            f"Expected a complete .keras file of known classes. Received: {path}, which cannot be "
            f"loaded ({short(error)}). {fix}"
        ) from error


def short(error: Exception) -> str:
    """The error's first sentence; Keras' next one may advise to switch its safe mode off."""
    return f"{type(error).__name__}: {' '.join(str(error).split()).split('. ')[0][:300]}"
