"""A run that everything is compared with."""

import pytest
from training_runs import STEPS, settings

from aag_tf.training.train import train


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The directory of a run that nothing disturbed, with all that is drawn; tests must not change it."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    everything = {"knn_every_epochs": 1, "projector_images": 500, "histograms": True, "profile_steps": "2,3"}
    result = train(settings(run_dir, **everything))
    assert result.complete
    assert result.step == STEPS
    return run_dir
