"""Wrong command lines, drawn by a seeded generator: every one ends with 2 and one message, none with a
traceback, none in a training with values that mean nothing, and nothing is written."""

import collections
import contextlib
import gzip
import io
import itertools
import json
import os
import pickle
import random
import shutil
import socket
import time
import zipfile

import numpy as np
import pytest

from keras_multigan.cli import main, train
from keras_multigan.recipes import RECIPES
from keras_multigan.runs import classifiers
from keras_multigan.training.trainer import Trainer

LONGEST = 10  # seconds until a line is refused
# What every command line may have in place of a value. The second group is wrong for all numbers.
WORDS = ("", " ", "x", "1,2", "0x", "1e", "--", "ä", "\u0663\u0660z", "9" * 5000, "\udcff", "None",
         "[1]", "1;2", "%s%n", "../..")
NUMBERS = ("nan", "inf", "-inf", "1e308", "-1e308", "1e400", "100000000000000000000", "-1",
           "-100000000")
MANY = "100000000"
# Where the numbers 0, -1 and 10**8 do mean something.
ZERO = {"seed", "data_seed", "gp_weight", "center_range", "entropy_weight", "alpha",
        "mutual_information_weight", "ema", "feature_matching_weight", "regularizer_weight",
        "push_weight", "auxiliary_pull",
        "auxiliary_push", "growth", "generator_batch_size", "auxiliary_class", "verbosity", "blends",
        "tvd_weight", "r1_weight", "r2_weight", "orthonormal_weight",
        "beta", "sharpness", "sharpness_weight", "diversity_weight", "entropy_decay", "threshold",
        "validation", "discriminator_class_weight", "generator_class_weight", "dropout"}
MINUS = {"verbosity"}
MILLIONS = {"seed", "data_seed", "version", "gp_weight", "entropy_weight", "alpha",
            "mutual_information_weight", "feature_matching_weight", "regularizer_weight",
            "push_weight", "auxiliary_pull",
            "auxiliary_push", "verbosity", "r1_weight", "r2_weight", "orthonormal_weight",
            "beta", "sharpness", "sharpness_weight", "diversity_weight",
            "discriminator_class_weight", "generator_class_weight"}
PATHS = ("absent", "absent/x", "folder", "folder/..", "file.txt", "file.txt/x", "", ".", "..", "/",
         "/dev/null", "/proc/x", "/proc/self/mem", "pipe", "loop", "ä\u4e2d/\u200b", "x" * 300,
         "x/" * 3000, "~nobody_there/x", "\udcff")
SCHEDULES = ("cosine:1", "constant", "constant:", "constant:x", "constant:-1", "constant:nan",
             "constant:inf", "constant:1e308", "constant:1:2", "linear:1", "linear:1:2", "linear:1:2:0",
             "linear:1:2:1.5", "linear:1:2:nan", "linear:1:2:inf", "linear:1:2:1e308:4", ":", "::::",
             "sudden_death:20", "sudden_death:20:-1", "sudden_death::", "1e999", "nan", "-5", "12,2",
             "eval(1)", "sudden_death:20:0")
# wrong: True if the line must be refused, False if it must not be, None if either is right.
Line = collections.namedtuple("Line", "words wrong")


class Trained(BaseException):
    """What a line that is not refused before the training raises."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the lines name. Nothing may be written into it."""
    folder = tmp_path_factory.mktemp("wrong")
    with contextlib.chdir(folder):
        make_places()
        make_arrays()
        make_folders()
        make_models()
    return folder


@pytest.fixture(autouse=True)
def no_training(monkeypatch, place):
    def trained(*args, **kwargs):
        raise Trained

    monkeypatch.chdir(place)
    monkeypatch.setattr(Trainer, "fit", trained)
    monkeypatch.setattr(classifiers, "fit", trained)
    monkeypatch.delenv("TF_CONFIG", raising=False)


def listing():
    return sorted((path, entry.stat(follow_symlinks=False).st_size)
                  for path, _, names in os.walk(".") for entry in os.scandir(path))


