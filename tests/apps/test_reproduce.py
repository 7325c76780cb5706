"""apps/reproduce.py: what it declares is the paper's, and it does every run once."""

import csv
import importlib
import json
import pathlib

import numpy as np
import pytest

from keras_multigan.callbacks import NonFiniteLossError
from keras_multigan.metrics import pairwise_tvd

APPS = pathlib.Path(__file__).resolve().parents[2] / "apps"
TINY = {"epochs": 2, "steps_per_epoch": 1, "width": 0.0625, "batch_size": 10}
# From the paper, sections 3.3, 4, 5 and appendix C: label, number and kind of generators, weight of
# the TVD loss, batch size, epochs at most, until converged, Frechet distance, TVD.
PAPER = {
    "batch_concatenation": [
        ("n2-gamma0", 2, "small", "constant:0", 500, 250, True, 4.738, 0.9832),
        ("n2-gamma5", 2, "small", "constant:5", 500, 250, True, 3.602, 0.9965),
        ("n4-gamma0", 4, "small", "constant:0", 500, 250, True, 2.9439, 0.9633),
    ],
    "gamma_sweep": [
        ("gamma0", 5, "small", "constant:0", 500, 70, False, None, None),
        ("gamma5", 5, "small", "constant:5", 500, 70, False, None, None),
        ("gamma10", 5, "small", "constant:10", 500, 70, False, None, None),
        ("gamma11", 5, "small", "constant:11", 500, 70, False, None, None),
        ("gamma12", 5, "small", "constant:12", 500, 70, False, None, None),
        ("gamma13", 5, "small", "constant:13", 500, 70, False, None, None),
        ("gamma14", 5, "small", "constant:14", 500, 70, False, None, None),
        ("gamma15", 5, "small", "constant:15", 500, 70, False, None, None),
        ("gamma20", 5, "small", "constant:20", 500, 70, False, None, None),
    ],
    "schedules": [
        ("constant", 5, "small", "constant:12.2", 500, 70, False, None, None),
        ("linear-decay", 5, "small", "linear:20:5:70", 500, 70, False, 3.5379, 0.9999),
        ("sudden-death", 5, "small", "sudden_death:20:20", 500, 70, False, 2.6685, 0.9998),
    ],
    "n_sweep": [
        ("n1", 1, "small", "constant:12.2", 500, 250, True, 4.25, None),
        ("n2", 2, "small", "constant:12.2", 500, 250, True, None, None),
        ("n3", 3, "small", "constant:12.2", 504, 250, True, None, None),
        ("n4", 4, "small", "constant:12.2", 500, 250, True, None, None),
        ("n5", 5, "small", "constant:12.2", 500, 250, True, None, None),
        ("n6", 6, "small", "constant:12.2", 504, 250, True, None, None),
        ("n7", 7, "small", "constant:12.2", 504, 250, True, None, None),
        ("n8", 8, "small", "constant:12.2", 504, 250, True, None, None),
        ("n9", 9, "small", "constant:12.2", 504, 250, True, None, None),
        ("n10", 10, "small", "constant:12.2", 500, 250, True, None, None),
    ],
    "model_size": [
        ("4-small", 4, "small", "constant:12.5", 500, 70, False, 2.6, None),
        ("1-deep", 1, "deep", "constant:0", 500, 70, False, 5.56, None),
        ("1-residual", 1, "residual", "constant:0", 500, 70, False, 23.42, None),
    ],
}


@pytest.fixture
def app(monkeypatch):
    monkeypatch.syspath_prepend(str(APPS))
    return importlib.import_module("reproduce")


