"""Parsed JSON to dataclasses: every field is checked against its annotation, since files come from anybody."""

import dataclasses
import json
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")

_NAMES = {bool: "true or false", int: "a whole number", str: "a text", list: "a list", dict: "an object"}


def parse_fields(kind: type[T], content: Any, name: str = "") -> T:
    """Builds a dataclass from a JSON object that has its fields; other keys are ignored.

    Args:
        kind: a dataclass. Annotations: `bool`, `int`, `str`, `list`, `dict`, `tuple` of these in a fixed length,
            another such dataclass, or one of these or `None`. Fields with defaults may be missing.
        content: the parsed JSON.
        name: dotted path of the object within its file, for messages.

    Raises:
        ValueError: a field is missing or has another type; the message names it.
    """
    _require_type(dict, content, name or "the content")
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        path = f"{name}.{field.name}" if name else field.name
        if field.name in content:
            values[field.name] = _parse(hints[field.name], content[field.name], path)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{path} is missing")
    return kind(**values)


def _parse(hint: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return parse_fields(typing.cast(type, hint), value, path)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _parse(arguments[0], value, path)
    if origin is tuple:
        _require_type(list, value, path)
        if len(value) != len(arguments):
            raise ValueError(f"{path} is {_shortened(value)}, not {len(arguments)} numbers")
        return tuple(map(_parse, arguments, value, [path] * len(value)))
    _require_type(origin or hint, value, path)
    return value


def _require_type(expected: type, value: Any, path: str) -> None:
    if type(value) is not expected:  # `isinstance` would take `true` for a whole number
        raise ValueError(f"{path} is {_shortened(value)}, not {_NAMES[expected]}")


def _shortened(value: Any) -> str:
    return json.dumps(value)[:50]
