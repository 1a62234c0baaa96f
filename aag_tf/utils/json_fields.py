"""Typed dataclasses from JSON that may be old, damaged or written by somebody else."""

import contextlib
import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

Record = TypeVar("Record")


def read_fields(record_type: type[Record], content: Mapping[str, Any], **known: Any) -> Record:
    """Builds a dataclass from the entries of a JSON object that have the names of its fields.

    Lists become tuples where a field is a tuple. An entry that is absent takes the field's default; an entry that is
    no field is ignored.

    Args:
        record_type: a dataclass whose field types are made of `int`, `float`, `str`, `bool`, `list`, `dict`, `tuple`,
            `Any`, `None` and other such dataclasses.
        content: the JSON object.
        **known: fields that are not read from it.

    Raises:
        ValueError: an entry is missing or of another type; the message names it.
    """
    hints = typing.get_type_hints(record_type)
    values = dict(known)
    for field in dataclasses.fields(typing.cast(Any, record_type)):
        if field.name in known:
            continue
        if field.name in content:
            values[field.name] = _converted(content[field.name], hints[field.name], field.name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"it has no {field.name!r}")
    return record_type(**values)


def _converted(value: Any, hint: Any, name: str) -> Any:
    """Checks a JSON value against a type; returns it with tuples in place of lists where the type asks for them."""
    kind, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    match value:
        case _ if kind in (types.UnionType, typing.Union):
            for option in arguments:
                with contextlib.suppress(ValueError):
                    return _converted(value, option, name)
        case list() if kind is tuple and len(value) == len(arguments):
            return tuple(_converted(part, argument, name) for part, argument in zip(value, arguments, strict=True))
        case list() if kind is list:
            return [_converted(part, arguments[0], name) for part in value]
        case dict() if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return read_fields(kind, value)
        case dict() if kind is dict:
            return {key: _converted(part, arguments[1], name) for key, part in value.items()}
        case _ if kind is Any or type(value) is kind or (type(value) is int and kind is float):
            return value
    if value is None:
        raise ValueError(f"it has no {name!r}")
    wanted = "an object" if dataclasses.is_dataclass(kind) else hint if arguments else hint.__name__
    raise ValueError(f"its {name!r} is not {wanted}")
