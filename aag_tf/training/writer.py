"""The interface of loggers: what `metrics.jsonl`, TensorBoard and loggers of users receive."""

from collections.abc import Mapping
from typing import Protocol


class Writer(Protocol):
    """Receives the records of a run."""

    def write(self, record: Mapping[str, float]) -> None:
        """Keeps or shows one record: `step`, and the metrics measured at that step."""
