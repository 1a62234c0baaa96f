"""Paths as users write them."""

import glob
import os
from pathlib import Path

from aag_tf.utils.errors import ConfigError
from aag_tf.utils.urls import check_scheme


def user_path(name: str | os.PathLike[str]) -> Path:
    """Returns the path that a user wrote, with `~` expanded.

    Raises:
        ConfigError: `~name` names no user of this machine, or it is a URL.
    """
    check_scheme("", os.fspath(name))
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{name} begins with a user that this machine does not know; write the path out.") from error


def matching(pattern: str) -> list[str]:
    """Returns the paths that match a pattern with *, ? and [, sorted; `**` stands for any number of folders.

    `**` enters no symbolic links, since one that leads up would be entered again and again. Hidden names are matched by
    no star.
    """
    start, double_star, rest = pattern.partition("**")
    if not double_star:
        return sorted(glob.glob(pattern))
    end = "**" + rest
    found = [
        each
        for folder in glob.glob(start or ".")
        for each in Path(folder).glob(f"{end}/*" if end.endswith("**") else end)
        if not any(step.startswith(".") for step in each.relative_to(folder).parts)
    ]
    return sorted(map(str, dict.fromkeys(found)))


def nearest_existing(path: Path) -> Path:
    """Returns the path itself if it exists, else the nearest parent that does.

    Raises:
        OSError: the path cannot be examined, for example because its name is too long.
    """
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def check_new_file(path: Path, given: str, *, overwrite: bool) -> None:
    """Checks that a file may be written, and does not exist unless it may be replaced.

    Args:
        path: the file.
        given: the flag that named it, as it was given, such as `--out=views.png`.
        overwrite: whether it may be replaced.

    Raises:
        ConfigError: it exists, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise ConfigError(f"{given} exists; name another file, or add --overwrite to replace it.")
    if not path.parent.is_dir():
        raise ConfigError(f"{given} is in a directory that does not exist; create {path.parent} first.")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{given} cannot be written; name a file in a directory that you may write to.")


def same_place(one: str, other: str) -> bool:
    """Whether two paths or addresses name the same place."""
    if "://" in one or "://" in other:
        return one.rstrip("/") == other.rstrip("/")
    return user_path(one).resolve() == user_path(other).resolve()
