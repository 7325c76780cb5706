"""A trained set of generators: what a finished run leaves to those who only want to sample."""

import json
import os
import pathlib
import re
import shlex
import shutil

from keras_multigan.export import export_generators
from keras_multigan.runs import files, printing, report
from keras_multigan.runs.options import resolve
from keras_multigan.runs.run import count_parameters
from keras_multigan.trained import TrainedGenerators

NUM_SAMPLES = 2000  # of the mixture, whose mean and deviation metrics.json has
# What a set does not say: where the data and devices were, and how long that machine took.
_PLACES = ("data_dir", "stream", "tpu")
_SMALL = " The paper's networks and training are larger."
_OF_THE_FOLDER = ("seconds_of_last_attempt", "history_sha256", "export")


def write_set(folder, output, recipe, overwrite: bool = False) -> list[pathlib.Path]:
    """Writes the set of a finished run, whole or not at all.

    Args:
        folder: the run folder.
        output: a new folder, whose name is the set's.
        recipe: the method's `Recipe`.
        overwrite: whether `output` may be the folder of an earlier set.

    Returns:
        The files and folders in `output`.

    Raises:
        FileNotFoundError: the run is not finished.
        FileExistsError: `output` exists.
        ValueError: a damaged file, or a name that is none.
        RuntimeError: Keras does not run on the TensorFlow backend.
    """
    folder, output = pathlib.Path(folder), pathlib.Path(output).absolute()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", output.name):
        raise ValueError("--output is expected to end with the set's name, of letters, digits, _ and "
                         f"-. Received: {output.name!r}. Choose another name.")
    if overwrite and (output / "model.keras").is_file() and (output / "README.md").is_file():
        files.check_writable(output)
    else:
        files.check_folder(output)
    for name in ("model.keras", "metrics.json", "samples.png"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"Expected the folder of a finished run. Received: {folder}, which "
                                    f"has no {name}. A run that is not finished goes on with --resume.")
    options = resolve(recipe, {}, folder, resume=True)
    results = printing.read_results(folder / "metrics.json", recipe.rows)
    whole = files.load_model(folder / "model.keras", "Put it back, or train again.", compile=False)
    model = TrainedGenerators.of(whole)
    samples = model.sample(NUM_SAMPLES, seed=0)
    results = {name: value for name, value in results.items() if name not in _OF_THE_FOLDER} | {
        "sample_shape": list(model.image_shape), "sample_mean": float(samples.mean()),
        "sample_deviation": float(samples.std())}  # to compare with, wherever it is loaded
    options, results = _without_places(recipe, options, results)
    versions = {k: v for k, v in files.read_versions(folder).items() if k != "cpus"}

    with files.new_folder(output) as made:
        model.save(made / "model.keras")
        export_generators(model, made / "export", serving_path="/models")
        shutil.copyfile(folder / "samples.png", made / "samples.png")
        files.write_summed(made / "options.json", {"options": options, "versions": versions})
        files.write_summed(made / "metrics.json", results)
        (made / "README.md").write_text(
            text(output.name, recipe, options, versions, results, whole), encoding="utf-8")
    return sorted(output.iterdir())


def _without_places(recipe, options, results):
    """Options and results as dicts, in which files have their names only."""
    options = options.as_dict() | {
        name: recipe.options[name].default for name in _PLACES if name in recipe.options}
    for name, value in options.items():
        if isinstance(value, str) and os.sep in value and os.path.exists(value):
            # Results name the file that a classifier is from.
            short = json.dumps(os.path.basename(value))[1:-1]
            results = json.loads(json.dumps(results).replace(json.dumps(value)[1:-1], short))
            options[name] = os.path.basename(value)
    return options, results


def command(recipe, options: dict) -> str:
    """The command line that trains with these options."""
    usual = recipe.make_options(options["preset"]).as_dict()
    words = ["multigan", "train", recipe.name]
    if options["preset"] != "quick":
        words.append(f"--preset={options['preset']}")
    for name, value in differing(options, usual).items():
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no'}{name}")
        elif value is not None:
            words.append(f"--{name}={value}")
    return shlex.join(words)


def differing(options: dict, usual: dict) -> dict:
    """The entries of `options` that are not those of the preset, `usual`."""
    return {name: value for name, value in options.items() if value != usual.get(name)}


