"""Configs to and from flat `{flag name: value}` mappings and flagfiles."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from aag_tf.config.declared import Setting
from aag_tf.config.setting import settings_of
from aag_tf.utils.flag_text import quoted

Config = typing.TypeVar("Config")


def groups(config_type: type) -> dict[type, dict[str, Setting]]:
    """The settings below a config class, grouped by the class that declares them; its own group comes first."""
    own = settings_of(config_type)
    found = {config_type: own} if own else {}
    for kind in _nested(config_type).values():
        found |= groups(kind)
    return found


def leaves(config_type: type) -> dict[str, Setting]:
    """Every setting below a config class by its flag name, nested classes flattened."""
    return {name: declared for group in groups(config_type).values() for name, declared in group.items()}


def from_flat(config_type: type[Config], values: Mapping[str, Any]) -> Config:
    """Builds a config from `{flag name: value}`; absent names keep their defaults, and old names are understood.

    Raises:
        ConfigError: a value is not allowed.
    """
    arguments: dict[str, Any] = {name: from_flat(kind, values) for name, kind in _nested(config_type).items()}
    for name, declared in settings_of(typing.cast(Any, config_type)).items():
        for known in (*declared.aliases, name):
            if known in values:
                arguments[name] = values[known]
    return config_type(**arguments)


def to_flat(config: Any) -> dict[str, Any]:
    """Returns `{flag name: value}` of every setting, the inverse of `from_flat`."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        flat |= to_flat(value) if dataclasses.is_dataclass(value) else {field.name: value}
    return flat


def flag_lines(config: Any) -> list[str]:
    """The config as lines of a flagfile; `None` is left out, since it can only be a default."""
    lines = []
    for name, value in to_flat(config).items():
        if isinstance(value, bool):
            lines.append(f"--{name}" if value else f"--no{name}")
        elif value is not None:
            lines.append(f"--{name}={quoted(str(value))}")
    return lines


def _nested(config_type: type) -> dict[str, Any]:
    hints = typing.get_type_hints(config_type)
    return {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
