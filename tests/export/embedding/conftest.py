"""A small job of bulk embedding, and its finished output."""

import shutil

import pytest
from bulk_jobs import Bulk, done, finished, job, job_of  # noqa: F401 - fixtures

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import embed


@pytest.fixture(autouse=True, scope="module")
def _exports_loaded_once(exports_loaded_once):
    """Most tests here are about what happens to the output."""


@pytest.fixture(scope="session")
def bulk(encoder_dir):
    """The job that the shared fixtures make."""
    return Bulk(embed, EmbedConfig, {"saved_model": str(encoder_dir)})


@pytest.fixture
def own_job(tmp_path, job_of, finished):  # noqa: F811 - fixtures
    """A job over a copy of the pictures, to be changed."""
    shutil.copytree(finished / "pictures", tmp_path / "pictures")
    return job_of(tmp_path)
