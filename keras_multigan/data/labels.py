"""Labels of any kind as integers 0..K-1, and a fixed split into training and test."""

import re
from collections.abc import Iterable, Sequence

import numpy as np


def in_order(names: Iterable[str]) -> list[str]:
    """The distinct names, sorted; by value if all are whole numbers, so that "10" follows "9"."""
    names = sorted(set(names))
    if all(re.fullmatch("[+-]?[0-9]{1,18}", name) for name in names):
        names.sort(key=int)
    return names


def plain(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """Returns labels as one value per image.

    Args:
        labels: integers, booleans, whole floats or strings (N,) or (N, 1); or one-hot rows (N, K).
        count: number N of images.
        where: what holds the labels, for messages.

    Returns:
        int64 (N,), or strings (N,).

    Raises:
        ValueError: a wrong shape or type, NaN, fractions, or rows that are not one-hot.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:  # keras.datasets.cifar10 has such labels
        labels = labels[:, 0]
    if labels.ndim not in (1, 2) or len(labels) != count:
        raise ValueError(
            f"Expected one label per image, shape ({count},), or one-hot rows ({count}, K). Received: "
            f"{labels.dtype} labels of shape {labels.shape} in {where}. Give images and labels of the "
            "same split."
        )
    if labels.ndim == 2:
        if labels.dtype.kind not in "biuf" or not ((labels == 1).sum(1) == 1).all() or not (
            (labels == 0).sum(1) == labels.shape[1] - 1
        ).all():
            raise ValueError(
                f"Expected one label per image, shape ({count},), or one-hot rows, with a single 1 and "
                f"else 0. Received: {labels.dtype} labels of shape {labels.shape} in {where}. Give one "
                "integer per image."
            )
        return labels.argmax(1)
    if labels.dtype.kind in "SU":
        return _strings(labels, where)
    if labels.dtype.kind == "f":
        wrong = labels[~((np.abs(labels) < 2**53) & (labels == np.rint(labels)))]  # NaN is wrong, too
    elif labels.dtype.kind == "u":
        wrong = labels[labels > np.iinfo(np.int64).max]
    elif labels.dtype.kind in "bi":
        wrong = labels[:0]
    else:
        raise ValueError(f"Expected integers or strings as labels. Received: {labels.dtype} labels in "
                         f"{where}. Convert them to int64 or to strings.")
    if wrong.size:
        raise ValueError(f"Expected whole numbers as labels. Received: {wrong[0]} among the "
                         f"{labels.dtype} labels in {where}. Correct or remove these images.")
    return labels.astype(np.int64)


def relabel(
    labels: np.ndarray, train_labels: np.ndarray | None, where: str, keep: bool = False
) -> tuple[np.ndarray, list[str] | None]:
    """Numbers the classes of the training set 0..K-1, in sorted order.

    Args:
        labels: of the split, as `plain` returns them.
        train_labels: of the training split; None if there is none.
        where: what holds the labels, for messages.
        keep: whether integers >= 0 stay as they are; they do, too, if there is no training split.

    Returns:
        The labels, int64 (N,), and the K original values as strings; None instead of these if the
        training set has the integers 0..K-1 already.

    Raises:
        ValueError: a label that the training set lacks.
    """
    numbers = labels.dtype.kind == "i"
    if (keep or train_labels is None) and numbers and labels.min(initial=0) >= 0:
        return labels, None
    train_labels = labels if train_labels is None else train_labels
    known = np.unique(train_labels)
    found, inverse = np.unique(labels, return_inverse=True)
    same_kind = known.dtype.kind == found.dtype.kind
    missing = found if not same_kind else found[~np.isin(found, known)]
    if missing.size:
        raise ValueError(
            f"Expected only labels that the training set has: {listed(known)}. Received: "
            f"{listed(missing)} in {where}. Remove these images, or add some to the training set."
        )
    if numbers and np.array_equal(known, np.arange(len(known))):
        return labels, None
    names = [str(value) for value in known]
    if not numbers:
        names = in_order(names)
    position = {name: k for k, name in enumerate(names)}
    return np.array([position[str(value)] for value in found], np.int64)[inverse], names


def fixed_split(labels: np.ndarray | Sequence | None, count: int) -> np.ndarray:
    """Returns which samples are for the test: a sixth of every class, always the same ones.

    Args:
        labels: (N,) of any kind; None if there are none.
        count: number N of samples.

    Returns:
        Booleans (N,). A class of one sample has it in the training set, any other at least one in each.
    """
    is_test = np.zeros(count, bool)
    classes = np.zeros(count, int) if labels is None else np.unique(labels, return_inverse=True)[1]
    for k in range(classes.max(initial=-1) + 1):
        (rows,) = np.nonzero(classes == k)
        number = max(1, round(len(rows) / 6)) if len(rows) > 1 else 0
        is_test[np.random.default_rng((0, k)).permutation(rows)[:number]] = True
    return is_test


def listed(values: Iterable, most: int = 10) -> str:
    """The first values with commas, and how many more there are."""
    values = [str(value) for value in values]
    rest = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(values[:most]) + rest


def _strings(labels, where):
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Expected labels in UTF-8. Received: {error} in {where}. Convert them.") from error
    if (labels == "").any():
        raise ValueError(f"Expected a label for every image. Received: an empty one in {where}, at row "
                         f"{int(np.argmax(labels == ''))}. Fill it in or remove the image.")
    return labels
