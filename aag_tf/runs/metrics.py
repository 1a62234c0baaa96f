"""`metrics.jsonl`, the metrics of a run over its steps, read back whoever wrote it."""

import math
from pathlib import Path

from aag_tf.utils.json_fields import parse_json
from aag_tf.utils.log import logger

MOST_BYTES = 64 * 2**20  # a hundred thousand logged steps take less

Record = dict[str, float]


def parse_record(line: str) -> Record | None:
    """Returns the finite numbers of a line; `None` for a broken line, or one without a step."""
    try:
        entries = parse_json(line)
    except ValueError:
        return None
    if not isinstance(entries, dict):
        return None
    largest = 2.0**1000  # an integer of JSON may be too large for a float
    numbers = {name: value for name, value in entries.items() if type(value) in (int, float)}
    record = {name: float(value) for name, value in numbers.items() if -largest < value < largest}
    return record if math.isfinite(record.get("step", math.nan)) else None


def read_metrics(path: Path) -> list[Record]:
    """Reads the numbers of each record of a `metrics.jsonl`; broken lines and records without a step are left out.

    A file that is absent or larger than 64 MiB gives no records.
    """
    if not path.is_file():
        return []
    if path.stat().st_size > MOST_BYTES:
        logger.warning("%s is larger than %d MiB, so it is not read.", path, MOST_BYTES // 2**20)
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [record for record in map(parse_record, lines) if record is not None]
