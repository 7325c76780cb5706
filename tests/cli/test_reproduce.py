"""multigan reproduce: every run of an experiment is done once, and its tables have all of them."""

import csv
import json
import pathlib

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_multigan import callbacks, data, networks
from keras_multigan.arena import arms
from keras_multigan.callbacks import NonFiniteLossError
from keras_multigan.cli import reproduce, tables
from keras_multigan.recipes import RECIPES
from keras_multigan.recipes.recipe import Recipe
from keras_multigan.runs import classifiers, files, measures

TINY = {"epochs": 2, "steps_per_epoch": 1, "width": 0.0625, "batch_size": 10}
FLAGS = [f"--{name}={value}" for name, value in TINY.items()]


@pytest.fixture
def stub(monkeypatch):
    """Replaces training, but of the labels in stub.real, and counting parameters. What is called is
    listed; stub.fail[label] is raised instead."""
    train = Recipe.train

    class Stub:
        called, fail, real, cleared = [], {}, set(), 0

        def names(self):
            names = [name for name, *_ in self.called]
            self.called.clear()
            return names

    stub = Stub()
    stub.called, stub.fail, stub.real = [], {}, set()

    def stubbed(self, options, output, resume=False):
        assert resume
        label = output.name.partition("-seed")[0]
        stub.called.append((output.name, options.seed, options.data_dir, options.classifier))
        if label in stub.real:
            return train(self, options, output, resume)
        output.mkdir(parents=True, exist_ok=True)
        if label in stub.fail:
            raise stub.fail[label]
        n = getattr(options, "num_generators", 1)
        (output / "metrics.json").write_text(json.dumps({
            "frechet_distance": 100.0 * n + options.seed ** 2, "pairwise_tvd": 0.5,
            "classifier_score": 9.0, "epochs": 2, "training_steps": 2, "last_epoch": {},
            "frechet_features": "logits of: C", "class_probabilities_by": "C",
            "class_probabilities": np.full((n, 10), 0.1).tolist(),
        }))

    clear_session = keras.utils.clear_session

    def clear():
        stub.cleared += 1
        clear_session()

    monkeypatch.setattr(Recipe, "train", stubbed)
    monkeypatch.setattr(keras.utils, "clear_session", clear)
    monkeypatch.setattr(reproduce, "generator_parameters", lambda recipe, options: 7)
    # Takes longer than all tests here.
    monkeypatch.setattr(classifiers, "fit", lambda *args, **kwargs: 0.99)
    return stub


def make_plan(*arguments):
    return reproduce.make_plan("commute", *arguments)


def read_csv(output):
    with open(output / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name, key", [
    (name, key) for name, recipe in RECIPES.items() for key in recipe.experiments])
def test_every_experiment_has_results(name, key, tmp_path):
    for scale in ("quick", "paper"):
        plan = reproduce.make_plan(name, key, scale, [0], {})
        output = tmp_path / scale
        for label in plan["runs"]:
            (output / f"{label}-seed0").mkdir(parents=True)
            (output / f"{label}-seed0" / "metrics.json").write_text(json.dumps(
                {"epochs": 1, "training_steps": 1, "last_epoch": {}, "pairwise_tvd": 0.25,
                 "class_probabilities": [[1.0]], "frechet_distance": 1.5}))
        text = reproduce.write_results(plan, output, dict.fromkeys(plan["runs"], 7))
        assert all(f"\n| {label} | " in text for label in plan["runs"])
        assert len(read_csv(output)) == len(plan["runs"])
        assert (output / "plot.png").stat().st_size > 5000


@pytest.mark.fast
def test_list(multigan):
    done = multigan("reproduce", "--list")
    lines = done.out.splitlines()
    of_arena = [line for line in lines if line.startswith("--experiment=")]
    assert len(of_arena) == len(arms.EXPERIMENTS)
    assert of_arena[0].startswith("--experiment=several_against_one on MNIST: one, one_large, ")
    assert len(lines) - len(of_arena) == sum(len(recipe.experiments) for recipe in RECIPES.values())
    (line,) = (line for line in lines if line.startswith("--paper=p2 --experiment=ring "))
    assert line.endswith(RECIPES["p2"].experiments["ring"].title)


