"""multigan arena: wrong lines end before anything is written; the list and the plan."""

import dataclasses

import pytest

from keras_multigan.arena import arms
from keras_multigan.recipes import RECIPES


@pytest.mark.parametrize("words, messages", [
    ([], ["Expected --protocol=ring|grid", "Received: none"]),
    (["--protocol=circle"], ["value should be one of <ring|grid"]),
    (["--protocol=ring", "--methods=gan,nope"], ["Expected a method", "Received: 'nope'"]),
    (["--protocol=ring", "--methods="], ["--methods", "Received: none"]),
    (["--protocol=ring", "--seeds=0,x"], ["--seeds", "Received: 0,x"]),
    (["--protocol=ring", "--seeds=1,1"], ["different whole numbers", "Received: 1,1"]),
    (["--protocol=ring", "--seeds=-1"], ["Received: -1"]),
    (["--protocol=ring", "--shard=4/4"], ["--shard is expected to be i/n", "Received: 4/4"]),
    (["--protocol=ring", "--shard=2"], ["Received: 2"]),
    (["--protocol=ring", "--learning_rate=x"], ["number above 0", "Received: x"]),
    (["--protocol=ring", "--learning_rate=nan"], ["Received: nan"]),
    (["--protocol=ring", "--learning_rate=1e-3,0.001"], ["different ones", "Received: 1e-3,0.001"]),
    (["--protocol=ring", "--learning_rate=1e-3,2e-3", "--seeds=0,100"],
     ["without 100", "Received: 0,100"]),
    (["--protocol=ring", "--learning_rate=1e-3,2e-3", "--shard=0/2"], ["--shard", "Received: 0/2"]),
    (["--protocol=digits", "--learning_rate=1e-3,2e-3", "--validation=.2"],
     ["--validation", "Received: 0.2"]),
    (["--protocol=ring", "--updates=90"], ["multiple of 60", "Received: 90", "Use 120"]),
    (["--protocol=ring", "--num_generators=1"], ["--num_generators is expected to be >= 2"]),
    (["--protocol=ring", "--jobs=0"], ["--jobs is expected to be >= 1"]),
    (["--protocol=ring", "--jobs=2", "--ray=auto"], ["--jobs is expected to be left out"]),
    (["--protocol=ring", "--data_dir=x"], ["--data_dir", "left out", "Received: x"]),
    (["--protocol=ring", "--validation=.2"], ["--validation is expected to be left out"]),
    (["--protocol=ring", "--rows=nowhere"], ["--rows", "has no arena.json"]),
    (["--protocol=ring", "--backend=torch"], ["<tensorflow|jax>"]),
])
def test_wrong_lines(refused, words, messages):
    refused(["arena", *words], *messages)


def test_an_output_in_the_home_folder(multigan, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    multigan("classifier", "--dataset=digits", "--image_size=8", "--epochs=1", "--filters=2",
             "--output=~/mine")
    assert (tmp_path / "mine" / "classifier.keras").exists()


def test_an_output_that_is_a_file(refused, tmp_path):
    (tmp_path / "file").touch()
    refused(["arena", "--protocol=ring", f"--output={tmp_path / 'file'}"], "new or empty folder",
            "Received:")


def test_dry_run(multigan, tmp_path):
    done = multigan("arena", "--protocol=ring", "--methods=wgan_gp,gan", "--seeds=3,4", "--shard=1/2",
                    "--updates=120", "--dry_run")
    assert done.code == 0 and not list(tmp_path.iterdir())
    assert done.out.splitlines()[-3:] == ["2 runs:", "  wgan_gp, seed 3", "  wgan_gp, seed 4"]
    assert "updates         120" in done.out and "batch_size      128" in done.out


def test_every_recipe_is_listed_and_in_the_arena(multigan):
    lines, experiments = (part.splitlines() for part in multigan("arena", "--list").out.split("\n\n"))
    assert [line.split()[0] for line in lines[1:]] == arms.names()
    assert all("not in the arena" not in line for line in lines)
    columns = {line.split()[0]: line.split()[1:3] for line in lines[1:]}
    assert columns["gan"] == ["one", "no"] and columns["commute"] == ["several", "yes"]
    assert columns["acgan"] == ["several", "yes"]
    assert columns["one_large"] == ["one", "no"] and columns["several_sudden"] == ["several", "yes"]
    assert experiments[0].startswith("--methods=several_against_one means one, one_large")
    assert arms.chosen(["all"]) == list(RECIPES)


def test_a_new_method_is_in_the_arena_without_another_line(multigan, monkeypatch):
    new = dataclasses.replace(RECIPES["gan"], name="new", title="A new one")
    monkeypatch.setitem(RECIPES, "new", new)
    assert ["new", "one", "no", "A", "new", "one"] in [
        line.split() for line in multigan("arena", "--list").out.splitlines()]
    assert arms.chosen(["all"])[-1] == "new"
    monkeypatch.setitem(RECIPES, "new", dataclasses.replace(new, arena=None))
    assert "new" not in arms.chosen(["all"])
    with pytest.raises(ValueError, match="Received: new"):
        arms.chosen(["new"])
