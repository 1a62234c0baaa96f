"""Evaluations of made-up features, as `evaluate` returns them."""

import numpy as np

from aag_tf.config import ProtocolConfig
from aag_tf.data import ArrayImages
from aag_tf.evaluation import Evaluation, Examples, FeatureResult, FeatureSet


def make_evaluation(
    count=300,
    classes=5,
    *,
    labeled=True,
    wrong=False,
    images=True,
    shape=(8, 8, 1),
    knn_k=20,
    features=None,
    measures="knn,unlabeled",
    **changes,
):
    """Clusters of features, one for each class, as bank and as queries; `wrong` mislabels every third query."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    if features is None:
        features = (np.eye(classes, 16)[labels] + 0.1 * rng.normal(size=(count, 16))).astype(np.float32)
    truth = np.where(np.arange(count) % 3 == 0, (labels + 1) % classes, labels) if wrong else labels
    pictures = ArrayImages(rng.integers(0, 256, (count, *shape), np.uint8)) if images else None
    feature_set = FeatureSet(
        "trained encoder",
        Examples(features, labels if labeled else None, pictures),
        Examples(features, truth if labeled else None, pictures),
        ProtocolConfig(measures=measures, knn_k=knn_k),
    )
    data = {
        "dataset": "clusters",
        "split": "test",
        "num_bank": count,
        "num_queries": count,
        "num_classes": classes if labeled else None,
        "class_names": None,
        "image_shape": list(shape),
        "conversion": "",
    }
    values = {
        "results": [FeatureResult("trained encoder", features.shape[1], [])],
        "subject": {"saved_model": "model"},
        "settings": {},
        "command": "aag-evaluate",
        "seeds": {},
        "versions": {},
        "seconds": 0.0,
        "feature_set": feature_set,
    }
    return Evaluation(**(values | changes | {"data": data | changes.get("data", {})}))
