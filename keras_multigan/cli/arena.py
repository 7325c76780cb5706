"""multigan arena: all methods on one data set, with one set of networks and one budget."""

from absl import logging

from keras_multigan.arena import arms, protocols
from keras_multigan.arena import run as runs
from keras_multigan.arena.worker import UNIT, epochs_of, uses_labels
from keras_multigan.cli.command import Command
from keras_multigan.networks import DenseKit
from keras_multigan.recipes import RECIPES
from keras_multigan.runs.options import IMAGES, MOST_NETWORKS, RAY, Option

_DESCRIBED = "(default: the protocol's)"
OPTIONS = {
    "protocol": Option(help="the data set, its networks, budget and measures", kind=str,
                       choices=tuple(protocols.PROTOCOLS)),
    "methods": Option(["all"], "all of the registry, or some, such as gan,mgan; an experiment such as "
                      "several_against_one means its arms"),
    "seeds": Option(["0", "1", "2", "3", "4"], "one run each"),
    "match": Option("generator", "what every method has as much of as a method with one generator: "
                    "in each generator, or parameters in all together",
                    choices=("generator", "parameters")),
    "jobs": Option(1, "runs at a time, each in a process of one thread", least=1, most=1000),
    "shard": Option("0/1", "i/n does every n-th run, from run i on: for several machines"),
    "ray": RAY,
    "output": Option(help="folder of the results (default: runs/arena-<protocol>-<match>)", kind=str),
    "rows": Option(help="folder of an arena with the same options, whose runs are taken over, such as "
                   "docs/results/arena/grid-generator of a checkout: to compare one method with "
                   "all; with the other --match the runs of methods with one generator", kind=str),
    "updates": Option(help=f"of every discriminator, a multiple of {UNIT} {_DESCRIBED}", kind=int,
                      least=UNIT, most=10**8, aliases=("steps",)),
    "batch_size": Option(help=f"real samples of an update {_DESCRIBED}", kind=int, least=2,
                         most=10**5),
    "learning_rate": Option(help="of all players at first; it falls linearly to 0. Of several, such "
                            "as 1e-3,2e-3, every method gets the one that is best for it, by a run "
                            f"each of seed {runs.TUNING_SEED}, on held-out images {_DESCRIBED}",
                            kind=list),
    "num_generators": Option(help=f"of methods with several {_DESCRIBED}", kind=int, least=2,
                             most=MOST_NETWORKS),
    "backend": Option(help="Keras' backend of the runs (default: the faster one of those that are "
                      "installed)", kind=str, choices=("tensorflow", "jax")),
    "data_dir": Option(help="where the data are, as in multigan train", kind=str),
    "validation": IMAGES["validation"],
    "list": Option(False, "print all methods, and do nothing"),
    "dry_run": Option(False, "print what would be done"),
}


def list_methods() -> str:
    """All methods and arms; who has several generators, and who uses labels."""
    names = list(dict.fromkeys([*RECIPES, *arms.names()]))
    width = max(map(len, names)) + 2
    lines = [f"{'method':{width}}{'generators':12}{'labels':8}title"]
    for name in names:
        if name in RECIPES and RECIPES[name].arena is None:
            lines.append(f"{name:{width}}{'-':12}{'-':8}{RECIPES[name].title} (not in the arena)")
            continue
        arm = arms.of(name)
        kit = DenseKit((2,), latent_dim=2, width=2, num_generators=2, num_classes=2)
        kit.classifier = kit.discriminator(2)
        arguments = arm.arguments(kit, 20)
        several = arm.model(**arguments, seed=0).num_generators > 1
        lines.append(f"{name:{width}}{'several' if several else 'one':12}"
                     f"{'yes' if uses_labels(arguments) else 'no':8}{arm.title}")
    lines += ["", *(f"--methods={name} means {', '.join(ones)}."
                    for name, ones in arms.EXPERIMENTS.items())]
    return "\n".join(lines)


