"""Files that are not as they were written are noticed, named, and written anew without losing what was there."""

import dataclasses
import errno
import json
import os
import random
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_pictures import save_picture

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import embed, open_collection, shards
from aag_tf.export.embedding.output import Output
from aag_tf.export.search import search
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import DataError, EmbeddingError

PART = "parquet/part-00000-of-00003.parquet"
MEND = "give the aag-embed command again with --resume, which writes it anew."


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def everything(out):
    """All that a collection gives: vectors, paths, and what is said of broken images."""
    collection = open_collection(out)
    vectors = np.concatenate(list(collection.vectors()))
    return vectors.tobytes(), list(collection.paths()), collection.ok().tolist(), collection.broken(100)


def by_rows(out):
    """The same, read as a search does: a row group at a time."""
    collection = open_collection(out)
    rows = [collection.row(number) for number in range(len(collection))]
    return [(row["path"], row["ok"], row["error"], np.asarray(row["embedding"]).tobytes()) for row in rows]


def contents(out):
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}


@pytest.mark.parametrize("read", [everything, by_rows])
def test_no_flipped_bit_of_a_parquet_file_is_read_as_other_rows(done, read, monkeypatch):
    """300 bits of the file, and all of its footer."""
    part, expected = done / PART, read(done)
    good = part.read_bytes()
    footer = 8 * (len(good) - 8 - int.from_bytes(good[-8:-4], "little"))
    bits = random.Random(0).sample(range(8 * len(good)), 300)
    refusals = []
    for bit in [*bits, *range(footer, 8 * len(good), 17)]:
        flip(part, bit)
        try:
            found = read(done)
        except EmbeddingError as error:
            refusals.append(str(error))
        else:
            assert found == expected, bit
        part.write_bytes(good)
    assert len(refusals) > 280
    for refusal in refusals:
        assert refusal.startswith(f"{part} is ")
        assert refusal.endswith(MEND)
        assert "\n" not in refusal


def test_a_resumed_run_writes_damaged_files_anew_and_keeps_what_was_there(done, job, caplog):
    before = contents(done)
    for name, bit in ((PART, 4000), ("embeddings.npy", 8 * 200), ("paths.txt", 3)):
        flip(done / name, bit)
    (done / "parquet/part-00001-of-00003.parquet").write_bytes(b"PAR1")
    (done / "parquet/part-00002-of-00003.parquet").unlink()
    damaged = contents(done)
    report = embed(job(resume=True))
    assert report.new == 12
    after = contents(done)
    assert {name: after[name] for name in before} == before
    lost = {name.replace("parquet/", "damaged/"): damaged[name] for name in (PART, PART.replace("00-of", "01-of"))}
    assert {name: content for name, content in after.items() if name not in before} == lost
    assert caplog.messages == [
        f"{done / PART} is not as it was written; it is written anew, and what was there is kept as "
        f"{done / 'damaged/part-00000-of-00003.parquet'}.",
        f"{done / 'parquet/part-00001-of-00003.parquet'} has 4 of {len(before[PART.replace('00-of', '01-of')]):,} "
        f"bytes; it is written anew, and what was there is kept as {done / 'damaged/part-00001-of-00003.parquet'}.",
    ]
    assert embed(job(resume=True)).new == 0


def test_damaged_numpy_files_are_written_anew_and_kept(done, job, caplog):
    before = contents(done)
    flip(done / "embeddings.npy", 8 * 200)
    flip(done / "paths.txt", 3)
    assert everything(done)[1][0] == "a/00.png"  # a search does not need them
    assert embed(job(resume=True)).new == 0
    after = contents(done)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == ["damaged/embeddings.npy", "damaged/paths.txt"]
    assert [message.partition("; ")[0] for message in caplog.messages] == [
        f"{done / name} is not as it was written" for name in ("embeddings.npy", "paths.txt")
    ]


def test_a_second_damage_keeps_the_first(done, job):
    flip(done / PART, 4000)
    first = (done / PART).read_bytes()
    embed(job(resume=True))
    flip(done / PART, 4001)
    second = (done / PART).read_bytes()
    embed(job(resume=True))
    assert (done / "damaged" / os.path.basename(PART)).read_bytes() == first
    assert (done / "damaged" / f"{os.path.basename(PART)}.2").read_bytes() == second
    embed(job(overwrite=True))
    assert not (done / "damaged").exists()


def test_embeddings_outlive_their_pictures(tmp_path, own_job):
    """Writing a file anew finds no pictures any more; the old one is all that is left of its rows."""
    embed(own_job())
    rows = pq.read_table(tmp_path / "out" / PART)
    shutil.rmtree(tmp_path / "pictures/a")
    flip(tmp_path / "out" / PART, 8 * 5)
    embed(own_job(resume=True))
    assert not any(pq.read_table(tmp_path / "out" / PART)["ok"].to_pylist())
    kept = tmp_path / "out/damaged" / os.path.basename(PART)
    flip(kept, 8 * 5)
    assert pq.read_table(kept).equals(rows)


def test_the_manifest_has_the_facts_of_every_file(done):
    files = json.loads((done / "manifest.json").read_text())["files"]
    assert sorted(files) == sorted(set(contents(done)) - {"manifest.json", "input.jsonl"})
    for name, facts in files.items():
        assert FileFacts(facts["bytes"], facts["sha256"]) == FileFacts.of(done / name)


