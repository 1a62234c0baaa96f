"""Configs to and from flat `{flag name: value}` mappings and flagfiles."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

Config = typing.TypeVar("Config")


def leaves(config_type: type) -> dict[str, dataclasses.Field[Any]]:
    """Every setting below a config class by its flag name, nested classes flattened."""
    hints = typing.get_type_hints(config_type)
    found: dict[str, dataclasses.Field[Any]] = {}
    for field in dataclasses.fields(config_type):
        if dataclasses.is_dataclass(hints[field.name]):
            found |= leaves(typing.cast(type, hints[field.name]))
        else:
            found[field.name] = field
    return found


def from_flat(config_type: type[Config], values: Mapping[str, Any]) -> Config:
    """Builds a config from `{flag name: value}`; names that are absent keep their defaults.

    Raises:
        ConfigError: a value is out of its range.
    """
    hints = typing.get_type_hints(config_type)
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast(Any, config_type)):
        if dataclasses.is_dataclass(hints[field.name]):
            arguments[field.name] = from_flat(hints[field.name], values)
        elif field.name in values:
            arguments[field.name] = values[field.name]
    return config_type(**arguments)


def to_flat(config: Any) -> dict[str, Any]:
    """The inverse of `from_flat`: `{flag name: value}` of every setting."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        flat |= to_flat(value) if dataclasses.is_dataclass(value) else {field.name: value}
    return flat


def flag_lines(config: Any) -> list[str]:
    """The config as lines of an absl flagfile; `None` is left out, since it is every such flag's default."""
    lines = []
    for name, value in to_flat(config).items():
        if isinstance(value, bool):
            lines.append(f"--{name}" if value else f"--no{name}")
        elif value is not None:
            lines.append(f"--{name}={value}")
    return lines
