"""JSON from anybody to dataclasses: what fits is taken, and what does not is named."""

import dataclasses
from typing import Any

import pytest

from aag_tf.utils.typed_json import parse_fields


@dataclasses.dataclass(frozen=True)
class Inner:
    size: int
    on: bool = False


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Inner
    shape: tuple[int, int]
    facts: dict[str, Any]
    name: str | None = None
    known: list[str] = dataclasses.field(default_factory=list)


GOOD = {"inner": {"size": 3}, "shape": [4, 5], "facts": {"a": [1]}}


def test_fields_are_taken_and_other_keys_ignored():
    assert parse_fields(Outer, GOOD | {"newer": 1}) == Outer(Inner(3), (4, 5), {"a": [1]})
    full = GOOD | {"name": "x", "known": ["y"], "inner": {"size": 1, "on": True}}
    assert parse_fields(Outer, full) == Outer(Inner(1, True), (4, 5), {"a": [1]}, "x", ["y"])
    assert parse_fields(Outer, GOOD | {"name": None}).name is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": {}}, r"inner\.size is missing"),
        ({"inner": {"size": True}}, r"inner\.size is true, not a whole number"),
        ({"inner": [1]}, r"inner is \[1\], not an object"),
        ({"shape": [4, 5.0]}, r"shape is 5\.0, not a whole number"),
        ({"shape": [4]}, r"shape is \[4\], not 2 numbers"),
        ({"shape": "45"}, r'shape is "45", not a list'),
        ({"name": 7}, "name is 7, not a text"),
        ({"facts": None}, "facts is null, not an object"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_fields(Outer, GOOD | change)


def test_what_is_no_object_is_refused():
    with pytest.raises(ValueError, match=r"the content is \[\], not an object"):
        parse_fields(Outer, [])
