"""How the files of a data set are divided into splits and classes."""

import dataclasses
import os
import re
from typing import NamedTuple

from aag_tf.config.setting import check_settings, setting

AUTO, NONE, EARLY = "auto", "none", "early"
FOLDERS = "folders"
ROLES = ("train", "validation", "test")
LABELS_FORM = "auto, folders, none, or the file of a table such as labels.csv"
SPLITS_FORM = "auto, none, or train=DIR,validation=DIR,test=DIR"
HERE = "."  # a part that begins at the data set's own folder


class Part(NamedTuple):
    """A folder of a data set, and the split that its images belong to.

    Args:
        role: one of `ROLES`.
        pattern: path below the data set; one `*` stands for the name of the class.
    """

    role: str
    pattern: str


def read_splits(text: str) -> tuple[Part, ...] | None:
    """Reads one data set's `--splits`, such as `train=Training,test=Testing`; `None` for the words.

    Raises:
        ValueError: it is neither, names no images to train on, or names a folder twice.
    """
    if text in (AUTO, NONE, EARLY):
        return None
    # A comma within the name of a folder is kept, since only one before `train=` and the like separates.
    written = re.split(rf",\s*(?=(?:{'|'.join(ROLES)})\s*=)", text.strip())
    parts = []
    for part in written:
        role, equals, pattern = part.partition("=")
        if role.strip() not in ROLES or not equals:
            raise ValueError("is not known")
        pattern = "/".join(step for step in pattern.strip().split("/") if step not in ("", HERE)) or HERE
        if ".." in pattern.split("/"):
            raise ValueError("leaves the data set")
        parts.append(Part(role.strip(), pattern))
    patterns = [part.pattern for part in parts]
    if len(set(patterns)) < len(patterns):
        raise ValueError("names a folder twice")
    if not any(part.role == "train" for part in parts):
        raise ValueError("names no train=DIR")
    return tuple(parts)


def read_labels(text: str) -> str | None:
    """Reads `--labels`: the path of a table, or `None` for the words.

    Raises:
        ValueError: it is neither.
    """
    if text in (AUTO, FOLDERS, NONE):
        return None
    if not os.path.splitext(text)[1]:
        raise ValueError("is not known")
    return text


def write_splits(parts: tuple[Part, ...]) -> str:
    """Returns parts as `--splits` names them."""
    return ",".join(f"{part.role}={part.pattern}" for part in parts)


def splits_of_each(text: str) -> list[str]:
    """The values of `--splits` for several data sets, which semicolons separate."""
    starts = "|".join((AUTO, NONE, EARLY, *(rf"{role}\s*=" for role in ROLES)))
    return [part.strip() for part in re.split(rf";\s*(?={starts})", text)]


def _read_all(text: str) -> list[tuple[Part, ...] | None]:
    return [read_splits(part) for part in splits_of_each(text)]


@dataclasses.dataclass(frozen=True)
class LayoutConfig:
    """Layout: what the names of folders and the columns of tables mean."""

    splits: str = setting(
        AUTO,
        "Which sub-folders are splits: auto goes by their names (train, Training, train2017, seg_train; val, valid, "
        "dev; test, holdout; ...) and refuses what it cannot tell; none takes all images for training, sub-folders "
        "are classes; train=DIR,validation=DIR,test=DIR names them below the data set, several of a kind too "
        "(train=fold1,train=fold2,test=fold3), `.` for the folder itself, and one `*` for the class, as in "
        "train=*/train,test=*/test. Folders in no split are left out. For a table, DIR is a value of its "
        "column of splits. Several data sets have a value each, between semicolons.",
        form=SPLITS_FORM,
        read=_read_all,
    )
    labels: str = setting(
        AUTO,
        "Where classes come from: auto, the sub-folders of each split, where there are two or more, and a few images "
        "beside them are left out (csv: and tar: have labels of their own); folders, the same, but all images without "
        "a class are left out, and one sub-folder is a class too; none; or a table of paths below the data set and "
        "labels, such as labels.csv.",
        form=LABELS_FORM,
        read=read_labels,
        is_path=True,
        schemes=(),
    )
    columns: str | None = setting(
        None,
        "Columns of a table that have path, label and, if there is one, split, in this order, as image,class,fold; a "
        "table without a line of names counts them, 1,2. Default: found by their names (path, file, image, ...; label, "
        "class, target, ...; split, subset, ...).",
        if_empty="give names of columns, as --columns=image,class",
    )
    follow_symlinks: bool | None = setting(
        None,
        "In folder:, follow symbolic links that lead out of the folder, as from a class to a folder on another disk. "
        "Off, they are left out and named, since files that come from others may link to anything; links within the "
        "folder are always followed. Default: off for a few files, and a refusal where whole folders or more than a "
        "tenth of the images would be left out.",
        resumable=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        # As a run records it, so that a resumed one compares equal however it was written.
        each = ((text, read_splits(text)) for text in splits_of_each(self.splits))
        written = [text if parts is None else write_splits(parts) for text, parts in each]
        object.__setattr__(self, "splits", ";".join(written))

    @property
    def is_usual(self) -> bool:
        """Whether nothing is asked for that only files have."""
        return dataclasses.replace(self, follow_symlinks=self.follow_symlinks or None) == LayoutConfig()