@pytest.fixture
def stub(app, monkeypatch):
    """Replaces training. What is called is listed; stub.fail[label] is raised instead."""

    class Stub:
        called, fail, cleared = [], {}, 0

        def train(self, options, output, resume=False):
            assert resume
            output.mkdir(parents=True, exist_ok=True)
            self.called.append((output.name, options["seed"], options["data_dir"],
                                options["classifier"]))
            label = output.name.partition("-seed")[0]
            if label in self.fail:
                raise self.fail[label]
            n = options["n_generators"]
            (output / "metrics.json").write_text(json.dumps({
                "frechet_distance": 100.0 * n + options["seed"] ** 2, "pairwise_tvd": 0.5,
                "classifier_score": 9.0, "epochs": 2, "training_steps": 2, "last_epoch": {},
                "frechet_features": "logits of: C", "class_probabilities_by": "C",
                "class_probabilities": np.full((n, 10), 0.1).tolist(),
            }))

        def names(self):
            names = [name for name, *_ in self.called]
            self.called.clear()
            return names

    stub = Stub()
    stub.called, stub.fail = [], {}

    def clear():
        stub.cleared += 1

    monkeypatch.setattr(app.commute.train_commute, "train", stub.train)
    monkeypatch.setattr(app.keras.utils, "clear_session", clear)
    # Its fitting takes as long as all tests here.
    monkeypatch.setattr(app.classifiers, "fit", lambda *args, **kwargs: 0.99)
    return stub


def make_plan(app, *arguments):
    return app.make_plan("commute", *arguments)


