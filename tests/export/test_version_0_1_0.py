"""An export and an embedded collection that version 0.1.0 wrote are read, resumed and searched."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from aag_tf.config import EmbedConfig, SearchConfig
from aag_tf.export import load_saved_model
from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.embedding.output import Output
from aag_tf.export.search import search
from aag_tf.runs.exported import digest

DATA = Path(__file__).parents[1] / "data_of_0_1_0"
PATHS = ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png", "broken.png"]


@pytest.fixture
def copied(tmp_path):
    """A copy whose manifest names its own folders, and whose pictures are as old as when they were embedded."""
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    output = Output(tmp_path / "embedded")
    for line in (output.path / "input.jsonl").read_text().splitlines():
        name, _, modified = json.loads(line)
        os.utime(tmp_path / "images" / name, ns=(modified, modified))
    manifest = output.read_manifest()
    places = dict.fromkeys(("source", "root"), str(tmp_path / "images"))
    model = dataclasses.replace(manifest.model, path=str(tmp_path / "export" / "1"))
    output.write_manifest(dataclasses.replace(manifest, input=manifest.input | places, model=model))
    return tmp_path


def test_the_export_is_loaded():
    model = load_saved_model(DATA / "export")
    content = json.loads((DATA / "export" / "1" / "model.json").read_text())
    written = json.loads(json.dumps(model.metadata.to_json()))
    assert {key: written[key] for key in content.keys() - {"flags"}} == {
        key: value for key, value in content.items() if key != "flags"
    }
    record = model.metadata.record
    assert (record.image_shape, model.metadata.embedding_dim, model.metadata.step) == ((8, 8, 1), 8, 7)
    assert record.config.data.dataset == "digits"
    assert record.custom_encoder is not None
    picture = tf.io.decode_png((DATA / "images" / "3.png").read_bytes())
    expected = np.load(DATA / "embedded" / "embeddings.npy")[3]
    np.testing.assert_allclose(model(picture[tf.newaxis])[0], expected, atol=1e-5)


def test_the_collection_is_opened():
    collection = open_collection(DATA / "embedded")
    manifest = (DATA / "embedded" / "manifest.json").read_text()
    assert json.dumps(collection.manifest.to_json(), indent=2) + "\n" == manifest
    assert collection.manifest.model.digest == digest(DATA / "export" / "1")
    assert list(collection.paths()) == PATHS
    assert collection.ok().tolist() == [True] * 6 + [False]
    vectors = np.concatenate(list(collection.vectors()))
    np.testing.assert_array_equal(vectors, np.load(DATA / "embedded" / "embeddings.npy"))


def test_the_collection_is_resumed_and_searched(copied):
    config = EmbedConfig(
        str(copied / "export"), str(copied / "images"), str(copied / "embedded"), resume=True, shard_size=4
    )
    assert embed(config).new == 0
    before = pq.read_table(copied / "embedded" / "parquet").to_pylist()
    (copied / "embedded" / "parquet" / "part-00001-of-00002.parquet").unlink()
    report = embed(config)
    assert (report.new, report.embedded) == (3, 6)
    for old, new in zip(before, pq.read_table(copied / "embedded" / "parquet").to_pylist(), strict=True):
        assert (new["path"], new["ok"], bool(new["error"])) == (old["path"], old["ok"], bool(old["error"]))
        if old["ok"]:
            np.testing.assert_allclose(new["embedding"], old["embedding"], atol=1e-5)
    by_picture = search(
        SearchConfig(str(copied / "embedded"), query=str(copied / "images" / "2.png"), gallery="", top_k=5)
    )
    assert "2.png" not in by_picture.paths
    like = search(SearchConfig(str(copied / "embedded"), like="2.png", gallery="", top_k=5))
    assert like.paths == by_picture.paths
