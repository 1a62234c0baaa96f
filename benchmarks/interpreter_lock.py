"""The share of time in which a thread of this process holds Python's lock, sampled by py-spy. Needs nothing else."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SAMPLES_PER_SECOND = 100


def find_py_spy() -> str | None:
    """Returns the program py-spy of this Python's environment, or of the path."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


class LockSampling:
    """Samples this process from now on.

    Args:
        py_spy: the program.
        seconds: for how long.
    """

    def __init__(self, py_spy: str, seconds: int) -> None:
        self.seconds = seconds
        self._folder = tempfile.TemporaryDirectory()
        self._samples = Path(self._folder.name, "samples")
        command = [py_spy, "record", f"--pid={os.getpid()}", f"--duration={seconds}", "--gil", "--nonblocking"]
        command += [f"--rate={SAMPLES_PER_SECOND}", "--format=raw", f"--output={self._samples}"]
        self._spy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def goes_on(self) -> bool:
        """Whether py-spy still samples."""
        return self._spy.poll() is None

    def share(self) -> float | None:
        """Waits for the end; the share of the time in which the lock was held, `None` if py-spy failed."""
        failed = self._spy.wait() != 0
        with self._folder:
            counts = [] if failed else [int(line.rpartition(" ")[2]) for line in self._samples.read_text().splitlines()]
        return None if failed else sum(counts) / (self.seconds * SAMPLES_PER_SECOND)
