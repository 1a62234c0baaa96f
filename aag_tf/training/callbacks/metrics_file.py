"""`metrics.jsonl`: one JSON object for each logged step, appended as training goes."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from aag_tf.runs.metrics import parse_record
from aag_tf.utils.atomic import naming, sync, write_atomically
from aag_tf.utils.log import logger


class MetricsFile:
    """Appends records to a JSON Lines file, without those that a resumed run is going to repeat.

    Args:
        path: the file; created when absent.
        start_step: records of later steps are dropped.
    """

    def __init__(self, path: Path, *, start_step: int = 0) -> None:
        self.path = path
        self._is_begun = path.exists()
        if self._is_begun:
            kept = [line for line in self._lines() if _step(line) <= start_step]
            write_atomically(path, "".join(kept))

    def write(self, record: Mapping[str, float]) -> None:
        """Appends one line and syncs it to the disk; a killed process leaves at most one unfinished line.

        Values that are not finite, which JSON cannot hold, are left out.

        Raises:
            OSError: it cannot be written; the error names it.
        """
        is_gone = self._is_begun and not self.path.exists()
        finite = {name: value for name, value in record.items() if math.isfinite(value)}
        with naming(self.path):
            with self.path.open("a") as file:
                file.write(json.dumps(finite, allow_nan=False) + "\n")
            sync(self.path)
        self._is_begun = True
        if is_gone:
            step = f"{int(record['step']):,}"
            logger.warning("%s was deleted while the run writes it; it begins anew at step %s.", self.path, step)

    def best(self, name: str) -> float:
        """Returns the highest value of a metric so far; 0 where it has not been measured."""
        records = map(parse_record, self._lines() if self.path.exists() else [])
        return max((record.get(name, 0.0) for record in records if record is not None), default=0.0)

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)


def _step(line: str) -> float:
    record = parse_record(line)
    return math.inf if record is None else record["step"]
