"""Paths as users write them."""

import os
from pathlib import Path

from aag_tf.utils.errors import ConfigError


def user_path(name: str | os.PathLike[str]) -> Path:
    """Returns the path that a user wrote, with `~` expanded.

    Raises:
        ConfigError: `~name` names no user of this machine.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{name} begins with a user that this machine does not know; write the path out.") from error


def nearest_existing(path: Path) -> Path:
    """Returns the path itself if it exists, else the nearest parent that does.

    Raises:
        OSError: the path cannot be examined, for example because its name is too long.
    """
    return next(each for each in (path, *path.absolute().parents) if each.exists())
