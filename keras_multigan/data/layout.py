"""Which image files of a folder or zip belong to which split and class."""

import dataclasses

from keras_multigan.data.labels import fixed_split, in_order, listed
from keras_multigan.data.sources import Tree, printable

SPLIT_FOLDERS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
}


@dataclasses.dataclass(frozen=True)
class Part:
    """Files of one split.

    Attributes:
        names: of the files, class by class.
        classes: the class of each file; None if there are no class folders.
    """

    names: list[str]
    classes: list[str] | None


def arrange(
    tree: Tree, where: str, by_class: bool = True, lone_folder_is_root: bool = False
) -> dict[str, Part]:
    """Sorts the files of a tree.

    Args:
        tree: with at least one image.
        where: the folder or zip, for messages.
        by_class: False takes all files of a split together, without classes.
        lone_folder_is_root: whether a folder with nothing beside it is no class.

    Returns:
        A `Part` for each of "train", "test" and "validation" that has a folder; or one for "all".

    Raises:
        ValueError: images lie beside folders of images, a folder of a class or split is empty,
            there are two folders for a split, or none for training.
    """
    root = ""
    while True:
        here, below = _level(tree, root)
        only = next(iter(below), None)
        if here or len(below) != 1 or only.lower() in SPLIT_FOLDERS:
            break
        if not lone_folder_is_root and _level(tree, f"{root}{only}/")[0]:
            break
        root, lone_folder_is_root = f"{root}{only}/", False
    splits = [name for name in below if name.lower() in SPLIT_FOLDERS]
    others = [name for name in below if name not in splits and below[name]]
    if not splits or (len(splits) == 1 and others and not here and _is_class(tree, root, *splits)):
        return {"all": _part(tree, root, where, by_class)}
    if others or here:
        raise ValueError(
            f"Expected nothing beside the folders of the splits. Received: {listed(splits)} and beside "
            f"them {listed(map(printable, others or here), 3)} in {where}. Move what is of no split "
            "elsewhere."
        )
    parts = {}
    for name in splits:
        split = SPLIT_FOLDERS[name.lower()]
        if split in parts:
            raise ValueError(f"Expected one folder for the {split} split. Received: {listed(splits)} "
                             f"in {where}. Merge two of them.")
        parts[split] = _part(tree, f"{root}{name}/", where, by_class)
    if "train" not in parts:
        raise ValueError(f"Expected a folder train. Received: {listed(splits)} without it in {where}. "
                         "Name the folder of the training images train.")
    return parts


def choose(parts: dict[str, Part], split: str, where: str) -> tuple[Part, Part, str]:
    """Returns the files of a split.

    Args:
        parts: of `arrange`.
        split: "train", "test" or "validation".
        where: the folder or zip, for messages.

    Returns:
        The split's `Part`; the `Part` of all training folders, whose classes and channels count; and
        what split was made, "" if none.

    Raises:
        ValueError: there is no such split, it has no image, or a class that the training set lacks.
    """
    train = parts.get("train") or parts["all"]
    made = ""
    if split in parts:
        part = parts[split]
    elif split == "test" and "validation" in parts:
        part, made = parts["validation"], "no test folder, so the validation folder is the test set"
    elif split not in ("train", "test"):
        raise ValueError(
            f"Expected split to be one of {listed(sorted({'train', 'test', *parts} - {'all'}))}. "
            f"Received: {split!r}, for which {where} has no folder. Add one, or choose another split."
        )
    if split != "validation" and not {"test", "validation"} & set(parts):
        is_test = fixed_split(train.classes, len(train.names))
        made = (f"no test folder, so a fixed sixth of every class is the test set "
                f"({is_test.sum()} of {len(is_test)} images)")
        rows = [i for i, test in enumerate(is_test) if test == (split == "test")]
        part = Part([train.names[i] for i in rows],
                    train.classes and [train.classes[i] for i in rows])
        if not rows:
            raise ValueError(f"Expected at least 2 images, to split off a test set. Received: "
                             f"{len(train.names)} in {where}. Add images, or a folder test.")
    new = set(part.classes or ()) - set(train.classes or ())
    if new:
        raise ValueError(
            "Expected only class folders that the training set has: "
            f"{listed(in_order(train.classes)) if train.classes else 'none'}. Received: "
            f"{listed(map(printable, in_order(new)))} for {split} in {where}. Rename or remove them, "
            "or add their images to the training set."
        )
    return part, train, made


def _level(tree, root):
    """The images directly in `root`, and {folder in it: the images anywhere below}."""
    here, below = [], {}
    for name in tree.folders:
        if name.startswith(root) and name != root[:-1]:
            below.setdefault(name[len(root):].partition("/")[0], [])
    for name in tree.images:
        if name.startswith(root):
            folder, slash, _ = name[len(root):].partition("/")
            below[folder].append(name) if slash else here.append(name)
    return here, below


def _is_class(tree, root, name):
    """Whether the folder of a split's name may be that of a class, as "train" beside "car"."""
    here, below = _level(tree, f"{root}{name}/")
    return bool(here) and not any(below.values())


def _part(tree, root, where, by_class):
    here, below = _level(tree, root)
    inside = f"{where}/{root}".rstrip("/")
    filled = [name for name in below if below[name]]
    if not here and not filled:
        raise ValueError(f"Expected images in {inside}. Received: none. Add images or remove the "
                         "folder.")
    if not by_class:
        return Part([name for name in tree.images if name.startswith(root)], None)
    if here and filled:
        raise ValueError(
            "Expected images either all together, or all in a folder per class. Received: images such "
            f"as {printable(here[0])} beside folders with images such as {printable(filled[0])} in "
            f"{inside}. Move one kind elsewhere, or give label=False to read all as images without "
            "labels."
        )
    if here:
        return Part(here, None)
    if empty := sorted(name for name in below if not below[name]):
        raise ValueError("Expected images in every class folder. Received: none in "
                         f"{listed(map(printable, empty))} of {inside}. Add images or remove the "
                         "folder.")
    names, classes = [], []
    for name in in_order(below):
        names += below[name]
        classes += [name] * len(below[name])
    return Part(names, classes)
