"""A data set as checked splits, and the rule that makes the splits that a data set lacks."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from aag_tf.data import order
from aag_tf.data.counting import TEST_FRACTION
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.base import Images, Shape
from aag_tf.data.images.derived_images import SelectedImages
from aag_tf.data.layouts.listing import LeftOut, Resolved
from aag_tf.utils import seeds
from aag_tf.utils.errors import DataError

# A fixed seed and not the run's, so that runs of all seeds are evaluated on the same examples.
SPLIT_SEED = 0
TEST_FROM_VALIDATION = "the validation split of the data set, which has no test split"


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images and, if known, their labels.

    Attributes:
        images: uint8 [n, h, w, c], fetched by index.
        labels: int64 [n], 0 or above, or `None`.
        files: int64 [n], number of the file that each image is a page of; `None` where each has its own.

    Raises:
        DataError: there are no images, or the labels do not fit them.
    """

    images: Images
    labels: npt.NDArray[np.int64] | None = None
    files: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if len(self.images) == 0:
            raise DataError("a split has no images; give every split at least one.")
        if self.labels is None:
            return
        labels = np.asarray(self.labels)
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise DataError(
                f"labels are {labels.dtype} of shape {list(labels.shape)}; give one whole number an image, shape [n]."
            )
        if len(labels) != len(self.images):
            raise DataError(f"there are {len(self.images)} images but {len(labels)} labels; give one label an image.")
        if labels.min() < 0:
            raise DataError(f"a label is {labels.min()}; labels are 0 or above.")
        object.__setattr__(self, "labels", labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.images)

    def select(self, rows: npt.NDArray[np.int64]) -> "Split":
        """Returns the images `rows` (int64 [k]) of this split and their labels, as a split."""
        labels, files = (None if each is None else each[rows] for each in (self.labels, self.files))
        return Split(SelectedImages(self.images, rows), labels, files)

    def take(self, most: int) -> "Split":
        """Returns at most `most` images: a fixed sample, stratified by label if there are labels."""
        if len(self) <= most:
            return self
        return self.select(np.flatnonzero(held_out_mask(len(self), self.labels, most / len(self), "sample")))


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """An opened data set.

    Attributes:
        name: value of `--dataset`.
        train: images to train on.
        validation: images to tune on, from the data set itself or held out of train; may be `None`.
        test: images that results are reported on; may be `None`.
        class_names: the name of every label, or `None` if only numbers are known.
        skipped: files that cannot be read, each with the reason.
        left_out: files that are in no split, or have no class where the others have.
        layout: how splits and classes were found, for data sets of files.
        reading: how the images were read.
        origins: where splits come from that the data set itself does not have, in words, by the name of the split.

    Raises:
        DataError: the splits differ in shape, or a label has no name.
    """

    name: str
    train: Split
    validation: Split | None = None
    test: Split | None = None
    class_names: list[str] | None = None
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    layout: Resolved | None = None
    reading: Reading = dataclasses.field(default_factory=Reading)
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for role, split in (("validation", self.validation), ("test", self.test)):
            if split is not None and split.images.shape != self.image_shape:
                raise DataError(
                    f"{self.name} has {role} images of shape {split.images.shape} but train images of shape "
                    f"{self.image_shape}; give all splits one shape."
                )
        for split in (self.train, self.validation, self.test):
            if split is None or split.labels is None or self.class_names is None:
                continue
            if split.labels.max() >= len(self.class_names):
                raise DataError(
                    f"{self.name} has a label {split.labels.max()} but only {len(self.class_names)} class names; "
                    "name every label."
                )

    @property
    def image_shape(self) -> Shape:
        """Height, width and channels of every image in all splits."""
        return self.train.images.shape


def complete(source: Source, validation_fraction: float) -> Source:
    """Returns the source with the splits that its data set lacks.

    1. Validation but no test (as in ImageNet): results are usually reported on validation, so it becomes test.
    2. Still no test, but labels: a stratified fifth of train becomes test. Unlabeled data keep `test=None`, because
       there is nothing to report.
    3. No validation: `validation_fraction` of train becomes validation, stratified by label if there are labels.

    The splits do not depend on the run's seed. All pages of a file are in one split.

    Raises:
        DataError: fewer than two images are left to train on.
    """
    train, validation, test = source.train, source.validation, source.test
    origins: dict[str, str] = {}
    if test is None and validation is not None:
        validation, test = None, validation
        origins["test"] = TEST_FROM_VALIDATION
    if test is None and train.labels is not None:
        train, test = hold_out(train, TEST_FRACTION, "test split")
        origins["test"] = f"{TEST_FRACTION:.0%} of the labeled images, since the data set has no test split"
    if validation is None:
        train, validation = hold_out(train, validation_fraction, "validation split")
        origins["validation"] = f"{validation_fraction:.0%} held out of train (--validation_fraction)"
    if len(train) < 2:
        raise DataError(f"{source.name} has too few images, {len(train)} to train on; give it at least 2.")
    return dataclasses.replace(source, train=train, validation=validation, test=test, origins=origins)


def held_out_mask(
    size: int, labels: npt.NDArray[np.int64] | None, fraction: float, purpose: str
) -> npt.NDArray[np.bool_]:
    """Selects `floor(size * fraction)` of `size` examples to hold out.

    The examples are shuffled, then sorted by label, then every `1 / fraction`-th is taken: each class gives its share
    to within one example, and the total is exact however small the classes are. Without labels it is a random sample.

    Returns:
        bool [size].
    """
    line = order.shuffled(size, seeds.fold(SPLIT_SEED, purpose)).numpy()
    if labels is not None:
        line = line[np.argsort(labels[line], kind="stable")]
    # Without the small constant 100 * 0.29 = 28.999... would lose its last example.
    quota = np.floor(np.arange(size + 1) * fraction + 1e-9)
    mask = np.zeros(size, np.bool_)
    mask[line[np.diff(quota) > 0]] = True
    return mask


def hold_out(split: Split, fraction: float, purpose: str) -> tuple[Split, Split | None]:
    """Divides a split into what is kept and what is held out, by `held_out_mask`; pages of a file stay together.

    Args:
        split: to divide.
        fraction: to hold out, in [0, 1].
        purpose: of what is held out; other purposes give other images.

    Returns:
        What is kept and what is held out; the split itself and `None` where one of the two would be empty.
    """
    if split.files is None:
        mask = held_out_mask(len(split), split.labels, fraction, purpose)
    else:  # whole files: the pages of one are alike, and nothing is learned from testing on what was trained on
        _, first, file_of = np.unique(split.files, return_index=True, return_inverse=True)
        labels = None if split.labels is None else split.labels[first]
        mask = held_out_mask(len(first), labels, fraction, purpose)[file_of]
    if not mask.any() or mask.all():
        return split, None
    return split.select(np.flatnonzero(~mask)), split.select(np.flatnonzero(mask))
