"""Bulk embedding: the encoder's own embeddings in the input's order, whatever stops it and whatever is broken."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from small_pictures import BROKEN, make_folder, save_picture

from aag_tf.config import EmbedConfig
from aag_tf.errors import DataError, EmbeddingError
from aag_tf.export.embedding import embed, open_collection, shards
from aag_tf.saved_model import load_saved_model

COMMAND = "from aag_tf.commands.embed import run; run()"


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


def rows_of(path):
    return pq.read_table(path / "parquet").to_pylist()  # as users read it: the directory as a whole


def files_of(path):
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.name != "manifest.json"]
    return {file.name: file.read_bytes() for file in files}


def test_gives_the_encoders_own_embeddings_in_order(tmp_path, encoder_dir, job):
    good = make_folder(tmp_path / "pictures")
    report = embed(job())
    rows = rows_of(tmp_path / "out")
    assert [row["path"] for row in rows] == sorted([*good, *BROKEN])
    expected = load_saved_model(encoder_dir)(tf.constant(np.stack(list(good.values())))).numpy()
    np.testing.assert_allclose([row["embedding"] for row in rows if row["ok"]], expected, atol=1e-6)
    errors = {row["path"]: row["error"] for row in rows if not row["ok"]}
    assert tuple(errors) == BROKEN
    assert "truncated" in errors[BROKEN[0]].lower()
    assert errors[BROKEN[1]] == errors[BROKEN[2]] == "not a picture in a known format"
    assert all(row["embedding"] is None for row in rows if not row["ok"])
    assert all(row["error"] is None for row in rows if row["ok"])
    assert (report.images, report.embedded, report.new) == (12, 9, 12)
    text = str(report)
    assert "Embedded 9 of 12 images" in text
    assert f"  {BROKEN[1]}: not a picture in a known format" in text
    assert [file.name for file in sorted((tmp_path / "out" / "parquet").iterdir())] == [
        f"part-{number:05}-of-00003.parquet" for number in range(3)
    ]


def test_numpy_files_hold_the_same_rows(tmp_path, job):
    embed(job())
    rows = rows_of(tmp_path / "out")
    vectors = np.load(tmp_path / "out" / "embeddings.npy", mmap_mode="r")
    assert vectors.shape == (12, 32)
    assert vectors.dtype == np.float32
    assert (tmp_path / "out" / "paths.txt").read_text().splitlines() == [row["path"] for row in rows]
    for vector, row in zip(vectors, rows, strict=True):
        np.testing.assert_array_equal(vector, np.full(32, np.nan) if row["embedding"] is None else row["embedding"])
    assert "embeddings.npy" not in files_of(embed(job(output=str(tmp_path / "without"), numpy=False)).path)


def test_normalized_half_precision_on_request(tmp_path, job):
    embed(job())
    embed(job(output=str(tmp_path / "half"), normalize=True, dtype="float16"))
    whole = np.load(tmp_path / "out" / "embeddings.npy")
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
    with pytest.raises(EmbeddingError, match=r"none of the 1 images .*; 1\.png, for one: not a picture"):
        embed(job(input=str(tmp_path / "none")))


def test_an_empty_input_leaves_the_output_free(tmp_path, job):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images, so there is nothing to embed"):
        embed(job(input=str(tmp_path / "empty")))
    assert embed(job()).images == 12


def test_a_stopped_run_goes_on_where_it_was(tmp_path, job, monkeypatch):
    embed(job(output=str(tmp_path / "whole")))
    write, written = shards.write_shard, []

    def die_at_the_second(path, rows, columns):
        if written:
            path.with_name(f".{path.name}").write_bytes(b"half a file")
            raise KeyboardInterrupt
        written.append(path)
        write(path, rows, columns)

    monkeypatch.setattr(shards, "write_shard", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        embed(job())
    with pytest.raises(EmbeddingError, match="is not finished; give its aag-embed command again with --resume"):
        open_collection(tmp_path / "out")
    monkeypatch.undo()
    report = embed(job(resume=True))
    assert (report.images, report.new) == (12, 7)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    again = embed(job(resume=True))
    assert (again.images, again.embedded, again.new, again.broken) == (12, 9, 0, report.broken)


def test_a_missing_or_damaged_file_is_written_anew(tmp_path, job):
    embed(job())
    before = files_of(tmp_path / "out")
    (tmp_path / "out" / "parquet" / "part-00000-of-00003.parquet").write_bytes(b"PAR1")
    (tmp_path / "out" / "parquet" / "part-00002-of-00003.parquet").unlink()
    with pytest.raises(EmbeddingError, match=r"part-00000-of-00003.parquet is missing or damaged"):
        open_collection(tmp_path / "out")
    assert embed(job(resume=True)).new == 7
    assert files_of(tmp_path / "out") == before


def test_files_that_come_or_go_after_the_listing_move_no_row(tmp_path, job):
    embed(job())
    before = rows_of(tmp_path / "out")
    (tmp_path / "out" / "parquet" / "part-00001-of-00003.parquet").unlink()
    save_picture(tmp_path / "pictures" / "a" / "00a.png", 99)
    (tmp_path / "pictures" / before[6]["path"]).unlink()
    embed(job(resume=True))
    after = rows_of(tmp_path / "out")
    assert after[6] == {"path": before[6]["path"], "embedding": None, "ok": False, "error": "No such file or directory"}
    assert after[:6] + after[7:] == before[:6] + before[7:]


def test_kill_9_loses_and_doubles_no_row(tmp_path, job):
    for number in range(300):
        save_picture(tmp_path / "many" / f"{number:03}.png", number)
    settings = {"input": str(tmp_path / "many"), "shard_size": 2}
    embed(job(**settings, output=str(tmp_path / "whole")))
    config = job(**settings)
    flags = [
        f"--{name}={getattr(config, name)}" for name in ("saved_model", "input", "output", "shard_size", "batch_size")
    ]
    child = subprocess.Popen([sys.executable, "-c", COMMAND, *flags], stderr=subprocess.DEVNULL)
    out = tmp_path / "out"
    while not list(out.glob("parquet/part-*")) and child.poll() is None:
        time.sleep(0.002)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    done = len(list(out.glob("parquet/part-*")))
    assert 0 < done < 150
    report = embed(job(**settings, resume=True))
    assert report.new == 300 - 2 * done
    assert files_of(out) == files_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shard_size": 4}, "begun with --shard_size=5, not --shard_size=4"),
        ({"dtype": "float16"}, "begun with --dtype=float32, not --dtype=float16"),
        ({"normalize": True}, "begun with --normalize=False"),
        ({"input": "."}, "begun with the input .*pictures"),
        ({"input": "tfrecord:"}, "names nothing"),
    ],
)
def test_another_job_is_not_continued(tmp_path, job, settings, words):
    embed(job())
    before = files_of(tmp_path / "out")
    with pytest.raises(Exception, match=words) as refusal:
        embed(job(resume=True, **settings))
    assert "\n" not in str(refusal.value)
    assert files_of(tmp_path / "out") == before


def test_another_batch_size_may_go_on(tmp_path, job):
    embed(job())
    assert embed(job(resume=True, batch_size=3)).new == 0


def test_another_encoder_does_not_continue(tmp_path, encoder_dir, job):
    embed(job())
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    manifest["model"]["digest"] = "0" * 64
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EmbeddingError, match=r"begun with the encoder .*holds another"):
        embed(job(resume=True))


def test_another_list_does_not_continue(tmp_path, job):
    paths = sorted((tmp_path / "pictures").rglob("*.png"))
    (tmp_path / "list.txt").write_text("\n".join(map(str, paths)))
    embed(job(input=str(tmp_path / "list.txt")))
    (tmp_path / "list.txt").write_text("\n".join(map(str, paths[:5])))
    with pytest.raises(EmbeddingError, match="the list of paths has changed since"):
        embed(job(input=str(tmp_path / "list.txt"), resume=True))


def test_nothing_is_overwritten_unasked(tmp_path, job):
    embed(job())
    with pytest.raises(EmbeddingError, match="already exists"):
        embed(job())
    assert embed(job(overwrite=True, shard_size=12)).new == 12
    assert [file.name for file in (tmp_path / "out" / "parquet").iterdir()] == ["part-00000-of-00001.parquet"]


def test_numbers_that_are_not_finite_are_an_error_of_their_row(tmp_path, job, monkeypatch):
    module = sys.modules["aag_tf.export.embedding.embed"]
    load = module.load_saved_model

    def load_large(path):
        encoder = load(path)
        large = type("Large", (), {"metadata": encoder.metadata, "image_shape": encoder.image_shape})()
        type(large).__call__ = lambda self, images: encoder(images) * tf.constant([[1.0]] + [[1e9]] * (len(images) - 1))
        return large

    monkeypatch.setattr(module, "load_saved_model", load_large)
    embed(job(dtype="float16"))
    errors = [row["error"] for row in rows_of(tmp_path / "out")]
    assert errors[0] is None
    assert errors[1] == "the embedding has numbers that are not finite in float16"


def test_an_input_that_ends_early_can_be_resumed(tmp_path, job, monkeypatch):
    file_list = sys.modules["aag_tf.export.embedding.file_lists"].FileList
    whole = file_list.items
    monkeypatch.setattr(file_list, "items", lambda self, start, stop: whole(self, start, min(stop, 7)))
    with pytest.raises(EmbeddingError, match="the input ends at row 7, before all images that were listed"):
        embed(job())
    monkeypatch.undo()
    assert embed(job(resume=True)).new == 7


def test_a_collection_is_read_back(tmp_path, job):
    embed(job())
    rows = rows_of(tmp_path / "out")
    collection = open_collection(tmp_path / "out")
    assert (len(collection), collection.dim) == (12, 32)
    np.testing.assert_array_equal(
        np.concatenate(list(collection.vectors())), np.load(tmp_path / "out" / "embeddings.npy")
    )
    assert list(collection.paths()) == [row["path"] for row in rows]
    assert collection.ok().tolist() == [row["ok"] for row in rows]
    for number in (0, 4, 5, 11):
        row = collection.row(number)
        assert (row["path"], row["ok"]) == (rows[number]["path"], rows[number]["ok"])
        np.testing.assert_array_equal(row["embedding"], rows[number]["embedding"])
    items = collection.items([7, 3])
    assert {number: item.name for number, item in items.items()} == {3: rows[3]["path"], 7: rows[7]["path"]}
