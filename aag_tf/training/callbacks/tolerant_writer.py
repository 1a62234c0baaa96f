"""A logger of a user's own, whose network or disk may fail without ending a run."""

from collections.abc import Mapping

from absl import logging

from aag_tf.training.callbacks.step_log import Writer
from aag_tf.utils.errors import one_line


class TolerantWriter:
    """Hands records to a writer; an `OSError` of it is logged, since `metrics.jsonl` has the record too.

    Args:
        writer: receives each record.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def write(self, record: Mapping[str, float]) -> None:
        """Hands the record over."""
        try:
            self.writer.write(record)
        except OSError as error:
            name = type(self.writer).__name__
            logging.warning("%s lost the record of step %d (%s)", name, record["step"], one_line(error, 200))
