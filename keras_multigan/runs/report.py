"""report.html: one self-contained page of a run, or of several side by side."""

import base64
import hashlib
import html
import io
import pathlib
import re
import shlex
import struct

from absl import logging

from keras_multigan.callbacks import read_history
from keras_multigan.runs import files, printing

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
# Pictures of a run folder: file, title, what it shows.
_PICTURES = (
    ("samples.png", "Samples", "one row of samples per generator"),
    ("evolution.png", "Evolution", "the samples of several epochs"),
    ("class_table.png", "Classes", "average class probabilities of each generator in percent"),
)


def digest(path: pathlib.Path) -> str:
    """The check sum of a small file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def frames_every(epochs: int) -> int:
    """Epochs between two pictures of a run on images that are kept in its folder frames."""
    return max(1, epochs // 10)


def write_report(folder, recipe=None, results=None, path=None) -> pathlib.Path:
    """Writes a page from the files of a run folder; returns its path.

    A damaged file is named in a warning and on the page, which is without it.

    Args:
        folder: a run folder, finished or not.
        recipe: the method's `Recipe`, for its title and the rows of its measures.
        results: what metrics.json will have, of a run that is about to be finished.
        path: of the page; <folder>/report.html if None.

    Raises:
        FileNotFoundError: the folder holds no run.
        ValueError: its options.json is damaged.
    """
    folder = pathlib.Path(folder)
    path = folder / "report.html" if path is None else pathlib.Path(path)
    page = render("report.html", run=describe(folder, recipe, results))
    with files.replacing(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def write_card(folder, recipe=None, results=None) -> None:
    """Writes <folder>/export/README.md: what the exported models are; arguments as `write_report`."""
    folder = pathlib.Path(folder)
    if not (folder / "export").is_dir():
        return
    run = describe(folder, recipe, results)
    lines = [f"# {run['title']}", "", *run["summary"]]
    if run["data_note"]:
        lines.append(f"Data: {run['data_note']}.")
    if run["class_names"]:
        names = ", ".join(f"{k} {name}" for k, name in enumerate(run["class_names"]))
        lines.append(f"Classes: {names}.")
    lines += ["", "Signatures of each model: `serving_default` (noise -> images) and `sample` "
              "(batch_size, seed -> images).", "", "| measure | value |", "|---|---|",
              *(f"| {name} | {value} |" for name, value in run["measures"])]
    (folder / "export" / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_comparison(folders, recipes, path) -> pathlib.Path:
    """Writes a page that compares several runs; returns its path.

    Args:
        folders: run folders.
        recipes: their recipes, or None for each.
        path: of the page.
    """
    runs = [describe(pathlib.Path(f), r) for f, r in zip(folders, recipes, strict=True)]
    if len({run["name"] for run in runs}) < len(runs):
        for run, folder in zip(runs, folders, strict=True):
            run["name"] = str(folder)
    names = dict.fromkeys(name for run in runs for name, _ in run["measures"])
    table = [(name, [dict(run["measures"]).get(name, "") for run in runs]) for name in names]
    options = dict.fromkeys(name for run in runs for name, _ in run["options"])
    differing = [(name, values) for name in options if len(set(
        values := [dict(run["options"]).get(name, "") for run in runs])) > 1]
    histories = {run["name"]: run["history"] for run in runs}
    with files.replacing(path) as partial:
        partial.write_text(render("comparison.html", runs=runs, table=table, differing=differing,
                                   curves=curves(histories)), encoding="utf-8")
    return pathlib.Path(path)


def describe(folder: pathlib.Path, recipe=None, results=None) -> dict:
    """What the page shows of a run. Arguments as `write_report`."""
    options, versions = files.read_options(folder), files.read_versions(folder)
    if lacking := {"epochs", "seed"} - options.keys():
        raise ValueError(f"Expected a run's options. Received: {folder / 'options.json'} without "
                         f"{' and '.join(sorted(lacking))}. Put it back.")
    notes, own_rows = [], recipe.rows if recipe else ()
    if results is None and (folder / "metrics.json").exists():
        try:
            results = printing.read_results(folder / "metrics.json", own_rows)
        except ValueError as error:
            notes.append(f"Left out are all measures. {error}")
    results = results or {}
    history = None
    try:
        history = read_history(folder)
        if history and results.get("history_sha256") not in (None, digest(folder / "history.csv")):
            history = None
            raise ValueError(f"{folder / 'history.csv'} is not the one that the run has ended with: "
                             "its check sum is wrong. Put it back.")
    except ValueError as error:
        notes.append(f"Left out are all curves. {error}")
    saved = [re.fullmatch(r"epoch-(\d+)(-step-\d+)?", path.stem)
             for path in (folder / "checkpoints").glob("epoch-*.json")]
    done = results.get("epochs") or max(
        [len(history or []), *(int(name[1]) for name in saved if name)])
    if not results and done >= options["epochs"] and not (folder / "metrics.json").exists():
        notes.append(f"Left out are all measures: there is no {folder / 'metrics.json'}. Go on with "
                     "--resume, which measures.")
    if history is not None and len(history) < done:
        notes.append(f"{folder / 'history.csv'} has {len(history)} rows for {done} finished epochs; "
                     "the curves show no others.")
    history = history or []
    method = options.get("method") or options.get("app", "")
    shown = [(title.strip(), value) for title, value in printing.shown(results, own_rows)]
    missing = {"samples.png": done, "class_table.png": "class_probabilities" in results}
    pictures = [(title, shows, found) for name, title, shows in _PICTURES
                if (found := inline(folder / name, notes, missing.get(name)))]
    frames = {path.name: path for path in sorted((folder / "frames").glob("epoch-*.png"))}
    every = frames_every(options["epochs"])
    expected = [f"epoch-{epoch:05d}.png" for epoch in range(every, done + 1, every)]
    if frames.keys() <= {*expected}:  # runs of earlier versions have none, or others
        frames = {name: folder / "frames" / name for name in expected} if frames else {}
    frames = [(f"epoch {int(path.stem[6:])}", found) for path in frames.values()
              if (found := inline(path, notes, True))]
    for note in notes:
        logging.warning("%s", note)
    return {
        "name": folder.name or str(folder), "method": method,
        "title": recipe.title if recipe else method, "measures": shown,
        "summary": summary(options, results, done), "notes": notes,
        "pictures": pictures,
        "frames": frames,
        "curves": curves({folder.name: history}), "history": history,
        "options": [(name, str(value)) for name, value in options.items()],
        "versions": [(name, str(value)) for name, value in versions.items()],
        "class_names": results.get("class_names"),
        "data_note": results.get("data_note"),
        "commands": commands(folder, method, options, results),
    }


def summary(options, results, done: int) -> list[str]:
    """A few sentences on a run."""
    count = options.get("num_generators") or options.get("n_generators") or (
        options.get("num_components"))
    data = options.get("dataset") or options.get("data")
    size = f" at {options['image_size']}x{options['image_size']} pixels" if (
        "image_size" in options and data != "ring") else ""
    of = f"{count} generator{'s' * (count != 1)} trained" if count else "Trained"
    lines = [f"{of} on {data}{size}, seed {options['seed']}."]
    if not results:
        lines.append(f"{done} of {options['epochs']} epochs are done.")
        return lines
    lines.append(f"{results['epochs']} epochs, {results['training_steps']:,} steps.")
    if "embedded_of_training_images" in results:
        lines.append(
            f"On the {results['embedding']}, which is in no loss, the Frechet distance to the test "
            f"images is {results['embedded_frechet_distance']:.2f}; that of training images is "
            f"{results['embedded_floor']:.2f}. Recall is {results['embedded_recall']:.2f}, coverage "
            f"{results['embedded_coverage']:.2f}; of training images they are "
            f"{results['embedded_of_training_images'][1]:.2f} and "
            f"{results['embedded_of_training_images'][3]:.2f}.")
    if "embedded_ratio" in results:
        low, high = results["embedded_intervals"]["frechet_distance"]
        k, most = results["embedded_memorized_equivalent"], results["embedded_most_memorized"]
        images = "at least" * (k >= most) or "about"
        lines += [
            f"On the {results['embedding']}, which is in no loss, the Frechet distance to the "
            f"{'test' if results['embedded_distance_split'] == 'test' else 'training'} images is "
            f"{results['embedded_frechet_distance']:.2f} (95 % interval {low:.2f} to {high:.2f}). Its "
            f"floor, what real images of the other split have, is {results['embedded_floor']:.2f}. "
            f"{images.capitalize()} {k:.0f} repeated training images would have the same distance.",
            f"Recall is {results['embedded_recall']:.2f}, coverage {results['embedded_coverage']:.2f}; "
            f"of training images they are {results['embedded_real_recall']:.2f} and "
            f"{results['embedded_real_coverage']:.2f}."]
    if "logits" in results.get("frechet_features", ""):
        lines.append("The Frechet distance on logits is of a classifier that labels trained. It may be "
                     "in the loss, and it does not see variety within a class.")
    return lines


def commands(folder, method, options, results) -> list[tuple[str, str]]:
    """(what it does, command line) of what can be done next."""
    name = shlex.quote(str(folder))
    found = [("go on" if not results else "report again",
              f"multigan train {method} --resume --output={name}")]
    if results:
        found += [("draw samples", f"multigan sample --model={name} --output=samples.png"),
                  ("export for TF Serving", f"multigan export --model={name} --output=serving")]
        if "image_size" in options and options.get("dataset") != "ring":
            found.append(("measure again", f"multigan evaluate --model={name}"))
    return found


def curves(histories: dict[str, list[dict[str, float]]]) -> list[tuple[str, str]]:
    """(name of a log, inline SVG) for each log; one line per history, which are named if several."""
    from matplotlib.figure import Figure  # not pyplot, which needs a display

    logs = dict.fromkeys(name for rows in histories.values() if rows for name in rows[0])
    found = []
    for log in logs:
        if log == "epoch":
            continue
        figure = Figure(figsize=(4.2, 2.4), layout="constrained")
        axis = figure.subplots()
        for name, rows in histories.items():
            if rows and log in rows[0]:
                axis.plot([row["epoch"] for row in rows], [row[log] for row in rows], label=name,
                          linewidth=1.2, marker="." if len(rows) < 3 else None)
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        if len(histories) > 1:
            axis.legend(fontsize=7)
        found.append((log, as_svg(figure, f"{log} by epoch")))
    return found


def as_svg(figure, label: str) -> str:
    """A matplotlib figure as inline SVG."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    svg = re.sub(r"<\?xml.*?<svg", "<svg", text.getvalue(), flags=re.DOTALL)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def inline(path, notes, expected):
    """A PNG as a data URL. None if it is damaged or not there; `notes` say so if it is `expected`."""
    from PIL import Image

    if not expected and not path.exists():
        return None
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError, EOFError, struct.error,
            Image.DecompressionBombError) as error:
        notes.append(f"Left out is {path}, which cannot be read ({files.short(error)}).")
        return None
    return "data:image/png;base64," + base64.b64encode(content).decode()


def render(name: str, **values) -> str:
    """A page of the folder templates."""
    import jinja2

    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined,
                                     trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(name).render(**values)
