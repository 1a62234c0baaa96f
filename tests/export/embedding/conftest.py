"""A small job of bulk embedding."""

import pytest
from small_pictures import make_folder

from aag_tf.config import EmbedConfig


@pytest.fixture
def job(tmp_path, encoder_dir):
    """A config over a folder of twelve pictures, three of them broken, in shards of five and batches of two."""
    make_folder(tmp_path / "pictures")

    def config(**settings):
        usual = {
            "saved_model": str(encoder_dir),
            "input": str(tmp_path / "pictures"),
            "output": str(tmp_path / "out"),
            "shard_size": 5,
            "batch_size": 2,
        }
        return EmbedConfig(**usual | settings)

    return config
