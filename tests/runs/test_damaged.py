"""Damaged files of a run folder: named in one message, or the result is right or said to be less."""

import json
import logging
import pathlib
import random
import re
import shutil

import numpy as np
import pytest
from tiny import state

from keras_multigan.cli import main as cli
from keras_multigan.models import P2GAN
from keras_multigan.recipes.recipe import Recipe
from keras_multigan.runs import classifiers, measures

SEED = 17
DAMAGES = ("emptied", "cut off", "flipped", "one bit", "wrong type", "garbage", "not UTF-8", "a folder",
           "missing")
TINY = ("--width=4", "--num_generators=2", "--growth=1", "--latent_dim=4", "--batch_size=8",
        "--epochs=3", "--steps_per_epoch=1")
IMAGES = ("train", "p2", "--preset=images", "--networks=mlp", "--image_size=8", "--dataset=own", *TINY)
RING = ("train", "p2", "--generator_batch_size=4", *TINY)
# What only a finished run has; "00003" is the epoch that an unfinished one has not done.
FINISHED = ("metrics.json", "report.html", "model.keras", "export", "curves.png", "class_table.png",
            "evolution.png", "embedding.keras", "checkpoints/epoch-00003.json",
            "checkpoints/epoch-00003.npz", "frames/epoch-00003.png", "frames/epoch-00003.npz")
RESUMED = ("options.json", "history.csv", "history.sha256", "checkpoints/epoch-00002.json",
           "checkpoints/epoch-00002.npz", "classifier.keras", "samples.png", "frames/epoch-00002.png")
REPORTED = [*(("unfinished", name) for name in ("options.json", "history.csv", "samples.png",
                                                "frames/epoch-00002.png")),
            *(("images", name) for name in (
                "options.json", "metrics.json", "history.csv", "samples.png", "class_table.png",
                "frames/epoch-00002.png", "checkpoints/epoch-00003.json", "model.keras"))]
MEASURED = [("sample", "options.json"), ("sample", "model.keras"), ("sample", "metrics.json"),
            ("evaluate", "options.json"), ("evaluate", "model.keras"),
            ("evaluate", "classifier.keras"), ("evaluate", "embedding.keras")]


def each_damage(*cases):
    """The cases times the damages."""
    return [(*case, how) for case in cases for how in DAMAGES]


class Trains(BaseException):
    """In place of a training: the epoch to begin with."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with the data and the runs `images`, `ring`; each finished, and unfinished ones."""
    from keras_multigan.callbacks import Checkpoint

    folder = tmp_path_factory.mktemp("damaged")
    numbers = np.random.default_rng(0)
    np.savez(folder / "images.npz",
             **{f"x_{split}": numbers.integers(0, 256, (60, 8, 8, 1), "uint8")
                for split in ("train", "test")},
             **{f"y_{split}": np.arange(60) % 10 for split in ("train", "test")})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measures, "NUM_EVALUATION_IMAGES", 100)
        patched.setattr(classifiers, "train", lambda *_, **__: None)
        patched.setattr(Checkpoint.__init__, "__defaults__", (9,))  # keeps all of them
        for words in ((*IMAGES, f"--data_dir={folder / 'images.npz'}"), RING):
            cli.main([*words, f"--output={folder / ('ring' if words == RING else 'images')}"])
    unfinished = shutil.copytree(folder / "images", folder / "unfinished")
    for name in FINISHED:
        shutil.rmtree(unfinished / name) if name == "export" else (
            (unfinished / name).unlink(missing_ok=True))
    rows = (unfinished / "history.csv").read_bytes().splitlines(keepends=True)
    (unfinished / "history.csv").write_bytes(b"".join(rows[:-1]))
    newest = shutil.copytree(unfinished, folder / "newest only")
    for path in newest.glob("checkpoints/epoch-00001.*"):
        path.unlink()
    return folder


@pytest.fixture(scope="module")
def cheap(runs):
    """Commands neither train nor build more than one model of each kind; they read all files."""
    made, make = {}, Recipe.make

    def fit(self, *_, initial_epoch=0, **__):
        raise Trains(initial_epoch)

    def make_once(recipe, options, samples):
        if options.dataset not in made:
            made[options.dataset] = make(recipe, options, samples)
        return made[options.dataset]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measures, "NUM_EVALUATION_IMAGES", 100)
        patched.setattr(classifiers, "train", lambda *_, **__: None)
        patched.setattr(Recipe, "make", make_once)
        patched.setattr(P2GAN, "fit", fit)
        yield made


