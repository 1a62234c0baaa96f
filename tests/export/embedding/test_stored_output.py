"""Embeddings on an object store, and of images on one."""

import functools
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from object_store import killed_after_each_change, names

from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.embedding.stored_output import output_to_write
from aag_tf.utils import stores
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.stores import ClaimedError, Store

OUTPUT = "s3://bucket/out"
IMAGES = "s3://bucket/images"


@pytest.fixture(autouse=True)
def one_load(monkeypatch):
    """Loads each encoder once, since that takes most of the time."""
    module = sys.modules["aag_tf.export.embedding.embed"]
    monkeypatch.setattr(module, "load_saved_model", functools.cache(module.load_saved_model))


def uploaded(folder):
    for path in Path(folder).rglob("*"):
        if path.is_file():
            Store(IMAGES).upload(path, path.relative_to(folder).as_posix())


def files_of(path):
    files = [file for file in path.rglob("*") if file.is_file() and file.name != "manifest.json"]
    return {file.name: file.read_bytes() for file in files}


def on_store():
    return {name.rpartition("/")[2]: Store(OUTPUT).read(name) for name in names(OUTPUT) if name != "manifest.json"}


def rows_of(path):
    return pq.read_table(path / "parquet").to_pylist()


def test_a_process_may_be_killed_at_any_moment(s3, job, finished, monkeypatch, tmp_path):
    """After each number of changes to the store the next process goes on, and no row is lost or doubled."""
    resumed = []
    for _ in killed_after_each_change(monkeypatch, lambda: embed(job(output=OUTPUT))):
        begun = "manifest.json" in names(OUTPUT)
        report = embed(job(output=OUTPUT, resume=begun))
        resumed.append(report.new)
        assert on_store() == files_of(finished / "out")
        assert (report.images, report.embedded) == (12, 9)
        for name in names(OUTPUT):
            Store(OUTPUT).remove(name)
    # Claim, two manifests and the list, three Parquet files, two NumPy files, the last manifest.
    assert len(resumed) >= 9
    assert set(resumed) == {12, 7, 2, 0}
    assert not list((tmp_path / "cache" / "embeddings").iterdir())


def test_a_collection_on_a_store_is_opened(s3, job, finished):
    assert str(embed(job(output=OUTPUT))).startswith(f"Embedded 9 of 12 images; the rows are in {OUTPUT}.\n")
    collection = open_collection(OUTPUT)
    local = open_collection(finished / "out")
    assert list(collection.paths()) == list(local.paths())
    assert collection.row(3)["path"] == local.row(3)["path"]
    assert not (stores.copy_path(OUTPUT) / "embeddings.npy").exists()
    with pytest.raises(EmbeddingError, match=r"^s3://bucket has no|^s3://bucket was not written by aag-embed"):
        open_collection("s3://bucket")


def test_the_working_copy_of_a_killed_process_is_deleted_by_the_next(s3, job, tmp_path):
    left = tmp_path / "cache" / "embeddings" / "copy-01234567"
    left.mkdir(parents=True)
    with output_to_write("s3://bucket/another") as living:
        embed(job(output=OUTPUT))
        assert list(left.parent.iterdir()) == [living.path]


def test_a_damaged_file_on_a_store_is_kept_there_and_written_anew(s3, job, finished):
    embed(job(output=OUTPUT))
    name = "parquet/part-00001-of-00003.parquet"
    damaged = bytearray(Store(OUTPUT).read(name))
    damaged[200] ^= 1
    Store(OUTPUT).write(name, bytes(damaged))
    with pytest.raises(EmbeddingError, match=rf"^{OUTPUT}/{name} is not as it was written; give the aag-embed command"):
        open_collection(OUTPUT).check(full=True)
    assert embed(job(output=OUTPUT, resume=True)).new == 5
    assert Store(OUTPUT).read("damaged/part-00001-of-00003.parquet") == damaged
    assert {key: content for key, content in on_store().items() if key in files_of(finished / "out")} == files_of(
        finished / "out"
    )
    open_collection(OUTPUT).check(full=True)
    assert not (stores.copy_path(OUTPUT) / "damaged").exists()


def test_images_on_a_store_are_those_of_a_folder(s3, job, finished, tmp_path):
    uploaded(finished / "pictures")
    embed(job(input=IMAGES))
    found, expected = rows_of(tmp_path / "out"), rows_of(finished / "out")
    assert found == expected
    assert not stores.copy_path(IMAGES).exists()  # nothing is kept
    manifest = open_collection(tmp_path / "out").manifest
    assert (manifest.input["kind"], manifest.input["source"]) == ("store", IMAGES)


def test_images_that_change_after_the_listing_are_named(s3, job, finished, tmp_path):
    uploaded(finished / "pictures")
    embed(job(input=IMAGES))
    good = [row["path"] for row in rows_of(tmp_path / "out") if row["ok"]]
    changed, gone, encrypted = good[:3]
    (tmp_path / "out" / "parquet" / "part-00000-of-00003.parquet").unlink()
    content = Store(IMAGES).read(changed)
    Store(IMAGES).write(changed, content[:-1] + bytes([content[-1] ^ 1]))
    Store(IMAGES).remove(gone)
    embed(job(input=IMAGES, resume=True))
    found = {row["path"]: row["error"] for row in rows_of(tmp_path / "out")}
    assert found[changed] == "the file changed after the input was listed"
    assert found[gone] == f"{IMAGES}/{gone} does not exist."
    assert found[encrypted] is None


def test_what_is_there_is_refused_or_replaced_and_others_files_stay(s3, job):
    Store(OUTPUT).write("thesis.tex", b"years of work")
    with pytest.raises(EmbeddingError, match=r"^--output=s3://bucket/out already exists; add --resume"):
        embed(job(output=OUTPUT))
    with pytest.raises(EmbeddingError, match="holds files that aag-embed did not write"):
        embed(job(output=OUTPUT, overwrite=True))
    Store(OUTPUT).remove("thesis.tex")
    embed(job(output=OUTPUT))
    Store(OUTPUT).write("parquet/notes.txt", b"mine")
    report = embed(job(output=OUTPUT, overwrite=True, shard_size=4))
    assert report.new == 12
    assert [name for name in names(OUTPUT) if name.startswith("parquet/")] == [
        "parquet/notes.txt",
        *(f"parquet/part-0000{number}-of-00003.parquet" for number in range(3)),
    ]
    assert Store(OUTPUT).read("parquet/notes.txt") == b"mine"


def test_two_processes_do_not_mix(s3, job):
    words = r"^--output=s3://bucket/out is in use by"
    with output_to_write(OUTPUT) as output, output.writing(), pytest.raises(ClaimedError, match=words):
        embed(job(output=OUTPUT))
    embed(job(output=OUTPUT))


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        (
            {"input": "tfrecord:s3://bucket/x"},
            DataError,
            "tfrecord: reads local files only; copy them here, or name a folder",
        ),
        ({"input": "list:s3://bucket/x.txt"}, DataError, "list: reads local files only"),
        ({"output": OUTPUT, "update": True}, EmbeddingError, "--update is for outputs on this machine"),
    ],
)
def test_what_is_not_possible_is_said(s3, job, settings, error, sentence):
    with pytest.raises(error, match=sentence):
        embed(job(**settings))
