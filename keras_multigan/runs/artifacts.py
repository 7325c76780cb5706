"""Saved generators, wherever they are: run folders, .keras files, SavedModels."""

import json
import math
import os
import pathlib
import re

import numpy as np

from keras_multigan import shipped
from keras_multigan.data.folder_images import available_memory
from keras_multigan.export import NOTE
from keras_multigan.multigan import MultiGAN
from keras_multigan.runs import files

MODEL_HELP = (
    "a run folder, a .keras file, a SavedModel (runs/x/export/generator_2, or a version in it), "
    "a folder of them (runs/x/export), or the name of a trained set that ships (gm_mnist). Load only "
    "SavedModels that you trust: they are programs."
)
_BATCH_SIZE = 500


class ServedGenerators:
    """Exported SavedModels behind the interface of `MultiGAN.sample`.

    Args:
        paths: dict of generator number, or None for the mixture, -> folder with saved_model.pb.

    Raises:
        ValueError: a folder that cannot be loaded or has no fitting `sample` signature.
    """

    def __init__(self, paths):
        import tensorflow as tf

        limits = [note["max_batch_size"] for note in map(_note, paths.values()) if note]
        self._batch_size = min([_BATCH_SIZE, *limits])
        self._loaded = {}  # kept, because a signature does not keep its variables alive
        for number, path in paths.items():
            try:
                self._loaded[number] = tf.saved_model.load(str(path))
            except Exception as error:  # TensorFlow's own errors have no common base but this
                raise ValueError(
                    f"Expected a complete SavedModel. Received: {path}, which cannot be loaded "
                    f"({files.short(error)}). Export it again with `multigan export`."
                ) from error
            _check_signature(self._loaded[number], path)
        self.numbers = [number for number in paths if number is not None]
        signatures = next(iter(self._loaded.values())).signatures
        self.image_shape = tuple(signatures["sample"].structured_outputs["images"].shape[1:])
        noise = signatures["serving_default"].structured_input_signature[1]["noise"]
        self.latent_dim = noise.shape[1]

    def sample(self, num_samples, generator=None, seed=0):
        """Images (N, H, W, C) or vectors (N, d).

        They are a server's for (N, seed), if N is at most 500 and the export's largest batch.
        """
        if generator not in self._loaded:
            raise ValueError(
                f"Expected {self.numbers} or, if it is exported, the mixture. Received: "
                f"{'the mixture' if generator is None else generator}, which is not there."
            )
        import tensorflow as tf

        draw = self._loaded[generator].signatures["sample"]
        sizes = [min(self._batch_size, num_samples - start)
                 for start in range(0, num_samples, self._batch_size)]
        seeds = [seed, *(np.random.SeedSequence(seed).generate_state(len(sizes) - 1) >> 1)]
        return np.concatenate([
            draw(batch_size=tf.constant(size), seed=tf.constant(int(seed)))["images"].numpy()
            for size, seed in zip(sizes, seeds, strict=True)
        ])

    def images_of(self, noise, generator):
        """Images of noise (N, latent_dim)."""
        import tensorflow as tf

        serve = self._loaded[generator].signatures["serving_default"]
        return np.concatenate([
            serve(noise=tf.constant(noise[start : start + self._batch_size]))["images"].numpy()
            for start in range(0, len(noise), self._batch_size)])


def images_of(model, noise: np.ndarray, generator: int) -> np.ndarray:
    """Images of noise (N, latent_dim) from one generator of what `open_model` gives."""
    if isinstance(model, ServedGenerators):
        return model.images_of(noise, generator)
    return model.run_network(model.sampling_generators[generator], noise)


def find(path) -> pathlib.Path:
    """`path` itself, or the folder of the trained set of this name if there is no such path."""
    path = pathlib.Path(os.path.expanduser(path))
    return path if path.exists() else shipped.sets().get(str(path), path)


def keras_path(path):
    """What `find` gives, or model.keras in it if it is a folder that holds one."""
    path = find(path)
    return path / "model.keras" if (path / "model.keras").is_file() else path


def load_multigan(path):
    """The `MultiGAN` of a run folder, a .keras file or a trained set that ships; ValueError for other
    Keras models."""
    path = keras_path(path)
    if not path.is_file():
        raise FileNotFoundError(
            "Expected a run folder (with model.keras), a .keras file or a trained set that ships "
            f"({', '.join(shipped.sets()) or 'there is none'}). Received: {path}, which is none of "
            "these. A run that is not finished goes on with --resume."
        )
    export = path.parent / "export"
    model = files.load_model(path, "Put it back, " + (
        f"give {export}, which is another file of the same generators, " if export.is_dir() else "")
        + "or train again.")
    if not isinstance(model, MultiGAN):
        raise ValueError(
            f"Expected a saved MultiGAN, which has generators. Received: {path}, a "
            f"{type(model).__name__} named {model.name!r}. Give a run's model.keras."
        )
    return model


def open_model(path):
    """What `path` names (see MODEL_HELP): a `MultiGAN` or `ServedGenerators`.

    Raises:
        FileNotFoundError: there is nothing, or nothing of these.
        ValueError: it is damaged or has no generators.
    """
    path = keras_path(path)
    if path.is_dir():
        return ServedGenerators(_saved_models(path))
    return load_multigan(path)


def rows(model, generator="all"):
    """What to draw: dict of name -> what `model.sample` takes as generator.

    Args:
        model: as from `open_model`.
        generator: "all" (the mixture if there is nothing but a SavedModel of it), "mixture" or a
            generator's number.

    Raises:
        ValueError: there is no such generator.
    """
    numbers = getattr(model, "numbers", None)
    numbers = list(range(model.num_generators)) if numbers is None else numbers
    if generator == "mixture" or (generator == "all" and not numbers):
        return {"mixture": None}
    if generator == "all":  # less those that P2GAN has yet to let join
        weights = getattr(model, "mixture_weights", None)
        return {f"generator_{k}": k for k in numbers if weights is None or weights[k] > 0}
    if str(generator) not in map(str, numbers):
        raise ValueError(
            "--generator is expected to be all, mixture or a generator's number, of "
            f"{numbers} here. Received: {generator!r}."
        )
    return {f"generator_{generator}": int(generator)}


