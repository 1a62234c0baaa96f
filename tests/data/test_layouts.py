"""The tables of docs/reference/layouts.md: every row is read as it says, and advice that is given works."""

import re
import shlex
from pathlib import Path

import pytest

from aag_tf.config.layout import LayoutConfig
from aag_tf.data.layouts.listing import Found, arrange
from aag_tf.data.layouts.split_names import role_of
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger

PAGE = Path(__file__).parents[2] / "docs/reference/layouts.md"
EACH = 40  # images in a folder


@pytest.fixture
def said(monkeypatch):
    """What is logged as a warning."""
    lines: list[str] = []
    monkeypatch.setattr(logger, "warning", lambda text, *values: lines.append(text % values))
    return lines


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


def test_dates_are_classes_only_after_a_word(said):
    listing = read("{2024-01,2024-02,2024-03,2024-04}")
    assert listing.class_names == ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert said == [
        "the 4 classes of folder:/x are dates (2024-01, 2024-02, 2024-03, ...); --labels=none trains without classes, "
        "--labels=folders keeps them."
    ]
    assert read("{2024-01,2024-02}", labels="none").class_names is None
    assert read("{2024-01,2024-02}", labels=listing.layout.labels).class_names == ["2024-01", "2024-02"]
    assert len(said) == 1


def test_what_is_set_aside_is_named_with_the_flag_that_takes_it(said):
    listing = read("{train/{cat,dog},test/{cat,dog},unlabeled}")
    assert said[0] == (
        "40 images in unlabeled are left out; --splits=test=test,train=train,train=unlabeled trains on them too."
    )
    assert [str(each).split(" (")[0] for each in listing.left_out] == ["40 in no split"]
    both = read("{train/{cat,dog},test/{cat,dog},unlabeled}", splits="test=test,train=train,train=unlabeled")
    assert both.splits.count("train") == 120
    assert "train" in said[-1]


def test_a_folder_that_splits_name_must_be_there():
    message = "--splits=train=a,test=c finds no images in c of folder:/x, which has the folders a, b; name folders that"
    with pytest.raises(DataError, match=message):
        read("{a,b}", splits="train=a,test=c")


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *[(name, "train") for name in ("train", "TRAINING", "trainset", "train_images", "train2017", "trainval")],
        *[(name, "validation") for name in ("val", "valid", "Validation", "dev", "val2017", "valset", "eval")],
        *[(name, "test") for name in ("test", "Testing", "test_set", "TestImages", "hold-out", "heldout", "test2017")],
        *[(name, "aside") for name in ("unlabeled", "unlabelled", "train_unlabeled")],
        *[(name, None) for name in ("trainer", "contest", "latest", "invalid", "device", "strain", "seg_train")],
        *[(name, None) for name in ("train_test", "2024", "evaluator", "bus")],
    ],
)
def test_names_of_splits(name, role):
    assert role_of(name) == role