def problem(line):
    """What is wrong with how a line ends, or None."""
    out, err, before, start = io.StringIO(), io.StringIO(), listing(), time.perf_counter()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main.main(list(line.words))
        code = 0
    except SystemExit as stop:
        code = stop.code
    except Trained:
        code = 0
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__} escaped: {str(error)[:200]}"
    seconds, said = time.perf_counter() - start, err.getvalue()
    if seconds > LONGEST:
        return f"{seconds:.0f} s"
    if "Traceback" in said + out.getvalue():
        return "a traceback"
    if code == 0:
        for path in ("runs", "new"):
            shutil.rmtree(path, ignore_errors=True)
        return "it ended well, or training began" if line.wrong else None
    if line.wrong is False:
        return f"it was refused: {said[:300]}"
    if code != 2:
        return f"exit code {code}"
    if (now := listing()) != before:
        return f"wrote {sorted(set(now) - set(before))[:3]}"
    if not said.startswith("error: ") or said.count("error: ") != 1 and "\nerror: " in said:
        return f"not one message: {said[:300]!r}"
    if len(said) > 5000:
        return f"a message of {len(said)} characters: {said[:200]!r}"
    if not ("xpect" in said and "eceived" in said or "flag" in said):
        return f"neither expected nor received: {said[:300]!r}"
    return None


def check(lines):
    """Runs the lines; fails with all that end in a wrong way."""
    found = [f"{' '.join(line.words)[:150]}: {said}" for line in lines if (said := problem(line))]
    assert not found, "\n".join([f"{len(found)} of {len(lines)} lines:", *found])


def values(name, option, rng):
    """Lines' values for a flag -> whether each is wrong."""
    kind = option.value_type
    if kind in (int, float):
        found = {word: True for word in (rng.choice(WORDS), *rng.sample(NUMBERS, 3))}
        found |= {"0": name not in ZERO or None, MANY: name not in MILLIONS or None,
                  "-1": name not in MINUS or None}
    elif kind is bool:
        found = {rng.choice(WORDS): True, "2": True}
    elif option.choices:
        found = {rng.choice(WORDS): True, "other": True}
    else:
        found = {rng.choice(WORDS): None}
    return found.items()


def flag_lines(head, options, seed, skip=(), some=()):
    """Lines with a wrong value of each flag; half of them with the words `some`."""
    rng = random.Random(seed)
    return [Line([*head, *rng.choice(([], some)), f"--{name}={value}"], wrong)
            for name, option in options.items() if name not in skip
            for value, wrong in values(name, option, rng)]


METHODS = {  # flags with which a run of a method is tiny; one of a family, which has the same flags
    "commute": ("--width=0.02", "--num_generators=1", "--image_size=8"),
    "acgan": ("--filters=1",), "d2gan": ("--filters=1",), "gan": ("--filters=1",),
    "veegan": ("--filters=1",),
    "gman": ("--filters=1", "--num_discriminators=1"),
    "mgan": ("--filters=1", "--num_generators=1"), "madgan": ("--filters=1", "--num_generators=1"),
    "dmgan_pl": ("--filters=1", "--num_generators=1"),
    "adagan": ("--filters=1", "--num_generators=1"), "mwu": ("--filters=1", "--num_generators=1"),
    "gm": ("--width=0.02",), "mm": ("--width=0.02",),
    "mim": ("--filters=1", "--num_generators=1", "--image_size=8"),
    "mix": ("--filters=1", "--num_generators=1", "--num_discriminators=1"),
    "mix_plus": ("--width=4", "--dimension=3", "--num_generators=1", "--num_discriminators=1"),
    "p2": ("--width=2", "--num_generators=2"),
}
# Of these the flags that gan has, too, are not tried again.
LIKE_GAN = ("acgan", "d2gan", "gman", "veegan")


def test_every_method_is_here():
    assert METHODS.keys() <= RECIPES.keys()
    assert {RECIPES[method].model for method in METHODS} == {
        recipe.model for recipe in RECIPES.values()}


