"""Several data sets as one: `--dataset=folder:a,tar:b.tar`; classes of the same name are the same class."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aag_tf.config.layout import AUTO
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.derived_images import JoinedImages
from aag_tf.data.layouts.listing import Listing, Resolved
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger

Labels = npt.NDArray[np.int64]


def join_listings(name: str, listings: Sequence[Listing]) -> Listing:
    """Joins listed files, one data set after the other, so that they are read as one.

    Args:
        name: of the whole.
        listings: the parts.
    """
    names, numbered = _one_numbering([(part.class_names, part.labels) for part in listings])
    splits = [split for part in listings for split in part.splits]
    labels = np.concatenate(numbered)
    for split in dict.fromkeys(splits):
        rows = np.array([own == split for own in splits])
        if (labels[rows] >= 0).any() and (labels[rows] < 0).any():
            _say_unlabeled(name, split)
            labels[rows] = -1
    return Listing(
        name,
        [path for part in listings for path in part.paths],
        splits,
        labels,
        names if (labels >= 0).any() else None,
        _joined_layout([part.layout for part in listings]),
        tuple(files for part in listings for files in part.left_out),
    )


def join_sources(name: str, sources: Sequence[Source]) -> Source:
    """Joins opened data sets, before splits that they lack are made.

    Args:
        name: of the whole.
        sources: the parts.

    Raises:
        DataError: their images differ in size, in channels, or in the range that deep ones were read in.
    """
    shapes = dict.fromkeys(source.image_shape for source in sources)
    if len(shapes) > 1:
        listed = "; ".join(f"{source.name} {'x'.join(map(str, source.image_shape))}" for source in sources)
        advice = "--channels=3" if len({shape[2] for shape in shapes}) > 1 else "--image_size=64"
        raise DataError(
            f"data sets that are joined need images of one size and one number of channels, and they have {listed} "
            f"(height x width x channels); bring them to one, as with {advice}."
        )
    reading = _one_reading(name, sources)
    roles = ("train", "validation", "test")
    held = {role: [(source, own) for source in sources if (own := getattr(source, role)) is not None] for role in roles}
    labeled = [source for owners in held.values() for source, own in owners if own.labels is not None]
    names = sorted({own for source in labeled for own in _names_of(source)}) or None
    splits = {role: _joined_split(name, role, owners, names) for role, owners in held.items() if owners}
    return dataclasses.replace(
        sources[0],
        name=name,
        train=splits["train"],
        validation=splits.get("validation"),
        test=splits.get("test"),
        class_names=names,
        skipped={path: why for source in sources for path, why in source.skipped.items()},
        left_out=tuple(files for source in sources for files in source.left_out),
        layout=_joined_layout([source.layout for source in sources])
        if any(source.layout for source in sources)
        else None,
        reading=reading,
    )


def _one_reading(name: str, sources: Sequence[Source]) -> Reading:
    """Returns how all parts were read."""
    deep = [source for source in sources if source.reading.value_range is not None]
    if len({source.reading.value_range for source in deep}) > 1:
        found = "; ".join("{} {:g}..{:g}".format(source.name, *source.reading.value_range or ()) for source in deep)
        raise DataError(
            f"the deep images of {name} would be read in several ranges ({found}), so that equal values differ; name "
            "one for all with --value_range=LOW..HIGH."
        )
    return (deep or sources)[0].reading


def _joined_split(name: str, split: str, owners: Sequence[tuple[Source, Split]], names: list[str] | None) -> Split:
    images = JoinedImages([own.images for _, own in owners]) if len(owners) > 1 else owners[0][1].images
    labels = [own.labels for _, own in owners]
    if names is None or any(own is None for own in labels):
        if any(own is not None for own in labels):
            _say_unlabeled(name, split)
        return Split(images, files=_joined_files([own for _, own in owners]))
    number_of = {own: number for number, own in enumerate(names)}
    numbered = [
        np.array([number_of[_names_of(source)[label]] for label in own.labels], np.int64)
        for source, own in owners
        if own.labels is not None
    ]
    return Split(images, np.concatenate(numbered), _joined_files([own for _, own in owners]))


def _joined_files(parts: Sequence[Split]) -> npt.NDArray[np.int64] | None:
    """Numbers of the files of all parts, where those of one are known."""
    if all(part.files is None for part in parts):
        return None
    numbered, start = [], 0
    for part in parts:
        files = np.arange(len(part)) if part.files is None else part.files
        numbered.append(files + start)
        start += int(files.max()) + 1
    return np.concatenate(numbered)


def _one_numbering(parts: Sequence[tuple[list[str] | None, Labels]]) -> tuple[list[str] | None, list[Labels]]:
    """Returns the names of all classes, sorted, and the labels of each part by their numbers in these."""
    every = sorted({own for names, _ in parts for own in names or ()})
    number_of = {own: number for number, own in enumerate(every)}
    numbered = []
    for names, labels in parts:
        table = np.array([*(number_of[own] for own in names or ()), -1], np.int64)  # -1 stays -1, as the last
        numbered.append(table[labels])
    return every or None, numbered


def _names_of(source: Source) -> list[str]:
    """The names of the classes; numbers as text where only these are known."""
    if source.class_names is not None:
        return source.class_names
    splits = (source.train, source.validation, source.test)
    most = max((int(own.labels.max()) for own in splits if own is not None and own.labels is not None), default=-1)
    return [str(number) for number in range(most + 1)]


def _joined_layout(layouts: Sequence[Resolved | None]) -> Resolved:
    known = [layout or Resolved("auto", "auto", "its own splits", "its own labels") for layout in layouts]
    return Resolved(
        ";".join(layout.splits for layout in known),
        known[0].labels if len({layout.labels for layout in known}) == 1 else AUTO,
        "; ".join(dict.fromkeys(layout.how_splits for layout in known)),
        "; ".join(dict.fromkeys(layout.how_labels for layout in known)),
    )


def _say_unlabeled(name: str, split: str) -> None:
    logger.warning("%s images of %s are unlabeled: not all of the joined data sets have labels for them.", split, name)
