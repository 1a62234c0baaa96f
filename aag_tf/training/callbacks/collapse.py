"""Warns of collapse, the silent failure of contrastive training: all images get almost the same embedding."""

from collections.abc import Mapping

from aag_tf.training.callbacks.tensorboard import TensorBoardWriter
from aag_tf.utils.log import logger

# Metric: its limit, and the side of the limit that means collapse (1: above, -1: below).
# Uniformity, log E exp(-2 d²) over pairs on the unit sphere, is near -4 where they spread evenly; above -0.02 a pair's
# d² averages 0.01, a cosine of 0.995. The spread of embeddings is their root mean square distance from their mean on
# the unit sphere, 1 at most; at 0.05 a pair's cosine averages 0.9975.
LIMITS = {"uniformity": (-0.02, 1), "embedding_spread": (0.05, -1)}
MEASURED = {"uniformity": "projection", "embedding_spread": "embedding"}
PATIENCE = 2  # records in a row, since a new network may start near the limit


class CollapseWarning:
    """A writer that warns once, in the terminal and as text in TensorBoard, when images get almost the same output.

    Args:
        events: receives TensorBoard's text `warnings`.
    """

    def __init__(self, events: TensorBoardWriter) -> None:
        self.events = events
        self._in_a_row = dict.fromkeys(LIMITS, 0)
        self._warned = False

    def write(self, record: Mapping[str, float]) -> None:
        """Checks the metrics of one record."""
        for name, (limit, side) in LIMITS.items():
            if name not in record:
                continue
            is_bad = (record[name] - limit) * side > 0
            self._in_a_row[name] = self._in_a_row[name] + 1 if is_bad else 0
            if self._in_a_row[name] >= PATIENCE and not self._warned:
                self._warned = True
                self._warn(name, record[name], int(record["step"]))

    def _warn(self, name: str, value: float, step: int) -> None:
        text = (
            f"collapse: at step {step} all images have almost the same {MEASURED[name]} ({name} {value:.3f}, near 0). "
            "The run goes on, but it is likely to learn nothing: try a lower --learning_rate, a longer "
            "--warmup_fraction, --projector_batch_norm, or a --temperature between 0.1 and 0.5."
        )
        logger.warning(text)
        self.events.write_text("warnings", text, step=step)
