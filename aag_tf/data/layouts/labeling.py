"""Which splits have labels, and what becomes of images without one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.config.layout import AUTO, EARLY, FOLDERS, NONE, LayoutConfig
from aag_tf.data.layouts.early_layout import early_labels
from aag_tf.data.layouts.layout import are_few
from aag_tf.data.layouts.split_names import are_dates
from aag_tf.utils.log import logger
from aag_tf.utils.text import printable

Held = Mapping[str, Counter[str | None]]  # for each split, how many images each class has; `None` for no class


class Labeling(NamedTuple):
    """Labels of a data set's files.

    Args:
        kept: rows of the files that stay, ascending, int64 [n].
        labels: int64 [n] of these, -1 for none.
        class_names: `None` if no split has labels.
        left_out: rows of files without a class in splits that have labels, int64 [k].
        setting: the value of `--labels` that means the same.
        how: what was gone by, in words.
    """

    kept: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    class_names: list[str] | None
    left_out: npt.NDArray[np.int64]
    setting: str
    how: str


def label(
    name: str, splits: Sequence[str], classes: Sequence[str | None], config: LayoutConfig, *, given: bool
) -> Labeling:
    """Decides which splits have labels, and leaves out the images of these that have none.

    Args:
        name: of the data set, for messages.
        splits: of each file.
        classes: of each file, `None` for no class.
        config: what the user says of labels.
        given: whether a table or files beside the images name the classes, and not sub-folders.
    """
    held: dict[str, Counter[str | None]] = {}
    for (split, own), count in Counter(zip(splits, classes, strict=True)).items():
        held.setdefault(split, Counter())[own] = count
    early = config.splits == EARLY
    known = early_labels(held) if early else _labeled(held, config.labels, given=given)
    if config.labels != NONE:
        _say_unlabeled(name, held, known, advise=not early, given=given)
    labels = [own if split in known else None for split, own in zip(splits, classes, strict=True)]
    lacking = (own is None and split in known for split, own in zip(splits, labels, strict=True))
    outside = np.fromiter(lacking, np.bool_, len(labels))
    kept = np.flatnonzero(~outside)
    class_names, numbers = _numbered([labels[row] for row in kept], by_number=given)
    if class_names is not None and not given and config.labels == AUTO and not early and are_dates(class_names):
        logger.warning(
            "the %d classes of %s are dates (%s); --labels=none trains without classes, --labels=folders keeps them.",
            len(class_names),
            name,
            ", ".join(class_names[:3]) + (", ..." if len(class_names) > 3 else ""),
        )
    how = "--labels=none" if config.labels == NONE else "labels" if given else "sub-folders"
    return Labeling(kept, numbers, class_names, np.flatnonzero(outside), _setting(held, known, config), how)


def _labeled(held: Held, labels: str, *, given: bool) -> set[str]:
    """Returns the splits that are labeled."""
    if labels == NONE:
        return set()
    train = set(held.get("train", ())) - {None}
    known = set()
    for split, counts in held.items():
        in_classes = counts.total() - counts[None]
        # A folder around the images of one split is no class.
        wraps = not given and labels == AUTO and split != "train" and len(counts) == 1 and not set(counts) & train
        if in_classes and not wraps and (labels == FOLDERS or are_few(counts[None], in_classes)):
            known.add(split)
    names = {own for split in known for own in held[split]} - {None}
    return known if len(names) > 1 or (names and (given or labels == FOLDERS)) else set()


def _setting(held: Held, known: set[str], config: LayoutConfig) -> str:
    """Returns `--labels` as a run records it, so that later readers need not decide again."""
    if config.labels != AUTO or config.splits == EARLY:
        return config.labels
    partly = any(split not in known and set(counts) - {None} for split, counts in held.items())
    return AUTO if partly and known else FOLDERS if known else NONE


def _say_unlabeled(name: str, held: Held, known: set[str], *, advise: bool, given: bool) -> None:
    for split, counts in held.items():
        found = set(counts) - {None}
        if split in known or not found:
            continue
        if given:
            logger.warning(
                "%s images of %s are unlabeled: only %d of %d have a label; --labels=folders leaves out the others.",
                split,
                name,
                counts.total() - counts[None],
                counts.total(),
            )
        else:
            advice = f"; --labels={FOLDERS} leaves out the others" if advise and len(found) > 1 else ""
            logger.warning(
                "%s images of %s are unlabeled: not all lie in two or more sub-folders%s.", split, name, advice
            )


def _numbered(labels: Sequence[str | None], *, by_number: bool) -> tuple[list[str] | None, npt.NDArray[np.int64]]:
    """Numbers the classes in the order of their names, or of their numbers where all names are numbers."""
    found = {own for own in labels if own is not None}
    if not found:
        return None, np.full(len(labels), -1, np.int64)
    as_numbers = by_number and all(own.isascii() and own.isdigit() for own in found)
    order = sorted(found, key=lambda own: (int(own), own)) if as_numbers else sorted(found)
    number_of: dict[str | None, int] = {own: number for number, own in enumerate(order)}
    return [printable(own) for own in order], np.fromiter(
        (number_of.get(own, -1) for own in labels), np.int64, len(labels)
    )
