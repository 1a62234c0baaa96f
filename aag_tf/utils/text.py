"""Text that may hold anything, made safe for files, terminals and shells."""

import shlex


def printable(path: str) -> str:
    r"""Returns a path as valid Unicode, which most file formats require: bytes that are not UTF-8 become `\xNN`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(text: str) -> str:
    """Returns text that is safe to show in a terminal: control characters, which could move the cursor, are escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def command_line(*parts: object) -> str:
    """Returns a command as it can be pasted into a shell, whatever the names in it hold."""
    return shlex.join(map(str, parts))