@pytest.mark.parametrize("method", METHODS)
def test_flags_of_train(method):
    """Wrong values of all flags, on a dry run and on a real one."""
    recipe = RECIPES[method]
    options = train.command(recipe).options
    head = ["train", method, *METHODS[method]]
    if "classifier" in options:
        head.append("--classifier=good.keras")
    skip = train.command(RECIPES["gan"]).options if method in LIKE_GAN else ()
    check(flag_lines(head, options, method, {"output", "dry_run", "resume", "tpu", *skip},
                     ["--dry_run"]))


def test_there_are_many():
    """Of the flags of `train` alone; the other lines are as many again."""
    assert len([line for method in METHODS for line in flag_lines(
        [], train.command(RECIPES[method]).options, method) if line.wrong]) > 600


def test_schedules():
    check([Line(["train", "commute", "--dry_run", f"--tvd_weight={text}"], True) for text in SCHEDULES])


@pytest.mark.parametrize("words, wrong", [
    (["--epochs", "1"], False), (["--epochs"], True), (["--=1"], True), (["-"], True), (["--"], False),
    (["x", "--epochs=1"], True), (["--no"], True), (["--noepochs"], True), (["--dry_run=maybe"], True),
    (["--seed=1", "--seed=-1"], True), (["--tvd_weight=constant:1"], True), (["--helpx"], True),
    (["--preset=paper", "--preset=other"], True), (["--flagfile=absent"], True),
    (["--flagfile=folder"], True), (["--flagfile=random.npz"], True), (["--help"], False),
    (["--num_components=3", "--filters=4"], True), (["--growth=1"], True), (["--verbosity=x"], True),
])
def test_lines_that_no_flag_fits(words, wrong):
    check([Line(["train", "gm", "--dry_run", "--width=0.02", *words], wrong)])


def make_places():
    os.mkdir("folder")
    for name in ("file.txt", "folder/kept.txt"):
        with open(name, "w") as file:
            file.write("mine")
    os.mkfifo("pipe")
    os.symlink("loop", "loop")


IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8), "uint8")
LABELS = np.arange(12) % 3


def arrays():
    """Name -> (images, labels or None, whether they are wrong)."""
    floats = IMAGES / 127.5 - 1
    nan, inf = floats.copy(), floats.copy()
    nan[3, 2, 1], inf[3, 2, 1] = np.nan, -np.inf
    pickled = np.array([{"a": 1}] * 12, object)
    return {
        "good": (IMAGES, LABELS, False), "unlabelled": (IMAGES, None, None),
        "flat": (IMAGES.reshape(12, 64), LABELS, True), "one axis": (IMAGES[:, 0, 0], LABELS, True),
        "five axes": (IMAGES[..., None, None], LABELS, True), "scalar": (np.uint8(3), LABELS, True),
        "empty": (IMAGES[:0], LABELS[:0], True), "no pixels": (IMAGES[:, :0], LABELS, True),
        "no channel": (IMAGES[..., None][..., :0], LABELS, True), "nan": (nan, LABELS, True),
        "inf": (inf, LABELS, True), "int32": (IMAGES.astype("int32"), LABELS, True),
        "complex": (floats.astype("complex64"), LABELS, True), "range": (floats * 9, LABELS, True),
        "texts": (IMAGES.astype("U3"), LABELS, True), "dates": (IMAGES.astype("M8[s]"), LABELS, True),
        "objects": (pickled, LABELS, True), "object labels": (IMAGES, pickled, True),
        "one image": (IMAGES[:1], LABELS[:1], True), "two images": (IMAGES[:2], LABELS[:2], True),
        "few labels": (IMAGES, LABELS[:5], True), "nan labels": (IMAGES, np.full(12, np.nan), True),
        "fractions": (IMAGES, LABELS + 0.5, True), "no texts": (IMAGES, np.array([""] * 12), True),
        "two columns": (IMAGES, np.ones((12, 2)), True), "huge": (IMAGES, LABELS * 10**17, None),
        "channels first": (IMAGES.reshape(12, 1, 8, 8), LABELS, True),
        "records": (np.zeros((12, 8, 8), [("a", "u1"), ("b", "u1")]), LABELS, True),
        "infinite labels": (IMAGES, np.full(12, np.inf), True),
    }


SOURCES = {}  # data_dir -> whether it is wrong; filled by the functions that make them


