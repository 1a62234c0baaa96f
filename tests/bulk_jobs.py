"""Fixtures of a small bulk job and its finished output, for a `conftest.py` that says by `bulk` which job it is."""

import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from small_pictures import make_folder

from aag_tf.config import EmbedConfig, PredictConfig


class Bulk(NamedTuple):
    """A kind of bulk job.

    Args:
        run: does a job.
        config: class of its settings.
        usual: settings of all jobs here.
    """

    run: Callable[[Any], object]
    config: type[EmbedConfig] | type[PredictConfig]
    usual: dict[str, Any]


@pytest.fixture(scope="session")
def job_of(bulk):
    """Makes jobs below a folder: a config over its `pictures`, in shards of five and batches of two, to its `out`."""

    def job_of(root):
        def config(**settings):
            places = {"input": str(root / "pictures"), "output": str(root / "out")}
            return bulk.config(**{**places, "shard_size": 5, "batch_size": 2, **bulk.usual, **settings})

        return config

    return job_of


@pytest.fixture(scope="session")
def finished(tmp_path_factory, bulk, job_of):
    """A folder with twelve pictures, three of them broken, and the finished output; tests must not change it."""
    root = tmp_path_factory.mktemp("finished")
    make_folder(root / "pictures")
    bulk.run(job_of(root)())
    return root


@pytest.fixture
def job(tmp_path, job_of, finished):
    """A job over the same twelve pictures, which must not be changed, to an output of its own."""
    return lambda **settings: job_of(tmp_path)(**{"input": str(finished / "pictures")} | settings)


@pytest.fixture
def done(tmp_path, finished):
    """The output of `job`, finished."""
    return shutil.copytree(finished / "out", tmp_path / "out")
