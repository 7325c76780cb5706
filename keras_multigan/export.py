"""Export of trained generators as SavedModels for TensorFlow Serving.

TensorFlow is imported only during an export, so that this module can be imported without it.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import tempfile

import keras
import numpy as np

# Fibonacci hashing: 2**32 divided by the golden ratio, made odd, as int32.
_HASH = 0x9E3779B1 - 2**32
MAX_BATCH_SIZE = 4096
# In every SavedModel: what its export wrote. TensorFlow leaves assets.extra to others.
NOTE = "assets.extra/export.json"


def export_generators(
    model,
    directory: str | os.PathLike,
    version: int = 1,
    serving_path: str | os.PathLike | None = None,
    mixture: bool = True,
    max_batch_size: int = MAX_BATCH_SIZE,
) -> list[str]:
    """Writes one SavedModel per generator, one of their mixture, and `models.config`.

    Writes `<directory>/generator_<k>/<version>/`, `<directory>/mixture/<version>/` and
    `<directory>/models.config`. The last one lists all models that the directory then holds, for
    `tensorflow_model_server --model_config_file=<directory>/models.config`. All files are first written
    to a temporary folder and then renamed. A server that polls the folders therefore sees only complete
    models, and an error leaves the directory as it was before.

    Each SavedModel has two signatures, in inference mode, and float32 for any dtype policy of the
    networks:

    - serving_default: noise float32 (N, latent_dim) -> images float32 (N, H, W, C).
    - sample: batch_size int32 (), seed int32 () -> images float32 (batch_size, H, W, C), from standard
      normal noise. The same seed gives the same images.

    Both refuse batches of more than `max_batch_size` images, before they take memory for them, and
    `serving_default` refuses noise that is NaN or infinite. Only that request fails, with an
    InvalidArgumentError (HTTP status 400 of TensorFlow Serving).

    In `serving_default`, the mixture chooses the generator of a row of noise by a hash of that row. The
    result for a row therefore does not depend on the rest of its batch. For random noise, the
    probabilities of the generators are their mixture weights. In `sample`, the numbers of images of the
    generators are as close to the weights as possible. With equal weights they differ by 1 at most.

    Args:
        model: has `generators`, built Keras models that map noise (N, latent_dim) to images (N, H, W,
            C) or vectors (N, d), and `latent_dim`, an int. If it has `sampling_generators`, these are
            exported instead of `generators`. If the generators have different weights in the mixture,
            it has `mixture_weights`.
        directory: local folder; it is created if missing.
        version: int >= 1 that is new in this directory.
        serving_path: absolute path or URI under which the server sees `directory`, for example in a
            container. None uses the absolute path of `directory`.
        mixture: whether to export the mixture, too. Its generators have to have the same output shape.
        max_batch_size: int >= 1, the largest batch of one request.

    Returns:
        Paths of the SavedModels written, first the generators in order, then the mixture.

    Raises:
        RuntimeError: Keras does not run on the TensorFlow backend.
        ValueError: version, max_batch_size or serving_path is wrong, or a generator does not map noise
            (N, latent_dim) to images, or the generators of a mixture differ in output shape.
        FileExistsError: the directory already holds this version of a model.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "SavedModels are written by the TensorFlow backend. Expected KERAS_BACKEND=tensorflow, "
            f"received {keras.backend.backend()!r}. Save the model as .keras and run export in a "
            "process with KERAS_BACKEND=tensorflow "
            "(`multigan export --model=... --output=...`)."
        )
    from keras_multigan.training import stacking  # here, since this file stands alone until now

    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 2**63:
        raise ValueError(
            f"version: expected an int >= 1, received {version!r}. TensorFlow Serving serves the "
            "highest number; pass 1, or the last version + 1."
        )
    if (isinstance(max_batch_size, bool) or not isinstance(max_batch_size, int)
            or not 1 <= max_batch_size < 2**31):
        raise ValueError(
            f"max_batch_size: expected an int from 1 to {2**31 - 1}, received {max_batch_size!r}. Pass "
            "how many images a server may make at once."
        )
    directory = pathlib.Path(os.path.abspath(directory))
    base = str(directory) if serving_path is None else str(serving_path).rstrip("/")
    if not (os.path.isabs(base) or "://" in base):
        raise ValueError(
            f"serving_path: expected an absolute path or a URI, received {serving_path!r}. "
            "TensorFlow Serving refuses relative base paths; pass e.g. '/models/digits'."
        )
    networks = list(getattr(model, "sampling_generators", model.generators))
    latent_dim = model.latent_dim
    shapes = _image_shapes(networks, latent_dim)
    if mixture and len(set(shapes)) > 1:
        raise ValueError(
            f"mixture: expected generators with one output shape, received {shapes}. "
            "Pass mixture=False to export the generators alone."
        )
    # Name -> (networks, weights, shape, stream). The stream is folded into the seed, so that two
    # models draw different noise for the same seed.
    exports = {f"generator_{k}": ([networks[k]], None, shapes[k], k) for k in range(len(networks))}
    if mixture:
        weights = getattr(model, "mixture_weights", None)
        exports["mixture"] = (networks, weights, shapes[0], len(networks))

    held = _versions(directory)
    taken = sorted(str(directory / name / str(version)) for name in held if version in held[name])
    if taken:
        raise FileExistsError(
            f"version: expected a new one, received {version}, which exists: {', '.join(taken)}. "
            f"Pass version={max(set().union(*held.values())) + 1}, the next free one."
        )
    targets = {name: directory / name / str(version) for name in exports}
    # Apart, or every generator's SavedModel would hold the weights of all.
    with stacking.apart(networks), contextlib.ExitStack() as undo:
        _make_folder(directory, undo)
        with tempfile.TemporaryDirectory(
            prefix=".export-tmp-", dir=directory, ignore_cleanup_errors=True
        ) as temporary:
            temporary = pathlib.Path(temporary)
            for name, (members, weights, shape, stream) in exports.items():
                _save(temporary / name, members, weights, latent_dim, shape, stream, max_batch_size)
                note = temporary / name / NOTE
                note.parent.mkdir()
                note.write_text(json.dumps({"models": list(exports), "max_batch_size": max_batch_size}))
            config = temporary / "models.config"
            config.write_text(_serving_config({*held, *exports}, base), encoding="utf-8")
            for name, target in targets.items():
                _make_folder(target.parent, undo)
                os.rename(temporary / name, target)
                undo.callback(shutil.rmtree, target, ignore_errors=True)
            os.replace(config, directory / "models.config")
            undo.pop_all()
    return [str(target) for target in targets.values()]


