"""`metrics.jsonl`: one JSON object for each logged step, appended as training goes."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from aag_tf.utils.atomic import sync, write_atomically


class MetricsFile:
    """Appends records to a JSON Lines file; what a resumed run will do again is cut off first.

    Args:
        path: the file; created when absent.
        start_step: records of later steps are dropped, since the run is going to repeat them.
    """

    def __init__(self, path: Path, *, start_step: int = 0) -> None:
        self.path = path
        if path.exists():
            kept = [line for line in path.read_text().splitlines(keepends=True) if _step(line) <= start_step]
            write_atomically(path, "".join(kept))

    def write(self, record: Mapping[str, float]) -> None:
        """Appends one line, on the disk on return; a process that is killed leaves at most that line unfinished.

        Figures that are no finite numbers, for which JSON has no word, are left out.
        """
        finite = {name: value for name, value in record.items() if math.isfinite(value)}
        with self.path.open("a") as file:
            file.write(json.dumps(finite, allow_nan=False) + "\n")
        sync(self.path)

    def best(self, name: str) -> float:
        """The highest value of a figure so far; 0 where it has not been measured."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return max((json.loads(line).get(name, 0.0) for line in lines), default=0.0)


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return float("inf")