@pytest.mark.fast
@pytest.mark.parametrize("flags, message", [
    ([], "Expected a paper and one of its experiments. Received: None, None. There are:"),
    (["--paper=mim"], "--paper=mim --experiment=weights: "),
    (["--paper=mim", "--experiment=ring"], "Received: mim, ring."),
    ([], "--experiment=several_against_one (without --paper)"),
    (["--paper=mim", "--experiment=several_against_one"], "Received: mim, several_against_one."),
    (["--experiment=several_against_one", "--scale=paper", "--epochs=3"],
     "Received: --scale=paper --epochs=3. Use `multigan arena --methods=several_against_one`"),
    (["--experiment=several_against_one", "--runs=wgan"], "--runs is expected to name some of one, "),
    (["--experiment=several_against_one", "--seeds=a"], "--seeds is expected to be different"),
    (["--paper=other", "--experiment=ring"], f"<{'|'.join(RECIPES)}>"),
    (["--paper=gan", "--experiment=ring"], "Received: gan, ring."),
    (["--paper=mim", "--experiment=weights", "--width=0.5"],
     "--width is expected to fit the options of the runs, which have none of this name. Received: 0.5"),
    (["--paper=p2", "--experiment=ring", "--width=0.5"], "a whole number, 128. Received: 0.5"),
    (["--paper=mix_plus", "--experiment=mixtures", "--inception=tfgan"], "--inception"),
    (["--paper=mim", "--experiment=weights", "--epochs=0"], "--epochs is expected to be >= 1"),
    (["--paper=mim", "--experiment=weights", "--scale=huge"], "<quick|paper>"),
    (["--paper=mim", "--experiment=weights", "--runs=other"],
     "--runs is expected to name some of without, overlap, paired. Received: other"),
    *((["--paper=mim", "--experiment=weights", f"--seeds={seeds}"],
       f"--seeds is expected to be different whole numbers >= 0, such as 0,1,2. Received: {seeds}")
      for seeds in ("", "a", "-1", "0,0", "0,00", "0.5", "0,,1")),
])
def test_bad_input(flags, message, refused):
    refused(["reproduce", *flags], message)


@pytest.mark.fast
def test_an_experiment_in_the_arena(multigan, tmp_path):
    done = multigan("reproduce", "--experiment=several_against_one", "--dry_run")
    assert done.code == 0 and not list(tmp_path.iterdir())
    assert "protocol        mnist" in done.out and "updates         12000" in done.out
    assert "\n120 runs:\n" in done.out and "  several_sudden, seed 4" in done.out
    done = multigan("reproduce", "--experiment=several_against_one", "--dry_run", "--seeds=7",
                    "--runs=one,mix")
    assert done.out.splitlines()[-3:] == ["2 runs:", "  mix, seed 7", "  one, seed 7"]


@pytest.mark.fast
def test_dry_run(multigan, tmp_path):
    done = multigan("reproduce", "--paper=commute", "--experiment=n_sweep", "--seeds=0,1", *FLAGS,
                    "--dry_run", "--runs=n10")
    assert done.code == 0 and "seeds: 0, 1" in done.out
    assert "\nn10           epochs=2 steps_per_epoch=1 batch_size=10 num_generators=10" in done.out
    assert "\nn1 " not in done.out and not list(tmp_path.iterdir())


