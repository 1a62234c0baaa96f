"""An output read back: as the encoder gave it, and no more of it than is asked for."""

import numpy as np
import pyarrow.parquet as pq

from aag_tf.export.embedding import embed, open_collection, shards


def test_a_collection_is_read_back(finished):
    rows = pq.read_table(finished / "out" / "parquet").to_pylist()
    collection = open_collection(finished / "out")
    assert (len(collection), collection.dim) == (12, 32)
    np.testing.assert_array_equal(
        np.concatenate(list(collection.vectors())), np.load(finished / "out" / "embeddings.npy")
    )
    assert list(collection.paths()) == [row["path"] for row in rows]
    assert collection.ok().tolist() == [row["ok"] for row in rows]
    for number in (0, 4, 5, 11):
        row = collection.row(number)
        assert (row["path"], row["ok"]) == (rows[number]["path"], rows[number]["ok"])
        np.testing.assert_array_equal(row["embedding"], rows[number]["embedding"])
    items = collection.items([7, 3])
    assert {number: item.name for number, item in items.items()} == {3: rows[3]["path"], 7: rows[7]["path"]}


def test_vectors_are_float32_however_they_were_stored(tmp_path, job):
    embed(job(dtype="float16"))
    collection = open_collection(tmp_path / "out")
    assert {vectors.dtype for vectors in collection.vectors()} == {np.dtype(np.float32)}
    assert np.load(tmp_path / "out" / "embeddings.npy").dtype == np.float16


def test_paths_are_read_alone_and_once(tmp_path, job, monkeypatch):
    monkeypatch.setattr(shards, "ROWS_AT_ONCE", 2)
    embed(job())
    collection = open_collection(tmp_path / "out")
    every = list(collection.paths())
    read, reads = pq.ParquetFile.read_row_group, []

    def watched(file, group, columns=None):
        reads.append((group, columns))
        return read(file, group, columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", watched)
    numbers = [7, 3, 6, 0, 2, 11, 3]
    assert collection.paths_of(numbers) == [every[number] for number in numbers]
    # In files of five rows and groups of two: rows 7; 3 and 2; 6; 0; 11.
    assert reads == [(group, ["path"]) for group in (1, 1, 0, 0, 0)]
    assert collection.paths_of([]) == []
