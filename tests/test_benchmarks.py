"""The benchmarks: their contenders train, their tables say what was measured."""

import json
import sys

import numpy as np
import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import contenders  # noqa: E402
import quality  # noqa: E402
import step  # noqa: E402
import turns  # noqa: E402
import vectors  # noqa: E402
import waiting  # noqa: E402

from keras_multigan.recipes import RECIPES  # noqa: E402


def row(contender, n, seconds, **others):
    return {"contender": contender, "n_generators": n, "step": seconds, "build": seconds,
            "step_quartiles": [seconds, 2 * seconds], "first_step": 10 * seconds,
            "peak_bytes": 2e8 * seconds, "samples_per_second": 1 / seconds, **others}


@pytest.mark.fast
def test_table_has_ratios_to_the_first_contender_and_to_the_first_number():
    rows = [row("keras", 1, 1.0), row("ours", 1, 0.5, flops_per_second=2e9, share_of_peak=0.25),
            row("keras", 8, 4.0), row("ours", 8, 1.0)]
    header, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")]
                         for line in step.table(rows).splitlines())
    place = header.index("step, ms: median (quartiles)")
    assert header[place + 1 : place + 3] == ["of keras", "of n = 1"]
    assert [line[place : place + 3] for line in lines] == [
        ["1000 (1000-2000)", "1.00", "1.00"], ["500 (500-1000)", "0.50", "1.00"],
        ["4000 (4000-8000)", "1.00", "4.00"], ["1000 (1000-2000)", "0.25", "2.00"]]
    assert [line[-2:] for line in lines] == [["", ""], ["2", "25 %"], ["", ""], ["", ""]]
    alone = step.table(rows[:1])
    assert "of keras" not in alone and "of n" not in alone and "GFLOP" not in alone


