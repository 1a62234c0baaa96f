"""Which split files belong to, from their names: `train-00000-of-00010.parquet`, `test/data.arrow`."""

import os
import re
from collections.abc import Sequence

WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def files_by_split(paths: Sequence[str]) -> dict[str, list[str]]:
    """Returns the files of each split, in their order; all are train unless each names a split and one of them train.

    Args:
        paths: the files; their own names and those of their folders count.
    """
    roles = [_role(path) for path in paths]
    if None in roles or "train" not in roles:
        return {"train": list(paths)}
    order = [role for role in ("train", "validation", "test") if role in roles]
    return {role: [path for path, own in zip(paths, roles, strict=True) if own == role] for role in order}


def _role(path: str) -> str | None:
    for name in (os.path.basename(path), os.path.basename(os.path.dirname(path))):
        for word in re.findall(r"[a-z]+", name.lower()):
            if word in WORDS:
                return WORDS[word]
    return None
