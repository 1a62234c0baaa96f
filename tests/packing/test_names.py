"""Data sets and packs in directories of any name."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow_datasets as tfds

from aag_tf.config import DataConfig
from aag_tf.data import open_source

from .conftest import make_folder, pack_to, same


@pytest.mark.parametrize("name", ["odd [1]", "b\\c", "ü é", "a:b", "two  spaces ", "star*?", "{1..3}", "100%"])
def test_directories_of_any_name(tmp_path, name):
    folder = make_folder(tmp_path / name / "in")
    out = tmp_path / name / "out"
    pack_to(out, f"folder:{folder}", shard_size=7)
    pack_to(out, f"folder:{folder}", shard_size=7, resume=True)
    assert same(open_source(DataConfig(f"folder:{folder}")), open_source(DataConfig(f"pack:{out}")))
    if name not in ("star*?", "{1..3}"):  # TensorFlow Datasets itself takes these for patterns
        assert len(tfds.builder_from_directory(out).as_data_source(split="test")) == 8
    picture = (folder / "train" / "b" / "01.jpg").read_bytes()
    with (tmp_path / name / "x.parquet").open("wb") as file:
        pq.write_table(pa.table({"image": [picture] * 3}), file)
    pack_to(tmp_path / name / "table", f"parquet:{tmp_path / name / 'x.parquet'}")
    images = open_source(DataConfig(f"pack:{tmp_path / name / 'table'}", validation_fraction=0.0)).train.images
    assert len(np.unique(images.numpy(range(3)), axis=0)) == 1