def check_memory(num_samples, shape):
    """Raises ValueError if so many samples of this shape do not fit into the memory that is free."""
    needed, free = 4 * num_samples * math.prod(shape), available_memory()
    if needed > free:
        raise ValueError(
            f"--num_samples is expected to fit into memory, of which {free / 1e9:.1f} GB are free. "
            f"Received: {num_samples} in all, {needed / 1e9:.1f} GB. Give fewer.")


def check_output(path, suffixes, overwrite):
    """The path of a new file; raises ValueError or FileExistsError if it must not be written."""
    path = pathlib.Path(os.path.expanduser(path))
    if path.suffix not in suffixes:
        raise ValueError(
            f"--output is expected to end in {', '.join(filter(None, suffixes))}"
            f"{', or to be a folder' if '' in suffixes else ''}. Received: {path}."
        )
    if path.is_dir() or (path.exists() and not overwrite):
        raise FileExistsError(
            f"--output is expected to be a new file. Received: {path}, which exists. Choose "
            + ("another name." if path.is_dir() else "another name or pass --overwrite.")
        )
    files.check_writable(path)
    return path


def _saved_models(folder):
    """Generator number, or None for the mixture, -> folder with saved_model.pb."""
    folder = pathlib.Path(os.path.abspath(folder))  # has a name, even if "." was given
    if (folder / "saved_model.pb").is_file():
        return {_number(folder.parent if folder.name.isdecimal() else folder): folder}
    versions = [path for pattern in ("*", "generator_*/*", "mixture/*") for path in folder.glob(pattern)
                if path.is_dir() and path.name.isdecimal() and (path.parent != folder or any(
                    (path / part).exists() for part in ("saved_model.pb", "variables")))]
    if not versions:
        raise FileNotFoundError(
            "Expected a run folder (with model.keras), a .keras file, a SavedModel or a folder of "
            f"exported SavedModels (generator_0/1, ...). Received: {folder}, which is none of "
            "these" + ("; it has no saved_model.pb." if (folder / "variables").is_dir()
                       else _advice(folder))
        )
    # One version only: an older one may be of another model, with more generators.
    newest = max(int(path.name) for path in versions)
    found = {_number(path.parent): path for path in versions if int(path.name) == newest}
    _check_complete(folder, newest, found)
    return dict(sorted(found.items(), key=lambda item: (item[0] is None, item[0])))


def _check_complete(folder, newest, found):
    """Raises FileNotFoundError, which names it, if `folder` lacks a model of version `newest`."""
    paths = {path.parent.name: path for path in found.values()}
    if all(path.parent != folder for path in found.values()):  # a folder of several models
        names = {name for path in found.values() for name in _note(path).get("models", ())}
        # Exports of keras_multigan 0.1 have no notes. But numbers have no gaps, and models.config names
        # a model that is gone with all its versions.
        names |= {f"generator_{k}" for k in range(max(k or 0 for k in found))}
        if (config := folder / "models.config").is_file():
            text = config.read_text(encoding="utf-8", errors="replace")
            named = re.findall(r'^\s*name:\s*"(mixture|generator_\d+)"', text, re.MULTILINE)
            names |= {name for name in named if not any((folder / name).glob("*"))}
        paths = {name: folder / name / str(newest) for name in names} | paths
    missing = [str((path / "saved_model.pb").relative_to(folder)) for path in paths.values()
               if not (path / "saved_model.pb").is_file()]
    if missing:
        raise FileNotFoundError(
            f"Expected a whole export. Received: {folder}, which lacks {', '.join(sorted(missing))}. "
            "Export it again with `multigan export`, or give a generator's folder to use it alone."
        )


def _note(path):
    """What the export wrote beside the SavedModel at `path`; {} if it is of an earlier version."""
    path = path / NOTE
    if not path.is_file():
        return {}
    try:
        note = json.loads(path.read_bytes())
        if note["max_batch_size"] < 1 or not all(isinstance(name, str) for name in note["models"]):
            raise ValueError(note)
        return note
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "Expected a JSON object with models and max_batch_size. Received: "
            f"{path}, which cannot be read ({files.short(error)}). Export it again with "
            "`multigan export`."
        ) from error


def _advice(folder):
    """How to go on with a run folder that has no model.keras."""
    if (folder / "export").is_dir():
        return (f". Put its model.keras back, or give {folder / 'export'}, which has the same "
                "generators.")
    unfinished = (folder / "options.json").is_file()
    return "; a run that is not finished goes on with --resume." if unfinished else "."


def _number(folder):
    """generator_<k> -> k, mixture -> None; a SavedModel of any other name is generator 0."""
    match = re.fullmatch(r"generator_(\d+)", folder.name)
    return int(match[1]) if match else None if folder.name == "mixture" else 0


def _check_signature(loaded, path):
    draw = loaded.signatures.get("sample")
    arguments = set() if draw is None else set(draw.structured_input_signature[1])
    images = None if draw is None else draw.structured_outputs.get("images")
    if arguments != {"batch_size", "seed"} or images is None or images.shape.rank not in (2, 4):
        raise ValueError(
            "Expected a SavedModel with the signature sample (batch_size, seed -> images). "
            f"Received: {path} with the signatures {sorted(loaded.signatures)}. "
            "Export it with `multigan export`."
        )
