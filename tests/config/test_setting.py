"""What is checked of a setting by its declaration alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from aag_tf.config.setting import check_setting, check_settings, setting, settings_of
from aag_tf.utils.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Example:
    """Example: one setting of every kind."""

    count: int = setting(3, "A count.", low=1, high=2**31 - 1)
    steps: int | None = setting(None, "Steps.", low=1)
    rate: float = setting(0.5, "A rate.", low=0.0, high=0.999, low_open=True)
    weight: float = setting(1.0, "A weight.", low=0.0)
    switch: bool = setting(True, "A switch.")
    path: str = setting("", "A path.", if_empty="name a directory", aliases=("folder",))
    color: str = setting("red", "A color.", choices=("red", "green"))
    colors: str = setting("red", "Colors.", choices=("red", "green"), several=True, value_aliases={"rot": "red"})
    rates: str = setting("0.1", "Rates.", low=0.0, high=1.0, low_open=True, several=True, if_empty="give rates")

    def __post_init__(self):
        check_settings(self)


def test_a_setting_is_read_from_its_class_and_its_declaration():
    assert (Example.count, Example.steps, Example.rate) == (3, None, 0.5)
    found = settings_of(Example)
    assert {name: declared.kind for name, declared in found.items()} == {
        "count": int,
        "steps": int,
        "rate": float,
        "weight": float,
        "switch": bool,
        **dict.fromkeys(("path", "color", "colors", "rates"), str),
    }
    assert [name for name, declared in found.items() if declared.optional] == ["steps"]
    assert [name for name, declared in found.items() if declared.required] == ["path"]
    assert [declared.bounds for declared in found.values()][:5] == [
        "1 to 2147483647",
        "1 or more",
        "above 0, at most 0.999",
        "0 or more",
        "",
    ]


def test_what_is_allowed_is_taken():
    config = Example(2**31 - 1, 10**400, 0.999, 0, False, Path("a/b"), "green", "rot, green,", "1, 0.5")
    assert config.path == "a/b"
    assert config.colors == "red,green"
    assert (config.weight, config.rates) == (0, "1, 0.5")
    check_setting(Example, "rate", np.float32(0.5))
    check_setting(Example, "count", np.int64(5))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 0}, "--count=0 is out of range; it must be 1 to 2147483647."),
        ({"count": 2**31}, "--count=2147483648 is out of range; it must be 1 to 2147483647."),
        ({"count": 1.0}, "--count=1.0 is not a whole number; it must be 1 to 2147483647."),
        ({"count": None}, "--count=None is not a whole number; it must be 1 to 2147483647."),
        ({"count": True}, "--count=True is not a whole number; it must be 1 to 2147483647."),
        ({"steps": "ten"}, "--steps='ten' is not a whole number; it must be 1 or more."),
        ({"rate": 0.0}, "--rate=0 is out of range; it must be above 0, at most 0.999."),
        ({"rate": 0.9999999}, "--rate=0.9999999 is out of range; it must be above 0, at most 0.999."),
        ({"rate": float("nan")}, "--rate=nan is out of range; it must be above 0, at most 0.999."),
        ({"weight": float("inf")}, "--weight=inf is out of range; it must be 0 or more."),
        ({"weight": 1j}, "--weight=1j is not a number; it must be 0 or more."),
        ({"switch": 1}, "--switch=1 is not true or false."),
        ({"path": ""}, "--path is missing; name a directory."),
        ({"path": 3}, "--path=3 is not text."),
        ({"path": "caf\udce9"}, "--path='caf\\udce9' holds bytes that are no UTF-8; give that another name."),
        ({"color": "blue"}, "--color=blue is not known; choose one of red, green."),
        ({"color": ""}, "--color= is not known; choose one of red, green."),
        ({"colors": "red,blue"}, "--colors=blue is not known; choose one of red, green; separate several by commas."),
        ({"rates": "1;2"}, "--rates=1;2 is not a number; it must be above 0, at most 1; separate several by commas."),
        ({"rates": "0.5,2"}, "--rates=2 is out of range; it must be above 0, at most 1; separate several by commas."),
        ({"rates": " , "}, "--rates is empty; give rates."),
    ],
)
def test_what_is_not_allowed_is_refused_by_the_name_of_the_flag(given, message):
    with pytest.raises(ConfigError) as refusal:
        Example(**{"path": "a", **given})
    assert str(refusal.value) == message


def test_an_argument_of_a_constructor_is_refused_by_its_own_name():
    with pytest.raises(ConfigError, match=r"^rate=1 is out of range; it must be above 0, at most 0\.999\.$"):
        check_setting(Example, "rate", 1.0)
    with pytest.raises(ConfigError, match=r"^share=1 is out of range"):
        check_setting(Example, "rate", 1.0, label="share")


def test_a_field_that_is_not_declared_is_an_error():
    undeclared = dataclasses.make_dataclass("Undeclared", [("count", int, 3)], frozen=True)
    with pytest.raises(KeyError, match="setting"):
        settings_of(undeclared)
