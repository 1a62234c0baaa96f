"""Bulk embedding: the encoder's own embeddings in the input's order, whatever stops it and whatever is broken."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from small_pictures import BROKEN, make_folder, save_picture

from aag_tf.export.embedding import embed, shards
from aag_tf.export.embedding.reading import Batch
from aag_tf.export.embedding.vectors import embed_batch
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils.errors import DataError, EmbeddingError


def rows_of(path):
    return pq.read_table(path / "parquet").to_pylist()  # as users read it: the directory as a whole


def test_gives_the_encoders_own_embeddings_in_order(tmp_path, encoder_dir, job_of):
    good = make_folder(tmp_path / "pictures")
    report = embed(job_of(tmp_path)())
    rows = rows_of(tmp_path / "out")
    assert [row["path"] for row in rows] == sorted([*good, *BROKEN])
    expected = load_saved_model(encoder_dir)(tf.constant(np.stack(list(good.values())))).numpy()
    np.testing.assert_allclose([row["embedding"] for row in rows if row["ok"]], expected, atol=1e-6)
    errors = {row["path"]: row["error"] for row in rows if not row["ok"]}
    assert tuple(errors) == BROKEN
    assert "truncated" in errors[BROKEN[0]].lower()
    assert errors[BROKEN[1]] == "an empty file, which is not read: it holds nothing"
    assert errors[BROKEN[2]] == "a text file, which is not read: it is no picture"
    assert all(row["embedding"] is None for row in rows if not row["ok"])
    assert all(row["error"] is None for row in rows if row["ok"])
    assert (report.images, report.embedded, report.new) == (12, 9, 12)
    text = str(report)
    assert "Embedded 9 of 12 images" in text
    assert f"  {BROKEN[1]}: an empty file, which is not read" in text
    assert [file.name for file in sorted((tmp_path / "out" / "parquet").iterdir())] == [
        f"part-{number:05}-of-00003.parquet" for number in range(3)
    ]


def test_numpy_files_hold_the_same_rows(tmp_path, finished, job):
    rows = rows_of(finished / "out")
    vectors = np.load(finished / "out" / "embeddings.npy", mmap_mode="r")
    assert vectors.shape == (12, 32)
    assert vectors.dtype == np.float32
    assert (finished / "out" / "paths.txt").read_text().splitlines() == [row["path"] for row in rows]
    for vector, row in zip(vectors, rows, strict=True):
        np.testing.assert_array_equal(vector, np.full(32, np.nan) if row["embedding"] is None else row["embedding"])
    without = embed(job(output=str(tmp_path / "without"), numpy=False)).path
    assert sorted(file.name for file in without.iterdir()) == ["input.jsonl", "manifest.json", "parquet"]


def test_normalized_half_precision_on_request(tmp_path, finished, job):
    embed(job(output=str(tmp_path / "half"), normalize=True, dtype="float16"))
    whole = np.load(finished / "out" / "embeddings.npy")
    half = np.load(tmp_path / "half" / "embeddings.npy")
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, whole / np.linalg.norm(whole, axis=1, keepdims=True), atol=1e-3)
    assert pq.read_schema(tmp_path / "half" / "parquet" / "part-00000-of-00003.parquet") == shards.schema("float16")


def test_a_batch_of_broken_pictures_only_is_no_trouble(tmp_path, job):
    for name in ("1.png", "2.png", "4.png"):
        save_picture(tmp_path / "some" / name, 1)
    for name in ("2.png", "3.png"):
        (tmp_path / "some" / name).write_bytes(b"")
    report = embed(job(input=str(tmp_path / "some"), shard_size=2, batch_size=2))
    assert [row["ok"] for row in rows_of(tmp_path / "out")] == [True, False, False, True]
    assert (report.images, report.embedded) == (4, 2)


def test_an_input_of_which_nothing_can_be_read_is_an_error_that_names_one(tmp_path, job):
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "1.png").write_bytes(b"")
    with pytest.raises(EmbeddingError, match=r"none of the 1 images .*; 1\.png, for one: an empty file"):
        embed(job(input=str(tmp_path / "none")))


def test_an_empty_input_leaves_the_output_free(tmp_path, job):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images; name another --input"):
        embed(job(input=str(tmp_path / "empty")))
    assert embed(job()).images == 12


def test_overwriting_with_nothing_deletes_nothing(tmp_path, finished, done, job):
    before = rows_of(done)
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank.txt").write_text("\n\n")
    (tmp_path / "none.tfrecord").touch()
    for source in ("empty", "list:blank.txt", "none.tfrecord"):
        scheme, _, name = source.rpartition(":")
        named = f"{scheme}:{tmp_path / name}" if scheme else str(tmp_path / name)
        with pytest.raises(DataError, match="holds no images"):
            embed(job(input=named, overwrite=True))
    assert rows_of(done) == before
    assert embed(job(input=str(finished / "pictures" / "a"), overwrite=True)).images == 6


def test_numbers_that_are_not_finite_are_an_error_of_their_row(encoder_dir):
    encoder = load_saved_model(encoder_dir)
    pixels = np.random.default_rng(0).integers(1, 256, (3, 8, 8, 1), np.uint8)

    class Large(SavedEncoder):
        def __call__(self, images):
            return encoder(images) * tf.constant([[1.0], [1e9], [1.0]])

    large = Large(encoder.path, encoder.metadata, encoder.loaded)
    batch = Batch(["a", "b", "c"], pixels, [None, None, "broken"])
    rows = embed_batch(large, batch, normalize=False, dtype="float16")
    assert rows.errors == [None, "the embedding has numbers that are not finite in float16", "broken"]
    assert rows.ok.tolist() == [True, False, False]
    assert rows.embeddings[0].any()
    assert not rows.embeddings[1:].any()
    assert embed_batch(large, batch, normalize=True, dtype="float16").errors == [None, None, "broken"]