def read_csv(output):
    with open(output / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("experiment", PAPER)
def test_the_declared_runs_are_the_papers(app, experiment):
    plan = make_plan(app, experiment, "paper", [0], {})
    found = []
    for run in app.commute.EXPERIMENTS[experiment].runs:
        options = plan["runs"][run.label]
        assert options["dataset"] == "mnist"
        assert (options["width"], options["n_critic"], options["gp_weight"]) == (1.0, 3, 10.0)
        assert options["steps_per_epoch"] is None
        found.append((run.label, *(options[key] for key in (
            "n_generators", "generator", "tvd_schedule", "batch_size", "epochs",
            "until_converged")), run.paper.get("frechet_distance"), run.paper.get("pairwise_tvd")))
    assert found == PAPER[experiment]
    assert set(app.commute.EXPERIMENTS) == set(PAPER)


def test_the_papers_class_tables(app):
    tables = app.commute.EXPERIMENTS["batch_concatenation"].class_tables
    assert {label: np.shape(table) for label, table in tables.items()} == {
        "n2-gamma0": (2, 10), "n2-gamma5": (2, 10), "n4-gamma0": (4, 10)}
    for table, tvd in zip(tables.values(), ("0.884", "0.981", "0.839"), strict=True):
        np.testing.assert_allclose(np.sum(table, axis=1), 100, atol=0.05)
        assert f"{pairwise_tvd(np.divide(table, 100)):.3f}" == tvd
        assert tvd in app.commute.EXPERIMENTS["batch_concatenation"].note
    # Which generator has most of a class: bold in tables 2 and 3.
    assert np.argmax(tables["n2-gamma0"], axis=0).tolist() == [1, 0, 0, 1, 0, 1, 1, 0, 1, 0]
    assert np.argmax(tables["n2-gamma5"], axis=0).tolist() == [0, 0, 1, 1, 0, 1, 1, 0, 1, 0]
    assert np.argmax(tables["n4-gamma0"], axis=0).tolist() == [1, 2, 3, 1, 2, 1, 0, 3, 0, 3]


@pytest.mark.parametrize("experiment", PAPER)
def test_at_quick_scale_all_runs_have_the_presets_budget(app, experiment):
    runs = make_plan(app, experiment, "quick", [0], {})["runs"]
    assert list(runs) == [row[0] for row in PAPER[experiment]]
    budget = ("dataset", "epochs", "steps_per_epoch", "until_converged", "width")
    quick = app.commute.train_commute.PRESETS["quick"]
    assert all(o[name] == quick[name] for o in runs.values() for name in budget)
    if experiment == "schedules":
        assert [o["tvd_schedule"] for o in runs.values()] == [
            "constant:12.2", f"linear:20:5:{quick['epochs']}",
            f"sudden_death:20:{round(quick['epochs'] * 20 / 70)}"]


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_every_experiment_of_every_paper_has_a_plan_and_results(app, scale, tmp_path):
    for name, paper in app.PAPERS.items():
        for key, experiment in paper.experiments.items():
            plan = app.make_plan(name, key, scale, [0], {})
            assert list(plan["runs"]) == [run.label for run in experiment.runs]
            preset = paper.app.PRESETS[experiment.presets[scale]]
            assert all(set(run.options) <= set(preset) for run in experiment.runs)
            assert {o["preset"] for o in plan["runs"].values()} == {experiment.presets[scale]}
            output = tmp_path / f"{name}-{key}"
            for label in plan["runs"]:
                (output / f"{label}-seed0").mkdir(parents=True)
                (output / f"{label}-seed0" / "metrics.json").write_text(json.dumps(
                    {"epochs": 1, "training_steps": 1, "last_epoch": {}, "pairwise_tvd": 0.25,
                     "class_probabilities": [[1.0]], "frechet_distance": 1.5}))
            text = app.write_results(plan, output, dict.fromkeys(plan["runs"], 7))
            assert all(f"\n| {label} | " in text for label in plan["runs"])
            assert (output / "plot.png").exists()


def test_flags_override_every_run(app):
    runs = make_plan(app, "n_sweep", "quick", ["0"], TINY)["runs"]
    assert {(o["epochs"], o["steps_per_epoch"], o["width"]) for o in runs.values()} == {
        (2, 1, 0.0625)}
    # A batch is shared out evenly.
    assert [o["batch_size"] for o in runs.values()] == [10, 10, 12, 12, 10, 12, 14, 16, 18, 10]
    schedules = make_plan(app, "schedules", "quick", ["0"], {"epochs": 1})["runs"]
    assert schedules["sudden-death"]["tvd_schedule"] == "sudden_death:20:1"


@pytest.mark.parametrize("paper, experiment, override, message", [
    ("mim", "weights", {"width": 0.5}, "--width .* none of this name. Received: 0.5"),
    ("p2", "ring", {"width": 0.5}, "--width .* a whole number, 128. Received: 0.5"),
])
def test_flags_that_do_not_fit_the_runs(app, paper, experiment, override, message):
    with pytest.raises(ValueError, match=message):
        app.make_plan(paper, experiment, "quick", [0], override)


def test_what_a_run_multiplies_or_rounds_stays_so_under_flags(app):
    def runs(*arguments):
        return app.make_plan(*arguments)["runs"]

    sizes = runs("mix_plus", "size_of_a_pair", "quick", [0], {"width": 8})
    assert {label: o["width"] for label, o in sizes.items()} == {
        "1G1D": 8, "deeper": 8, "wider": 16, "3G3D": 8}
    pairs = runs("mix", "supervised", "quick", [0], {"batch_size": 8})
    assert [o["batch_size"] for o in pairs.values()] == [8, 8, 10, 10]


def test_random_network_data_as_the_paper_has_them(app):
    found = app.make_plan("mix_plus", "random_network", "paper", [0], {})["runs"]
    assert {label: tuple(o[key] for key in ("n_generators", "n_discriminators", "data_layers", "layers",
                                            "generator_layers")) for label, o in found.items()} == {
        f"layers{depth}-{n}G{n}D": (n, n, 2, 5, depth) for depth in (2, 3, 5) for n in (1, 3)}


@pytest.mark.parametrize("seeds", [[], ["a"], ["-1"], ["0", "0"], ["0", "00"], ["0.5"], [""]])
def test_wrong_seeds(app, seeds):
    with pytest.raises(ValueError, match="--seeds is expected .* Received: "):
        make_plan(app, "schedules", "quick", seeds, {})


def test_a_stopped_experiment_goes_on(app, stub, tmp_path):
    output = tmp_path / "out"
    plan = make_plan(app, "schedules", "quick", ["0", "2"], TINY)
    stub.fail["sudden-death"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        app.reproduce(plan, output)
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
    text = app.reproduce(plan, output)
    assert stub.names() == ["sudden-death-seed0", "constant-seed2", "linear-decay-seed2",
                            "sudden-death-seed2"]
    assert stub.cleared >= 7  # before every run
    assert text == (output / "results.md").read_text()
    for line in ("6 of 6 runs have finished", "Scale quick: data digits", "small-scale",
                 "compare the rows with each other, not with the paper's",
                 "serves and measures all runs",
                 "--epochs=2 --steps_per_epoch=1 --width=0.0625 --batch_size=10",
                 "Frechet distance on logits of: C"):
        assert line in text
    # 500 for seed 0 and 504 for seed 2.
    assert "| sudden-death | 502.000 | 2.6685 | 0.5000 | 0.9998 | 9.000 | 2 | 2 | " in text
    assert "| constant | 502.000 | - | 0.5000 | - | " in text
    assert [(row["label"], row["seed"], row["frechet_distance"], row["paper_frechet_distance"])
            for row in read_csv(output)] == [
        ("constant", "0", "500.0", ""), ("constant", "2", "504.0", ""),
        ("linear-decay", "0", "500.0", "3.5379"), ("linear-decay", "2", "504.0", "3.5379"),
        ("sudden-death", "0", "500.0", "2.6685"), ("sudden-death", "2", "504.0", "2.6685")]
    assert (output / "plot.png").read_bytes()[:4] == b"\x89PNG"

    app.reproduce(plan, output)
    assert stub.names() == []
    assert first.stat().st_mtime_ns == written
    recorded = json.loads((output / "experiment.json").read_text())
    assert {key: recorded[key] for key in plan} == plan


def test_some_of_the_runs(app, stub, tmp_path):
    plan = make_plan(app, "schedules", "quick", ["0", "1"], TINY)
    text = app.reproduce(plan, tmp_path / "out", only=["sudden-death"])
    assert stub.names() == ["sudden-death-seed0", "sudden-death-seed1"]
    assert "2 of 6 runs have finished" in text
    app.reproduce(plan, tmp_path / "out")
    assert len(stub.names()) == 4
    with pytest.raises(ValueError, match="--runs is expected .* linear-decay.* Received: other"):
        app.reproduce(plan, tmp_path / "new", only=["other"])
    assert not (tmp_path / "new").exists()


def test_runs_that_train_no_classifier_of_the_right_size_share_one(app, stub, tmp_path):
    options = app.make_plan("gm", "variants", "paper", [0], {})["runs"]["dynamic"]
    assert (options["dataset"], options["image_size"]) == ("mnist", 28)
    (tmp_path / "classifier.keras").touch()
    assert app.shared_classifier(options, tmp_path) == str(tmp_path / "classifier.keras")


def test_at_paper_scale_the_shipped_classifier_measures(app, stub, tmp_path):
    plan = make_plan(app, "schedules", "paper", [0], {"width": 0.0625})
    stub.fail["linear-decay"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        app.reproduce(plan, tmp_path / "out", data_dir="here")
    stub.fail.clear()
    text = app.reproduce(plan, tmp_path / "out", data_dir="moved")
    assert stub.called == [
        ("constant-seed0", 0, "here", "auto"), ("linear-decay-seed0", 0, "here", "auto"),
        ("linear-decay-seed0", 0, "moved", "auto"), ("sudden-death-seed0", 0, "moved", "auto")]
    assert "Scale paper: data mnist" in text
    assert "every run trains 70 epochs of one pass each." in text
    assert "small-scale" not in text


@pytest.mark.parametrize("given, message", [
    (("n_sweep", "quick", [0], TINY), "experiment: the folder has schedules, received n_sweep"),
    (("schedules", "paper", [0], TINY), "scale: the folder has quick, received paper"),
    (("schedules", "quick", [0, 1], TINY), r"seeds: the folder has \[0\], received \[0, 1\]"),
    (("schedules", "quick", [0], {}), "overrides: the folder has {'epochs': 2.*received {}"),
])
def test_a_folder_has_one_experiment(app, tmp_path, given, message):
    app.open_folder(make_plan(app, "schedules", "quick", [0], TINY), tmp_path)
    with pytest.raises(ValueError, match=message):
        app.open_folder(make_plan(app, *given), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.json"]


def test_a_folder_with_other_files_is_left_alone(app, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="which holds other files"):
        app.open_folder(make_plan(app, "schedules", "quick", [0], TINY), tmp_path)


def test_a_diverging_run_does_not_stop_the_others(app, stub, tmp_path):
    stub.fail["1-deep"] = NonFiniteLossError("nan")
    plan = make_plan(app, "model_size", "quick", [0], TINY)
    with pytest.raises(RuntimeError, match="1-deep, seed 0: nan"):
        app.reproduce(plan, tmp_path / "out")
    assert [row["label"] for row in read_csv(tmp_path / "out")] == ["4-small", "1-residual"]


def test_class_tables_and_single_generators(app, stub, tmp_path):
    text = app.reproduce(make_plan(app, "batch_concatenation", "quick", [0], TINY), tmp_path / "a")
    assert text.count("### ") == 6
    assert "### n4-gamma0, seed 0\n\n|  | 0 | 1 |" in text
    assert "| generator 3 | 0.36 | 0.29 | 22.05 |" in text  # the paper's
    assert text.count("| generator 1 | 10.00 | 10.00 |") == 3  # the stub's
    text = app.reproduce(make_plan(app, "model_size", "quick", [0], TINY), tmp_path / "b")
    assert text.count("### ") == 3
    assert "| 1-deep | 100.000 | 5.56 | - | 9.000 | " in text  # one generator has no TVD


@pytest.mark.parametrize("experiment", ["gamma_sweep", "n_sweep"])
def test_sweeps_are_plotted(app, stub, tmp_path, experiment):
    app.reproduce(make_plan(app, experiment, "quick", [0], TINY), tmp_path / "out")
    assert len(read_csv(tmp_path / "out")) == len(PAPER[experiment])
    assert (tmp_path / "out" / "plot.png").stat().st_size > 5000


def test_parameters_are_the_papers(app):
    runs = make_plan(app, "model_size", "paper", [0], {})["runs"]
    train = app.commute.train_commute
    assert app.count_parameters(train, runs["4-small"]) == 3_642_640
    assert app.count_parameters(train, runs["1-residual"]) == pytest.approx(3_882_049, rel=0.01)


def test_dry_run(app, capsys):
    app.dry_run(make_plan(app, "n_sweep", "quick", [0, 1], TINY))
    printed = capsys.readouterr().out
    assert "seeds: 0, 1" in printed
    assert "\nn10           epochs=2 steps_per_epoch=1 batch_size=10 n_generators=10" in printed


def test_a_real_run(app, stub, run_app, tmp_path):
    output = tmp_path / "out"
    stub.fail["1-residual"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        app.reproduce(make_plan(app, "model_size", "quick", [0], TINY), output)
    finished = [output / f"{label}-seed0" / "metrics.json" for label in ("4-small", "1-deep")]
    written = [path.stat().st_mtime_ns for path in finished]
    tiny = [f"--{name}={value}" for name, value in TINY.items()]
    done = run_app("reproduce.py", "--paper=commute", "--experiment=model_size", *tiny,
                   f"--output={output}")
    assert "Run 1 of the 1 to do: 1-residual" in done.stdout
    assert "3 of 3 runs have finished" in done.stdout
    assert [path.stat().st_mtime_ns for path in finished] == written
    rows = read_csv(output)
    assert [row["label"] for row in rows] == ["4-small", "1-deep", "1-residual"]
    results = json.loads((output / "1-residual-seed0" / "metrics.json").read_text())
    assert results["class_probabilities_by"] == str(output / "classifier.keras")
    assert (output / "1-residual-seed0" / "model.keras").exists()

    refused = run_app("reproduce.py", "--paper=commute", "--experiment=schedules",
                      f"--output={output}", code=2)
    assert "experiment: the folder has model_size, received schedules" in refused.stderr
