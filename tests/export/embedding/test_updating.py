"""An output follows its folder or list: what is new is added, what changed embedded again, what is gone marked."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from killed_embedding import embed_until_killed
from processes import Process
from small_pictures import save_picture

from aag_tf.config import EmbedConfig, SearchConfig
from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.embedding.items import GONE
from aag_tf.export.search import search
from aag_tf.utils.errors import ConfigError, EmbeddingError

BEFORE = sorted(f"{'ab'[number % 2]}/{number:02}.png" for number in range(12))
AFTER = [*BEFORE, "a/x.png", "b/y.png"]


@pytest.fixture
def changed(tmp_path, own_job):
    """A finished output of twelve pictures, of which one was then replaced and one deleted, and two added."""
    embed(own_job())
    pictures = tmp_path / "pictures"
    save_picture(pictures / "a/06.png", 99)
    (pictures / "b/05.png").unlink()
    save_picture(pictures / "a/x.png", 50)
    save_picture(pictures / "b/y.png", 51)
    return own_job


def rows_of(path):
    return {row["path"]: row for row in pq.read_table(path / "parquet").to_pylist()}


@pytest.mark.parametrize("before", ["followed", "earlier version"])
def test_an_update_follows_links_as_the_output_did(tmp_path, own_job, before):
    (tmp_path / "pictures/b/05.png").rename(tmp_path / "05.png")
    (tmp_path / "pictures/b/05.png").symlink_to(tmp_path / "05.png")
    embed(own_job(follow_symlinks=True))
    if before == "earlier version":  # which followed all, and did not say so
        manifest = json.loads((tmp_path / "out/manifest.json").read_text())
        del manifest["input"]["follow_symlinks"], manifest["sha256"]
        (tmp_path / "out/manifest.json").write_text(json.dumps(manifest))
        assert embed(own_job(resume=True)).new == 0
    save_picture(tmp_path / "pictures/b/z.png", 51)
    embed(own_job(update=True))
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 13
    assert rows["b/05.png"]["error"] is None
    assert rows["b/z.png"]["ok"]


def fresh_rows(tmp_path, job):
    """The rows of an output that is made anew of the same pictures."""
    embed(job(output=str(tmp_path / "fresh")))
    return rows_of(tmp_path / "fresh")


def check_updated(tmp_path, job, before):
    """Checks every row of an updated output, and the files beside them."""
    out, expected = tmp_path / "out", fresh_rows(tmp_path, job)
    rows = rows_of(out)
    assert list(rows) == AFTER
    assert (out / "paths.txt").read_text().splitlines() == AFTER
    vectors = np.load(out / "embeddings.npy")
    assert vectors.shape == (14, open_collection(out).dim)
    for number, (path, row) in enumerate(rows.items()):
        if path == "b/05.png":
            assert row == {"path": path, "embedding": None, "ok": False, "error": GONE}
        else:
            assert (row["ok"], row["error"]) == (expected[path]["ok"], expected[path]["error"])
        if row["ok"]:
            np.testing.assert_allclose(row["embedding"], expected[path]["embedding"], atol=1e-5)
            np.testing.assert_array_equal(vectors[number], np.float32(row["embedding"]))
        else:
            assert np.isnan(vectors[number]).all()
        if path in before and path not in ("a/06.png", "b/05.png"):
            assert row == before[path]  # bit for bit
    with open_collection(out).items([13])[13].open() as file:  # checks the list too
        assert file.read() == (tmp_path / "pictures/b/y.png").read_bytes()
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["input"]["rows"], manifest["embedded"], manifest["gone"]) == (14, 10, 1)
    assert "update" not in manifest
    assert sorted(path.name for path in out.iterdir()) == [
        *("embeddings.npy", "input.jsonl", "manifest.json", "parquet", "paths.txt")
    ]
    assert sorted(path.name for path in (out / "parquet").iterdir()) == [
        f"part-{number:05d}-of-00003.parquet" for number in range(3)
    ]


def test_new_changed_and_gone_images(tmp_path, changed, caplog):
    before = rows_of(tmp_path / "out")
    report = embed(changed(update=True))
    assert "This update finds 2 new, 1 changed, 1 gone of 12 images." in caplog.messages
    lines = str(report).splitlines()
    assert lines[0].startswith("Embedded 10 of 13 images; the rows are in ")
    assert lines[1:3] == [
        "This update: 2 new, 1 changed, 1 gone.",
        "1 more rows are of images that are gone; they have no embedding.",
    ]
    assert (report.new, report.gone) == (4, 1)
    check_updated(tmp_path, changed, before)
    assert before["a/06.png"]["embedding"] != rows_of(tmp_path / "out")["a/06.png"]["embedding"]


def test_a_second_update_changes_nothing(tmp_path, changed):
    embed(changed(update=True))
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    report = embed(changed(update=True))
    assert report.changes == "nothing is new, changed or gone"
    assert (report.images, report.embedded, report.new, report.gone) == (13, 10, 0, 1)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()} == files


def test_an_image_that_comes_back_gets_its_row_again(tmp_path, changed):
    before = rows_of(tmp_path / "out")
    embed(changed(update=True))
    save_picture(tmp_path / "pictures/b/05.png", 5)
    report = embed(changed(update=True))
    assert (report.changes, report.gone) == ("0 new, 1 changed, 0 gone", 0)
    rows = rows_of(tmp_path / "out")
    assert list(rows) == AFTER
    np.testing.assert_allclose(rows["b/05.png"]["embedding"], before["b/05.png"]["embedding"], atol=1e-5)


def test_more_files_than_before_are_renamed(tmp_path, changed):
    for number in range(8):
        save_picture(tmp_path / f"pictures/c/{number}.png", 60 + number)
    before = rows_of(tmp_path / "out")
    embed(changed(update=True))
    rows = rows_of(tmp_path / "out")
    assert list(rows) == [*AFTER, *(f"c/{number}.png" for number in range(8))]
    assert {path: rows[path] for path in BEFORE[:3]} == {path: before[path] for path in BEFORE[:3]}
    assert len(list((tmp_path / "out/parquet").iterdir())) == 5
    assert len(open_collection(tmp_path / "out")) == 22


# (event, file): the list, a Parquet file of the update, the manifest that publishes, a file that moves, the result.
MOMENTS = [
    ("open", "update.jsonl"),
    ("os.rename", ".part-00002-of-00003.parquet"),
    ("os.rename", "part-00002-of-00003.parquet"),
    ("os.rename", "update.jsonl"),
    ("os.rename", ".embeddings.npy"),
    ("os.rename", ".paths.txt"),
]


@pytest.mark.parametrize(("event", "name"), MOMENTS)
def test_a_killed_update_goes_on(event, name, tmp_path, changed):
    before = rows_of(tmp_path / "out")
    killed = Process(embed_until_killed, changed(update=True), event, name, log=tmp_path / "log")
    assert killed.finish() == -signal.SIGKILL, killed.messages
    if event == "open" or name.startswith(".part"):
        assert rows_of(tmp_path / "out") == before  # still of use
        assert len(open_collection(tmp_path / "out")) == 12
    else:
        with pytest.raises(EmbeddingError, match="is not finished; give its aag-embed command again with --update"):
            open_collection(tmp_path / "out")
    if event != "open":
        with pytest.raises(EmbeddingError, match="an update of this output was stopped; go on with it by --update"):
            embed(changed(resume=True))
    embed(changed(update=True))
    check_updated(tmp_path, changed, before)


def test_a_resumed_run_says_what_it_leaves_out(tmp_path, changed, caplog):
    report = embed(changed(resume=True))
    assert report.images == 12
    assert caplog.messages[-1] == (
        "--resume embeds the files that were listed when this output was begun: 2 new and 1 that are gone since are "
        "left out; bring it up to date with --update once it is finished."
    )


def test_a_list_follows_its_file(tmp_path, own_job, monkeypatch):
    monkeypatch.chdir(tmp_path / "pictures")
    paths = tmp_path / "paths.txt"
    paths.write_text("a/00.png\nb/01.png\na/00.png\nmissing.png\na/02.png\n")
    embed(own_job(input=f"list:{paths}"))
    before = rows_of(tmp_path / "out")
    paths.write_text("a/06.png\na/00.png\nmissing.png\na/02.png\nb/03.png\n")
    os.utime("a/02.png", ns=(1, 1))
    with pytest.raises(EmbeddingError, match="the list of paths has changed since; bring it up to date with --update"):
        embed(own_job(input=f"list:{paths}", resume=True))
    report = embed(own_job(input=f"list:{paths}", update=True))
    assert report.changes == "2 new, 1 changed, 2 gone"
    rows = pq.read_table(tmp_path / "out/parquet").to_pylist()
    assert [(row["path"], row["ok"], row["error"] == GONE) for row in rows] == [
        ("a/00.png", True, False),
        ("b/01.png", False, True),
        ("a/00.png", False, True),
        ("missing.png", False, False),
        ("a/02.png", True, False),
        ("a/06.png", True, False),
        ("b/03.png", True, False),
    ]
    assert rows[0] == before["a/00.png"]


def test_a_search_shows_no_image_that_is_gone(tmp_path, changed):
    embed(changed(update=True))
    found = search(SearchConfig(embeddings=str(tmp_path / "out"), like="a/x.png", top_k=50, gallery=""))
    assert len(found.paths) == 9
    assert "b/05.png" not in found.paths
    with pytest.raises(EmbeddingError, match=f"could not be read: {GONE}"):
        search(SearchConfig(embeddings=str(tmp_path / "out"), like="b/05.png", gallery=""))


def test_another_encoder_is_refused(tmp_path, changed, encoder_dir):
    other = shutil.copytree(encoder_dir, tmp_path / "other")
    with next((other / "1/variables").glob("variables.data*")).open("ab") as file:
        file.write(b"x")
    files = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(EmbeddingError, match=r"^--update: this output was begun with the encoder .* holds another"):
        embed(changed(update=True, saved_model=str(other)))
    with pytest.raises(EmbeddingError, match=r"^--update: this output was begun with --dtype=float32, not --dtype="):
        embed(changed(update=True, dtype="float16"))
    assert sorted((tmp_path / "out").rglob("*")) == files


def test_an_empty_folder_is_taken_for_a_missing_disk(tmp_path, changed):
    (tmp_path / "nothing").mkdir()
    before = rows_of(tmp_path / "out")
    with pytest.raises(EmbeddingError) as refusal:
        embed(changed(update=True, input=str(tmp_path / "nothing")))
    assert str(refusal.value) == (
        f"--update: none of the 12 images of this output is in {tmp_path / 'nothing'}; is a disk missing, or is it "
        "another input? Nothing was changed; name the input with --input, or another --output."
    )
    assert rows_of(tmp_path / "out") == before
    assert len(open_collection(tmp_path / "out")) == 12


def test_a_folder_that_moved_is_the_same(tmp_path, changed, caplog):
    shutil.move(tmp_path / "pictures", tmp_path / "moved")
    report = embed(changed(update=True, input=str(tmp_path / "moved")))
    assert f"The input was {tmp_path / 'pictures'}, and is now {tmp_path / 'moved'}." in caplog.messages
    assert report.changes == "2 new, 1 changed, 1 gone"


def test_what_is_not_finished_or_not_of_files_is_refused(tmp_path, own_job, changed):
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    del manifest["embedded"], manifest["broken"], manifest["sha256"]
    (tmp_path / "out/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EmbeddingError, match="not finished; finish it with --resume in place of --update"):
        embed(changed(update=True))
    (tmp_path / "a.tfrecord").touch()
    with pytest.raises(EmbeddingError, match=r"--update is for folders and lists of files, and --input=tfrecord:"):
        embed(changed(update=True, input=f"tfrecord:{tmp_path / 'a.tfrecord'}"))
    with pytest.raises(ConfigError, match="give one of them"):
        EmbedConfig(saved_model="a", input="b", output="c", resume=True, update=True)
    with pytest.raises(EmbeddingError, match="holds nothing to update; leave --update out to start"):
        embed(changed(update=True, output=str(tmp_path / "none")))


def test_a_collection_of_version_0_1_0_is_brought_up_to_date(tmp_path, caplog):
    data = Path(__file__).parents[2] / "data_of_0_1_0"
    for name in ("embedded", "export", "images"):
        shutil.copytree(data / name, tmp_path / name)
    before = rows_of(tmp_path / "embedded")
    save_picture(tmp_path / "images/z.png", 3)
    job = {"saved_model": str(tmp_path / "export"), "input": str(tmp_path / "images"), "shard_size": 4}
    report = embed(EmbedConfig(**job, output=str(tmp_path / "embedded"), update=True))
    assert report.changes.startswith("1 new, ")
    rows = rows_of(tmp_path / "embedded")
    assert list(rows) == [*before, "z.png"]
    for path, row in before.items():
        assert rows[path]["ok"] == row["ok"]
        if row["ok"]:
            np.testing.assert_allclose(rows[path]["embedding"], row["embedding"], atol=1e-5)


def test_a_lost_file_of_an_updated_output_is_written_again(tmp_path, changed):
    embed(changed(update=True))
    before = rows_of(tmp_path / "out")
    lost = next(
        path for path in (tmp_path / "out/parquet").iterdir() if "b/05.png" in pq.read_table(path)["path"].to_pylist()
    )
    lost.unlink()
    report = embed(changed(resume=True))
    rows = rows_of(tmp_path / "out")
    assert list(rows) == AFTER
    assert (rows["b/05.png"]["ok"], rows["b/05.png"]["error"]) == (False, GONE)
    assert {path: row["ok"] for path, row in rows.items()} == {path: row["ok"] for path, row in before.items()}
    assert (report.images, report.embedded, report.gone) == (13, 10, 1)
