"""Going on, starting again and getting in each other's way: no image is lost or doubled, no file of others touched."""

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from killed_embedding import embed_until_killed
from processes import Process, finish
from small_pictures import save_picture

from aag_tf.export.embedding import Collection, embed, open_collection, shards
from aag_tf.utils.errors import DataError, EmbeddingError

MODULE = sys.modules["aag_tf.export.embedding.embed"]


def rows_of(path):
    return pq.read_table(path / "parquet").to_pylist()  # as users read it: the directory as a whole


def files_of(path):
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.name != "manifest.json"]
    return {file.name: file.read_bytes() for file in files}


def while_the_encoder_loads(monkeypatch, act):
    """Lets something happen between the first look at the output and its lock."""
    load = MODULE.load_saved_model

    def load_slowly(path, **settings):
        monkeypatch.undo()
        act()
        return load(path, **settings)

    monkeypatch.setattr(MODULE, "load_saved_model", load_slowly)


def test_a_stopped_run_goes_on_where_it_was(tmp_path, finished, job, monkeypatch):
    write, written = shards.write_shard, []

    def die_at_the_second(path, rows, columns):
        if written:
            path.with_name(f".{path.name}").write_bytes(b"half a file")
            raise KeyboardInterrupt
        written.append(path)
        return write(path, rows, columns)

    monkeypatch.setattr(shards, "write_shard", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        embed(job())
    with pytest.raises(EmbeddingError, match="is not finished; give its aag-embed command again with --resume"):
        open_collection(tmp_path / "out")
    monkeypatch.undo()
    report = embed(job(resume=True))
    assert (report.images, report.new) == (12, 7)
    assert files_of(tmp_path / "out") == files_of(finished / "out")
    again = embed(job(resume=True))
    assert (again.images, again.embedded, again.new, again.broken) == (12, 9, 0, report.broken)


def test_files_that_come_or_go_after_the_listing_move_no_row(tmp_path, own_job):
    embed(own_job())
    before = rows_of(tmp_path / "out")
    (tmp_path / "out" / "parquet" / "part-00001-of-00003.parquet").unlink()
    save_picture(tmp_path / "pictures" / "a" / "00a.png", 99)
    (tmp_path / "pictures" / before[6]["path"]).unlink()
    embed(own_job(resume=True))
    after = rows_of(tmp_path / "out")
    assert after[6] == {"path": before[6]["path"], "embedding": None, "ok": False, "error": "No such file or directory"}
    assert after[:6] + after[7:] == before[:6] + before[7:]


@pytest.mark.parametrize(
    ("place", "complete", "unfinished"),
    [
        (("open", ".part-00001-of-00003.parquet"), 1, []),  # before the second file
        (("os.rename", ".part-00001-of-00003.parquet"), 1, [".part-00001-of-00003.parquet"]),  # half of it written
        (("open", ".embeddings.npy"), 3, []),  # all files, but none for NumPy
    ],
)
def test_kill_9_loses_and_doubles_no_row(finished, job, place, complete, unfinished):
    out = Path(job().output)
    child = Process(embed_until_killed, job(), *place, log=out.parent / "log.txt")
    codes, messages = finish([child])
    assert codes == [-signal.SIGKILL], messages
    assert len(list(out.glob("parquet/part-*"))) == complete
    assert [file.name for file in out.rglob(".*")] == unfinished
    assert embed(job(resume=True)).new == max(12 - 5 * complete, 0)
    assert files_of(out) == files_of(finished / "out")


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
def test_another_job_is_not_continued(done, job, settings, words):
    before = files_of(done)
    with pytest.raises(Exception, match=words) as refusal:
        embed(job(resume=True, **settings))
    assert "\n" not in str(refusal.value)
    assert files_of(done) == before


@pytest.mark.usefixtures("done")
def test_another_batch_size_may_go_on(job):
    assert embed(job(resume=True, batch_size=3)).new == 0


def test_another_encoder_does_not_continue(done, job):
    manifest = json.loads((done / "manifest.json").read_text())
    del manifest["sha256"]
    manifest["model"]["digest"] = "0" * 64
    (done / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EmbeddingError, match=r"begun with the encoder .*holds another"):
        embed(job(resume=True))


def test_another_list_does_not_continue(tmp_path, finished, job):
    paths = sorted((finished / "pictures").rglob("*.png"))
    (tmp_path / "list.txt").write_text("\n".join(map(str, paths)))
    embed(job(input=str(tmp_path / "list.txt")))
    (tmp_path / "list.txt").write_text("\n".join(map(str, paths[:5])))
    with pytest.raises(EmbeddingError, match="the list of paths has changed since"):
        embed(job(input=str(tmp_path / "list.txt"), resume=True))


def test_nothing_is_overwritten_unasked(done, job):
    with pytest.raises(EmbeddingError, match="already exists"):
        embed(job())
    assert embed(job(overwrite=True, shard_size=12)).new == 12
    assert [file.name for file in (done / "parquet").iterdir()] == ["part-00000-of-00001.parquet"]


def test_files_of_the_user_outlive_overwriting_and_resuming(done, job):
    foreign = [done / name for name in ("notes.txt", "pics/a.jpg", ".gitignore")]
    foreign[1].parent.mkdir()
    for file in foreign:
        file.write_text("mine")
    embed(job(overwrite=True))
    assert [file.read_text() for file in foreign] == ["mine"] * 3
    (done / "parquet" / "part-00001-of-00003.parquet").unlink()
    assert embed(job(resume=True)).new == 5
    assert [file.read_text() for file in foreign] == ["mine"] * 3


@pytest.mark.parametrize("name", ["embeddings.npy", "paths.txt"])
def test_numpy_files_that_were_lost_are_written_again(name, done, job):
    before = files_of(done)
    (done / name).unlink()
    assert embed(job(resume=True)).new == 0
    assert files_of(done)[name] == before[name]


def test_a_repair_that_was_interrupted_is_finished_by_the_next(tmp_path, own_job, monkeypatch):
    embed(own_job())
    next(iter(sorted((tmp_path / "out" / "parquet").iterdir()))).unlink()
    for picture in (tmp_path / "pictures").rglob("*.png"):
        picture.touch()  # "changed" since it was listed

    def full_disk(collection):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Collection, "write_numpy", full_disk)
    with pytest.raises(EmbeddingError, match="No space left"):
        embed(own_job(resume=True))
    with pytest.raises(EmbeddingError, match="is not finished"):
        open_collection(tmp_path / "out")
    monkeypatch.undo()
    report = embed(own_job(resume=True))
    assert report.new == 0
    collection = open_collection(tmp_path / "out")
    assert report.embedded == sum(row["ok"] for row in rows_of(tmp_path / "out"))
    vectors = np.concatenate(list(collection.vectors()))
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "embeddings.npy"), vectors)
    assert np.isnan(vectors[:5]).all()


