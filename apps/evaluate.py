"""Measures a finished run, a saved model or exported SavedModels against a data set.

    python apps/evaluate.py --model=runs/commute-quick
    python apps/evaluate.py --model=runs/x/export --dataset=mnist --output=mnist.json

Every generator gives num_samples / n images; together they are a mixture of equal shares. What is
not given is as in training, and a run's measures are those of its metrics.json.
"""

import pathlib

import artifacts
import common
import measures
from absl import flags

from keras_multigan import data, metrics


def define_flags():
    flags.DEFINE_string("model", None, artifacts.MODEL_HELP)
    flags.DEFINE_string("dataset", None, "data set (default: the run's; else digits)")
    flags.DEFINE_string("data_dir", None, "tfds folder, IDX files or an .npz (default: the run's)")
    flags.DEFINE_integer("image_size", None, "height and width of the real images (default: the "
                         "run's; else the generated images')", lower_bound=1)
    flags.DEFINE_string("classifier", None, "auto (the run's; for mnist the shipped one), or a "
                        ".keras file (images -> logits) (default: the run's; else auto)")
    flags.DEFINE_enum("split", "test", ["train", "test"], "split with the real images")
    flags.DEFINE_integer("num_samples", measures.NUM_EVALUATION_IMAGES, "generated images in all",
                         lower_bound=2)
    flags.DEFINE_integer("seed", 1000, "generator k samples with seed + k; 1000 as in training",
                         lower_bound=0, upper_bound=10**9)
    flags.DEFINE_string("output", None, "a new .json for options and measures")
    flags.DEFINE_bool("overwrite", False, "replace --output if it exists")
    flags.mark_flag_as_required("model")


def run_options(folder):
    """The options of a run folder; empty for anything else."""
    path = folder / "options.json"
    if not path.is_file():
        return {}
    try:
        return dict(common.read_json(path)["options"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"Expected a run's options (a JSON object). Received: {path}, which cannot be read "
            f"({error}). Give the run's model.keras instead of its folder."
        ) from error


def find_classifier(folder, dataset, choice, trained_on):
    """The classifier to measure with; it is never trained here.

    Args:
        folder: Path of what is measured, maybe a run folder.
        dataset: name of the data set.
        choice: "auto" or a .keras file.
        trained_on: the data set of the run, which `folder`/classifier.keras belongs to, or None.

    Returns:
        (Keras model, images -> logits; what to call it in results)
    """
    make = f"Make one with `python apps/train_classifier.py --dataset={dataset}`"
    if choice != "auto":
        return common.load_model(choice, f"{make}."), str(choice)
    own = folder / "classifier.keras"
    if own.is_file() and dataset == trained_on:
        return common.load_model(own, f"{make}, give it by --classifier."), (
            f"compact classifier trained on {dataset}")
    if dataset.split(":")[0] == "mnist":
        return metrics.shipped_classifier(), "keras_multigan MNIST classifier (shipped)"
    raise FileNotFoundError(
        f"Expected a classifier for {dataset!r}: classifier.keras in a run folder that was trained "
        f"on it, or --classifier=<file>.keras. Received: {folder} and none. {make} and give its "
        "classifier.keras."
    )


def evaluate(*, model, dataset=None, data_dir=None, image_size=None, classifier=None, split="test",
             num_samples=measures.NUM_EVALUATION_IMAGES, seed=1000):
    """Samples and measures; the arguments are the flags.

    Returns:
        What `measures.measure` returns, and "options" and "versions" beside it.
    """
    folder = pathlib.Path(model).expanduser()
    run = run_options(folder)
    model = artifacts.open_model(folder)
    if len(model.image_shape) != 3:
        raise ValueError(
            f"Expected a model of images (H, W, C). Received: {folder}, whose samples are "
            f"{model.image_shape}. Its run's metrics.json has its measures."
        )
    # Another data set lies elsewhere and has another classifier.
    own = run if dataset in (None, run.get("dataset")) else {}
    dataset = dataset or own.get("dataset") or "digits"
    data_dir = data_dir or own.get("data_dir")
    image_size = image_size or own.get("image_size") or model.image_shape[0]
    rows = artifacts.rows(model)
    each = num_samples // len(rows)
    if each < 2:
        raise ValueError(
            f"--num_samples is expected to be at least {2 * len(rows)}, 2 for each generator. "
            f"Received: {num_samples}."
        )
    classifier, name = find_classifier(
        folder, dataset, classifier or own.get("classifier") or "auto", own.get("dataset")
    )
    real, labels = data.load_images(dataset, split, image_size=image_size, data_dir=data_dir)
    if own.get("classes"):
        real = real[common.of_classes(labels, own["classes"])]
    if real.shape[-1] != model.image_shape[-1]:
        raise ValueError(
            f"Expected a data set with images like the generated ones, {model.image_shape}. "
            f"Received: {dataset!r} with {real.shape[1:]}. Give the --dataset of the training."
        )
    metrics.classifier_logits(real[:1], classifier)  # raises before minutes of sampling
    images = [model.sample(each, generator=number, seed=seed + index)
              for index, number in enumerate(rows.values())]
    results = measures.measure(images, real, classifier, name, dataset)
    if list(rows) == ["mixture"]:
        results["pairwise_tvd"] = None  # which generator an image comes from is not known
    return {
        **results, "measured": list(rows),
        "options": {"model": str(folder), "dataset": dataset, "data_dir": data_dir,
                    "image_size": image_size, "classifier": name, "split": split,
                    "num_samples": num_samples, "seed": seed},
        "versions": common.versions(),
    }


def main(argv):
    names = ("model", "dataset", "data_dir", "image_size", "classifier", "split", "num_samples",
             "seed")
    output = flags.FLAGS.output
    if output is not None:
        output = artifacts.check_output(output, (".json",), flags.FLAGS.overwrite)
    results = evaluate(**{name: flags.FLAGS[name].value for name in names})
    print(measures.report(results))
    print(f"\nmeasured: {', '.join(results['measured'])} of {flags.FLAGS.model}")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        common.write_json(output, results)


if __name__ == "__main__":
    define_flags()
    common.run(main)
