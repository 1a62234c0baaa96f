"""The labeled images: which to learn from, which to choose by, which to report on."""

import dataclasses
import functools
import math

import numpy as np

from aag_tf.config import FinetuneConfig, TuningConfig
from aag_tf.data import ArrayImages, JoinedImages, Source, Split
from aag_tf.data.splits import TEST_FROM_VALIDATION, held_out_mask, hold_out
from aag_tf.evaluation.few_labels import stratified_draw
from aag_tf.evaluation.subjects import open_adapted
from aag_tf.finetuning.encoder import Encoder
from aag_tf.utils.errors import FinetuneError
from aag_tf.utils.text import counted, shown

IN_MEMORY = 512 * 2**20  # bytes: fewer labeled images than that are decoded once
NAMED_CLASSES = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Labeled:
    """Images with the index of their class, int [n]; -1 for a class that none of the images to learn from has."""

    images: Split
    owners: np.ndarray

    def __len__(self) -> int:
        return len(self.owners)

    def take(self, most: int) -> "Labeled":
        """Returns at most `most` images: a fixed sample, stratified by class."""
        if len(self) <= most:
            return self
        rows = np.flatnonzero(held_out_mask(len(self), self.owners, most / len(self), "sample"))
        return Labeled(self.images.select(rows), self.owners[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class LabeledImages:
    """The images of a fine-tuning, in the shape that the encoder takes.

    Args:
        source: the data set.
        class_names: of the classes, in the order of the logits.
        train: to learn from.
        held_out: to choose by.
        test: to report on; `None` where the data set has too few images for a test split.
        image_shape: (height, width, channels).
        conversion: how images are changed for the encoder, in words; empty where they are not.
        own_validation: whether the data set itself has the held-out images as its validation split.
    """

    source: Source
    class_names: list[str]
    train: Labeled
    held_out: Labeled
    test: Labeled | None
    image_shape: tuple[int, int, int]
    conversion: str
    own_validation: bool

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @functools.cached_property
    def all(self) -> Labeled:
        """The images to learn from, and then those held out."""
        parts = (self.train, self.held_out)
        images = _in_memory(Split(JoinedImages([each.images.images for each in parts])))
        return Labeled(images, np.concatenate([each.owners for each in parts]))

    @property
    def reported(self) -> Labeled:
        """The images that metrics are of: test, or those held out where there is no test split."""
        return self.test or self.held_out

    @property
    def reported_split(self) -> str:
        """`test` or `validation`."""
        return "validation" if self.test is None else "test"

    def counts(self) -> dict[str, list[int]]:
        """Returns the images of each class, in the order of the logits, in each split."""
        splits = {"train": self.train, "held_out": self.held_out, "test": self.test}
        return {
            name: [0] * self.num_classes
            if split is None
            else np.bincount(split.owners[split.owners >= 0], minlength=self.num_classes).tolist()
            for name, split in splits.items()
        }


def open_labels(config: FinetuneConfig, encoder: Encoder) -> LabeledImages:
    """Opens the labeled images and divides them.

    The test split is that of every evaluation. What is beside it is drawn from, if fewer labels are asked for, and
    divided into images to learn from and held-out ones; a validation split of the data set itself is the latter.

    Raises:
        DataError: there is no such data set.
        EvaluationError: its images do not fit the encoder.
        FinetuneError: it has no labels, one class, a class with one image, or no image that can be held out.
    """
    opened = open_adapted(encoder.evaluation(config), encoder.subject())
    source = opened.source
    if source.train.labels is None:
        raise FinetuneError(
            f"{shown(source.name)} has no labels; name images with labels by --dataset: a folder takes them from the "
            "names of its sub-folders, a table from a column."
        )
    train, held_out, own_validation = _divided(source, config.tuning)
    assert train.labels is not None
    classes = np.unique(train.labels)
    names = [str(label) if source.class_names is None else source.class_names[label] for label in classes]

    def labeled(split: Split, *, keep: bool) -> Labeled:
        assert split.labels is not None
        places = np.searchsorted(classes, split.labels).clip(max=len(classes) - 1)
        owners = np.where(classes[places] == split.labels, places, -1)
        return Labeled(_in_memory(opened.adapt(split)) if keep else opened.adapt(split), owners)

    test = source.test if source.test is not None and source.test.labels is not None else None
    return LabeledImages(
        source,
        names,
        labeled(train, keep=True),
        labeled(held_out, keep=True),
        None if test is None else labeled(test, keep=False),
        opened.image_shape,
        opened.conversion,
        own_validation,
    )


def _divided(source: Source, tuning: TuningConfig) -> tuple[Split, Split, bool]:
    """Returns the images to learn from, the held-out ones, and whether the data set has the latter of its own."""
    validation = source.validation
    own = validation is not None and validation.labels is not None and "validation" not in source.origins
    if own:
        assert validation is not None
        train, held_out = (_drawn(split, tuning) for split in (source.train, validation))
        assert train.labels is not None
        assert held_out.labels is not None
        _check_classes(source, tuning, train.labels, least=1)
        known = np.isin(held_out.labels, train.labels)
        if not known.any():
            raise FinetuneError(
                f"no image of the validation split of {shown(source.name)} is of a class to learn from, so that "
                "nothing can be chosen by held-out labels; give both splits the same classes."
            )
        return train, held_out.select(np.flatnonzero(known)), True
    pool = _drawn(_pool(source), tuning)
    assert pool.labels is not None
    _check_classes(source, tuning, pool.labels, least=2)
    train, found = hold_out(pool, tuning.held_out_fraction, "validation split")
    if found is None:
        raise FinetuneError(
            f"{shown(source.name)} has {len(pool):,} labeled images beside the test split, of which "
            f"--held_out_fraction={tuning.held_out_fraction:g} holds out none to choose by; label more images, or "
            f"raise it to {math.ceil(100 / len(pool)) / 100:g}."
        )
    assert train.labels is not None
    lost = np.setdiff1d(pool.labels, train.labels)
    if len(lost):  # all images of a class are pages of one file
        raise FinetuneError(
            f"all images of {_named(source, lost)} are pages of one file, which is held out; label files of more."
        )
    return train, found, False


def _pool(source: Source) -> Split:
    """Returns what is not in the test split; validation, where it was held out of train, belongs to it."""
    parts = [source.train] if source.validation is None else [source.train, source.validation]
    if len(parts) == 1 or any(part.labels is None for part in parts):
        return source.train
    files = [part.files for part in parts]
    return Split(
        JoinedImages([part.images for part in parts]),
        np.concatenate([part.labels for part in parts if part.labels is not None]),
        None if any(each is None for each in files) else np.concatenate([each for each in files if each is not None]),
    )


def _drawn(split: Split, tuning: TuningConfig) -> Split:
    if tuning.label_percent == 100.0:
        return split
    assert split.labels is not None
    return split.select(stratified_draw(split.labels, tuning.label_percent / 100, seed=tuning.seed, number=0))


def _check_classes(source: Source, tuning: TuningConfig, labels: np.ndarray, *, least: int) -> None:
    """Checks the images beside the test split: two classes or more, each with so many images."""
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise FinetuneError(
            f"all {len(labels):,} labeled images of {shown(source.name)} are of class {_named(source, classes)}; name "
            "images of two classes or more."
        )
    few = classes[counts < least]
    tested = np.empty(0, np.int64) if source.test is None or source.test.labels is None else source.test.labels
    if source.origins.get("test") not in (None, TEST_FROM_VALIDATION):
        few = np.union1d(few, np.setdiff1d(tested, classes))  # all of its images were held out to test on
    if not len(few):
        return
    beside, in_test = (int(np.sum(part == few[0])) for part in (labels, tested))
    advice = "label more of it, or leave it out"
    if tuning.label_percent < 100:
        advice = f"raise --label_percent={tuning.label_percent:g}, or label more of it"
    raise FinetuneError(
        f"class {_named(source, few)} of {shown(source.name)} has {counted(beside, 'labeled image')} beside the "
        f"{in_test:,} in the test split, and each class needs 2, one to learn from and one to hold out; {advice}."
    )


def _named(source: Source, labels: np.ndarray) -> str:
    names = [str(label) if source.class_names is None else source.class_names[label] for label in labels]
    more = f" and {len(names) - NAMED_CLASSES} more classes" if len(names) > NAMED_CLASSES else ""
    return ", ".join(shown(name) for name in names[:NAMED_CLASSES]) + more


def _in_memory(split: Split) -> Split:
    """Returns the split with its images decoded, where there are few."""
    height, width, channels = split.images.shape
    if len(split) * height * width * channels > IN_MEMORY:
        return split
    return dataclasses.replace(split, images=ArrayImages(split.images.numpy(np.arange(len(split)))))
