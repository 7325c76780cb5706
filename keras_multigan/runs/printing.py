"""How results are printed."""

import operator

import numpy as np

from keras_multigan.runs import files

# Rows of the printed report: key in the results, title, format.
ROWS = (
    ("pairwise_tvd", "pairwise TVD", ".4f"),
    ("frechet_distance", "Frechet distance, mixture", ".3f"),
    ("frechet_distance_by_generator", "  of each generator", ".2f"),
    ("frechet_features", "  on", ""),
    ("classifier_score", "classifier score", ".3f"),
    ("embedding", "measured independently", ""),
    ("embedded_frechet_distance", "  Frechet distance", ".3f"),
    ("embedded_floor", "  floor: of real images", ".3f"), ("embedded_ratio", "  ratio", ".2f"),
    ("embedded_memorized_equivalent", "  memorised images alike", ".0f"),
    ("embedded_precision", "  precision", ".3f"), ("embedded_recall", "  recall", ".3f"),
    ("embedded_density", "  density", ".3f"), ("embedded_coverage", "  coverage", ".3f"),
    ("embedded_of_training_images", "  of training images", ".3f"),  # of earlier versions
    ("embedded_near_copies", "  near copies", ".3f"),
    ("embedded_support_size", "  support size", ".0f"),
    ("embedded_class_tvd", "  class shares, TVD", ".3f"),
    ("embedded_generator_recall", "  within generators, recall", ".2f"),
    ("embedded_generator_coverage", "  within generators, coverage", ".2f"),
    ("embedded_generator_support_size", "  within generators, support", ".0f"),
    ("best_epoch", "best epoch (best.keras)", ""),
    ("best_train_frechet_distance", "  to training images", ".3f"),
    ("fid_train", "FID, training images", ".2f"), ("fid_test", "  test images", ".2f"),
    ("inception_score", "Inception score", ".3f"), ("inception_by", "  of", ""),
)


def read_results(path, rows=()) -> dict:
    """The content of a metrics.json, which `report` can print.

    Args:
        rows: of the method, beside `ROWS`.

    Raises:
        ValueError: it is damaged.
    """
    fix = "Remove it and go on with --resume, which measures again."
    results = files.read_object(path, fix)
    try:
        report(results, rows)
        for name in ("epochs", "training_steps"):
            operator.index(results[name])
    except (AttributeError, IndexError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"Expected the results of a run. Received: {path}, which cannot be printed "
                         f"({files.short(error)}). {fix}") from error
    return results


def report(results, rows=()):
    """The printed form of the results of a run.

    Args:
        rows: of the method, beside `ROWS`.
    """
    lines = []
    for key, title in (("class_probabilities", "average class probabilities in % "
                        f"({results.get('class_probabilities_by')})"),
                       ("mode_shares", "samples by nearest mode in %")):
        if key in results:
            table = np.array(results[key])
            lines += ["", title, " " * 12 + "".join(f"{k:>7}" for k in range(table.shape[1]))]
            lines += [f"generator {k:<2}" + "".join(f"{100 * p:7.2f}" for p in row)
                      for k, row in enumerate(table)]
    lines.append("")
    lines += [f"{title:28} {value}" for title, value in shown(results, rows)]
    if "class_probabilities" in results:
        lines.append(f"  from {results['generated_images']} generated and {results['real_images']} "
                     "real test images")
    return "\n".join(lines)


def shown(results, rows=()) -> list[tuple[str, str]]:
    """(title, value) of all results that there are; beside a value what real images have, if known."""
    found = []
    for key, title, form in (*ROWS, *rows):
        if results.get(key) is not None:
            real = results.get(key.replace("embedded_", "embedded_real_", 1)) if (
                key.startswith("embedded_")) else None
            found.append((title, text(results[key], form) + (
                "" if real is None else f" (real images: {text(real, form)})")))
    return found


def text(value, form: str) -> str:
    """A result, or a list of results, in a number format."""
    return ", ".join("-" if v is None else format(v, form)
                     for v in (value if isinstance(value, list) else [value]))
