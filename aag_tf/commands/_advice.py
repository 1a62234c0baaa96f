"""Advice that a command can take: a flag that only other commands have is said to be theirs.

Messages come from rooms that know nothing of commands, and one that is right for `aag-train` may reach `aag-export`.
"""

import contextlib
import functools
import logging
import re
from collections.abc import Iterator

from typing_extensions import override

from aag_tf.config import leaves
from aag_tf.flags import recipes
from aag_tf.flags.commands import COMMANDS
from aag_tf.utils.log import logger

FLAG = re.compile(r"(?<![\w-])--(\w+)")
QUOTED = re.compile(r"`[^`]*`")  # commands of others
SHARED = frozenset(("flagfile", "help", "helpfull"))


def advised_by(text: str, command: str) -> str:
    """Returns a message of a command; one that names flags which the command lacks ends with whose they are.

    A flag of a command that the message names is left as it is, as in "give the aag-embed command again with --resume".
    """
    if command not in COMMANDS:
        return text
    named = [command, *(other for other in COMMANDS if other in text)]
    flags = dict.fromkeys(FLAG.findall(QUOTED.sub("", text)))
    foreign = [flag for flag in flags if not any(flag in _flags_of(each) for each in named)]
    owners = {flag: [other for other in COMMANDS if flag in _flags_of(other)] for flag in foreign}
    notes: dict[str, list[str]] = {}
    for flag, commands in owners.items():
        if commands:
            notes.setdefault(_listed(commands), []).append(f"--{flag}")
    if not notes:
        return text
    whose = "; ".join(
        f"{_listed(flags)} {'is a flag' if len(flags) == 1 else 'are flags'} of {commands}"
        for commands, flags in notes.items()
    )
    return f"{text.rstrip('.')} ({whose}, not of {command})."


class _OwnAdvice(logging.Filter):
    """Passes every message of a command through `advised_by`."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self.command = command

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str) and "--" in record.getMessage():
            record.msg, record.args = advised_by(record.getMessage(), self.command), None
        return True


@contextlib.contextmanager
def advising_as(command: str) -> Iterator[None]:
    """Lets the messages of the package be those of a command inside the block."""
    own, handlers = _OwnAdvice(command), list(logger.handlers)
    for handler in handlers:
        handler.addFilter(own)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(own)


@functools.cache
def _flags_of(command: str) -> frozenset[str]:
    settings = leaves(COMMANDS[command])
    switches = (f"no{name}" for name, setting in settings.items() if setting.kind is bool)
    own = ("recipe",) if recipes(COMMANDS[command]) else ()
    return frozenset((*settings, *switches, *own)) | SHARED


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