def text(name, recipe, options, versions, results, model) -> str:
    """The card, Markdown.

    Args:
        name: of the set.
        recipe: the method's `Recipe`.
        options, versions, results: dicts, as they are written beside it.
        model: the trained `MultiGAN`, with its critics.
    """
    usual = recipe.make_options(options["preset"]).as_dict()
    changed = differing(options, usual)
    is_image = len(model.image_shape) == 3
    lines = [
        f"# {name}", "", f"{recipe.title}. {' '.join(report.summary(options, results, 0)[:2])}",
        f"`keras_multigan.models.{type(model).__name__}` has the paper's citation and its equations.",
        "", "![Samples](samples.png)", "", "*Samples, not chosen; one row per generator.*" if is_image
        else "*Samples, one colour per generator, and the data.*", "",
        "## How to load", "", "```python", "import keras_multigan", "",
        f'model = keras_multigan.pretrained("{name}")',
        f"samples = model.sample(10)  # of the mixture, (10, {', '.join(map(str, model.image_shape))})"
        f"{' in [-1, 1]' if is_image else ''}; generator=0 for one", "```", "",
        f"    multigan sample --model={name} --output=samples.{'png' if is_image else 'npy'}",
        *([f"    multigan evaluate --model={name}"] if is_image else []), "",
        "`export/` has each generator and the mixture as SavedModels, with the signatures "
        "`serving_default` (noise -> images) and `sample` (batch_size, seed -> images)"
        f"{'' if is_image else '; vectors have the name images there, too'}.", "",
        "## How it was trained", "",
        f"    {command(recipe, options)}", "",
        *(["`--data_dir` names where the data lie.", ""] if "data_dir" in options else []),
        f"Options that differ from the preset `{options['preset']}`:" if changed else
        f"All options are those of the preset `{options['preset']}`.", ""]
    if changed:
        lines += ["| option | here | preset |", "|---|---|---|",
                  *(f"| {key} | {value} | {usual.get(key)} |" for key, value in changed.items()), ""]
    if note := results.get("data_note"):
        lines += [f"Data: {note}.", ""]
    lines += [f"Versions: {', '.join(f'{key} {value}' for key, value in versions.items())}.", "",
              *_measures(recipe, options, results, model),
              "## Limits", "",
              f"- One run, seed {options['seed']}: another seed gives other numbers."
              f"{' Intervals are over samples, not over seeds.' if is_image else ''}",
              f"- {_size(model.sampling_generators)}, {results['training_steps']:,} steps."
              f"{'' if 'paper' in options['preset'] else _SMALL}"]
    if is_image:
        height, width, _ = model.image_shape
        lines.append(f"- Images have {height}x{width} pixels.")
    else:
        lines.append("- It draws vectors of an artificial distribution, no images.")
    lines += [f"- {labels(model, is_image)}", "", "## Licence", "",
              "Apache 2.0, as keras_multigan."
              f"{' The data have terms of their own.' if is_image else ''}"]
    return "\n".join(lines) + "\n"


def _size(generators):
    sizes, together = [count_parameters([g]) for g in generators], count_parameters(generators)
    if together < sum(sizes):
        return f"{together:,} parameters in all generators together, which share layers"
    ends = sorted({min(sizes), max(sizes)})
    return f"{' to '.join(f'{size:,}' for size in ends)} parameters per generator"


def _measures(recipe, options, results, model):
    """The lines on measures: independent ones, those of the paper, and who measures."""
    def table(chosen):
        return ["| measure | value |", "|---|---|",
                *(f"| {title.replace('  ', '&nbsp;&nbsp;')} | {value} |"
                  for title, value in printing.shown(chosen, recipe.rows)), ""]

    independent = {key: value for key, value in results.items() if key.startswith("embed")}
    others = {key: value for key, value in results.items()
              if key not in independent and not key.startswith("best_")}  # of another file of the run
    lines = ["## Measures", ""]
    if independent:
        said = report.summary(options, {**independent, "epochs": 0, "training_steps": 0}, 0)[2:]
        lines += [*said, "", *table(independent), "What the paper measures, and other measures on "
                  "networks that labels trained:", ""]
    lines += table(others)
    by = results.get("class_probabilities_by")
    if by and getattr(model, "classifier", None) is not None:
        same = results.get("frechet_features") == f"logits of: {by}"
        lines += [f"The {by} is in the loss. By it are measured: the pairwise TVD"
                  f"{', the Frechet distance and the classifier score' if same else ''}.", ""]
    elif by and results["pairwise_tvd"] is not None:
        lines += [f"The pairwise TVD is measured by the {by}, which is in no loss.", ""]
    return lines


def labels(model, is_image: bool) -> str:
    """What the training has seen of labels."""
    if model.num_classes is not None:
        return "Labels were given to the training."
    if getattr(model, "classifier", None) is not None:
        return "Labels trained the classifier in the loss. The training itself was given none."
    return "The training had no labels." + (
        " The networks that measure have learned from labels." if is_image else "")
