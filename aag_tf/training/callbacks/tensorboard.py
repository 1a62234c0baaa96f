"""Writes TensorBoard event files: scalars in groups, pictures, text, histograms."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from aag_tf.training.callbacks.event_files import drop_events_after, event_files, put_behind
from aag_tf.utils.atomic import naming
from aag_tf.utils.log import logger

# Metric: tag. Tags are never renamed, since people compare runs that are months apart. `docs/reference/tensorboard.md`
# explains each.
TAGS = {
    "loss": "loss/gnt_xent",
    "contrastive_accuracy": "contrast/top1_accuracy",
    "temperature": "contrast/temperature",
    "positive_similarity": "contrast/positive_similarity",
    "negative_similarity": "contrast/negative_similarity",
    "positive_pull": "contrast/positive_pull",
    "positive_pull_std": "contrast/positive_pull_std",
    "effective_negatives": "contrast/effective_negatives",
    "alignment": "projection/alignment",
    "uniformity": "projection/uniformity",
    "embedding_spread": "embedding/spread",
    "knn_accuracy": "evaluation/knn_accuracy",
    "best_knn_accuracy": "evaluation/best_knn_accuracy",
    "linear_accuracy": "evaluation/linear_accuracy",
    "effective_rank": "evaluation/effective_rank",
    "feature_uniformity": "evaluation/feature_uniformity",
    "monitor_seconds": "evaluation/monitor_seconds",
    "cross_entropy": "finetuning/cross_entropy",
    "held_out_cross_entropy": "finetuning/held_out_cross_entropy",
    "held_out_accuracy": "finetuning/held_out_accuracy",
    "held_out_balanced_accuracy": "finetuning/held_out_balanced_accuracy",
    "learning_rate": "optimizer/learning_rate",
    "gradient_norm": "optimizer/gradient_norm",
    "loss_scale": "optimizer/loss_scale",
    "images_per_second": "speed/images_per_second",
    "data_wait_share": "speed/data_wait_share",
    "cpu_cores_used": "speed/cpu_cores_used",
    "first_step_seconds": "speed/first_step_seconds",
    "epoch": "speed/epoch",
    "host_memory_gib": "memory/host_gib",
    "device_memory_gib": "memory/device_gib",
    "device_memory_peak_gib": "memory/device_peak_gib",
}

# Copies of the metrics to look at first, in a group that TensorBoard shows first, since it orders tags by name.
FIRST_TAGS = {
    "loss": "at_a_glance/1_loss",
    "knn_accuracy": "at_a_glance/2_knn_accuracy",
    "linear_accuracy": "at_a_glance/3_linear_accuracy",
    "learning_rate": "at_a_glance/4_learning_rate",
    "best_knn_accuracy": "at_a_glance/5_best_knn_accuracy",
}


class TensorBoardWriter:
    """Writes event files that `tensorboard --logdir` reads; begins another where somebody deletes that in use.

    Args:
        directory: for event files; TensorBoard takes the name of the run from it.
        start_step: events of later steps are dropped, since the run is going to repeat them; all of them at 0.
        best_knn_accuracy: the highest so far, where a run is resumed.
    """

    def __init__(self, directory: Path, *, start_step: int = 0, best_knn_accuracy: float = 0.0) -> None:
        drop_events_after(start_step, directory)
        self.directory = directory
        self.best_knn_accuracy = best_knn_accuracy
        self._open()

    def close(self) -> None:
        """Flushes and closes the file.

        Raises:
            OSError: it cannot be written; the error names it.
        """
        with naming(self._file or self.directory):
            self._writer.close()

    def _open(self) -> None:
        before = event_files(self.directory)
        self._writer = tf.summary.create_file_writer(str(self.directory))
        opened = [path for path in event_files(self.directory) if path not in before]
        self._file = put_behind(opened[0], before) if opened else None

    @contextlib.contextmanager
    def _at(self, step: int) -> Iterator[None]:
        """Makes the file the one that summaries of a step go to.

        Raises:
            OSError: it cannot be written; the error names it.
        """
        if self._file is not None and not self._file.exists():  # TensorFlow would go on writing without a word
            logger.warning(
                "%s was deleted while the run writes it; the events from step %s on go to another file, and "
                "metrics.jsonl has the metrics of all steps.",
                self._file,
                f"{step:,}",
            )
            self._writer.close()
            self._open()
        with naming(self._file or self.directory), self._writer.as_default(step=step):
            yield

    def write(self, record: Mapping[str, float]) -> None:
        """Writes the scalars of one record under their tags, and the best kNN accuracy beside each kNN accuracy."""
        if "knn_accuracy" in record:
            self.best_knn_accuracy = max(self.best_knn_accuracy, record["knn_accuracy"])
            record = {**record, "best_knn_accuracy": self.best_knn_accuracy}
        with self._at(int(record["step"])):
            for name, value in record.items():
                if name != "step":
                    tf.summary.scalar(TAGS.get(name, f"other/{name}"), value)
                if name in FIRST_TAGS:
                    tf.summary.scalar(FIRST_TAGS[name], value)
            self._writer.flush()

    def write_picture(self, tag: str, picture: np.ndarray, *, step: int, description: str) -> None:
        """Writes one picture, uint8 `[height, width, 3]`."""
        with self._at(step):
            tf.summary.image(tag, picture[np.newaxis], description=description)

    def write_text(self, tag: str, text: str, *, step: int = 0) -> None:
        """Writes Markdown."""
        with self._at(step):
            tf.summary.text(tag, text)

    def write_histogram(self, tag: str, values: tf.Tensor, step: int) -> None:
        """Writes the distribution of a tensor's elements."""
        with self._at(step):
            tf.summary.histogram(tag, values)

    def write_summary(self, summary: Any) -> None:
        """Writes a `Summary` message that a TensorBoard plugin has built."""
        with self._at(0):
            tf.summary.experimental.write_raw_pb(summary.SerializeToString())
            self._writer.flush()