def test_a_stopped_experiment_goes_on(stub, multigan, tmp_path):
    output = tmp_path / "out"
    flags = ["--paper=commute", "--experiment=schedules", "--seeds=0,2", *FLAGS, f"--output={output}"]
    stub.fail["sudden-death"] = KeyboardInterrupt()
    done = multigan("reproduce", *flags)
    assert done.code == 130
    assert done.err == "error: interrupted. Repeat the same command to go on.\n"
    classifier = str(output / "classifier.keras")
    assert stub.called == [(f"{label}-seed0", 0, None, classifier)
                           for label in ("constant", "linear-decay", "sudden-death")]
    assert pathlib.Path(classifier).exists()
    assert "2 of 6 runs have finished" in (output / "results.md").read_text()
    assert len(read_csv(output)) == 2
    first = output / "constant-seed0" / "metrics.json"
    written = first.stat().st_mtime_ns

    stub.fail.clear()
    stub.names()
    done = multigan("reproduce", *flags)
    assert stub.names() == ["sudden-death-seed0", "constant-seed2", "linear-decay-seed2",
                            "sudden-death-seed2"]
    assert "Run 1 of the 4 to do: sudden-death, seed 0." in done.out
    assert stub.cleared >= 7  # before every run
    text = (output / "results.md").read_text()
    assert done.out.endswith(f"\n{text}\noutput folder: {output}\n")
    for line in ("6 of 6 runs have finished", "Scale quick: data digits", "small-scale",
                 "compare the rows with each other, not with the paper's",
                 "serves and measures all runs",
                 "--epochs=2 --steps_per_epoch=1 --width=0.0625 --batch_size=10",
                 "Frechet distance on logits of: C"):
        assert line in text
    # 500 for seed 0 and 504 for seed 2.
    seen = "502.000 [500.000, 504.000]"
    assert f"| sudden-death | {seen} | 2.6685 | 0.5000 | 0.9998 | 9.000 | 2 | 2 | " in text
    assert f"| constant | {seen} | - | 0.5000 | - | " in text
    assert "Against constant, p of a two-sided permutation test over the seeds" in text
    assert "| sudden-death | 1.000 | 1.000 | 1.000 |" in text
    assert [(row["label"], row["seed"], row["frechet_distance"], row["paper_frechet_distance"])
            for row in read_csv(output)] == [
        ("constant", "0", "500.0", ""), ("constant", "2", "504.0", ""),
        ("linear-decay", "0", "500.0", "3.5379"), ("linear-decay", "2", "504.0", "3.5379"),
        ("sudden-death", "0", "500.0", "2.6685"), ("sudden-death", "2", "504.0", "2.6685")]
    assert (output / "plot.png").read_bytes()[:4] == b"\x89PNG"

    assert multigan("reproduce", *flags).code == 0
    assert stub.names() == []
    assert first.stat().st_mtime_ns == written
    recorded = json.loads((output / "experiment.json").read_text())
    plan = make_plan("schedules", "quick", ["0", "2"], TINY)
    assert {key: recorded[key] for key in plan} == plan


def test_some_of_the_runs(stub, tmp_path):
    plan = make_plan("schedules", "quick", ["0", "1"], TINY)
    text = reproduce.reproduce(plan, tmp_path / "out", only=["sudden-death"])
    assert stub.names() == ["sudden-death-seed0", "sudden-death-seed1"]
    assert "2 of 6 runs have finished" in text
    reproduce.reproduce(plan, tmp_path / "out")
    assert len(stub.names()) == 4
    with pytest.raises(ValueError, match="--runs is expected .* linear-decay.* Received: other"):
        reproduce.reproduce(plan, tmp_path / "new", only=["other"])
    assert not (tmp_path / "new").exists()


@pytest.mark.fast
def test_runs_that_train_no_classifier_of_the_right_size_share_one(tmp_path):
    plan = reproduce.make_plan("gm", "variants", "paper", [0], {})
    options = RECIPES["gm"].options_class(**plan["runs"]["dynamic"])
    assert (options.dataset, options.image_size) == ("mnist", 28)
    (tmp_path / "classifier.keras").touch()
    assert reproduce.shared_classifier(options, tmp_path) == options.replace(
        classifier=str(tmp_path / "classifier.keras"))


