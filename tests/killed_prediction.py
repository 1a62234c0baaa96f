"""Bulk prediction that ends as by `kill -9` when it comes to a certain file; for a process of its own."""

from killed_embedding import kill_at

from aag_tf.config import PredictConfig
from aag_tf.export.prediction import predict


def predict_until_killed(config: PredictConfig, event: str, name: str) -> None:
    """Predicts until Python's audit event has a file of this name, as `embed_until_killed` does."""
    kill_at(event, name)
    predict(config)
