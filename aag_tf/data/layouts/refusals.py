"""Refuses layouts of which a person would ask back, with the flags that settle them."""

from collections.abc import Iterable, Mapping

from aag_tf.config.layout import HERE, ROLES, Part, write_splits
from aag_tf.data.layouts.folder_tree import Folder
from aag_tf.data.layouts.split_names import TEST, TRAIN, role_of
from aag_tf.utils.errors import DataError
from aag_tf.utils.text import command_line, printable

MOST_LISTED = 6  # folders that a sentence or its advice names
SHARED_PART = 0.8  # of folders that have the same sub-folders, so that they are hardly classes
ASK = "--splits=train=DIR,test=DIR"


def refuse_shared(tree: Folder, pattern: str, name: str, parts: tuple[Part, ...]) -> None:
    """Rejects folders that would be classes and hold the same sub-folders, which are the classes then.

    Args:
        tree: the data set.
        pattern: the part whose sub-folders would be classes.
        name: of the data set.
        parts: all that were found; `()` for everything in train.

    Raises:
        DataError: they do.
    """
    top = _at(tree, pattern)
    if top is None or len(top.folders) < 2:
        return
    holders: dict[str, int] = {}
    for folder in top.folders.values():
        for own in folder.folders:
            holders[own] = holders.get(own, 0) + 1
    most = max(2, SHARED_PART * len(top.folders))
    shared = [own for own, count in holders.items() if count >= most]
    if len(shared) < 2:
        return
    paths = [folder.path for folder in top.folders.values()]
    meant = {path: TEST if path == paths[-1] else TRAIN for path in paths}
    rest = tuple(part for part in parts if part.role != TRAIN)
    inner = rest + tuple(Part(TRAIN if rest else role, path) for path, role in meant.items())
    named = splits_flag(inner) if len(inner) <= MOST_LISTED else ASK
    keep = splits_flag(parts) if parts else "--splits=none"
    raise DataError(
        f"{len(paths)} sub-folders of {name} ({listed(top.folders)}) hold the same sub-folders ({listed(shared)}), so "
        f"that they may be splits or places and not classes; {named} takes the inner ones for classes, {keep} the "
        "outer ones, and --labels=none none."
    )


def refuse_training_on_test(tree: Folder, name: str, parts: tuple[Part, ...]) -> None:
    """Rejects a layout that would train on a folder that is named like a test split, wherever it lies.

    Raises:
        DataError: it would.
    """
    for part in parts or (Part(TRAIN, HERE),):
        top = _at(tree, part.pattern)
        if top is None or part.role != TRAIN:
            continue
        others = {other.pattern for other in parts if other != part}
        for folder in top.walk():
            below = folder.path[len(top.path) :].strip("/").split("/")
            held = any(role_of(step) == TEST for step in below)
            if held and not any(f"{folder.path}/".startswith(f"{other}/") for other in others):
                kept = splits_flag(parts) if parts else "--splits=none"
                raise DataError(
                    f"{name} would train on `{printable(folder.path)}`, which is named like a test split; say which "
                    f"folders are splits with {ASK}, or train on all with {kept}."
                )


def unclear(top: Folder, name: str, what: str, meant: Mapping[str, str | None]) -> DataError:
    """The error for folders of which it is not clear whether they are splits; its advice names those that may be."""
    base = f"{top.path}/" if top.path else ""
    parts = [Part(role, base + own) for own, role in meant.items() if role in ROLES]
    if not any(part.role == TRAIN for part in parts):
        parts.insert(0, Part(TRAIN, f"{base}DIR"))
    parts.sort(key=lambda part: ROLES.index(part.role))
    named = splits_flag(tuple(parts)) if len(parts) <= 2 * MOST_LISTED else ASK
    return DataError(
        f"{name} has {what}, so that it is not clear which are splits; {named} takes those and leaves the others out, "
        "and --splits=none takes all for classes."
    )


def splits_flag(parts: tuple[Part, ...]) -> str:
    """Returns `--splits=...` for a shell."""
    return command_line(f"--splits={printable(write_splits(parts))}")


def flag_for(name: str, path: str) -> str:
    """Returns the flag that names a folder of the data set by itself."""
    return command_line(f"--dataset={name}/{printable(path)}")


def listed(names: Iterable[str]) -> str:
    """Returns the first names with commas."""
    every = [printable(own) for own in names]
    more = f" and {len(every) - MOST_LISTED} more" if len(every) > MOST_LISTED else ""
    return ", ".join(every[:MOST_LISTED]) + more


def _at(tree: Folder, pattern: str) -> Folder | None:
    """Returns the folder of a pattern without a `*`; `None` for others."""
    folder: Folder | None = tree
    for step in pattern.split("/") if pattern != HERE else ():
        folder = None if folder is None else folder.folders.get(step)
    return folder
