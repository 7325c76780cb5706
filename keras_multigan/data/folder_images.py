"""A folder or zip of image files as an `ImageSet` or `ImageFiles`."""

import contextlib
import os
import pathlib

import numpy as np
from absl import logging

from keras_multigan.data.decode import SUFFIXES, UndecodableError, is_colour
from keras_multigan.data.image_set import ImageFiles, ImageSet, Reader, decode_all
from keras_multigan.data.labels import in_order, listed
from keras_multigan.data.layout import arrange, choose
from keras_multigan.data.sources import Archive, Folder, Tree, printable

_MAX_SKIPPED = 0.1  # of the files of a split; a few are always allowed
_FEW = 3


def load(
    source: Folder | Archive,
    tree: Tree,
    split: str,
    image_size: int | None,
    *,
    channels: int | None = None,
    background: str = "black",
    by_class: bool = True,
    stream: bool | None = None,
) -> ImageSet | ImageFiles:
    """Loads one split. See `images.load_image_set` for arguments and errors; `tree` is the source's."""
    where = str(source.path)
    if not tree.images:
        raise FileNotFoundError(
            f"Found no image in {where}. Expected files named {listed(sorted(SUFFIXES), 30)}, flat or "
            "in a folder per class, with or without folders train and test above. Received: "
            f"{describe(tree)}. Put images there, or convert them."
        )
    parts = arrange(tree, where, by_class, source.lone_folder_is_root)
    part, train, made = choose(parts, split, where)
    if channels is None:
        channels = 3 if any(is_colour(_bytes(source, name)) for name in train.names) else 1
    reader = Reader(source, image_size, channels, background)
    shape = (image_size, image_size, channels)
    if image_size is None:
        shape = _first_shape(reader, train.names, where)
    if stream is None:
        stream = len(part.names) * int(np.prod(shape)) > available_memory() / 4
    images = None if stream else np.empty((len(part.names), *shape), np.uint8)
    failed = decode_all(reader, part.names, shape, images)
    skipped = [(printable(part.names[row]), reason) for row, reason in sorted(failed.items())]
    _check_skipped(skipped, part, where, split)
    kept = [row for row in range(len(part.names)) if row not in failed]
    labels, class_names = _labels(part, train, kept)
    note = _note(f"{split}: {len(kept)}", shape, labels, class_names, made, skipped, tree, stream)
    logging.info("%s: %s", where, note)
    if stream:
        names = [part.names[row] for row in kept]
        return ImageFiles(reader, names, shape, labels, class_names, skipped, note)
    return ImageSet(_only(images, kept), labels, class_names, skipped, note)


def available_memory() -> int:
    """Bytes that a process may take without swapping: what Linux states for the machine, or for the
    container if that is less. On other systems the memory of the machine; 4 GiB if nothing is known."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        group = pathlib.Path("/sys/fs/cgroup")
        limit, used = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        found += [int(limit) - int(used)]
    if not found:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    return min(found, default=2**32)


def describe(tree: Tree) -> str:
    """The files of a tree that are no images, in words."""
    return listed(f"{count} {suffix}" for suffix, count in tree.passed.items()) or "nothing"


def _bytes(source, name):
    try:
        return source.read(name)
    except UndecodableError:
        return b""


def _first_shape(reader, names, where):
    for name in names:
        with contextlib.suppress(UndecodableError):
            return reader(name).shape
    raise ValueError(f"Expected images. Received: {len(names)} files in {where}, none of which can be "
                     "decoded. Replace them.")


def _check_skipped(skipped, part, where, split):
    emptied = set()
    if part.classes is not None and split == "train":
        bad = {name for name, _ in skipped}
        emptied = set(part.classes) - {label for name, label in zip(part.names, part.classes)
                                       if printable(name) not in bad}
    if len(skipped) > max(_FEW, _MAX_SKIPPED * len(part.names)) or emptied:
        all_of = listed(map(printable, in_order(emptied)))
        among = f", all of class {all_of} among them" if emptied else ""
        raise ValueError(
            f"Expected at least {1 - _MAX_SKIPPED:.0%} of the files, and some of every class, to be "
            f"whole images. Received: {len(skipped)} of {len(part.names)} files in {where} that cannot "
            f"be decoded{among}: {_reasons(skipped)}. Replace or remove them."
        )


def _reasons(skipped):
    rest = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
    return "; ".join(f"{name} ({reason})" for name, reason in skipped[:5]) + rest


def _labels(part, train, kept):
    """(labels of the rows `kept`, names of all classes); (None, None) without class folders."""
    if part.classes is None:
        return None, None
    names = in_order(train.classes)
    number = {name: k for k, name in enumerate(names)}
    return np.array([number[part.classes[row]] for row in kept], np.int64), list(map(printable, names))


def _note(head, shape, labels, class_names, made, skipped, tree, stream):
    text = [f"{head} images of {'x'.join(map(str, shape))}"]
    if labels is None:
        text[0] += " without labels"
    else:
        word = "class" if len(class_names) == 1 else "classes"
        text[0] += f" in {len(class_names)} {word} ({listed(class_names)})"
    if stream:
        text.append("decoded batch by batch")
    if made:
        text.append(made)
    if skipped:
        text.append(f"skipped {len(skipped)} that cannot be decoded: {_reasons(skipped)}")
    if tree.passed:
        text.append(f"passed over files that are no images: {describe(tree)}")
    return "; ".join(text)


def _only(images, rows):
    """images[rows] of ascending rows, without a second copy of all."""
    if len(rows) < len(images):
        for start in range(0, len(rows), 512):
            some = rows[start : start + 512]
            images[start : start + len(some)] = images[some]
    return images[: len(rows)]
