"""A small job of bulk prediction, and its finished output."""

import pytest
from bulk_jobs import Bulk, done, finished, job, job_of  # noqa: F401 - fixtures

from aag_tf.config import PredictConfig
from aag_tf.export.prediction import predict


@pytest.fixture(autouse=True, scope="module")
def _exports_loaded_once(exports_loaded_once):
    """Most tests here are about what happens to the output."""


@pytest.fixture(scope="session")
def bulk(exported_classifier):
    """The job that the shared fixtures make."""
    return Bulk(predict, PredictConfig, {"saved_model": str(exported_classifier.path), "uncertain": 4})
