"""A run that everything is compared with."""

import pytest
from training_runs import STEPS, settings

from aag_tf.training import train


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The directory of a run that nothing disturbed; tests must not change it."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    result = train(settings(run_dir))
    assert result.complete
    assert result.step == STEPS
    return run_dir
