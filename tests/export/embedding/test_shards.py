"""Parquet files: what goes in comes out, and a file is complete or absent."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aag_tf.export.embedding import shards
from aag_tf.export.embedding.shards import Rows, ShardFacts, fault_of_unknown, read_vectors, write_shard
from aag_tf.utils import atomic
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.text import printable

ROWS = Rows(["a", "b", "c", "d"], np.arange(12, dtype=np.float32).reshape(4, 3), ["why", None, None, "because"])


def content(directory):
    return [file.name for file in directory.iterdir()]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_rows_come_back_as_they_were(tmp_path, monkeypatch, dtype, at_once):
    monkeypatch.setattr(shards, "ROWS_AT_ONCE", at_once)
    path = tmp_path / "part.parquet"
    write_shard(path, ROWS._replace(embeddings=ROWS.embeddings.astype(dtype)), shards.schema(dtype))
    assert content(tmp_path) == ["part.parquet"]
    table = pq.read_table(path)
    assert table.schema.equals(shards.schema(dtype))
    assert table.to_pylist() == [
        {"path": "a", "embedding": None, "ok": False, "error": "why"},
        {"path": "b", "embedding": [3, 4, 5], "ok": True, "error": None},
        {"path": "c", "embedding": [6, 7, 8], "ok": True, "error": None},
        {"path": "d", "embedding": None, "ok": False, "error": "because"},
    ]
    vectors = np.concatenate([read_vectors(chunk, 3) for chunk in table.column("embedding").chunks])
    assert vectors.dtype == dtype
    np.testing.assert_array_equal(vectors, [[np.nan] * 3, [3, 4, 5], [6, 7, 8], [np.nan] * 3])


def test_rows_without_any_embedding(tmp_path):
    rows = Rows(["a", "b"], np.zeros((2, 3), np.float32), ["x", "y"])
    write_shard(tmp_path / "p", rows, shards.schema("float32"))
    column = pq.read_table(tmp_path / "p").column("embedding").combine_chunks()
    assert np.isnan(read_vectors(column, 3)).all()


def test_a_slice_of_a_column_has_its_own_rows():
    column = pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32()))
    np.testing.assert_array_equal(read_vectors(column.slice(1, 2), 2), [[np.nan, np.nan], [3, 4]])


def test_a_file_counts_only_with_all_its_rows(tmp_path):
    path = tmp_path / "part.parquet"
    assert fault_of_unknown(path, 4, full=False) == "is missing"
    write_shard(path, ROWS, shards.schema("float32"))
    for full in (False, True):
        assert fault_of_unknown(path, 4, full=full) is None
        assert fault_of_unknown(path, 5, full=full) == "has 4 of 5 rows"
    path.write_bytes(path.read_bytes()[:-10])
    assert fault_of_unknown(path, 4, full=False) == "is damaged"


def test_the_facts_of_a_file_tell_every_flipped_bit(tmp_path):
    path = tmp_path / "part.parquet"
    facts = write_shard(path, ROWS, shards.schema("float32"))
    good = path.read_bytes()
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    assert facts == ShardFacts(len(good), hashlib.sha256(good).hexdigest(), hashlib.sha256(good[footer:]).hexdigest())
    assert (facts.fault(path), facts.fault(path, full=False)) == (None, None)
    for place in range(len(good)):
        flipped = bytearray(good)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert facts.fault(path) == "is not as it was written"
        assert facts.fault(path, full=False) == (None if place < footer else "is not as it was written")
    path.write_bytes(good[:-1])
    assert facts.fault(path, full=False) == f"has {len(good) - 1:,} of {len(good):,} bytes"
    path.unlink()
    assert facts.fault(path, full=False) == "is missing"


def test_a_file_and_its_name_outlive_a_power_cut(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(atomic.os, "fsync", lambda descriptor: synced.append(content(tmp_path)))
    monkeypatch.setattr(atomic, "sync", lambda path: synced.append((path, content(tmp_path))))
    write_shard(tmp_path / "part.parquet", ROWS, shards.schema("float32"))
    assert synced == [[".part.parquet"], (tmp_path, ["part.parquet"])]


def test_bytes_that_are_no_unicode_are_shown_as_hexadecimal():
    assert printable("é/caf\udce9.png") == r"é/caf\xe9.png"


def test_embeddings_of_another_length_are_refused(tmp_path):
    write_shard(tmp_path / "p", ROWS, shards.schema("float32"))
    column = pq.read_table(tmp_path / "p").column("embedding").chunk(0)
    with pytest.raises(EmbeddingError, match="have other lengths than the 4 of the manifest"):
        read_vectors(column, 4)
