"""Dataclasses from JSON: every field is checked by its type, and the one that is wrong is named."""

import dataclasses
from typing import Any

import pytest

from aag_tf.utils.json_fields import converted, read_fields


@dataclasses.dataclass(frozen=True)
class Part:
    size: int


@dataclasses.dataclass(frozen=True)
class Whole:
    shape: tuple[int, int]
    rate: float
    part: Part
    names: list[str] | None = None
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    more: Any = None


CONTENT = {"shape": [2, 3], "rate": 1, "part": {"size": 4}}


def test_fields_are_read_with_tuples_floats_and_parts_as_declared():
    whole = read_fields(Whole, CONTENT | {"names": ["a"], "more": [{"x": 1}], "later": "is ignored"})
    assert whole == Whole((2, 3), 1.0, Part(4), ["a"], {}, [{"x": 1}])


def test_a_value_may_be_read_by_itself():
    kind = tuple[str, int, int] | tuple[str, None, None, bool]
    assert converted(["a", 1, 2], kind, "line") == ("a", 1, 2)
    assert converted(["a", None, None, True], kind, "line") == ("a", None, None, True)
    assert converted({"stamp": (1, 2)}, dict[str, tuple[int, int]], "facts") == {"stamp": (1, 2)}
    with pytest.raises(ValueError, match="its 'line' is not"):
        converted(["a", None, None], kind, "line")


def test_fields_that_are_given_are_not_read():
    assert read_fields(Whole, {"shape": [2, 3], "rate": 0.5}, part=Part(7)).part == Part(7)


@pytest.mark.parametrize("name", CONTENT)
def test_a_missing_field_is_named(name):
    with pytest.raises(ValueError, match=f"it has no '{name}'"):
        read_fields(Whole, {key: value for key, value in CONTENT.items() if key != name})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [2]}, r"its 'shape' is not tuple\[int, int\]"),
        ({"shape": [2, "3"]}, r"its 'shape\[1\]' is not int"),
        ({"rate": "fast"}, "its 'rate' is not float"),
        ({"rate": True}, "its 'rate' is not float"),
        ({"rate": float("nan")}, "its 'rate' is no finite number"),
        ({"rate": 10**400}, "its 'rate' is no finite number"),
        ({"part": [4]}, "its 'part' is not an object"),
        ({"part": None}, "it has no 'part'"),
        ({"part": {}}, "it has no 'part.size'"),
        ({"part": {"size": 4.5}}, "its 'part.size' is not int"),
        ({"names": "a"}, "its 'names' is not"),
        ({"names": [1]}, "its 'names' is not"),
        ({"versions": {"python": 3}}, "its 'versions.python' is not str"),
    ],
)
def test_a_field_of_another_type_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        read_fields(Whole, CONTENT | change)