def run(protocol=None, methods=("all",), seeds=tuple(OPTIONS["seeds"].default), match="generator",
        jobs=None, shard="0/1", ray=None, output=None, rows=None, backend=None, data_dir=None,
        validation=0.0, list=False, dry_run=False, **given):
    if list:
        return print(list_methods())
    if protocol is None:
        raise ValueError(f"Expected --protocol={'|'.join(protocols.PROTOCOLS)}. Received: none.")
    if (updates := given.get("updates", 0)) % UNIT:
        raise ValueError(f"--updates is expected to be a multiple of {UNIT}, so that it fits methods "
                         f"with 1 to 6 discriminator updates a step. Received: {updates}. Use "
                         f"{-(-updates // UNIT) * UNIT}.")
    found = protocols.find(protocol)
    if data_dir is not None and not found.needs_data:
        raise ValueError(f"--data_dir is expected to be left out with --protocol={protocol}, which "
                         f"makes its data. Received: {data_dir}")
    if validation and not found.has_images:
        raise ValueError(f"--validation is expected to be left out with --protocol={protocol}, which "
                         f"draws new samples to measure with. Received: {validation}")
    if None not in (ray, jobs):
        raise ValueError("--jobs is expected to be left out with --ray: each CPU of the cluster does a "
                         f"run. Received: {jobs}")
    settings = {"protocol": protocol, "match": match, **{
        name: given.get(name, getattr(found, name))
        for name in ("updates", "batch_size", "learning_rate", "num_generators")},
        "validation": validation}
    n = settings["num_generators"]
    epochs = epochs_of(settings["updates"], n)
    if epochs % n and not dry_run:
        logging.warning(
            "With --updates=%d and %d generators a run has %d epochs: the learning rate falls in so "
            "many steps, and the rounds of AdaGAN and MWU are not equally long. A multiple of %d has "
            "none of this.", settings["updates"], n, epochs, UNIT * 5 * n)
    seeds = _numbers(seeds)
    if "learning_rate" in given:
        settings["learning_rate"] = _rate(given["learning_rate"], seeds, shard, validation)
    output = output or f"runs/arena-{protocol}-{match}"
    arena = runs.Arena(settings, arms.chosen(methods), seeds, output, runs.shard_of(shard),
                       data_dir, runs.backend_of(protocol, backend), ray, rows)
    if dry_run:
        return print(arena.describe())
    arena.run(jobs or 1)
    print(f"\noutput folder: {output}")


def _rate(given, seeds, shard, validation):
    """The learning rate, or the list of those to choose from."""
    try:
        rates = [float(rate) for rate in given]
    except ValueError:
        rates = []
    if not rates or len(set(rates)) < len(rates) or not all(0 < rate <= 10 for rate in rates):
        raise ValueError("--learning_rate is expected to be a number above 0 and at most 10, or "
                         f"different ones, such as 1e-3,2e-3. Received: {','.join(given)}")
    if len(rates) == 1:
        return rates[0]
    if runs.TUNING_SEED in seeds:
        raise ValueError(f"--seeds is expected to be without {runs.TUNING_SEED} if there are several "
                         "learning rates: they are chosen on it. Received: "
                         f"{','.join(map(str, seeds))}")
    if validation:
        raise ValueError("--validation is expected to be left out if there are several learning rates: "
                         "they are chosen on images that are held out, and the results have others. "
                         f"Received: {validation}")
    if shard != "0/1":
        raise ValueError("--shard is expected to be left out if there are several learning rates: the "
                         f"runs wait for the choice. Received: {shard}. Use --ray, or one rate.")
    return rates


def _numbers(seeds):
    numbers = [int(seed) for seed in seeds if seed.strip().isdecimal() and int(seed) < 2**32]
    if len(numbers) < len(seeds) or len(set(numbers)) < len(numbers) or not numbers:
        raise ValueError("--seeds is expected to be different whole numbers in 0..2^32-1, such as "
                         f"0,1,2. Received: {','.join(seeds)}")
    return numbers


COMMAND = Command(
    "arena",
    """compare all methods on one data set

    multigan arena --list
    multigan arena --protocol=ring --jobs=2
    multigan arena --protocol=grid --methods=gan,mgan --seeds=0,1,2 --match=parameters
    multigan arena --protocol=grid --methods=mgan --rows=docs/results/arena/grid-generator
    multigan arena --protocol=digits --shard=0/4 --output=arena      one of four machines
    multigan arena --protocol=ring --ray=auto                        on all machines of a Ray cluster
    multigan arena --protocol=ring --learning_rate=1e-3,2e-3         for each method the better one
    multigan arena --protocol=ring --dry_run

All methods have the same networks, the same number of updates of every discriminator, and see the same
number of samples. The output folder gets results.csv with a row per run, table.md and report.html.
Finished runs are kept: repeat the command to go on, or with more methods and seeds.""",
    OPTIONS, run, interrupted="Repeat the same command to go on.")
