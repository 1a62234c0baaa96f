"""An encoder of 8x8 digits as a SavedModel, with random weights."""

import pytest
from small_runs import make_run

from aag_tf.config import ExportConfig
from aag_tf.export import export


@pytest.fixture(scope="session")
def encoder_dir(tmp_path_factory):
    """The directory of an exported encoder; tests must not change it."""
    path = tmp_path_factory.mktemp("encoder")
    make_run(path / "run")
    export(ExportConfig(run_dir=str(path / "run"), export_dir=str(path / "served"), verify=False))
    return path / "served"
