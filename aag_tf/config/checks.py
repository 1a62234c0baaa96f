"""How a setting is refused: by the name of its flag, with what is allowed."""

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Any

from aag_tf.utils.errors import ConfigError


def require(condition: bool, message: str) -> None:
    """Raises `ConfigError` with the message where the condition does not hold."""
    if not condition:
        raise ConfigError(message)


def listed(text: str) -> list[str]:
    """What stands between the commas of a setting, blanks left out."""
    return [part.strip() for part in text.split(",") if part.strip()]


def require_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuses a value that is not one of those allowed."""
    require(value in allowed, f"--{name}={value} is not known; choose one of {', '.join(allowed)}.")


def require_range(name: str, value: float, low: float, high: float = math.inf, *, low_open: bool = False) -> None:
    """Refuses a value outside [low, high], or ]low, high] with `low_open`; infinity and NaN are always outside."""
    inside = (value > low if low_open else value >= low) and value <= high
    bound = f"above {low:g}" if low_open else f"at least {low:g}"
    limit = "" if math.isinf(high) else f" and at most {high:g}"
    whole = isinstance(value, int)  # large whole numbers cannot become floats
    shown = str(value) if whole else f"{value:g}"
    require(inside and (whole or math.isfinite(value)), f"--{name}={shown} is out of range; it must be {bound}{limit}.")


def normalize_text(config: Any) -> None:
    """Replaces paths among a dataclass's settings by their text, and refuses text that files cannot hold.

    Raises:
        ConfigError: a setting is no UTF-8, as the name of a file may be.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
            object.__setattr__(config, field.name, value)
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                message = f"--{field.name}={value!a} holds bytes that are no UTF-8; give that another name."
                raise ConfigError(message) from error
