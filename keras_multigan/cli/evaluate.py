"""multigan evaluate: the measures of a run, again or on other data."""

from absl import logging

from keras_multigan import metrics
from keras_multigan.cli.command import Command
from keras_multigan.runs import artifacts, classifiers, files, measures, printing
from keras_multigan.runs.images import hold_out, load_labelled, of_classes, without_single_class
from keras_multigan.runs.options import Option

OPTIONS = {
    "model": Option(help=artifacts.MODEL_HELP, kind=str),
    "dataset": Option(help="data set (default: the run's; else digits)", kind=str),
    "data_dir": Option(help="as that of multigan train (default: the run's)", kind=str),
    "image_size": Option(help="height and width of the real images (default: the run's; else the "
                         "generated images')", kind=int, least=1, most=2048),
    "classifier": Option(help="auto (the run's; for mnist the shipped one), or a .keras file (images "
                         "-> logits) (default: the run's; else auto)", kind=str),
    "split": Option("test", "split with the real images", choices=("train", "test")),
    "num_samples": Option(help="generated images in all (default: as in training, "
                          f"{measures.NUM_EVALUATION_IMAGES}, or fewer large ones)", kind=int, least=2,
                          most=10**7),
    "seed": Option(1000, "generator k samples with seed + k; 1000 as in training", least=0, most=10**9),
}
OUTPUT = {
    "output": Option(help="a new .json for options and measures", kind=str),
    "overwrite": Option(False, "replace --output if it exists"),
}


def find_classifier(folder, dataset, choice, trained_on):
    """The classifier to measure with; it is never trained here.

    Args:
        folder: Path of what is measured, maybe a run folder.
        dataset: name of the data set.
        choice: "auto", "paper" of a run that has trained ComMutE-GAN's own, or a .keras file.
        trained_on: the data set of the run, which `folder`/classifier.keras belongs to, or None.

    Returns:
        (Keras model, images -> logits; what to call it in results)
    """
    make = f"Make one with `multigan classifier --dataset={dataset}`"
    if choice not in ("auto", "paper"):
        return files.load_model(choice, f"{make}."), str(choice)
    own = folder / "classifier.keras"
    if own.is_file() and dataset == trained_on:
        return files.load_model(own, f"{make}, give it by --classifier."), (
            f"{'ComMutE-GAN' if choice == 'paper' else 'compact'} classifier trained on {dataset}")
    if dataset.split(":")[0] == "mnist":
        return metrics.shipped_classifier(), "keras_multigan MNIST classifier (shipped)"
    raise FileNotFoundError(
        f"Expected a classifier for {dataset!r}: classifier.keras in a run folder that was trained "
        f"on it, or --classifier=<file>.keras. Received: {folder} and none. {make} and give its "
        "classifier.keras."
    )


def load_both(dataset, split, image_size, data_dir, own):
    """(training set, test set); the first is None if it is not needed and not there, for of other data
    there may be a test split only."""
    def load(split):
        return load_labelled(dataset, split, image_size, data_dir, own.get("label"),
                             background=own.get("background", "black"))

    try:
        train = load(own.get("train_split", "train"))
    except (ValueError, FileNotFoundError):
        if split == "train" or own:  # a run has been trained on it
            raise
        train = None
    return hold_out(train, own["validation"]) if own.get("validation") else (
        without_single_class(train, load("test")))


