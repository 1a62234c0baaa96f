"""Results of the study: one JSON object per line, appended atomically; an incomplete last line is ignored."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "ablation.jsonl"


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Returns records by their `key`, without an incomplete last line."""
    if not path.exists():
        return {}
    complete, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return {record["key"]: record for record in map(json.loads, complete.splitlines())}


def append(path: Path, record: dict[str, Any]) -> None:
    """Appends a record in one write and syncs it to the disk; an incomplete last line is removed first."""
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
def exclusive(path: Path) -> Iterator[None]:
    """Locks the results against a second process.

    Raises:
        SystemExit: another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another process is working on {path}; wait for it, or use other --results.") from None
        yield
