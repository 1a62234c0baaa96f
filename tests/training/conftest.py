"""Runs that several tests read, or compare their own with."""

import dataclasses

import pytest
from training_runs import STEPS, schedule, settings

from aag_tf.training.train import train


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Directory of an undisturbed run with everything that can be measured and drawn; tests must not change it."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    everything = {"knn_every_epochs": 1, "projector_images": 500, "histograms": True, "profile_steps": "2,3"}
    result = train(settings(run_dir, **everything))
    assert result.complete
    assert result.step == STEPS
    return run_dir


class Kept(list):
    """A writer that keeps its records."""

    write = list.append


@pytest.fixture(scope="session")
def other_seed(tmp_path_factory):
    """Directory of a run that differs from `finished` in its seed, and the records that its own writer received."""
    run_dir, kept = tmp_path_factory.mktemp("runs") / "other_seed", Kept()
    train(dataclasses.replace(settings(run_dir, knn_every_epochs=1), schedule=schedule(seed=1)), writers=[kept])
    return run_dir, kept
