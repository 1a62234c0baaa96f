"""Declares a setting once: default, help and allowed values, as metadata of its dataclass field.

The checks of the configs, the command-line flags, `--help` and `docs/reference/settings.md` are all generated from it.
"""

import dataclasses
import functools
import math
import numbers
import os
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aag_tf.config.checks import listed, require
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.urls import STORES, check_scheme

T = TypeVar("T")

KINDS: dict[type, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a number"),
    str: (str, "text"),
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is declared about one setting: the arguments of `setting`, and its type.

    Args:
        kind: `bool`, `int`, `float` or `str`.
        optional: whether the value may be `None`.
        or_number: whether Python may give the text as a whole number.
    """

    default: Any
    help: str
    low: float | None
    high: float | None
    low_open: bool
    choices: tuple[str, ...]
    several: bool
    if_empty: str
    resumable: bool
    aliases: tuple[str, ...]
    value_aliases: Mapping[str, str]
    form: str
    read: Callable[[str], object] | None
    is_path: bool
    schemes: tuple[str, ...]
    kind: type = str
    optional: bool = False
    or_number: bool = False

    @property
    def required(self) -> bool:
        """Whether the setting has no default and must be given."""
        return bool(self.if_empty) and self.default == ""

    @property
    def noun(self) -> str:
        """What a value is, in words, such as `a whole number`."""
        return KINDS[self.kind][1]

    @property
    def bounds(self) -> str:
        """The range or the form in words, such as `0 to 2`; empty for a setting without one."""
        if self.low is None:
            return self.form
        low, high = _shown(self.low), None if self.high is None else _shown(self.high)
        if self.low_open:
            return f"above {low}, at most {high}" if high else f"above {low}"
        return f"{low} to {high}" if high else f"{low} or more"

    def refusal(self, label: str, value: object, problem: str) -> str:
        """One sentence that says what is wrong with a value and what is allowed.

        Args:
            label: name of the setting as the user knows it, such as `--temperature`.
            value: as the user wrote it.
            problem: such as `is out of range`.
        """
        parts = [f"{label}={value} {problem}"]
        if self.choices:
            parts.append(f"choose one of {', '.join(self.choices)}")
        elif self.bounds:
            parts.append(f"it must be {self.bounds}")
        if self.several:
            parts.append("separate several by commas")
        return "; ".join(parts) + "."

    def normalize(self, value: Any) -> Any:
        """Returns a path, or a number where text is wanted, as text, and an old name of a choice as its present one."""
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if self.or_number and isinstance(value, numbers.Integral) and not isinstance(value, bool):
            value = str(value)
        if self.value_aliases and isinstance(value, str):
            value = ",".join(self.value_aliases.get(part, part) for part in listed(value))
        return value

    def check(self, label: str, value: Any) -> None:
        """Raises `ConfigError` unless the value is of the declared type and among those that are allowed."""
        if value is None and self.optional:
            return
        wanted, _ = KINDS[self.kind]
        fits = isinstance(value, wanted) and (self.kind is bool or not isinstance(value, bool))
        require(fits, self.refusal(label, f"{value!r}", f"is not {self.noun}"))
        if isinstance(value, str):
            _check_encoding(label, value)
            given = bool(listed(value) if self.several else value)
            missing = "missing" if self.required else "empty"
            require(given or not self.if_empty, f"{label} is {missing}; {self.if_empty}.")
            if self.is_path:
                check_scheme(label, value, self.schemes)
            self._check_form(label, value)
        for part in listed(value) if self.several else [value]:
            self._check_allowed(label, part)

    def _check_form(self, label: str, value: str) -> None:
        if self.read is None:
            return
        try:
            self.read(value)
        except ValueError as error:
            raise ConfigError(self.refusal(label, value, str(error))) from error

    def _check_allowed(self, label: str, value: Any) -> None:
        if self.choices:
            require(value in self.choices, self.refusal(label, value, "is not known"))
        if self.low is not None:
            require(self._in_bounds(self._number(label, value)), self.refusal(label, _shown(value), "is out of range"))

    def _number(self, label: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return float(value)
        except ValueError as error:
            raise ConfigError(self.refusal(label, value, "is not a number")) from error

    def _in_bounds(self, number: Any) -> bool:
        if not isinstance(number, numbers.Integral) and not math.isfinite(number):  # `isfinite` takes no huge integer
            return False
        above = self.low is None or (number > self.low if self.low_open else number >= self.low)
        return above and (self.high is None or number <= self.high)


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


def _check_encoding(label: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:  # as the name of a file may be
        message = f"{label}={value!a} holds bytes that are no UTF-8; give that another name."
        raise ConfigError(message) from error


def _shown(value: Any) -> str:
    """A number as users write it, without the zeros of `2.0` or the exponent of `2.1e+09`."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
