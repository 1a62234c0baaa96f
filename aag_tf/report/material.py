"""What the pictures of a report are drawn from: the images that were judged, and what became of them."""

import dataclasses

import numpy as np

from aag_tf.data import Images


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """The judged encoder's view of m images (the queries), and of the n labeled ones that they were compared with.

    Args:
        features: float [m, d] of the queries.
        labels: int [m], or `None` where there are none.
        images: the queries themselves, or `None` where features alone were judged.
        bank_labels: int [n], or `None`.
        bank_images: the labeled images, or `None`.
        neighbors: int [m, k] rows of the bank, nearest first, or `None`.
        similarities: float [m, k], their cosine similarities in [-1, 1].
        knn_predictions: int [m] labels that the neighbors vote for, or `None`.
        probe_predictions: int [m] labels that a linear probe gives, or `None`.
        class_names: the name of every label, or `None` where labels are numbers only.
    """

    features: np.ndarray
    labels: np.ndarray | None = None
    images: Images | None = None
    bank_labels: np.ndarray | None = None
    bank_images: Images | None = None
    neighbors: np.ndarray | None = None
    similarities: np.ndarray | None = None
    knn_predictions: np.ndarray | None = None
    probe_predictions: np.ndarray | None = None
    class_names: list[str] | None = None

    def name(self, label: int) -> str:
        """What the class `label` is called; its number where no name is known."""
        if self.class_names is None or not 0 <= label < len(self.class_names):
            return str(label)
        return self.class_names[label]
