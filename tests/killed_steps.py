"""Functions that are killed before a certain one of their changes to a folder; each in a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmark_scripts import script
from processes import Process

KILLED = -9
kill_before_change = script("kill_steps").kill_before_change


def killed_at_every_step(
    function: Callable[..., None], *arguments: Any, folder: Path, prepare: Callable[[], None]
) -> Iterator[int]:
    """Yields after each kill, with the number of changes that were made, until none is left to be killed at.

    Args:
        function: of a module.
        *arguments: of the function.
        folder: whose changes are counted.
        prepare: is called before each process.
    """
    count = 0
    while True:
        prepare()
        process = Process(_until_killed, function, arguments, folder, count, log=folder.parent / "log.txt")
        code = process.finish()
        if code == 0:
            return
        assert code == KILLED, process.messages
        yield count
        count += 1


def _until_killed(function: Callable[..., None], arguments: tuple[Any, ...], folder: Path, count: int) -> None:
    kill_before_change(count, folder)
    function(*arguments)