@pytest.mark.fast
def test_picture_of_growth(tmp_path):
    step.save_growth([row("ours", n, n**0.5) for n in (1, 8, 32)], tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.fast
def test_names_of_contenders(tmp_path):
    (tmp_path / "keras_multigan").mkdir()
    turns.check_names(["ours", f"ours_jax:{tmp_path}", "keras"], contenders.CONTENDERS)
    for names in (["mine"], [], [f"keras:{tmp_path}"], ["deepchem"]):
        with pytest.raises(ValueError, match="expected to be some of ours, .*keras, torch.*Received"):
            turns.check_names(names, contenders.CONTENDERS)
    with pytest.raises(FileNotFoundError, match="git worktree add"):
        turns.check_names([f"ours:{tmp_path / 'keras_multigan'}"], contenders.CONTENDERS)
    assert turns.compile_arguments({"contender": "ours_tensorflow_jit:x"}) == {"jit_compile": True}


@pytest.mark.fast
@pytest.mark.parametrize("flag, message", [
    ("--num_generators=3", "multiple of --num_generators"), ("--contenders=mine", "some of ours"),
    ("--image_size=24", "multiple of 16"), ("--precision=float64", "float32, mixed_bfloat16"),
    ("--game=chess", "should be one of")])
def test_flags_of_step(flag, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        step.main(["--batch_size=8", "--num_generators=2", f"--output={tmp_path}", flag])
    assert stopped.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.fast
def test_a_contender_answers_from_its_process_with_its_checkout(tmp_path):
    (tmp_path / "before" / "keras_multigan").mkdir(parents=True)
    (tmp_path / "before" / "keras_multigan" / "__init__.py").write_text("number = 7.0")
    script = tmp_path / "script.py"
    script.write_text(f"""
import sys
sys.path.append({str(REPOSITORY / "benchmarks")!r})
import os, numpy, turns

class Ours:
    imports = ("keras_multigan",)
    def __init__(self, config):
        print("Any line", os.environ["KERAS_BACKEND"], turns.compile_arguments(config))
    def steps(self, count):
        return [sys.modules["keras_multigan"].number] * count
    def sample(self, count, generator=0):
        return numpy.full([count, 1], generator)

turns.answer({{"ours": Ours}})
""")
    worker = turns.Worker(script, {"contender": f"ours_jax:{tmp_path / 'before'}", "n_generators": 2})
    try:
        about = worker.ask(about=True)
        assert about["build"] > 0 and about["import"] > 0 and about["flops"] is None
        assert worker.ask(steps=3)["seconds"] == [7.0] * 3
        assert worker.ask(sample=4)["peak_bytes"] > 0
        worker.ask(save=str(tmp_path / "x.npy"), sample=4)
        np.testing.assert_array_equal(np.load(tmp_path / "x.npy")[..., 0], [[0] * 4, [1] * 4])
        with pytest.raises(RuntimeError, match="(?s)ours_jax.*Received.*TypeError"):
            worker.ask(steps="x")
    finally:
        worker.stop()


@pytest.mark.fast
def test_quality_has_the_quick_jobs_settings():
    options = RECIPES["commute"].make_options()
    same = ("batch_size", "image_size", "n_critic", "learning_rate", "ema")
    assert {name: quality.QUICK[name] for name in same} == {
        name: getattr(options, name) for name in same}
    assert options.tvd_weight == f"constant:{quality.QUICK['tvd_weight']:g}"
    assert (options.num_generators, 64 * options.width, options.latent_dim) == (
        quality.QUICK["n_generators"], quality.QUICK["filters"], contenders.LATENT)
    assert options.dataset == "digits" and options.gp_weight == contenders.GP_WEIGHT
    assert options.epochs * options.steps_per_epoch == 4000


@pytest.mark.fast
def test_quality_is_reached_by_both_measures():
    course = [{"steps": 10 * k, "seconds": 2.0 * k, "recall": r, "coverage": c}
              for k, (r, c) in enumerate([(0.3, 0.1), (0.1, 0.7), (0.2, 0.6), (0.3, 0.7)], start=1)]
    arrived = quality.first_arrival(course, 0.2, 0.6)
    assert arrived["steps"] == 30 and quality.first_arrival(course, 0.4, 0.1) is None
    late = {"course": course, "arrived": None}
    on_time = {"course": course, "arrived": arrived}
    lines = quality.table({"ours": [on_time, late, on_time], "torch": [late]}).splitlines()
    assert lines[2:] == ["| ours | 6 (6-never) | 1.00 | 30, never, 30 | 200 |",
                         "| torch | never (never-never) |  | never | 200 |"]


@pytest.mark.fast
def test_waiting(tmp_path):
    said = "import os; print('seconds', os.environ['X'])"
    assert waiting.seconds(["-c", said], {"X": "1.5"}, tmp_path) == 1.5
    assert waiting.seconds(["-c", ""], {}, tmp_path) > 0
    with pytest.raises(RuntimeError, match="(?s)to run in .*Received.*ZeroDivisionError"):
        waiting.seconds(["-c", "1 / 0"], {}, tmp_path)
    assert waiting.table({"job": {".": [1.0, 3.0], "before": [4.0, 4.0]}}).splitlines()[2] == (
        "| job | 2.00 (1.00-3.00) | 4.00 (4.00-4.00) | 2.00 |")


SIZES = {"n_generators": 2, "batch_size": 4, "precision": "float32"}


@pytest.mark.parametrize("make", [
    contenders.Ours, vectors.Ours, pytest.param(contenders.KerasExample, marks=pytest.mark.tensorflow)])
def test_contenders_train(make, tmp_path):
    config = {**contenders.DEFAULTS, **SIZES, "contender": "ours", "image_size": 16, "filters": 4,
              "classifier_filters": 4, "n_critic": 1, "ema": 0.9}
    contender = make(json.loads(json.dumps(config)))
    seconds = contender.steps(2)
    assert len(seconds) == 2 and min(seconds) > 0
    samples = contender.sample(3)
    assert len(samples) == 3 and np.isfinite(samples).all()