def test_a_stopped_run_verifies_what_it_had_written(tmp_path, finished, job, monkeypatch):
    write = shards.write_shard

    def die_at_the_third(path, rows, columns):
        if path.name.startswith("part-00002"):
            raise KeyboardInterrupt
        return write(path, rows, columns)

    monkeypatch.setattr(shards, "write_shard", die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        embed(job())
    monkeypatch.undo()
    flip(tmp_path / "out" / PART, 4000)
    assert embed(job(resume=True)).new == 7
    assert everything(tmp_path / "out") == everything(finished / "out")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (PART, f"{PART} is not as it was written; {MEND}"),
        ("embeddings.npy", f"embeddings.npy is not as it was written; {MEND}"),
        ("paths.txt", f"paths.txt is not as it was written; {MEND}"),
        ("input.jsonl", "input.jsonl was changed since it was written; embed again with --overwrite."),
    ],
)
def test_a_whole_collection_is_verified_on_demand(done, name, sentence):
    open_collection(done).check(full=True)
    flip(done / name, 8 * 60)
    collection = open_collection(done)
    with pytest.raises((EmbeddingError, DataError)) as error:
        collection.check(full=True)
    assert str(error.value) == f"{done}/{sentence}"
    with pytest.raises((EmbeddingError, DataError), match=r"is not as it was written|was changed since"):
        search(SearchConfig(str(done), like="0", gallery="", verify=True))


@pytest.fixture
def early(done):
    """The output as an earlier version would have written it: without checksums."""
    for part in (done / "parquet").iterdir():
        pq.write_table(pq.read_table(part), part, use_dictionary=False)
    output = Output(done)
    output.write_manifest(dataclasses.replace(output.read_manifest(), files=None))
    return done


def test_an_output_without_checksums_is_read_and_resumed_as_far_as_it_can_be_checked(early, finished, job, caplog):
    assert everything(early) == everything(finished / "out")
    open_collection(early).check(full=True)
    before = contents(early)
    assert embed(job(resume=True)).new == 0
    assert contents(early) == before
    (early / PART).write_bytes(before[PART][:200] + bytes(40) + before[PART][240:])
    with pytest.raises(EmbeddingError, match=rf"^{early / PART} is damaged \(.*\); {MEND}$"):
        everything(early)
    assert embed(job(resume=True)).new == 5
    assert everything(early) == everything(finished / "out")
    assert caplog.messages[-1].startswith(f"{early / PART} is damaged; it is written anew")
    files = json.loads((early / "manifest.json").read_text())["files"]  # now it has checksums
    assert len(files) == 5


def test_a_disk_that_fails_is_not_taken_for_damage(done, job, monkeypatch):
    before = contents(done)
    open_file = type(done).open

    def failing(path, *arguments, **settings):
        if path.name == os.path.basename(PART):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return open_file(path, *arguments, **settings)

    monkeypatch.setattr(type(done), "open", failing)
    with pytest.raises(EmbeddingError) as error:
        embed(job(resume=True))
    assert str(error.value) == (
        f"{done / PART} cannot be read now (Input/output error); mend that and try again, nothing was changed."
    )
    monkeypatch.undo()
    assert contents(done) == before

    def failing_file(name):
        raise OSError(errno.EIO, "Error reading bytes from file")

    collection = open_collection(done)
    monkeypatch.setattr(pa, "OSFile", failing_file)
    with pytest.raises(EmbeddingError, match=rf"^{done / PART} cannot be read now \(Input/output error\)"):
        list(collection.vectors())


def test_an_update_does_not_carry_damage_on(tmp_path, own_job, caplog):
    embed(own_job())
    expected = everything(tmp_path / "out")
    save_picture(tmp_path / "pictures/a/00.png", 99)
    save_picture(tmp_path / "pictures/x.png", 3)
    flip(tmp_path / "out" / PART, 8 * 300)
    report = embed(own_job(update=True))
    assert report.changes == "1 new, 1 changed, 0 gone"
    assert report.new == 5 + 1  # the whole damaged file, whose changed row is one of five
    assert caplog.messages[-1].startswith(f"{tmp_path / 'out' / PART} is not as it was written; it is written anew")
    vectors, paths, ok, _ = everything(tmp_path / "out")
    assert (paths, ok) == ([*expected[1], "x.png"], [*expected[2], True])
    row = 32 * 4
    np.testing.assert_allclose(
        np.frombuffer(vectors[row : 12 * row], np.float32), np.frombuffer(expected[0][row:], np.float32), atol=1e-5
    )
    open_collection(tmp_path / "out").check(full=True)


def test_damage_that_the_end_of_an_update_finds_is_mended_by_resuming(tmp_path, own_job, monkeypatch):
    embed(own_job())
    save_picture(tmp_path / "pictures/x.png", 3)
    flip(tmp_path / "out" / PART, 8 * 300)  # the update leaves this file as it is
    with pytest.raises(EmbeddingError, match=rf"{PART} is damaged \(.*\); {MEND}$"):
        embed(own_job(update=True))
    with pytest.raises(EmbeddingError, match="this output is not finished; finish it with --resume"):
        embed(own_job(update=True))
    report = embed(own_job(resume=True))
    assert (report.images, report.new) == (13, 5)
    collection = open_collection(tmp_path / "out")
    collection.check(full=True)
    assert list(collection.paths())[-1] == "x.png"


def test_a_damaged_file_of_an_update_is_written_again(tmp_path, own_job, monkeypatch):
    embed(own_job())
    save_picture(tmp_path / "pictures/x.png", 3)
    write = Output.write_manifest

    def die_when_written(output, manifest):
        write(output, manifest)
        if manifest.update is not None and manifest.update.files:
            raise KeyboardInterrupt

    monkeypatch.setattr(Output, "write_manifest", die_when_written)
    with pytest.raises(KeyboardInterrupt):
        embed(own_job(update=True))
    monkeypatch.undo()
    (written,) = (tmp_path / "out/update").iterdir()
    flip(written, 8 * 100)
    assert embed(own_job(update=True)).new == 1
    open_collection(tmp_path / "out").check(full=True)
    assert len(open_collection(tmp_path / "out")) == 13
