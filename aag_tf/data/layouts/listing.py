"""Listed image files, each with its split and its class, before any is opened.

Every source of files ends here: it names its files by a path below the data set, and the layout of these paths decides
(`aag_tf.data.layouts.folder_layout`), or what `--splits` and `--labels` say.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aag_tf.config.layout import AUTO, EARLY, FOLDERS, NONE, LayoutConfig, Part, read_splits, write_splits
from aag_tf.data.layouts.folder_layout import understand
from aag_tf.data.layouts.folder_tree import Folder, folder_tree
from aag_tf.data.layouts.labeling import label
from aag_tf.data.layouts.layout import Layout
from aag_tf.data.layouts.placing import Placing
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger
from aag_tf.utils.text import printable, shown

NAMED = 5  # files, folders or classes that a message names


class Found(NamedTuple):
    """An image file of a data set.

    Args:
        path: that it is opened by.
        key: its path below the data set, with `/`.
        label: name of its class, where a table or a file beside it says so.
    """

    path: str
    key: str
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Image files that are in no split, or have no class where the others have."""

    count: int
    reason: str
    examples: tuple[str, ...]

    def __str__(self) -> str:
        """Number, reason and the first names."""
        more = f" and {self.count - len(self.examples)} more" if self.count > len(self.examples) else ""
        return f"{self.count:,} {self.reason} ({', '.join(map(shown, self.examples))}{more})"


class Resolved(NamedTuple):
    """What a data set's layout was found to be.

    Args:
        splits: the value of `--splits` that means the same.
        labels: that of `--labels`.
        how_splits, how_labels: what was gone by, in words.
    """

    splits: str
    labels: str
    how_splits: str
    how_labels: str


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a data set.

    Args:
        name: of the data set.
        paths: the files that are in a split, in the order of the data set.
        splits: of each.
        labels: int64 [n], number of the class of each, -1 for none.
        class_names: `None` if there are fewer than two.
        layout: how splits and classes were found.
        left_out: other files.
    """

    name: str
    paths: list[str]
    splits: list[str]
    labels: npt.NDArray[np.int64]
    class_names: list[str] | None
    layout: Resolved
    left_out: tuple[LeftOut, ...] = ()

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """Numbers of the files of a split."""
        return np.array([row for row, own in enumerate(self.splits) if own == split], np.int64)


def arrange(
    name: str,
    files: Sequence[Found],
    config: LayoutConfig,
    *,
    labeled: bool = False,
    before: Sequence[LeftOut] = (),
    early: tuple[Part, ...] = (),
) -> Listing:
    """Gives each file its split and its class.

    Args:
        name: of the data set.
        files: in the order of the data set; at least one.
        config: decides, or leaves it to names.
        labeled: whether the files bring their labels, so that folders name none.
        before: files that were left out already.
        early: the splits of `--splits=early`.

    Raises:
        DataError: the layout is unclear, or not as `config` says.
    """
    # One number for each folder: there are few of them, and files may be millions.
    number_of: dict[str, int] = {}
    folders = np.fromiter((number_of.setdefault(_folder_of(file.key), len(number_of)) for file in files), np.int64)
    tree = folder_tree(dict(zip(number_of, np.bincount(folders).tolist(), strict=True)))
    layout = _layout(tree, name, config, early, classes=not labeled)
    for note in layout.notes:
        logger.warning("%s", note)
    places = list(map(Placing(layout.parts), number_of))
    inside = np.array([place is not None for place in places], np.bool_)[folders]
    rows = np.flatnonzero(inside)
    place_of = [place or ("", None) for place in places]
    splits = [place_of[folder][0] for folder in folders[rows]]
    missing = [part.pattern for part in layout.parts if part.role not in set(splits)]
    if missing:
        raise _nothing_in(missing, name, config, tree)
    classes = [files[int(row)].label if labeled else place_of[folders[row]][1] for row in rows]
    labeling = label(name, splits, classes, config, given=labeled)
    without = "without a label (--labels)" if labeled else "beside the class folders (--labels)"
    left_out = [
        *before,
        *_left_out(files, np.flatnonzero(~inside), "in no split (--splits)"),
        *_left_out(files, rows[labeling.left_out], without),
    ]
    if left_out:
        logger.warning("left out of %s: %s.", name, "; ".join(map(str, left_out)))
    found = config.splits if config.splits == EARLY else write_splits(layout.parts) if layout.parts else NONE
    return Listing(
        name,
        [files[int(row)].path for row in rows[labeling.kept]],
        [splits[row] for row in labeling.kept],
        labeling.labels,
        labeling.class_names,
        Resolved(found, labeling.setting, layout.how, labeling.how),
        tuple(left_out),
    )


def _layout(tree: Folder, name: str, config: LayoutConfig, early: tuple[Part, ...], *, classes: bool) -> Layout:
    match config.splits:
        case "auto":
            wanted = classes and config.labels in (AUTO, FOLDERS)
            return understand(tree, name, classes=wanted, one_class=config.labels == FOLDERS)
        case "none":
            return Layout((), "all images are taken for training by --splits=none")
        case "early":
            return Layout(early, "as version 0.1.0 read folders, --splits=early")
    return Layout(read_splits(config.splits) or (), "as --splits names them")


def left_out_files(files: Sequence[Found], reason: str) -> list[LeftOut]:
    """Describes files that are left out; nothing where there are none."""
    return _left_out(files, range(len(files)), reason)


def _left_out(files: Sequence[Found], rows: Sequence[int] | npt.NDArray[np.int64], reason: str) -> list[LeftOut]:
    examples = tuple(printable(files[int(row)].key) for row in rows[:NAMED])
    return [LeftOut(len(rows), reason, examples)] if examples else []


def _nothing_in(missing: list[str], name: str, config: LayoutConfig, tree: Folder) -> DataError:
    folders = [printable(folder.path) for folder in tree.walk() if folder.path]
    there = f"the folders {', '.join(folders[:NAMED])}" if folders else "no sub-folders"
    more = f" and {len(folders) - NAMED} more" if len(folders) > NAMED else ""
    return DataError(
        f"--splits={config.splits} finds no images in {', '.join(missing)} of {name}, which has {there}{more}; name "
        "folders that it has."
    )


def _folder_of(key: str) -> str:
    return key.rpartition("/")[0]
