"""Declares a setting once: default, help and allowed values, as metadata of its dataclass field.

The checks of the configs, the command-line flags, `--help` and `docs/reference/settings.md` are all generated from it.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aag_tf.config.declared import Setting
from aag_tf.utils.urls import STORES

T = TypeVar("T")


def setting(
    default: T,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    low_open: bool = False,
    choices: tuple[str, ...] = (),
    several: bool = False,
    if_empty: str = "",
    resumable: bool = False,
    aliases: tuple[str, ...] = (),
    value_aliases: Mapping[str, str] = types.MappingProxyType({}),
    form: str = "",
    read: Callable[[str], object] | None = None,
    is_path: bool = False,
    schemes: tuple[str, ...] = STORES,
) -> T:
    """Declares a dataclass field as a setting; its type is the annotation of the field.

        temperature: float = setting(0.17, "Divides similarities.", low=0.0, high=100.0, low_open=True)

    Args:
        default: value if the user gives none; `""` with `if_empty` means that the user must give one.
        help: what it does, and when to change it. Range, choices and default are added where it is shown.
        low: smallest number allowed.
        high: largest number allowed; `None` for no limit.
        low_open: whether `low` itself is excluded.
        choices: the texts allowed.
        several: text that holds several choices or numbers, separated by commas.
        if_empty: refuse empty text, with this advice.
        resumable: whether a resumed run may change it, since it does not change what is learned.
        aliases: old names, which flags and recorded settings may still use.
        value_aliases: old names of choices, each with its present one.
        form: how text is written, in words that follow "it must be".
        read: reads the text; raises `ValueError` with what is wrong, such as `is not a size`.
        is_path: text that is a path, or ends in one as `folder:PATH`; URLs of other schemes than these are refused.
        schemes: those of URLs that are taken in place of a path; of every store by default.
    """
    declared = Setting(
        default,
        help,
        low,
        high,
        low_open,
        choices,
        several,
        if_empty,
        resumable,
        aliases,
        value_aliases,
        form,
        read,
        is_path,
        schemes,
    )
    return dataclasses.field(default=default, metadata={"setting": declared})


def setting_of(config_class: type, name: str, help: str | None = None, **changes: Any) -> Any:
    """Declares a setting as another config class does.

    Args:
        config_class: class that declares it.
        name: of the setting.
        help: in place of that one's.
        **changes: arguments of `setting` in place of that one's.
    """
    (field,) = (field for field in dataclasses.fields(config_class) if field.name == name)
    declared = dataclasses.replace(field.metadata["setting"], **changes, **({} if help is None else {"help": help}))
    return dataclasses.field(default=declared.default, metadata={"setting": declared})


@functools.cache
def settings_of(config_class: type) -> dict[str, Setting]:
    """The settings that a config class declares itself, by name, without those of nested config classes."""
    hints = typing.get_type_hints(config_class)
    found = {}
    for field in dataclasses.fields(config_class):
        if not dataclasses.is_dataclass(hints[field.name]):
            kinds = set(typing.get_args(hints[field.name]) or [hints[field.name]])
            or_number = {int, str} <= kinds
            (kind,) = kinds - {types.NoneType, *((int,) if or_number else ())}
            found[field.name] = dataclasses.replace(
                field.metadata["setting"], kind=kind, optional=types.NoneType in kinds, or_number=or_number
            )
    return found


def check_settings(config: Any) -> None:
    """Checks the settings of a frozen config by their declarations, and replaces paths by text.

    Raises:
        ConfigError: a value has the wrong type, is not allowed, or is text that is not valid UTF-8.
    """
    config_class: Any = type(config)
    for name, declared in settings_of(config_class).items():
        value = declared.normalize(getattr(config, name))
        object.__setattr__(config, name, value)
        declared.check(f"--{name}", value)


def check_setting(config_class: type, name: str, value: Any, label: str | None = None) -> None:
    """Checks an argument of a constructor by the declaration of the setting that it stands for.

    Args:
        config_class: class that declares the setting.
        name: of the setting.
        value: to check.
        label: name of the argument, if it differs from that of the setting.

    Raises:
        ConfigError: the value has the wrong type or is not allowed.
    """
    settings_of(config_class)[name].check(label or name, value)