def test_at_paper_scale_an_earlier_folder_goes_on_with_the_shipped_classifier(stub, tmp_path):
    """The paper's preset has got the paper's classifier and normalisation since."""
    plan = make_plan("schedules", "paper", [0], {"width": 0.0625})
    earlier = json.loads(json.dumps(plan))
    for run in earlier["runs"].values():
        assert run.pop("normalization") == "after" and run["classifier"] == "paper"
        run["classifier"] = "auto"
    files.write_json(tmp_path / "out" / "experiment.json", earlier)
    stub.fail["linear-decay"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        reproduce.reproduce(plan, tmp_path / "out", data_dir="here")
    stub.fail.clear()
    text = reproduce.reproduce(plan, tmp_path / "out", data_dir="moved")
    assert stub.called == [
        ("constant-seed0", 0, "here", "auto"), ("linear-decay-seed0", 0, "here", "auto"),
        ("linear-decay-seed0", 0, "moved", "auto"), ("sudden-death-seed0", 0, "moved", "auto")]
    assert "Scale paper: data mnist" in text
    assert "every run trains 70 epochs of one pass each." in text
    assert "small-scale" not in text
    assert {run["normalization"] for run in plan["runs"].values()} == {"before"}


@pytest.mark.fast
def test_a_folder_goes_on_with_the_runs_and_the_dropout_that_it_began_with(tmp_path):
    plan = make_plan("five_against_one", "quick", [0], {})
    earlier = json.loads(json.dumps(plan))
    earlier["runs"] = {label: earlier["runs"][label] for label in ("five", "one")}
    for run in earlier["runs"].values():
        assert run["critic_dropout"] == "none" and not run["generator_dropout"]
        run |= {"critic_dropout": "all", "generator_dropout": True}
        del run["generator_width"]
    for name in ("critic_dropout", "generator_dropout"):  # of before these options
        del earlier["runs"]["one"][name]
    files.write_json(tmp_path / "experiment.json", earlier)
    reproduce.open_folder(plan, tmp_path)
    assert list(plan["runs"]) == ["five", "one"]
    assert {(run["critic_dropout"], run["generator_dropout"], run["generator_width"])
            for run in plan["runs"].values()} == {("all", True, 1.0)}
    plan = make_plan("five_against_one", "quick", [0], {})
    with pytest.raises(ValueError, match="some of five, one. Received: five-small"):
        reproduce.reproduce(plan, tmp_path, only=["five-small"])


@pytest.mark.fast
def test_the_papers_classifier_is_trained_once(monkeypatch, tmp_path):
    options = RECIPES["commute"].make_options("paper")
    sets = {split: data.load_image_set("digits", split, 8) for split in ("train", "test")}
    made = []
    monkeypatch.setattr(reproduce, "load_both", lambda options: [sets["train"], sets["test"]])
    monkeypatch.setattr(classifiers, "train", lambda network, *rest: made.append(network))
    monkeypatch.setattr(networks, "commute_classifier", lambda shape, classes: (
        networks.compact_classifier(shape, classes, filters=4)))
    shared = [reproduce.shared_classifier(options, tmp_path) for _ in range(2)]
    assert shared[0] == shared[1] == options.replace(classifier=str(tmp_path / "classifier.keras"))
    assert [network.output_shape for network in made] == [(None, 10)]


@pytest.mark.fast
@pytest.mark.parametrize("given, message", [
    (("n_sweep", "quick", [0], TINY), "experiment: the folder has schedules, received n_sweep"),
    (("schedules", "paper", [0], TINY), "scale: the folder has quick, received paper"),
    (("schedules", "quick", [0, 1], TINY), r"seeds: the folder has \[0\], received \[0, 1\]"),
    (("schedules", "quick", [0], {}), "overrides: the folder has {'epochs': 2.*received {}"),
])
def test_a_folder_has_one_experiment(tmp_path, given, message):
    reproduce.open_folder(make_plan("schedules", "quick", [0], TINY), tmp_path)
    with pytest.raises(ValueError, match=message):
        reproduce.open_folder(make_plan(*given), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.json"]


@pytest.mark.fast
def test_a_folder_of_an_earlier_version_goes_on(tmp_path):
    plan = make_plan("schedules", "quick", [0], TINY)
    stored = json.loads(json.dumps(plan))
    for run in stored["runs"].values():
        run["n_generators"], run["tvd_schedule"] = run.pop("num_generators"), run.pop("tvd_weight")
        run["app"] = run.pop("method")
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps(stored))
    written = path.read_bytes()
    reproduce.open_folder(plan, tmp_path)
    assert path.read_bytes() == written
    stored["runs"]["constant"]["gp_weight"] = 5.0
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="runs: the presets have changed since"):
        reproduce.open_folder(plan, tmp_path)


