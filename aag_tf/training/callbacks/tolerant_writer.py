"""Wraps a logger of the user, whose network or disk may fail without ending a run."""

from collections.abc import Mapping

from aag_tf.training.writer import Writer
from aag_tf.utils.errors import one_line
from aag_tf.utils.log import logger


class TolerantWriter:
    """Passes records to a writer; logs an `OSError` of it, since `metrics.jsonl` has the record too.

    Args:
        writer: receives each record.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def write(self, record: Mapping[str, float]) -> None:
        """Passes one record on."""
        try:
            self.writer.write(record)
        except OSError as error:
            name = type(self.writer).__name__
            logger.warning("%s lost the record of step %d (%s)", name, record["step"], one_line(error, 200))