def test_an_output_that_another_process_wrote_meanwhile_is_left_alone(tmp_path, job, monkeypatch):
    while_the_encoder_loads(monkeypatch, lambda: embed(job(shard_size=4)))
    with pytest.raises(EmbeddingError, match="already exists; add --resume"):
        embed(job())
    before = files_of(tmp_path / "out")
    while_the_encoder_loads(monkeypatch, lambda: embed(job(overwrite=True, shard_size=6)))
    with pytest.raises(EmbeddingError, match="begun with --shard_size=6, not --shard_size=4"):
        embed(job(shard_size=4, resume=True))
    after = files_of(tmp_path / "out")
    assert after["embeddings.npy"] == before["embeddings.npy"]
    assert [name for name in after if name.endswith(".parquet")] == [f"part-0000{n}-of-00002.parquet" for n in range(2)]


def test_who_refused_is_said(tmp_path, job, monkeypatch):
    listed = tmp_path / "list.txt"
    listed.write_text("1.png")
    while_the_encoder_loads(monkeypatch, listed.unlink)
    with pytest.raises(DataError, match=r"list\.txt can no longer be read .No such file"):
        embed(job(input=str(listed)))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "write_shard", full)
    with pytest.raises(EmbeddingError, match=r"--output=.*out cannot be written .No space left on device."):
        embed(job())


def test_an_input_that_ends_early_can_be_resumed(tmp_path, job, monkeypatch):
    file_list = sys.modules["aag_tf.export.embedding.file_lists"].FileList
    whole = file_list.items
    monkeypatch.setattr(file_list, "items", lambda self, start, stop: whole(self, start, min(stop, 7)))
    with pytest.raises(EmbeddingError, match="the input ends at row 7, before all images that were listed"):
        embed(job())
    monkeypatch.undo()
    assert embed(job(resume=True)).new == 7