def _image_shapes(networks, latent_dim):
    """Returns the output shapes; ValueError unless each network maps (N, latent_dim) to one tensor."""
    if not networks:
        raise ValueError("model.generators: expected at least one, received none. Pass a model.")
    shapes = []
    for k, network in enumerate(networks):
        wanted = f"generator {k} ({network.name!r}): expected a built network that maps noise "
        wanted += f"(N, latent_dim={latent_dim}) to one tensor of images"
        if not network.built:
            raise ValueError(f"{wanted}, received one that is not built. Call it once on noise.")
        try:
            noise = keras.KerasTensor((None, latent_dim), "float32")
            shapes.append(tuple(network.compute_output_spec(noise).shape))
        except Exception as error:
            raise ValueError(
                f"{wanted}, received input shape {getattr(network, 'input_shape', 'unknown')}: "
                f"{error} Make model.latent_dim and the network agree."
            ) from error
    return shapes


def _save(path, networks, weights, latent_dim, shape, stream, max_batch_size):
    """Writes the SavedModel of one generator, or of the mixture of several, at `path`."""
    import tensorflow as tf

    count = len(networks)
    ends = np.cumsum([1 / count] * count if weights is None else weights)[:-1].astype("float32")
    noise_spec = tf.TensorSpec((None, latent_dim), tf.float32, name="noise")

    def checked(tensor, condition, *message):
        """`tensor`, if the condition holds; else an InvalidArgumentError with the message."""
        # What follows must wait for the check, or it would take its memory first.
        with tf.control_dependencies([tf.debugging.Assert(condition, message)]):
            return tf.identity(tensor)

    def fitting(tensor, size):
        return checked(tensor, tf.logical_and(size >= 0, size <= max_batch_size), "Expected a batch of "
                       f"0 to {max_batch_size} images. Send several requests. Received:", size)

    def generate(network, noise):
        # With oneDNN, convolutions return one image for empty input. Give them at least one row.
        rows = tf.shape(noise)[0]
        noise = tf.pad(noise, [[0, tf.maximum(1 - rows, 0)], [0, 0]])
        return tf.cast(network(noise, training=False), tf.float32)[:rows]

    # A separate tf.function, so that the SavedModel holds each network's graph only once.
    @tf.function(input_signature=[noise_spec, tf.TensorSpec((None,), tf.int32)], autograph=False)
    def render(noise, choice):
        """Maps noise (N, latent_dim), int32 choice (N,) in [0, count) to {"images": (N, H, W, C)}."""
        rows, places = [noise], None
        if count > 1:
            rows = tf.dynamic_partition(noise, choice, count)
            places = tf.dynamic_partition(tf.range(tf.shape(noise)[0]), choice, count)
        images = [generate(network, x) for network, x in zip(networks, rows)]
        images = tf.dynamic_stitch(places, images) if count > 1 else images[0]
        return {"images": tf.ensure_shape(images, shape)}

    def choose(places):
        """Returns the generators at positions in [0, 1), an interval divided by the weights."""
        return tf.searchsorted(tf.constant(ends), places, side="right")

    def serve(noise):
        noise = fitting(noise, tf.shape(noise)[0])
        finite = tf.reduce_all(tf.math.is_finite(noise), axis=-1)
        noise = checked(noise, tf.reduce_all(finite), "Expected finite noise. Received NaN or infinity "
                        "in this row, counted from 0:", tf.where(~finite)[:1, 0])
        # Sums of integers do not depend on the order, so a row's sum does not depend on its batch.
        # The upper half of the product depends on all bits. The low bits of uniform noise are often 0.
        total = tf.reduce_sum(tf.bitcast(noise, tf.int32), axis=-1)
        upper = tf.bitwise.right_shift(total * _HASH, 16)  # -32768 to 32767
        return render(noise, choose(tf.cast(upper + 32768, "float32") / 65536))

    def sample(batch_size, seed):
        batch_size = fitting(batch_size, batch_size)
        # The default algorithm differs between devices, and so would the images.
        key = tf.random.fold_in(tf.stack([seed, 0]), stream, alg="philox")
        noise = tf.random.stateless_normal([batch_size, latent_dim], key, alg="philox")
        # Evenly spaced positions, for exact numbers of images per generator. The first position is
        # random, because batch_size=1 would otherwise always use the first generator.
        start = tf.random.stateless_uniform([], tf.random.fold_in(key, 1, alg="philox"), alg="philox")
        rows = tf.range(batch_size)
        if weights is None:
            return render(noise, tf.math.floormod(rows + tf.cast(start * count, "int32"), count))
        return render(noise, choose((tf.cast(rows, "float32") + start)
                                    / tf.cast(batch_size, "float32")))

    # The endpoints track the variables. track(network) would store them twice.
    archive = keras.export.ExportArchive()
    scalars = [tf.TensorSpec((), tf.int32, name=name) for name in ("batch_size", "seed")]
    archive.add_endpoint("serving_default", serve, input_signature=[noise_spec])
    archive.add_endpoint("sample", sample, input_signature=scalars)
    archive.write_out(str(path), verbose=False)


def _make_folder(path, undo):
    """Creates `path` and its missing parents; `undo` removes those that are empty again."""

    def remove(folder):
        with contextlib.suppress(OSError):
            folder.rmdir()

    for folder in reversed([p for p in (path, *path.parents) if not p.exists()]):
        folder.mkdir(exist_ok=True)
        undo.callback(remove, folder)


def _versions(directory):
    """Returns the models that `directory` holds: name -> set of version numbers."""
    held = {}
    for version in directory.glob("*/*"):
        name = version.parent.name
        if version.name.isdecimal() and re.fullmatch(r"mixture|generator_\d+", name):
            held.setdefault(name, set()).add(int(version.name))
    return held


def _serving_config(names, base):
    """Returns the text of a ModelServerConfig for the models `names` under the path `base`."""
    entries = ""
    for name in sorted(names, key=lambda name: (name == "mixture", len(name), name)):
        # JSON escapes quotes, backslashes and newlines as text protos do.
        path = json.dumps(f"{base}/{name}", ensure_ascii=False)
        entries += f'  config {{\n    name: "{name}"\n    base_path: {path}\n'
        entries += '    model_platform: "tensorflow"\n  }\n'
    return f"model_config_list {{\n{entries}}}\n"
