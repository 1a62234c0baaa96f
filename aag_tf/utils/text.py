"""Text that may hold anything, made safe for files, terminals and shells."""

import shlex
import shutil
import textwrap
from collections.abc import Iterable

NARROWEST = 60  # columns of prose
WIDEST = 110  # longer lines of prose are hard to follow
HELD_SPACE = "\0"  # stands for a space at which no line ends; `shown` leaves none in a text


def printable(path: str) -> str:
    r"""Returns a path as valid Unicode, which most file formats require: bytes that are not UTF-8 become `\xNN`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(text: str) -> str:
    """Returns text on one line that is safe to show in a terminal.

    Control characters, which could move the cursor, direction marks, line breaks and bytes that are no UTF-8 are
    escaped.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def markdown(text: str) -> str:
    """Returns text on one line for a cell or a code span of Markdown, without what would end either."""
    return shown(text).replace("`", "'").replace("|", "/")


def truncated(text: str, most: int) -> str:
    """Returns a text of at most `most` characters, and `...` in place of the others."""
    return text if len(text) <= most else f"{text[:most]}..."


class Lines:
    """Text of several lines; each is safe to show in a terminal, and stays one line whatever names it has in it.

    Args:
        lines: texts of a line each.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(map(shown, lines))

    def __str__(self) -> str:
        """The lines."""
        return "\n".join(self.lines)


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun, such as `1 file` or `1,200 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def command_line(*parts: object) -> str:
    """Returns a command as it can be shown on one line and pasted into a shell, whatever the names in it hold."""
    return " ".join(_shell_word(str(part)) for part in parts)


def _shell_word(part: str) -> str:
    if part.isprintable():
        return shlex.quote(part)
    # Control characters, and bytes that are not UTF-8, are written as bash, zsh and ksh read them.
    pieces = (
        f"\\{each}"
        if each in "\\'"
        else each
        if each.isprintable()
        else "".join(f"\\x{byte:02x}" for byte in each.encode("utf-8", "surrogateescape"))
        for each in part
    )
    return f"$'{''.join(pieces)}'"


def text_width(without_terminal: int = 80) -> int:
    """Returns the columns for prose: those of the terminal, but 60 to 110; `without_terminal` where there is none."""
    return max(NARROWEST, min(shutil.get_terminal_size((without_terminal, 24)).columns, WIDEST))


def wrapped(text: str, width: int, first: int, rest: int, names: Iterable[str] = ()) -> str:
    """Returns text broken into lines between words, safe to show in a terminal.

    Paths and flags stay whole, even where they are longer than a line.

    Args:
        text: one paragraph.
        width: largest length of a line.
        first: indent of the first line, in columns.
        rest: indent of the others.
        names: parts of the text that come from others. They stay whole too, whatever spaces they have, so that no line
            begins with a part of a name that could pass for a line of ours.
    """
    text = shown(text)
    for name in sorted(map(shown, names), key=len, reverse=True):
        if name.strip():
            text = text.replace(name, name.replace(" ", HELD_SPACE))
    lines = textwrap.fill(
        text,
        width,
        initial_indent=" " * first,
        subsequent_indent=" " * rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace(HELD_SPACE, " ")