def evaluate(*, model, dataset=None, data_dir=None, image_size=None, classifier=None,
             split=OPTIONS["split"].default, num_samples=None,
             seed=OPTIONS["seed"].default) -> dict:
    """Samples and measures; the arguments are the flags.

    Returns:
        What `measures.measure` returns, and "options" and "versions" beside it.
    """
    folder = artifacts.find(model)
    run = files.read_options(folder) if (folder / "options.json").exists() else {}
    if not run and dataset is None and (folder / "model.keras").is_file():
        raise FileNotFoundError(f"Expected a run's options.json, which names its data set. Received: "
                                f"{folder / 'options.json'}, which is missing. Give --dataset.")
    model = artifacts.open_model(folder)
    if len(model.image_shape) != 3:
        raise ValueError(
            f"Expected a model of images (H, W, C). Received: {folder}, whose samples are "
            f"{model.image_shape}. Its run's metrics.json has its measures."
        )
    # Another data set lies elsewhere and has another classifier.
    own = run if dataset in (None, run.get("dataset")) else {}
    dataset = own.get("dataset", "digits") if dataset is None else dataset
    data_dir = own.get("data_dir") if data_dir is None else data_dir
    image_size = image_size or own.get("image_size") or model.image_shape[0]
    rows = artifacts.rows(model)
    most = measures.evaluation_count(model.image_shape)
    num_samples = num_samples or most
    each = num_samples // len(rows)
    if each < 2 or each * len(rows) < 7:
        raise ValueError(
            f"--num_samples is expected to be at least {max(2, -(-7 // len(rows))) * len(rows)}, 2 for "
            f"each generator and 7 in all. Received: {num_samples}."
        )
    artifacts.check_memory(num_samples, model.image_shape)
    train, test = load_both(dataset, split, image_size, data_dir, own)
    if own.get("classes"):  # before the draw, as in training
        train, test = (each and each.take(of_classes(each.labels, own["classes"]))
                       for each in (train, test))
    test = measures.drawn(test, max(most, num_samples))
    real, labels = (found := train if split == "train" else test).floats(), found.labels
    classifier = classifier or own.get("classifier") or "auto"
    if labels is None and classifier == "auto":
        classifier = name = None
    else:
        classifier, name = find_classifier(folder, dataset, classifier, own.get("dataset"))
    if real.shape[-1] != model.image_shape[-1]:
        raise ValueError(
            f"Expected a data set with images like the generated ones, {model.image_shape}. "
            f"Received: {dataset!r} with {real.shape[1:]}. Give the --dataset of the training."
        )
    if classifier is not None:
        classifiers.check(classifier, real)  # before minutes of sampling
    images = [model.sample(each, generator=number, seed=seed + (number or 0))
              for number in rows.values()]
    weights = None if list(rows) == ["mixture"] else getattr(model, "mixture_weights", None)
    results = {} if classifier is None else measures.measure(
        images, real, classifier, name, dataset, weights)
    if own.get("embedding") == "random":
        embedding = metrics.random_embedding(real.shape[1:])
    elif shipped := classifiers.shipped_embedding(dataset, test if train is None else train):
        embedding = shipped
    elif own and (path := folder / "embedding.keras").is_file():
        own_network = files.load_model(path, "Put it back, or remove it to use a random network.")
        embedding = metrics.Embedding(own_network, f"independent network trained on {dataset}")
    else:
        if own and labels is not None:
            logging.warning("There is no file %s: a random network measures in its place.", path)
        embedding = metrics.random_embedding(real.shape[1:])
    results |= measures.measure_embedded(images, train, test, embedding, weights)
    return {
        **results, "measured": list(rows),
        "options": {"model": str(folder), "dataset": dataset, "data_dir": data_dir,
                    "image_size": image_size, "classifier": name, "split": split,
                    "num_samples": num_samples, "seed": seed},
        "versions": files.versions(),
    }


def run(model, output=None, overwrite=False, **given):
    if output is not None:
        output = artifacts.check_output(output, (".json",), overwrite)
    results = evaluate(model=model, **given)
    print(printing.report(results))
    print(f"\nmeasured: {', '.join(results['measured'])} of {model}")
    if output is not None:
        files.write_json(output, results)


COMMAND = Command(
    "evaluate",
    """measure a finished run, a saved model or exported SavedModels against a data set

    multigan evaluate --model=runs/commute-quick
    multigan evaluate --model=runs/x/export --dataset=mnist --output=mnist.json

Every generator gives num_samples / n images, of which the mixture has its shares. Flags that are not
given are those of the training, and a run's measures are those of its metrics.json.""",
    {**OPTIONS, **OUTPUT}, run, required=("model",))
