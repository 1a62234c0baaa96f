"""Bulk embedding that ends as by `kill -9` when it comes to a certain file; for a process of its own."""

import os
import signal
import sys
from pathlib import Path

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import embed


def embed_until_killed(config: EmbedConfig, event: str, name: str) -> None:
    """Embeds until `kill_at` ends it."""
    kill_at(event, name)
    embed(config)


def kill_at(event: str, name: str) -> None:
    """Kills this process when Python's audit event `open` or `os.rename` has a file of this name as its first argument.

    At `os.rename` half of the file has reached the disk, if its name is that of a file that is being written.
    """

    def kill(found: str, arguments: tuple[object, ...]) -> None:
        if found != event or not isinstance(arguments[0], str | Path) or Path(arguments[0]).name != name:
            return
        if event == "os.rename" and name.startswith("."):
            os.truncate(arguments[0], os.stat(arguments[0]).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
