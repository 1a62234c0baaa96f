"""The text of a flagfile: one flag a line, as `flags.txt` of a run is written and users write their own.

    # A comment; one behind a value has a space on both sides of its sign, so that `#1` may be part of a name.
    --epochs=5  # like this
    --dataset=folder:/a/b #1 100%
    --run_dir='runs/a # b '

In single quotes everything is literal; in double quotes a backslash stands before a quote or a backslash, as in shells.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

LINE = re.compile(
    r"""[ \t\f]*(?:
        (?P<name>--?[\w-]+=)? (?:'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)") (?P<rest>[^\r\n]*)
        | (?P<plain>[^\r\n]*)
    )(?:\r\n|\r|\n|\Z)""",
    re.DOTALL | re.VERBOSE,
)
LINE_END = re.compile(r"\r\n|\r|\n")
COMMENT = re.compile(r"[ \t]#(?=[ \t]|$)")
# Parts of a value that may have been meant as a comment, or as a second flag.
DOUBTFUL = re.compile(r"[ \t](#|--?[A-Za-z]).*", re.DOTALL)


class Argument(NamedTuple):
    """A flag of a flagfile.

    Args:
        text: as on a command line: without quotes and comment.
        line: its number, from 1.
        doubtful: a part of the value that may have been meant otherwise, or `""`.
    """

    text: str
    line: int
    doubtful: str = ""


def quoted(value: str) -> str:
    """Returns a value as it is written into a flagfile: in quotes where it needs them."""
    is_plain = value == value.strip() and not value.startswith(("'", '"'))
    if is_plain and not LINE_END.search(value) and not DOUBTFUL.search(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def arguments_in(text: str) -> Iterator[Argument]:
    """Reads the flags of a flagfile, one after the other.

    Raises:
        ValueError: a quote is not closed, or something stands behind one; the message is a phrase with the line.
    """
    number = 1
    for found in LINE.finditer(text):
        name, single, double, rest, plain = found.group("name", "single", "double", "rest", "plain")
        if plain is not None:
            if argument := _without_comment(plain):
                if re.match(r"(--?[\w-]+=)?['\"]", argument):
                    raise ValueError(f"line {number} opens a quote that is not closed")
                doubtful = DOUBTFUL.search(argument)
                yield Argument(argument, number, doubtful[0].strip() if doubtful else "")
        else:
            if _without_comment(f" {rest}"):
                raise ValueError(f"line {number} goes on behind a quoted value")
            value = single if double is None else re.sub(r'\\(["\\])', r"\1", double)
            yield Argument((name or "") + value, number)
        number += len(LINE_END.findall(found[0]))


def _without_comment(line: str) -> str:
    if line.startswith(("#", "//")):
        return ""
    comment = COMMENT.search(line)
    return (line[: comment.start()] if comment else line).strip(" \t\f")
