"""TensorBoard: scalars in groups that read well side by side, the views as a picture, the flags as text."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

# The tag of each figure; tags are stable, since people compare runs that are months apart.
TAGS = {
    "loss": "loss/gnt_xent",
    "contrastive_accuracy": "contrast/top1_accuracy",
    "positive_similarity": "contrast/positive_similarity",
    "negative_similarity": "contrast/negative_similarity",
    "positive_pull": "contrast/positive_pull",
    "positive_pull_std": "contrast/positive_pull_std",
    "effective_negatives": "contrast/effective_negatives",
    "alignment": "embedding/alignment",
    "uniformity": "embedding/uniformity",
    "knn_accuracy": "evaluation/knn_accuracy",
    "learning_rate": "optimizer/learning_rate",
    "gradient_norm": "optimizer/gradient_norm",
    "images_per_second": "speed/images_per_second",
    "epoch": "speed/epoch",
}


class TensorBoardWriter:
    """Writes event files that `tensorboard --logdir` reads.

    Args:
        directory: where event files go; TensorBoard takes the run's name from it.
    """

    def __init__(self, directory: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(directory))

    def write(self, record: Mapping[str, float]) -> None:
        """Writes the scalars of one record under their tags."""
        with self._writer.as_default(step=int(record["step"])):
            for name, value in record.items():
                if name != "step":
                    tf.summary.scalar(TAGS.get(name, f"other/{name}"), value)
        self._writer.flush()

    def write_picture(self, tag: str, picture: np.ndarray, *, step: int, description: str) -> None:
        """Writes one picture, uint8 `[height, width, 3]`."""
        with self._writer.as_default(step=step):
            tf.summary.image(tag, picture[np.newaxis], description=description)

    def write_text(self, tag: str, text: str, *, step: int = 0) -> None:
        """Writes Markdown."""
        with self._writer.as_default(step=step):
            tf.summary.text(tag, text)
