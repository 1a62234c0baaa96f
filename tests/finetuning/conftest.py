"""A run with an encoder of random weights, and labeled images, shared by the tests of fine-tuning."""

import numpy as np
import pytest
from small_runs import make_run
from tuning_runs import save_shapes


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory):
    """A run on the shapes, with random weights."""
    directory = tmp_path_factory.mktemp("runs")
    make_run(directory / "run", save_shapes(directory / "shapes.npz"))
    return directory / "run"


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    """Other images than those of the run: three classes, unevenly many."""
    labels = np.repeat([0, 1, 2], [30, 12, 8])
    return save_shapes(tmp_path_factory.mktemp("data") / "few.npz", labels=labels, seed=1)
