"""Typed dataclasses from JSON that may be old, damaged or written by somebody else."""

import contextlib
import dataclasses
import functools
import json
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

Record = TypeVar("Record")
LARGEST = sys.float_info.max


def parse_json(text: str | bytes) -> Any:
    """Returns what JSON says.

    Raises:
        ValueError: the text is not UTF-8, is not JSON or is nested too deeply; the message says which.
    """
    try:
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_fields(record_type: type[Record], content: Mapping[str, Any], *, inside: str = "", **known: Any) -> Record:
    """Builds a dataclass from the entries of a JSON object that have the names of its fields.

    Lists become tuples where a field is a tuple. An entry that is absent takes the field's default; an entry that is
    no field is ignored.

    Args:
        record_type: a dataclass whose field types are made of `int`, `float`, `str`, `bool`, `list`, `dict`, `tuple`,
            `Any`, `None` and other such dataclasses.
        content: the JSON object.
        inside: name of the object within a larger one, for messages.
        **known: fields that are not read from it.

    Raises:
        ValueError: an entry is missing or of another type; the message names it.
    """
    hints = _types(typing.cast(Any, record_type))
    values = dict(known)
    for field in dataclasses.fields(typing.cast(Any, record_type)):
        if field.name in known:
            continue
        name = f"{inside}.{field.name}" if inside else field.name
        if field.name in content:
            values[field.name] = converted(content[field.name], hints[field.name], name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"it has no {name!r}")
    return record_type(**values)


@functools.cache
def _types(record_type: type) -> dict[str, Any]:
    return typing.get_type_hints(record_type)


def converted(value: Any, hint: Any, name: str) -> Any:
    """Checks a JSON value against a type; returns it with tuples in place of lists where the type asks for them.

    Args:
        value: as `json` returns it; a tuple is taken for a list.
        hint: a type, as for the fields of `read_fields`.
        name: of the value, for messages.

    Raises:
        ValueError: it is of another type, or a number that is not finite; the message names it.
    """
    hint = types.NoneType if hint is None else hint  # as `tuple[int, None]` has it
    kind, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    match value:
        case _ if kind in (types.UnionType, typing.Union):
            for option in arguments:
                with contextlib.suppress(ValueError):
                    return converted(value, option, name)
        case list() | tuple() if kind is list or (kind is tuple and len(value) == len(arguments)):
            hints = arguments * len(value) if kind is list else arguments
            pairs = enumerate(zip(value, hints, strict=True))
            return kind(converted(part, hint, f"{name}[{number}]") for number, (part, hint) in pairs)
        case dict() if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return read_fields(kind, value, inside=name)
        case dict() if kind is dict:
            return {key: converted(part, arguments[1], f"{name}.{key}") for key, part in value.items()}
        case int() | float() if kind is float and type(value) is not bool:
            if not -LARGEST < value < LARGEST:
                raise ValueError(f"its {name!r} is no finite number")
            return float(value)
        case _ if kind is Any or type(value) is kind:
            return value
    if value is None:
        raise ValueError(f"it has no {name!r}")
    wanted = "an object" if dataclasses.is_dataclass(kind) else hint if arguments else hint.__name__
    raise ValueError(f"its {name!r} is not {wanted}")