@pytest.fixture
def command(multigan, caplog):
    """command("sample", ...) -> (exit code or the epoch as `Trains`, all that was printed)."""

    def run(*words):
        caplog.clear()
        try:
            with caplog.at_level(logging.WARNING):
                done = multigan(*words)
        except Trains as trains:
            return trains, caplog.text
        return done.code, done.out + done.err + caplog.text

    return run


def damage(path, how, numbers):
    """Damages a file."""
    whole = path.read_bytes()
    if how in ("a folder", "missing"):
        path.unlink()
        if how == "a folder":
            path.mkdir()
        return
    position = numbers.randrange(len(whole) // 4, 3 * len(whole) // 4)
    digit = position  # one that becomes another one, in a text
    while path.suffix in (".json", ".csv") and not b"0" <= whole[digit : digit + 1] <= b"9":
        digit -= 1
    content = {
        "emptied": b"", "cut off": whole[:position], "garbage": b"NaN, garbage }",
        "flipped": whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :],
        "one bit": whole[:digit] + bytes([whole[digit] ^ 1]) + whole[digit + 1 :],
        "wrong type": b"[1, 2]\n", "not UTF-8": b"\xff\xfe" + whole[2:],
    }[how]
    path.write_bytes(content)


def damaged(runs, tmp_path, run, name, how):
    folder = shutil.copytree(runs / run, tmp_path / "run")
    damage(folder / name, how, random.Random(f"{SEED} {run} {name} {how}"))
    return folder


def refused(code, text, name):
    """Whether it is one message that names the file and says what to do."""
    if code != 2:
        return False
    (message,) = re.findall(r"^error: .*", text, re.MULTILINE)
    assert "Traceback" not in text and name.rsplit("/", 1)[-1].split(".")[0] in message, text
    assert re.search("remove|put it|give|correct|start|go on|make one", message, re.I), text
    return True


def arrays(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]


@pytest.mark.parametrize("run, name, how", each_damage(*(
    (run, name) for run in ("unfinished", "newest only") for name in RESUMED)))
def test_an_unfinished_run_is_resumed(runs, cheap, command, tmp_path, run, name, how):
    folder = damaged(runs, tmp_path, run, name, how)
    code, text = command("train", "p2", "--resume", f"--output={folder}")
    if refused(code, text, name):
        return
    assert isinstance(code, Trains), text
    first = code.args[0]
    if name.startswith("checkpoints"):
        assert first == (1 if run == "unfinished" else 0)
        assert how == "missing" or "damaged" in text
    else:
        assert first == 2
    if name == "history.csv":
        assert re.search("0 rows for 2 finished epochs", text)
    if first:
        (model,) = cheap.values()
        saved = arrays(runs / "images" / "checkpoints" / f"epoch-{first:05d}.npz")
        trained = state(model)
        assert len(trained) == len(saved) and all(map(np.array_equal, trained, saved))


def page_of(folder):
    """What a page shows, by kind, less what depends on the folder's name."""
    page = (folder / "report.html").read_text()
    return {"curves": re.findall(r'aria-label="(\w+) by epoch"', page),
            "pictures": re.findall(r'data:image/png;base64,([\w+/=]+)"', page),
            "measures": re.findall(r'<th scope="row">(.+)</th><td>(.+)</td>', page),
            "sentences": re.findall(r"<p>(.+)</p>", page)[:2]}


@pytest.mark.parametrize("run, name, how", each_damage(*REPORTED))
def test_a_run_is_reported(runs, cheap, command, tmp_path, run, name, how):
    whole = runs / run
    if not (whole / "report.html").exists():
        assert command("report", whole) == (0, f"{whole / 'report.html'}\n")
    folder = damaged(runs, tmp_path, run, name, how)
    (folder / "report.html").unlink()
    code, text = command("report", folder)
    if refused(code, text, name):
        assert not (folder / "report.html").exists()
        return
    assert code == 0 and "Traceback" not in text
    before, after = page_of(whole), page_of(folder)
    lost = {kind for kind in before if before[kind] != after[kind]}
    for kind in ("curves", "pictures", "measures"):
        assert [part for part in after[kind] if part not in before[kind]] == [], "another result"
    if lost:  # less than before, which is said on the output and on the page
        assert pathlib.PurePath(name).name in text
        assert name in re.search('<p role="note">(.*)</p>', (folder / "report.html").read_text())[1]
    expected = {"history.csv": {"curves"}, "samples.png": {"pictures"}, "class_table.png": {"pictures"},
                "frames/epoch-00002.png": {"pictures"},
                "metrics.json": {"measures", "sentences"}}.get(name, set())
    assert lost <= expected
    if how not in ("missing", "cut off"):
        assert lost == expected


