"""Export trained generators as SavedModels that TensorFlow Serving can serve.

TensorFlow is imported only while exporting, so this module can be imported without it.
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

# 2**32 over the golden ratio, odd, as int32: Fibonacci hashing.
_HASH = 0x9E3779B1 - 2**32


def export_generators(model, directory, version=1, serving_path=None, mixture=True):
    """Write one SavedModel a generator, one of their mixture, and `models.config`.

    Writes `<directory>/generator_<k>/<version>/`, `<directory>/mixture/<version>/` and
    `<directory>/models.config`, which lists all models that the directory then holds, for
    `tensorflow_model_server --model_config_file=<directory>/models.config`. Everything is first
    written beside its place and then renamed: a server that polls the folders sees whole models
    only, and after an error the directory is as it was before.

    Signatures of each SavedModel (inference mode, float32 whatever the networks compute in):
        serving_default: noise float32 (N, latent_dim) -> images float32 (N, H, W, C)
        sample: batch_size int32 (), seed int32 () -> images float32 (batch_size, H, W, C), from
            standard normal noise; the same seed gives the same images.
    The mixture serves each row of noise with a generator chosen by a hash of that row alone: the
    answer for a row does not depend on its batch, and for random noise the generators are as likely
    as their weights in the mixture say. Its `sample` gives them shares as near to the weights as
    whole images can be (equal weights: counts differ by 1 at most).

    Args:
        model: has `generators`, built Keras models from noise (N, latent_dim) to images
            (N, H, W, C) or vectors (N, d), or `sampling_generators` to export in their place;
            `latent_dim`, an int; and, where the generators' shares of the mixture are not equal,
            `mixture_weights`.
        directory: local folder, created where it is missing.
        version: int >= 1, new in this directory.
        serving_path: absolute path or URI under which the server sees `directory` (in a container,
            say); default: the absolute path of `directory`.
        mixture: also export the mixture; its generators must give images of one shape.

    Returns:
        List of str, the paths of the SavedModels written: the generators in order, the mixture.

    Raises:
        RuntimeError: Keras does not run on the TensorFlow backend.
        ValueError: a wrong version or serving_path, or generators that do not fit.
        FileExistsError: the directory already holds this version of a model.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "SavedModels are written by the TensorFlow backend. Expected KERAS_BACKEND=tensorflow, "
            f"received {keras.backend.backend()!r}. Save the model as .keras and run export in a "
            "process with KERAS_BACKEND=tensorflow "
            "(`python apps/export.py --model=... --output=...`)."
        )
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 2**63:
        raise ValueError(
            f"version: expected an int >= 1, received {version!r}. TensorFlow Serving serves the "
            "highest number; pass 1, or the last version + 1."
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
    # Name -> (networks, weights, shape, stream): the stream is folded into the seed, so that no two
    # models answer one seed with the same noise.
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
    with contextlib.ExitStack() as undo:
        _make_folder(directory, undo)
        with tempfile.TemporaryDirectory(
            prefix=".export-tmp-", dir=directory, ignore_cleanup_errors=True
        ) as temporary:
            temporary = pathlib.Path(temporary)
            for name, (members, weights, shape, stream) in exports.items():
                _save(temporary / name, members, weights, latent_dim, shape, stream)
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
    """Output shapes; ValueError unless each network maps (N, latent_dim) to one tensor."""
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


def _save(path, networks, weights, latent_dim, shape, stream):
    """Write the SavedModel of one generator, or of the mixture of several, at `path`."""
    import tensorflow as tf

    count = len(networks)
    ends = np.cumsum([1 / count] * count if weights is None else weights)[:-1].astype("float32")
    noise_spec = tf.TensorSpec((None, latent_dim), tf.float32, name="noise")

    def generate(network, noise):
        # With oneDNN, convolutions make one image of no noise: give them at least one row.
        rows = tf.shape(noise)[0]
        noise = tf.pad(noise, [[0, tf.maximum(1 - rows, 0)], [0, 0]])
        return tf.cast(network(noise, training=False), tf.float32)[:rows]

    # A function of its own, so that the SavedModel holds each network's graph once.
    @tf.function(input_signature=[noise_spec, tf.TensorSpec((None,), tf.int32)], autograph=False)
    def render(noise, choice):
        """noise (N, latent_dim), choice int32 (N,) in [0, count) -> {"images": (N, H, W, C)}."""
        rows, places = [noise], None
        if count > 1:
            rows = tf.dynamic_partition(noise, choice, count)
            places = tf.dynamic_partition(tf.range(tf.shape(noise)[0]), choice, count)
        images = [generate(network, x) for network, x in zip(networks, rows)]
        images = tf.dynamic_stitch(places, images) if count > 1 else images[0]
        return {"images": tf.ensure_shape(images, shape)}

    def choose(places):
        """The generators at places in [0, 1), of which each has as much as its weight."""
        return tf.searchsorted(tf.constant(ends), places, side="right")

    def serve(noise):
        # Integers wrap and add in any order, so a row's sum never depends on its batch. The
        # product's upper half depends on all bits; the low ones of uniform noise are often 0.
        total = tf.reduce_sum(tf.bitcast(noise, tf.int32), axis=-1)
        upper = tf.bitwise.right_shift(total * _HASH, 16)  # -32768 to 32767
        return render(noise, choose(tf.cast(upper + 32768, "float32") / 65536))

    def sample(batch_size, seed):
        # One fixed algorithm: the default one gives other images on other devices.
        key = tf.random.fold_in(tf.stack([seed, 0]), stream, alg="philox")
        noise = tf.random.stateless_normal([batch_size, latent_dim], key, alg="philox")
        # Evenly spaced places, so that the generators' shares are exact, from a drawn one on: else
        # batch_size=1 would know only the first.
        start = tf.random.stateless_uniform([], tf.random.fold_in(key, 1, alg="philox"), alg="philox")
        rows = tf.range(batch_size)
        if weights is None:
            return render(noise, tf.math.floormod(rows + tf.cast(start * count, "int32"), count))
        return render(noise, choose((tf.cast(rows, "float32") + start)
                                    / tf.cast(batch_size, "float32")))

    # The endpoints' variables are tracked by themselves; track(network) would store them twice.
    archive = keras.export.ExportArchive()
    scalars = [tf.TensorSpec((), tf.int32, name=name) for name in ("batch_size", "seed")]
    archive.add_endpoint("serving_default", serve, input_signature=[noise_spec])
    archive.add_endpoint("sample", sample, input_signature=scalars)
    archive.write_out(str(path), verbose=False)


def _make_folder(path, undo):
    """Create `path` and its missing parents; `undo` removes those that are empty again."""

    def remove(folder):
        with contextlib.suppress(OSError):
            folder.rmdir()

    for folder in reversed([p for p in (path, *path.parents) if not p.exists()]):
        folder.mkdir(exist_ok=True)
        undo.callback(remove, folder)


def _versions(directory):
    """Models that `directory` holds: name -> set of version numbers."""
    held = {}
    for version in directory.glob("*/*"):
        name = version.parent.name
        if version.name.isdecimal() and re.fullmatch(r"mixture|generator_\d+", name):
            held.setdefault(name, set()).add(int(version.name))
    return held


def _serving_config(names, base):
    """The text of a ModelServerConfig for the models `names` under the path `base`."""
    entries = ""
    for name in sorted(names, key=lambda name: (name == "mixture", len(name), name)):
        # JSON escapes quotes, backslashes and line ends just as text protos do.
        path = json.dumps(f"{base}/{name}", ensure_ascii=False)
        entries += f'  config {{\n    name: "{name}"\n    base_path: {path}\n'
        entries += '    model_platform: "tensorflow"\n  }\n'
    return f"model_config_list {{\n{entries}}}\n"
