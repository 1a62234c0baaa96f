"""`metrics.jsonl`: one JSON object for each logged step, appended as training goes."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from aag_tf.utils.atomic import sync, write_atomically


class MetricsFile:
    """Appends records to a JSON Lines file, without those that a resumed run is going to repeat.

    Args:
        path: the file; created when absent.
        start_step: records of later steps are dropped.
    """

    def __init__(self, path: Path, *, start_step: int = 0) -> None:
        self.path = path
        if path.exists():
            kept = [line for line in path.read_text().splitlines(keepends=True) if _step(line) <= start_step]
            write_atomically(path, "".join(kept))

    def write(self, record: Mapping[str, float]) -> None:
        """Appends one line and syncs it to the disk; a killed process leaves at most one unfinished line.

        Values that are not finite, which JSON cannot hold, are left out.
        """
        finite = {name: value for name, value in record.items() if math.isfinite(value)}
        with self.path.open("a") as file:
            file.write(json.dumps(finite, allow_nan=False) + "\n")
        sync(self.path)

    def best(self, name: str) -> float:
        """Returns the highest value of a metric so far; 0 where it has not been measured."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return max((json.loads(line).get(name, 0.0) for line in lines), default=0.0)


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return float("inf")
