"""The layout of folders as version 0.1.0 understood it, which runs of that time keep: `--splits=early`.

- If the only sub-folders are `train` and any of `validation` (or `val`, `valid`) and `test`, in any case, they are the
  splits. Otherwise every image is train.
- The class of an image is the first sub-folder of its split. A split is labeled if each of its images lies in one, and
  there are two classes or more; a single one is enough for validation and test if train has it.
"""

from collections.abc import Collection, Iterable, Mapping

from aag_tf.config.layout import Part

SPLIT_FOLDERS = {"train": "train", **dict.fromkeys(("validation", "val", "valid"), "validation"), "test": "test"}


def early_parts(names: Iterable[str]) -> tuple[Part, ...]:
    """Returns the folders of the splits; `()` where all images are train.

    Args:
        names: of all visible sub-folders, with and without images.
    """
    roles = {name: SPLIT_FOLDERS.get(name.lower()) for name in sorted(names)}
    found = [role for role in roles.values() if role is not None]
    if "train" not in found or len(found) < len(roles) or len(set(found)) < len(found):
        return ()
    return tuple(Part(role, name) for name, role in roles.items() if role is not None)


def early_labels(classes: Mapping[str, Collection[str | None]]) -> set[str]:
    """Returns the splits that are labeled, from the sub-folders of each (`None` for images beside them)."""
    train = set(classes.get("train", ()))
    labeled = {split for split, names in classes.items() if None not in names}
    strange = {split for split in labeled if len(classes[split]) == 1 and not set(classes[split]) & train}
    labeled -= strange - {"train"}
    names = {name for split in labeled for name in classes[split]}
    return labeled if len(names) > 1 else set()
