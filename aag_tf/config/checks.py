"""Raises the error of a setting that is refused, and splits lists that are written as text."""

from aag_tf.utils.errors import ConfigError


def require(condition: bool, message: str) -> None:
    """Raises `ConfigError` with the message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def listed(text: str) -> list[str]:
    """Splits at commas; strips spaces and drops empty parts."""
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_numbers(text: str) -> tuple[float, ...]:
    """Reads numbers between commas, each once, in ascending order."""
    return tuple(sorted({float(part) for part in listed(text)}))
