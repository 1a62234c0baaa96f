"""The tables of docs/reference/layouts.md: every row is read as it says, and advice that is given works."""

import re
import shlex
from pathlib import Path

import pytest

from aag_tf.config.layout import LayoutConfig
from aag_tf.data.listing import Found, arrange
from aag_tf.utils.errors import DataError

PAGE = Path(__file__).parents[2] / "docs/reference/layouts.md"
EACH = 40  # images in a folder


def rows(title):
    """The cells of the table below a heading."""
    part = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    (text,) = [section for section in part if section.startswith(title)]
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return [
        pytest.param(cells[0].strip("`"), *(cell.strip(" |") for cell in cells[1:]), id=cells[0]) for cells in lines
    ]


def expand(text):
    """Expands braces, also nested ones, as a shell does."""
    start = text.find("{")
    if start < 0:
        return [text]
    depth, parts, last = 0, [], start + 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if (text[place] == "," and depth == 1) or depth == 0:
            parts.append(text[last:place])
            last = place + 1
        if depth == 0:
            break
    return [each for part in parts for each in expand(text[:start] + part + text[place + 1 :])]


def files(folders):
    """Empty files by their names, sorted as a walk finds them."""
    keys = [f"{folder}/{number:02}.png".removeprefix("./") for folder in expand(folders) for number in range(EACH)]
    return [Found(f"/x/{key}", key) for key in sorted(keys, key=lambda key: key.split("/"))]


def read(folders, **layout):
    return arrange("folder:/x", files(folders), LayoutConfig(**layout))


def test_braces_are_expanded_as_in_a_shell():
    assert expand("{a/{b,c},d}/e") == ["a/b/e", "a/c/e", "d/e"]


@pytest.mark.parametrize(
    ("folders", "splits", "classes"), [(*row.values, *[""] * (3 - len(row.values))) for row in rows("Understood")]
)
def test_layouts_that_are_understood(folders, splits, classes):
    listing = read(folders)
    assert listing.layout.splits == LayoutConfig(splits=splits).splits or sorted(
        listing.layout.splits.split(",")
    ) == sorted(splits.split(","))
    assert ", ".join(listing.class_names or []) == classes
    assert not any(
        "test" in path.lower().split("/")[2:-1]
        for path, split in zip(listing.paths, listing.splits, strict=True)
        if split == "train"
    )
    again = read(folders, splits=listing.layout.splits, labels=listing.layout.labels)
    assert (again.paths, again.splits, again.class_names) == (listing.paths, listing.splits, listing.class_names)
    assert again.labels.tolist() == listing.labels.tolist()


@pytest.mark.parametrize(("folders", "why"), rows("Asked about"))
def test_layouts_that_are_asked_about_and_the_flags_that_settle_them(folders, why):
    with pytest.raises(DataError) as refused:
        read(folders)
    said = str(refused.value)
    assert why in said
    assert said.endswith(".")
    advice = [part.rstrip(".,;") for part in shlex.split(said) if part.startswith("--")]
    assert advice
    for flag in advice:
        name, _, value = flag.lstrip("-").partition("=")
        if "DIR" in value or name == "dataset":
            continue
        listing = read(folders, **{name: value})
        assert "train" in listing.splits
