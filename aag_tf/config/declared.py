"""What is declared about a setting, and the checks and sentences that follow from it."""

import dataclasses
import math
import numbers
import os
from collections.abc import Callable, Mapping
from typing import Any

from aag_tf.config.checks import listed, require
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.urls import check_scheme

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


def _check_encoding(label: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:  # as the name of a file may be
        message = f"{label}={value!a} holds bytes that are no UTF-8; give that another name."
        raise ConfigError(message) from error


def _shown(value: Any) -> str:
    """A number as users write it, without the zeros of `2.0` or the exponent of `2.1e+09`."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
