"""A run on 8x8 digits with random weights, and its encoder as a SavedModel; tests must not change either."""

import pytest
from small_runs import make_run

from aag_tf.config import ExportConfig
from aag_tf.export import export


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The run directory, and the encoder in it."""
    path = tmp_path_factory.mktemp("runs") / "digits"
    return str(path), make_run(path)


@pytest.fixture(scope="session")
def encoder_dir(run, tmp_path_factory):
    """The directory that version 1 of the run's encoder was exported to."""
    directory = tmp_path_factory.mktemp("encoder")
    export(ExportConfig(run_dir=run[0], export_dir=str(directory), verify=False))
    return directory