@pytest.mark.parametrize("verb, name, how", each_damage(*MEASURED))
def test_a_finished_run_is_sampled_and_evaluated(runs, cheap, command, tmp_path, verb, name, how):
    def do(folder, output):
        words = [verb, f"--model={folder}", f"--output={output}", "--num_samples=20", "--seed=3"]
        return command(*words)

    folder = damaged(runs, tmp_path, "images", name, how)
    suffix = {"sample": ".npy", "evaluate": ".json"}[verb]
    output, right = tmp_path / f"damaged{suffix}", runs / f"right{suffix}"
    code, text = do(folder, output)
    if refused(code, text, name):
        assert not output.exists()
        return
    assert code == 0 and "Traceback" not in text
    if not right.exists():
        assert do(runs / "images", right)[0] == 0
    if verb == "sample":
        np.testing.assert_array_equal(np.load(output), np.load(right))
        return
    found, wanted = (json.loads(path.read_text()) for path in (output, right))
    found["options"]["model"] = wanted["options"]["model"]
    different = {key for key in wanted if wanted[key] != found.get(key)}
    if name == "embedding.keras":
        assert "a random network measures in its place" in text
        different = {key for key in different if not key.startswith("embedd")}
    assert not different


@pytest.mark.parametrize("name, how", each_damage(("metrics.json",), ("options.json",)))
def test_a_finished_run_is_printed_again(runs, cheap, command, tmp_path, name, how):
    """Or measured again, if the file is missing that says that it is finished."""
    folder = damaged(runs, tmp_path, "ring", name, how)
    code, text = command("train", "p2", "--resume", f"--output={folder}")
    if refused(code, text, name):
        return
    assert code == 0
    before, after = (json.loads((path / "metrics.json").read_text())
                     for path in (runs / "ring", folder))
    for results in (before, after):
        del results["seconds_of_last_attempt"], results["sha256"]
    assert before == after


@pytest.mark.parametrize("how", ["emptied", "flipped", "missing"])
def test_the_picture_of_the_epochs(runs, cheap, command, tmp_path, how):
    """It is drawn without a damaged frame."""
    folder = damaged(runs, tmp_path, "ring", "frames/epoch-00002.npz", how)
    for name in ("metrics.json", "evolution.png"):
        (folder / name).unlink()
    code, text = command("train", "p2", "--resume", f"--output={folder}")
    assert code == 0 and "evolution.png is without" in text and "epoch-00002.npz" in text
    assert (folder / "evolution.png").read_bytes() != (runs / "ring" / "evolution.png").read_bytes()


@pytest.mark.parametrize("name, content, message", [
    ("options.json", {"epochs": "three"}, "epochs='three'"),
    ("options.json", {"width": 2.5}, "width=2.5"),
    ("options.json", {"method": 5}, "method=5"),
    ("options.json", {"preset": ["quick"]}, r"preset=\['quick'\]"),
    ("options.json", {"push_weight": float("nan")}, "--push_weight is expected to be a finite"),
    ("metrics.json", {"pairwise_tvd": "much"}, "Expected the results of a run"),
    ("metrics.json", {"class_probabilities": 3}, "Expected the results of a run"),
    ("metrics.json", {"epochs": "three"}, "Expected the results of a run"),
], ids=str)
def test_a_value_of_another_type(runs, cheap, command, tmp_path, name, content, message):
    folder = shutil.copytree(runs / "ring", tmp_path / "run")
    stored = json.loads((folder / name).read_text())
    (stored["options"] if name == "options.json" else stored).update(content)
    stored.pop("sha256", None)
    (folder / name).write_text(json.dumps(stored))
    code, text = command("train", "p2", "--resume", f"--output={folder}")
    assert code == 2 and re.search(message, text) and name in text
