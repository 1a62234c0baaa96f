"""What a data set is, in a few lines that a person can check: images, files left out, classes and splits."""

from collections.abc import Iterator

import numpy as np

from aag_tf.data.files.skipped import counted_by_reason
from aag_tf.data.splits import Source, Split
from aag_tf.utils.text import shown

NAMED_CLASSES = 5
NAMED_FILES = 3


def describe_source(
    source: Source, skipped_file: str | None = None, *, size_from: str = "--image_size"
) -> dict[str, str]:
    """Returns lines by their titles, with the flags that decide otherwise.

    Args:
        source: the data set.
        skipped_file: where all files are named that could not be read; `None` for nowhere.
        size_from: what decides the size of the images.
    """
    lines = {"images": _images(source, size_from)}
    if source.skipped:
        names = ", ".join(list(source.skipped)[:NAMED_FILES])
        more = ", ..." if len(source.skipped) > NAMED_FILES else ""
        where = "" if skipped_file is None else f"; all are named in {skipped_file}"
        lines["skipped"] = f"{counted_by_reason(source.skipped)}: {names}{more}{where}"
    if source.left_out:
        lines["left out"] = "; ".join(map(str, source.left_out))
    return lines | {"classes": _classes(source), "splits": _splits(source)}


def _images(source: Source, size_from: str) -> str:
    height, width, channels = source.image_shape
    total = sum(len(split) for split in (source.train, source.validation, source.test) if split is not None)
    color = {1: "gray", 3: "RGB"}.get(channels, f"with {channels} channels")
    if source.train.images.has_sources:
        done = f"views of {height}x{width} {color} ({size_from}) are cut from the pictures themselves (--crop_from)"
    else:
        done = f"resized to {height}x{width} {color} ({size_from})"
    return f"{total:,} of {shown(source.name)}, {done}"


def _classes(source: Source) -> str:
    labels, layout = source.train.labels, source.layout
    if labels is None:
        return "none known, and none needed: nothing is learned from labels"
    numbers, counts = np.unique(labels, return_counts=True)
    names = [str(number) if source.class_names is None else source.class_names[number] for number in numbers]
    named = [f"{name} ({count:,})" for name, count in zip(names[:NAMED_CLASSES], counts, strict=False)]
    more = f", {len(names) - NAMED_CLASSES} more" if len(names) > NAMED_CLASSES else ""
    origin, advice = ("", "") if layout is None else (f" from {layout.how_labels}", " (--labels=none for none)")
    return f"{len(names)}{origin}: {', '.join(named)}{more}; used to evaluate, not to train{advice}"


def _splits(source: Source) -> str:
    if source.layout is None:
        return "; ".join(_each_split(source))
    how = source.layout.how_splits
    return "; ".join([*_each_split(source), how if "--splits" in how else f"{how} (--splits)"])


def _each_split(source: Source) -> Iterator[str]:
    """Each split with its number of images and where it comes from."""
    parts: dict[str, Split | None] = {"train": source.train, "validation": source.validation, "test": source.test}
    for name, split in parts.items():
        if split is not None:
            origin = f", {source.origins[name]}" if name in source.origins else ""
            yield f"{name} {len(split):,}{origin}"
        elif name == "validation":
            yield "no validation (--validation_fraction holds some out)"
        else:
            yield f"no {name}, since there are no labels"
