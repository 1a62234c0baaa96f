"""Where this package keeps what it can make again: headers of files, copies of what lies on stores."""

import os
from pathlib import Path

from aag_tf.utils.paths import user_path

CACHE_VARIABLE = "AAG_CACHE_DIR"


def cache_directory() -> Path:
    """Returns `$AAG_CACHE_DIR`, by default `aag_tf` in the user's cache directory; it need not be there yet."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return user_path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or user_path("~/.cache"), "aag_tf").absolute()
