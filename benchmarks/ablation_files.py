"""The study's results: one JSON object a line, appended whole or not at all, read past a line that a crash tore."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Records by their `key`; a last line without its end is no record."""
    if not path.exists():
        return {}
    complete, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return {record["key"]: record for record in map(json.loads, complete.splitlines())}


def append(path: Path, record: dict[str, Any]) -> None:
    """Adds a record in one write that has reached the disk, after cutting off what a crash left of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+") as file:
        file.seek(0)
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
        file.write((json.dumps(record, ensure_ascii=False) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Keeps a second process from working on the same results.

    Raises:
        SystemExit: one already does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another process works on {path}; let it end, or give other --results.") from None
        yield