def write(path, content, wrong=True):
    with open(path, "wb") as file:
        file.write(content)
    SOURCES[path] = wrong


def as_npz(images, labels):
    parts = {"images": images} | ({} if labels is None else {"labels": labels})
    stream = io.BytesIO()
    np.savez(stream, **parts)
    return stream.getvalue()


def as_npy(images, labels=None):
    stream = io.BytesIO()
    np.save(stream, images)
    return stream.getvalue()


def as_h5(images, labels):
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["images"] = images
        if labels is not None:
            file["labels"] = labels
    return stream.getvalue()


def as_csv(images, labels):
    lines = ["label," + ",".join(f"p{i}" for i in range(images[0].size))]
    lines += [",".join(map(str, [label, *image.flat])) for label, image in zip(labels, images)]
    return "\n".join(lines).encode()


def as_zip(images, labels):
    from PIL import Image

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for number, (image, label) in enumerate(zip(images, labels)):
            png = io.BytesIO()
            Image.fromarray(image).save(png, "PNG")
            file.writestr(f"{label}/{number}.png", png.getvalue())
    return stream.getvalue()


def as_idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(
        int(size).to_bytes(4, "big") for size in array.shape) + array.astype("uint8").tobytes()


def damaged(content, seed):
    """Name -> damaged content."""
    rng = random.Random(seed)
    found = {"nothing": b"", "noise": rng.randbytes(len(content)), "text": b"hello\nworld\n",
             "half": content[: len(content) // 2], "head": content[:7], "tail": content[9:],
             "zeros": bytes(len(content)), "more": content + content[:50]}
    for number in range(4):
        flipped = bytearray(content)
        for _ in range(1 + 4 * number):
            flipped[rng.randrange(len(flipped))] ^= rng.randrange(1, 256)
        found[f"flipped{number}"] = bytes(flipped)
    return found


MAY_BE_WHOLE = ("more", "tail", "flipped")  # no wrong images, maybe


def make_arrays():
    for name, (images, labels, wrong) in arrays().items():
        write(f"{name}.npz", as_npz(images, labels), wrong)
        if labels is LABELS:
            write(f"{name}.npy", as_npy(images), wrong or None)  # labels are missing
        with contextlib.suppress(TypeError):  # HDF5 has no such type
            write(f"{name}.h5", as_h5(images, labels), wrong)
    for kind, content in (("npz", as_npz(IMAGES, LABELS)), ("npy", as_npy(IMAGES)),
                          ("h5", as_h5(IMAGES, LABELS)), ("csv", as_csv(IMAGES, LABELS)),
                          ("zip", as_zip(IMAGES, LABELS))):
        write(f"whole.{kind}", content, wrong=None if kind == "npy" else False)
        for name, other in damaged(content, kind).items():
            write(f"damaged-{name}.{kind}", other, wrong=not name.startswith(MAY_BE_WHOLE) or None)
    for number, text in enumerate((
            "label,a,b\n", "label\n1\n2\n", "a,b,c,d\n1,2,3,x\n", "1,2,3,4\n1,2,3\n", "\n\n\n", ",,,\n",
            "label,a,a,a,a\n1,1,2,3,nan\n2,1,2,3,inf\n", "pixels,label\n1 2 3 4,0\n\n1 2 3,1\n",
            "pixels,label\n1 2 3 4\n", "label,pixels\n1\n", "pixels\n1 2 x 4\n", '"a,b\n"c', "\x00\x00",
            "usage,pixels\nother,1 2 3 4\n", "label,p0,p1,p2,p3\n" + "1,300,2,3,4\n" * 6,
            "label,p0,p1,p2,p3\n" + "x" * 200_000)):
        write(f"lines{number}.csv", text.encode())
    write("random.npz", random.Random(0).randbytes(3000))
    write("pickle.npy", pickle.dumps(IMAGES))
    write("pickle.npz", pickle.dumps({"images": IMAGES}))
    write("image.png", as_zip(IMAGES, LABELS)[30:])
    write("utf16.csv", "label,a,b,c,d\n1,1,2,3,4\n".encode("utf-16"))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("images.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, "
                      b"'shape': (100000000000, 100000, 8), }" + b" " * 30 + b"\n")
    write("bomb.npz", stream.getvalue())
    for number, header in enumerate((b"{'descr': '|u1'", b"{" * 500, b"[x for x in (1,)]", b"\xff\xfe",
                                     b"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
                                     b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2)}")):
        write(f"header{number}.npy", b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little")
              + header + b"\n" + bytes(64))
    for names in (("../x.png",), ("/x.png",), ("a.txt",), ()):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as file:
            for name in names:
                file.writestr(name, b"x")
        write(f"names-{len(names)}{'-'.join(names).replace('/', '')}.zip", stream.getvalue())


def make_folders():
    def folder(name, files, wrong=True):
        for path, content in files.items():
            os.makedirs(os.path.dirname(f"{name}/{path}"), exist_ok=True)
            with open(f"{name}/{path}", "wb") as file:
                file.write(content)
        SOURCES[name] = wrong

    parts = {f"{prefix}-{kind}-idx{rank}-ubyte": as_idx(array) for prefix in ("train", "t10k")
             for kind, rank, array in (("images", 3, IMAGES), ("labels", 1, LABELS))}
    folder("idx", parts, wrong=False)
    for name, content in damaged(parts["train-images-idx3-ubyte"], "idx").items():
        folder(f"idx-{name}", parts | {"train-images-idx3-ubyte": content},
               wrong=not name.startswith("flipped") or None)
        folder(f"gz-{name}", {f"{path}.gz": gzip.compress(b) for path, b in parts.items()} | {
            "train-labels-idx1-ubyte.gz": gzip.compress(parts["train-labels-idx1-ubyte"])[:20]})
    folder("idx-lone", {"train-images-idx3-ubyte": parts["train-images-idx3-ubyte"]})
    with zipfile.ZipFile("whole.zip") as file:
        images = {name: file.read(name) for name in file.namelist()}
    folder("photos", images, wrong=False)
    folder("one class", {f"train/only/{n}.png": b for n, b in enumerate(images.values())} | {
        f"test/only/{n}.png": b for n, b in enumerate(images.values())})
    SOURCES["one class"] = None  # which is as good as no labels
    folder("one photo", {"x.png": images["0/0.png"]})
    folder("beside", images | {"x.png": images["0/0.png"]})
    folder("no photos", {"a/x.txt": b"x", "b/y.txt": b"y"})
    folder("damaged photos", {name: b[:60] for name, b in images.items()})
    folder("noise photos", {name: random.Random(name).randbytes(200) for name in images})
    folder("train only", {"test/a/x.png": images["0/0.png"]})
    folder("tfds", {"mnist/3.0.1/dataset_info.json": b"{", "mnist/3.0.1/features.json": b"[]"})
    folder("several", {"a.npy": as_npy(IMAGES), "b.npy": as_npy(IMAGES)})


MODELS = {}  # --model -> whether it is wrong
CLASSIFIERS = {}  # --classifier, of images (8, 8, 1) -> whether it is wrong


def make_models():
    import keras

    keras.utils.set_random_seed(0)

    def classifier(path, *layers, shape=(8, 8, 1), wrong=True):
        network = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), *layers])
        network.save(path)
        CLASSIFIERS[path] = wrong

    classifier("good.keras", keras.layers.Dense(10), wrong=False)
    classifier("one.keras", keras.layers.Dense(1))
    classifier("colour.keras", keras.layers.Dense(10), shape=(8, 8, 3))
    classifier("large.keras", keras.layers.Dense(10), shape=(32, 32, 1), wrong=None)  # images grow
    classifier("map.keras", keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1)))
    recipe = RECIPES["gm"]
    recipe.like(recipe.make_options(width=0.02)).save("gm.keras")
    MODELS.update({"gm.keras": False, "good.keras": True})
    with open("gm.keras", "rb") as file:
        content = file.read()
    for name, other in damaged(content, "keras").items():
        if not name.startswith("flipped"):  # which Keras loads if it is in an unused byte
            write(f"damaged-{name}.keras", other)
            SOURCES.pop(f"damaged-{name}.keras")
            MODELS[f"damaged-{name}.keras"] = CLASSIFIERS[f"damaged-{name}.keras"] = (
                not name.startswith(MAY_BE_WHOLE) or None)
    parts = {}
    with zipfile.ZipFile("gm.keras") as file:
        parts = {name: file.read(name) for name in file.namelist()}
    config = json.loads(parts["config.json"])
    changes = {
        "no config": {"config.json": None}, "no weights": {"model.weights.h5": None},
        "no metadata": {"metadata.json": None}, "list": {"config.json": b"[]"},
        "null": {"config.json": b"null"}, "number": {"config.json": b"3"},
        "deep": {"config.json": b"[" * 100_000}, "text": {"config.json": b"{'a': 1}"},
        "binary": {"config.json": b"\xff\xfe\x00"}, "metadata": {"metadata.json": b"[]"},
        "noise": {"model.weights.h5": b"x" * 999},
        "cut": {"model.weights.h5": parts["model.weights.h5"][:3000]},
        **{name: {"config.json": json.dumps(config | change).encode()} for name, change in {
            "class": {"class_name": "Nothing"}, "module": {"module": "os", "class_name": "system"},
            "numbers": {"config": 3}, "no networks": {"config": {}}, "none": {"config": None},
            "registered": {"registered_name": "builtins>eval"},
            "latent": {"config": config["config"] | {"latent_dim": -1}},
            "large": {"config": config["config"] | {"latent_dim": 10**12}},
        }.items()},
    }
    for name, change in changes.items():
        with zipfile.ZipFile(f"changed {name}.keras", "w") as file:
            for part, stored in (parts | change).items():
                if stored is not None:
                    file.writestr(part, stored)
        MODELS[f"changed {name}.keras"] = CLASSIFIERS[f"changed {name}.keras"] = (
            name not in ("no metadata", "metadata", "class", "module") or None)  # Keras needs none
    os.mkdir("run")
    with open("run/model.keras", "wb") as file:
        file.write(content[:100])
    for path, content in {"export/generator_0/1/saved_model.pb": b"", "noise/mixture/1/saved_model.pb":
                          b"x" * 99, "half/generator_0/1/variables/x": b"", "version/1/saved_model.pb":
                          b"\x08\x01", "odd/generator_x/y/saved_model.pb": b""}.items():
        os.makedirs(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(content)
    MODELS.update(dict.fromkeys(("run", "export", "export/generator_0/1", "noise", "half", "version",
                                 "odd", "good.keras"), True))


@pytest.mark.parametrize("part", range(4))
def test_data(part):
    """Damaged and unfit data of all kinds."""
    heads = (["classifier", "--image_size=8"],
             ["train", "gm", *METHODS["gm"], "--classifier=good.keras"],
             ["train", "p2", "--preset=images", "--width=2", "--classifier=good.keras"],
             ["evaluate", "--model=gm.keras", "--classifier=good.keras", "--num_samples=20"])
    check([Line([*heads[(number + part) % len(heads)], "--dataset=own", f"--data_dir={path}"], wrong)
           for number, (path, wrong) in enumerate(sorted(SOURCES.items())) if number % 4 == part])


@pytest.mark.parametrize("head", [
    ["sample", "--output=new.npy"], ["evaluate", "--num_samples=20"], ["export", "--output=new"],
], ids=lambda head: head[0])
def test_models(head):
    check([Line([*head, f"--model={path}"], True)
           for path, wrong in {**MODELS, **dict.fromkeys(PATHS, True)}.items() if wrong])


def test_classifiers():
    head = ["train", "commute", *METHODS["commute"]]
    check([Line([*head, f"--classifier={path}"], wrong)
           for path, wrong in {**CLASSIFIERS, **dict.fromkeys(PATHS, True)}.items()
           if wrong or path == "good.keras"])
    wrong = [path for path, wrong in CLASSIFIERS.items() if wrong]
    check([Line(["evaluate", "--model=gm.keras", "--num_samples=20", f"--classifier={path}"], True)
           for path in random.Random(0).sample(wrong, 8)])


def test_places_of_data_and_weights():
    check([Line([*head, f"--{flag}={path}"], True)
           for path in PATHS for flag, head in (
               ("data_dir", ["classifier"]), ("data_dir", ["train", "mim", *METHODS["mim"]]),
)])
    rng = random.Random(0)
    check([Line([*head, f"--{flag}={path}"], True) for flag, head in (
        ("data_dir", ["evaluate", "--model=gm.keras"]),
        ("inception", ["train", "gm", *METHODS["gm"], "--classifier=good.keras"]))
        for path in rng.sample(PATHS, 6)])


FILES = ("file.txt", "file.txt/x", "folder/kept.txt", "/proc/x", "/dev/null", "/dev/null/x", "pipe",
         "loop", "loop/x", "x" * 300, "x/" * 3000, "")
FULL = ("folder", ".", "..", "/")


def test_outputs_that_cannot_be_written():
    """They are found before the work."""
    folders = (["classifier"], ["train", "gm", *METHODS["gm"], "--classifier=good.keras"],
               ["train", "mix_plus", *METHODS["mix_plus"]],
               ["reproduce", "--paper=p2", "--experiment=ring"])
    check([Line([*head, f"--output={path}"], True) for head in folders for path in FILES + FULL])
    check([Line(["export", "--model=gm.keras", f"--output={path}"], True) for path in FILES])
    for suffix, head in ((".png", ["sample", "--model=absent"]),
                         (".json", ["evaluate", "--model=absent"]),
                         (".html", ["report", "gm.keras", "good.keras"])):
        check([Line([*head, f"--output={path}"], True) for path in (
            *FILES, *FULL, *(f"{path}/x{suffix}" for path in FILES if path))])


COMMANDS = {
    "classifier": [], "sample": ["--model=gm.keras", "--output=new.npy"],
    "evaluate": ["--model=absent"], "export": ["--model=absent", "--output=new"],
    "reproduce": ["--paper=commute", "--experiment=schedules", "--dry_run"], "report": ["folder"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_of_other_commands(command):
    options = main.COMMANDS[command].options
    lines = flag_lines([command, *COMMANDS[command]], options, 2,
                       skip=("output", "model", "list", "dry_run", "overwrite", "serving_path",
                             "data_dir", "mixture", "inception"))
    lines += [Line([command, *COMMANDS[command], word], True) for word in (
        "--growth=1", "--n_critic=1", "--=", "--no", "--resum=1", "--overwrite=x", "--flagfile=absent")]
    check(lines)


def test_places_of_reports_and_servers():
    check([Line(["report", path], True) for path in PATHS])
    check([Line(["report", "absent", path], True) for path in PATHS[:6]])
    check([Line(["export", "--model=gm.keras", "--output=new", f"--serving_path={path}"], True)
           for path in ("relative", "", "/a\nb")])


def test_seeds_and_runs_of_experiments():
    head = ["reproduce", "--paper=mix_plus", "--experiment=mixtures"]
    check([Line([*head, f"--{flag}={value}"], True) for flag, value in itertools.chain(
        (("seeds", v) for v in ("", "x", "1,1", "-1", "1.5", "nan", "1;2", ",", "1,,2", "\u00b2",
                                "9" * 30, "9" * 5000)),
        (("runs", v) for v in ("x", "1G1D,x", ",", " ", "\u00e4", "1g1d")),
        (("paper", v) for v in ("", "gan", "p2")), (("experiment", v) for v in ("", "x", "ring")))])


@pytest.mark.tensorflow
def test_devices_and_hosts(monkeypatch):
    def connect(address, *timeout, **more):
        raise TimeoutError("timed out") if address[0] == "10.255.255.1" else ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    head = ["train", "mix_plus", *METHODS["mix_plus"]]
    check([Line([*head, *more, *dry], True) for dry in ([], ["--dry_run"]) for more in (
        ["--devices=1000000"], ["--devices=1000000", "--strategy=mirrored"], ["--devices=2"],
        ["--devices=2", "--strategy=multiworker"], ["--devices=2", "--strategy=tpu"],
        ["--strategy=multiworker"], ["--strategy=none", "--tpu=grpc://10.255.255.1:8470"])])
    for tpu in ("", "local", "nobody", "grpc://10.255.255.1:8470", "grpc://nobody.invalid:8470",
                "grpc://localhost:1", "grpc://", "10.255.255.1:8470", "\u00e4", "grpc://localhost:x"):
        check([Line([*head, "--strategy=tpu", f"--tpu={tpu}"], True)])
    worker = {"type": "worker", "index": 0}
    for config in ("", "x", "[]", "{}", "3", '{"cluster": 3}', "null", *map(json.dumps, (
            {"cluster": {"worker": []}, "task": worker}, {"cluster": {"worker": ["a:1"]}},
            {"cluster": {"worker": ["localhost:1", ""]}, "task": worker},
            {"cluster": {"worker": ["localhost:1", "10.255.255.1:2222"]}, "task": worker},
            {"cluster": {"worker": ["localhost:1", "localhost"]}, "task": worker},
            {"cluster": {"worker": ["localhost:99999", "localhost:1"]}, "task": worker},
            {"cluster": {"worker": ["localhost:1", "localhost:1"]}, "task": worker},
            {"cluster": {"worker": "localhost:1"}, "task": worker},
            {"cluster": {"worker": [1, 2]}, "task": worker},
            {"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": "x"}},
            {"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": 1}},
            {"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": -1}},
            {"cluster": {"worker": ["localhost:1"]}, "task": {"type": "chief", "index": 0}}))):
        monkeypatch.setenv("TF_CONFIG", config)
        assert not (said := problem(Line([*head, "--strategy=multiworker"], True))), (config, said)


