"""Which names of folders (or of shards, or values of a column) mean a split, as people name them."""

import re
from typing import NamedTuple

TRAIN, VALIDATION, TEST = "train", "validation", "test"
ASIDE = "aside"  # images without labels beside a train split: trained on only where that is said

WORDS = {
    **dict.fromkeys(("train", "training", "trn", "trainval"), TRAIN),
    **dict.fromkeys(
        ("validation", "validate", "validating", "val", "valid", "dev", "devel", "development"), VALIDATION
    ),
    **dict.fromkeys(("eval", "evaluation"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "heldout"), TEST),
    **dict.fromkeys(("unlabeled", "unlabelled", "unsup", "unsupervised", "pred", "predict", "prediction"), ASIDE),
}
# Words beside that of the split which say nothing.
NEUTRAL = {
    *(
        "set",
        "sets",
        "split",
        "splits",
        "subset",
        "part",
        "data",
        "dataset",
        "folder",
        "folders",
        "dir",
        "files",
        "file",
    ),
    *(
        "image",
        "images",
        "img",
        "imgs",
        "photo",
        "photos",
        "picture",
        "pictures",
        "pics",
        "samples",
        "sample",
        "frames",
    ),
    *("jpg", "jpeg", "png", "shard", "shards"),
}
# A word of a split grown together with a neutral one, as in `trainset` and `valimages`.
GROWN = re.compile(rf"({'|'.join(sorted(WORDS, key=len, reverse=True))})({'|'.join(sorted(NEUTRAL))})")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
FOLD = re.compile(r"(folds?|cv|kfold|split)[ _.-]?\d+", re.IGNORECASE)
DATE = re.compile(r"((19|20)\d\d)([-_. ]?(0[1-9]|1[0-2])([-_. ]?(0[1-9]|[12]\d|3[01]))?)?")


class SplitName(NamedTuple):
    """A name that has a split's word in it.

    Args:
        role: `TRAIN`, `VALIDATION`, `TEST` or `ASIDE`.
        rest: its other words, lower case, without those that say nothing.
    """

    role: str
    rest: tuple[str, ...]


def split_name(name: str) -> SplitName | None:
    """Returns which split a name may mean; `None` if it has no or several words of splits in it.

    `Training`, `train2017` and `test_images` mean nothing else and have no rest; `seg_train` and `trainA` do only
    where names beside them are made alike.
    """
    joined = re.sub(r"(hold|held)[ _.-]?out", "holdout", name, flags=re.IGNORECASE)
    joined = re.sub(r"train[ _.+-]?val\b", "trainval", joined, flags=re.IGNORECASE)
    words = [word.lower() for word in WORD.findall(joined)]
    words = [part for word in words for part in _grown_together(word)]
    roles = {WORDS[word] for word in words if word in WORDS}
    if ASIDE in roles:
        roles = {ASIDE}
    if len(roles) != 1:
        return None
    rest = (word for word in words if word not in WORDS and word not in NEUTRAL and not word.isdigit())
    return SplitName(roles.pop(), tuple(rest))


def role_of(name: str) -> str | None:
    """Returns the split that a name means by itself, or `None`."""
    found = split_name(name)
    return None if found is None or found.rest else found.role


def are_folds(names: list[str]) -> bool:
    """Whether names are those of folds, as of a cross-validation."""
    return len(names) > 1 and all(FOLD.fullmatch(name) for name in names)


def are_dates(names: list[str]) -> bool:
    """Whether all names are years, months or days."""
    return bool(names) and all(DATE.fullmatch(name) for name in names)


def _grown_together(word: str) -> tuple[str, ...]:
    found = GROWN.fullmatch(word)
    return (word,) if found is None or word in WORDS else (found[1], found[2])
