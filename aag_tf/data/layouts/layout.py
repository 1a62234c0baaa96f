"""A layout of folders that was understood."""

from typing import NamedTuple

from aag_tf.config.layout import Part
from aag_tf.data.layouts.folder_tree import Folder
from aag_tf.data.layouts.split_names import TRAIN

FEW, FEW_PART = 3, 0.1  # images beside class folders that are left out: so many, or this part of those in them


class Layout(NamedTuple):
    """A layout that was understood.

    Args:
        parts: the folders of each split; `()` for all images, to train on.
        how: what was gone by, in words.
        notes: what was left out or may be wrong, each with the flag that decides otherwise.
    """

    parts: tuple[Part, ...]
    how: str
    notes: tuple[str, ...] = ()


def are_few(loose: int, in_folders: int) -> bool:
    """Whether images beside class folders are so few that they hardly belong to the data."""
    return loose <= max(FEW, FEW_PART * in_folders)


def train_on(top: Folder) -> tuple[Part, ...]:
    """Returns the parts of a layout that trains on all images of a folder."""
    return (Part(TRAIN, top.path),) if top.path else ()
