"""A training that ends as by `kill -9` when it comes to publish a certain checkpoint; for a process of its own."""

import os
import signal
import sys
from pathlib import Path

from processes import aag_train


def train_until_killed(step: int, *flags: str) -> None:
    """Runs `aag-train` until it renames the finished files of a step's checkpoint."""

    def kill(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and Path(str(arguments[1])).name == f"step-{step}":
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    aag_train(*flags)
