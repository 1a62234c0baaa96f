"""JSON files from unknown sources, read with checks."""

import json
import os
from pathlib import Path
from typing import Any


def read_json_object(path: str | os.PathLike[str], *keys: str) -> dict[str, Any]:
    """Returns the JSON object in a file.

    Args:
        path: the file.
        keys: names that the object must contain.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not JSON, not an object, or lacks a key; the message says which.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    for key in keys:
        if key not in found:
            raise ValueError(f"it has no {key!r}")
    return found
