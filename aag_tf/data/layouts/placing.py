"""From the folder of an image to its split and its class, by the parts of `--splits`."""

import re
from collections.abc import Sequence

from aag_tf.config.layout import HERE, Part


class Placing:
    """Places folders; the longest part that fits decides, so that `.` holds what is in no other.

    Args:
        parts: of `--splits`; none for everything in train.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        chosen = sorted(parts or [Part("train", HERE)], key=lambda part: (-_depth(part.pattern), "*" in part.pattern))
        self._rules = [(part.role, "*" in part.pattern, _expression(part.pattern)) for part in chosen]

    def __call__(self, folder: str) -> tuple[str, str | None] | None:
        """Returns split and class of the images in a folder, by its path; the class may be `None`, or both."""
        for role, has_class, expression in self._rules:
            found = expression.fullmatch(f"{folder}/" if folder else "")
            if found is not None:
                rest = found["rest"].split("/")[0]
                return role, found["own"] if has_class else rest or None
        return None


def _depth(pattern: str) -> int:
    return 0 if pattern == HERE else pattern.count("/") + 1


def _expression(pattern: str) -> re.Pattern[str]:
    start, star, end = ("" if pattern == HERE else f"{pattern}/").partition("*")
    own = "(?P<own>[^/]+)" if star else ""
    return re.compile(f"{re.escape(start)}{own}{re.escape(end)}(?P<rest>.*)", re.DOTALL)