@pytest.mark.fast
def test_curves_against_epochs(tmp_path):
    """One line per run, of the columns that any run has logged."""
    experiment = RECIPES["p2"].experiments["fid_by_epoch"]
    rows = [{"label": label, "seed": seed} for label in ("1", "5") for seed in (0, 1)]
    for row in rows:
        log = callbacks.HistoryLog(tmp_path / f"{row['label']}-seed{row['seed']}")
        log.set_model(keras.Sequential())
        log.on_train_begin()
        for epoch in range(3):
            log.on_epoch_end(epoch, {"train_frechet_distance": 3.0 - epoch + row["seed"]})
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: drawn.append(figure))
        tables.plot_curves(experiment, rows, tmp_path)
        tables.plot_curves(experiment, [{"label": "1", "seed": 9}], tmp_path)  # has no history
    (figure,) = drawn
    (axis,) = figure.axes
    assert axis.get_ylabel() == "Frechet distance, training images"
    assert [line.get_xydata().tolist() for line in axis.lines] == [
        [[1, 3 + seed], [2, 2 + seed], [3, 1 + seed]] for _ in "15" for seed in (0, 1)]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["1", "5"]


@pytest.mark.fast
def test_a_folder_with_other_files_is_left_alone(refused, tmp_path):
    (tmp_path / "mine.txt").touch()
    refused(["reproduce", "--paper=commute", "--experiment=schedules", f"--output={tmp_path}"],
            "which holds other files")


def test_a_diverging_run_does_not_stop_the_others(stub, tmp_path):
    stub.fail["1-deep"] = NonFiniteLossError("nan")
    plan = make_plan("model_size", "quick", [0], TINY)
    with pytest.raises(RuntimeError, match="1-deep, seed 0: nan"):
        reproduce.reproduce(plan, tmp_path / "out")
    assert [row["label"] for row in read_csv(tmp_path / "out")] == ["4-small", "1-residual"]


def test_class_tables_and_single_generators(stub, tmp_path):
    text = reproduce.reproduce(make_plan("batch_concatenation", "quick", [0], TINY), tmp_path / "a")
    assert text.count("### ") == 6
    assert "### n4-gamma0, seed 0\n\n|  | 0 | 1 |" in text
    assert "| generator 3 | 0.36 | 0.29 | 22.05 |" in text  # the paper's
    assert text.count("| generator 1 | 10.00 | 10.00 |") == 3  # the stub's
    text = reproduce.reproduce(make_plan("model_size", "quick", [0], TINY), tmp_path / "b")
    assert text.count("### ") == 3
    assert "| 1-deep | 100.000 | 5.56 | - | 9.000 | 2 | 2 | 7 | 1 |" in text  # there is no pair


@pytest.mark.fast
def test_parameters_are_those_of_all_generators():
    recipe = RECIPES["mix_plus"]
    options = recipe.make_options(dimension=4, width=8, layers=3, num_generators=3)
    assert reproduce.generator_parameters(recipe, options) == 3 * (5 * 8 + 9 * 4)


@pytest.mark.filterwarnings("ignore:You are using a softmax")  # over one component
def test_a_real_run(stub, multigan, refused, monkeypatch, tmp_path):
    """The last one of three."""
    monkeypatch.setattr(measures, "NUM_EVALUATION_IMAGES", 200)
    flags = ["--paper=mm", "--experiment=clusters", *FLAGS, "--output=out"]
    stub.fail["one-component"] = KeyboardInterrupt()
    assert multigan("reproduce", *flags).code == 130
    output = tmp_path / "out"
    finished = [output / f"{label}-seed0" / "metrics.json" for label in ("soft", "straight-through")]
    written = [path.stat().st_mtime_ns for path in finished]
    stub.fail.clear()
    stub.real = {"one-component"}
    done = multigan("reproduce", *flags)
    assert done.code == 0 and "Run 1 of the 1 to do: one-component" in done.out
    assert "3 of 3 runs have finished" in done.out
    assert [path.stat().st_mtime_ns for path in finished] == written
    assert [row["label"] for row in read_csv(output)] == ["soft", "straight-through", "one-component"]
    results = json.loads((output / "one-component-seed0" / "metrics.json").read_text())
    assert f"| one-component | {results['clustering_accuracy']:.3f} | " in done.out
    assert results["class_probabilities_by"] == "out/classifier.keras"
    assert results["training_steps"] == 2
    assert (output / "one-component-seed0" / "model.keras").exists()
    refused(["reproduce", "--paper=commute", "--experiment=schedules", "--output=out"],
            "paper: the folder has mm, received commute",
            "experiment: the folder has clusters, received schedules")
