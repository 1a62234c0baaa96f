"""A real disk of any size: a tmpfs, mounted where the tests may do that."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """A small disk, to be mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def mount(self, *options: str) -> None:
        """Mounts it anew, empty."""
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(self.path)], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip("mounting a disk needs root")

    def change(self, *options: str) -> None:
        """Changes its options."""
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), str(self.path)], check=True)

    def unmount(self) -> None:
        """Takes it away with all that is on it."""
        subprocess.run(["umount", "--lazy", str(self.path)], capture_output=True, check=False)

    def names(self) -> list[str]:
        """Of all that is on it."""
        return sorted(path.relative_to(self.path).as_posix() for path in self.path.rglob("*"))


@contextlib.contextmanager
def small_disk(path: Path) -> Iterator[Disk]:
    """Yields a disk that will be mounted at a path, and unmounts it."""
    disk = Disk(path)
    try:
        yield disk
    finally:
        disk.unmount()