def test_sizes_that_do_not_fit():
    """Contradictions among flags that are right alone."""
    head = {name: ["train", name, *flags, *["--classifier=good.keras"] * (name != "mix_plus")]
            for name, flags in METHODS.items()}
    check([Line([*head[name], *more, "--dry_run"], wrong) for name, more, wrong in (
        *((name, [f"--image_size={size}"], True) for size in (9, 12, 20, 31, 33)
          for name in ("commute", "mim", "mix")),
        ("commute", ["--num_generators=3", "--batch_size=4"], True),
        ("mix", ["--latent_dim=5"], True), ("mix", ["--num_discriminators=3"], True),
        ("mix_plus", ["--modes=9", "--dimension=4"], True),
        ("mix_plus", ["--modes=9", "--dimension=4", "--data=network"], False),
        ("p2", ["--preset=images", "--image_size=12"], True),
        ("p2", ["--networks=resnet"], True), ("p2", ["--classes=3"], True),
        ("p2", ["--augment=color"], True), ("p2", ["--auxiliary_class=3"], True),
        ("p2", ["--preset=constraints", "--auxiliary_class=7"], True),
        ("p2", ["--preset=constraints", "--num_generators=1"], True),
        ("p2", ["--preset=images", "--classes=3,x"], None),
        ("gm", ["--augment=color,x"], True), ("gm", ["--augment=,"], True),
        ("gm", ["--augment=color color"], True),
        ("gm", ["--supervised", "--num_components=3", "--dynamic"], True))])
    check([Line([*head[name], *more], True) for name, more in (
        ("p2", ["--preset=images", "--classes=11"]), ("p2", ["--preset=images", "--classes="]),
        ("p2", ["--preset=constraints", "--auxiliary_class=11", "--classes=11,3"]),
        ("gm", ["--dataset=whole", "--data_dir=unlabelled.npz"]),
        ("gm", ["--dataset=one", "--data_dir=one class"]),
        ("mix", ["--dataset=one", "--data_dir=one class"]),
        ("commute", ["--image_size=16"]), ("commute", ["--classifier=one.keras"]),
        ("gm", ["--dataset=digits", "--data_dir=folder"]), ("gm", ["--dataset="]),
        ("gm", ["--dataset=/"]), ("gm", ["--dataset=..:"]), ("gm", ["--dataset=stacked_"]),
        ("gm", ["--dataset=stacked_digits"]), ("gm", ["--background=white"]), ("gm", ["--stream"]))])
    check([Line(["classifier", *more], True) for more in (
        ["--dataset=one", "--data_dir=one class"],
        ["--dataset=ring"], ["--background=white"])])
