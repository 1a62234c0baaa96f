"""`--flagfile=FILE`: its flags take the place of the flag, in any encoding that editors and shells write."""

import codecs
import os
from collections.abc import Sequence
from pathlib import Path

from aag_tf.utils.errors import ConfigError
from aag_tf.utils.flag_text import arguments_in
from aag_tf.utils.log import logger
from aag_tf.utils.paths import user_path
from aag_tf.utils.urls import check_scheme

FLAGS = ("--flagfile", "-flagfile")
LARGEST = 2**20  # bytes
# The longer marks first, since that of UTF-16 begins that of UTF-32. PowerShell writes UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def expand(arguments: Sequence[str]) -> list[str]:
    """Replaces `--flagfile=FILE` by the flags in the file, which may name further files.

    Values that may have been meant otherwise are named in a line on the logger.

    Raises:
        ConfigError: a file cannot be read, is no text, has a quote that is not closed, or includes itself.
    """
    return _expanded(list(arguments), ())


def _expanded(arguments: list[str], within: tuple[str, ...], line: int = 0) -> list[str]:
    """Expands arguments of the command line, or of one line of the last of the files `within`."""
    expanded: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if argument == "--":
            return [*expanded, argument, *remaining]
        if name in FLAGS:
            file = value if equals else next(remaining, "")
            place = f", named in line {line} of {within[-1]}," if within else ""
            expanded += _read(file, within, place)
        else:
            expanded.append(argument)
    return expanded


def _read(file: str, within: tuple[str, ...], place: str) -> list[str]:
    if not file:
        raise ConfigError(f"--flagfile{place} names no file; write it as --flagfile=<file>.")
    check_scheme("--flagfile", file)
    path = user_path(file)
    if any(os.path.realpath(path) == os.path.realpath(user_path(outer)) for outer in within):
        raise ConfigError(f"--flagfile={file}{place} includes itself; leave that line out.")
    try:
        arguments = list(arguments_in(_text_of(path)))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"--flagfile={file}{place} cannot be read ({reason}); name a file with one flag a line, by its path from "
            "the working directory."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--flagfile={file}{place} is no text in UTF-8; name a file with one flag a line.") from error
    except ValueError as error:
        raise ConfigError(f"--flagfile={file}{place}: {error}; write --name='value', with one flag a line.") from error
    expanded = []
    for argument in arguments:
        if argument.doubtful:
            logger.warning(
                "%s, line %d: %s is part of the value; in quotes it is so without this line, and a comment has a space "
                "on both sides of its #.",
                *(file, argument.line, argument.doubtful),
            )
        expanded += _expanded([argument.text], (*within, file), argument.line)
    return expanded


def _text_of(path: Path) -> str:
    """Reads a text in the encoding that its first bytes tell.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is no text, or far too long.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    if len(data) > LARGEST or (encoding == "utf-8" and b"\0" in data):
        raise UnicodeDecodeError(encoding, data[:1], 0, 1, "no flagfile")
    return data.decode(encoding)
