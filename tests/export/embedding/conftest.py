"""A small job of bulk embedding, and its finished output."""

import shutil

import pytest
from small_pictures import make_folder

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import embed


@pytest.fixture(scope="session")
def job_of(encoder_dir):
    """Makes jobs below a folder: a config over its `pictures`, in shards of five and batches of two, to its `out`."""

    def job_of(root):
        def config(**settings):
            usual = {
                "saved_model": str(encoder_dir),
                "input": str(root / "pictures"),
                "output": str(root / "out"),
                "shard_size": 5,
                "batch_size": 2,
            }
            return EmbedConfig(**usual | settings)

        return config

    return job_of


@pytest.fixture(scope="session")
def finished(tmp_path_factory, job_of):
    """A folder with twelve pictures, three of them broken, and their embeddings; tests must not change it."""
    root = tmp_path_factory.mktemp("finished")
    make_folder(root / "pictures")
    embed(job_of(root)())
    return root


@pytest.fixture
def job(tmp_path, job_of, finished):
    """A job over the same twelve pictures, which must not be changed, to an output of its own."""
    return lambda **settings: job_of(tmp_path)(**{"input": str(finished / "pictures")} | settings)


@pytest.fixture
def done(tmp_path, finished):
    """The output of `job`, finished."""
    return shutil.copytree(finished / "out", tmp_path / "out")


@pytest.fixture
def own_job(tmp_path, job_of, finished):
    """A job over a copy of the pictures, to be changed."""
    shutil.copytree(finished / "pictures", tmp_path / "pictures")
    return job_of(tmp_path)
