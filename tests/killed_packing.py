"""Packing that ends as by `kill -9` when it comes to a certain file; for a process of its own."""

import os
import signal
import sys
from pathlib import Path

from aag_tf.config import PackConfig
from aag_tf.packing.pack import pack


def pack_until_killed(config: PackConfig, event: str, name: str) -> None:
    """Packs until Python's audit event `open`, `os.rename` or `os.remove` comes to a file of this name.

    Of a file that was to be renamed to it, half is there.
    """

    def kill(found: str, arguments: tuple[object, ...]) -> None:
        if found != event:
            return
        path = arguments[1] if event == "os.rename" else arguments[0]
        if not isinstance(path, str | Path) or Path(path).name != name:
            return
        if event == "os.rename":
            os.truncate(str(arguments[0]), os.stat(str(arguments[0])).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    pack(config)
