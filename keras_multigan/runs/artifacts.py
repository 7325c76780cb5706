"""Saved generators, wherever they are: run folders, .keras files, SavedModels."""

import math
import os
import pathlib
import re

import numpy as np

from keras_multigan.data.folder_images import available_memory
from keras_multigan.multigan import MultiGAN
from keras_multigan.runs import files

MODEL_HELP = (
    "a run folder, a .keras file, a SavedModel (runs/x/export/generator_2, or a version in it) or "
    "a folder of them (runs/x/export). Load only SavedModels that you trust: they are programs."
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
        """Images (N, H, W, C) or vectors (N, d); up to 500 are a server's for (N, seed)."""
        if generator not in self._loaded:
            raise ValueError(
                f"Expected {self.numbers} or, if it is exported, the mixture. Received: "
                f"{'the mixture' if generator is None else generator}, which is not there."
            )
        import tensorflow as tf

        draw = self._loaded[generator].signatures["sample"]
        sizes = [min(_BATCH_SIZE, num_samples - start)
                 for start in range(0, num_samples, _BATCH_SIZE)]
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
            serve(noise=tf.constant(noise[start : start + _BATCH_SIZE]))["images"].numpy()
            for start in range(0, len(noise), _BATCH_SIZE)])


def images_of(model, noise: np.ndarray, generator: int) -> np.ndarray:
    """Images of noise (N, latent_dim) from one generator of what `open_model` gives."""
    if isinstance(model, ServedGenerators):
        return model.images_of(noise, generator)
    return model.run_network(model.sampling_generators[generator], noise)


def keras_path(path):
    """`path` itself, or model.keras in it if it is a folder that holds one."""
    path = pathlib.Path(os.path.expanduser(path))
    return path / "model.keras" if (path / "model.keras").is_file() else path


def load_multigan(path):
    """The `MultiGAN` of a run folder or a .keras file; ValueError for other Keras models."""
    path = keras_path(path)
    if not path.is_file():
        raise FileNotFoundError(
            "Expected a run folder (with model.keras) or a .keras file. Received: "
            f"{path}, which is neither. A run that is not finished goes on with --resume."
        )
    model = files.load_model(path, "Save it again, or train again.")
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
    patterns = ("*/saved_model.pb", "generator_*/*/saved_model.pb", "mixture/*/saved_model.pb")
    saved = [file.parent for pattern in patterns for file in folder.glob(pattern)
             if file.parent.name.isdecimal()]
    if not saved:
        raise FileNotFoundError(
            "Expected a run folder (with model.keras), a .keras file, a SavedModel or a folder of "
            f"exported SavedModels (generator_0/1, ...). Received: {folder}, which is none of "
            "these" + ("; a run that is not finished goes on with --resume."
                       if (folder / "options.json").is_file() else ".")
        )
    # One version only: an older one may be of another model, with more generators.
    newest = max(int(path.name) for path in saved)
    found = {_number(path.parent): path for path in saved if int(path.name) == newest}
    return dict(sorted(found.items(), key=lambda item: (item[0] is None, item[0])))


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
