"""Search over a real output: the right neighbors, by comparing and by an index, and refusals by name."""

import dataclasses
import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from PIL import Image
from small_pictures import BROKEN, make_folder, save_picture

from aag_tf.config import EmbedConfig, SearchConfig
from aag_tf.export.embedding import Collection, embed, open_collection
from aag_tf.export.search import index, nearest, search
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import DataError, EmbeddingError, ExportError


@pytest.fixture(scope="module")
def embedded(tmp_path_factory, encoder_dir):
    """Forty pictures and their embeddings; tests must not change them."""
    path = tmp_path_factory.mktemp("embedded")
    make_folder(path / "pictures", 40)
    embed(EmbedConfig(str(encoder_dir), str(path / "pictures"), str(path / "out"), shard_size=16))
    return path


@pytest.fixture
def out(embedded, tmp_path):
    """A copy of the embeddings, to be changed."""
    shutil.copytree(embedded / "out", tmp_path / "out")
    return tmp_path / "out"


def found_by(out, **settings):
    return search(SearchConfig(str(out), **{"gallery": "", "top_k": 5} | settings))


def refused(error, words, out, **settings):
    with pytest.raises(error, match=words) as refusal:
        found_by(out, **settings)
    assert "\n" not in str(refusal.value)


def test_a_picture_file_and_its_row_find_the_same_others(embedded, tmp_path):
    out, picture = embedded / "out", embedded / "pictures" / "b" / "11.png"
    by_path = found_by(out, like="b/11.png")
    copied = shutil.copy(picture, tmp_path / "upload.png")
    for query in (picture, copied):
        report = found_by(out, query=str(query))
        assert report.paths == by_path.paths
        assert len(report.paths) == 5
        assert report.left_out == by_path.left_out == "b/11.png"
        assert report.found[0].similarity == pytest.approx(by_path.found[0].similarity, abs=1e-5)
        assert "Left out, since it is the query itself: b/11.png" in str(report)
        row = str(report.found[0].row)
        assert str(report).splitlines()[1].split() == [f"{report.found[0].similarity:.4f}", row, report.paths[0]]


def test_a_picture_that_is_not_in_the_collection_leaves_nothing_out(embedded, tmp_path):
    save_picture(tmp_path / "new.png", 100)
    report = found_by(embedded / "out", query=str(tmp_path / "new.png"))
    assert report.left_out is None
    assert len(report.paths) == 5
    assert "Left out" not in str(report)


def test_the_same_pixels_in_another_file_are_found_and_of_copies_one_is_left_out(tmp_path, encoder_dir):
    for name, seed in (("a.png", 0), ("b.png", 0), ("c.png", 1)):
        save_picture(tmp_path / "pictures" / name, seed)
    embed(EmbedConfig(str(encoder_dir), str(tmp_path / "pictures"), str(tmp_path / "out")))
    report = found_by(tmp_path / "out", query=str(tmp_path / "pictures" / "b.png"))
    assert (report.left_out, report.paths) == ("b.png", ["a.png", "c.png"])  # as --like=b.png
    Image.open(tmp_path / "pictures" / "a.png").save(tmp_path / "again.bmp")
    report = found_by(tmp_path / "out", query=str(tmp_path / "again.bmp"))
    assert (report.left_out, report.paths) == (None, ["a.png", "b.png", "c.png"])
    query = shutil.copy(tmp_path / "pictures" / "c.png", tmp_path / "c.png")
    shutil.rmtree(tmp_path / "pictures")  # now the embedding alone can tell
    report = found_by(tmp_path / "out", query=str(query))
    assert (report.left_out, sorted(report.paths)) == ("c.png", ["a.png", "b.png"])


def test_a_row_finds_the_others_by_cosine(embedded):
    collection = open_collection(embedded / "out")
    vectors = np.concatenate(list(collection.vectors()))
    number = list(collection.paths()).index("a/06.png")
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = [int(row) for row in np.argsort(-(units @ units[number])) if row != number and collection.ok()[row]]
    by_path = found_by(embedded / "out", like="a/06.png", top_k=100)
    assert [neighbor.row for neighbor in by_path.found] == order
    assert found_by(embedded / "out", like=str(number), top_k=100).found == by_path.found
    assert len(order) == 40 - len(BROKEN) - 1


@pytest.mark.parametrize(("number", "words"), [(0.0, "is all zeros"), (np.nan, "has numbers that are not finite")])
def test_an_answer_without_direction_is_refused(embedded, monkeypatch, number, words):
    row, vector = Collection.row, np.full(32, number, np.float32)
    monkeypatch.setattr(Collection, "row", lambda own, at: row(own, at) | {"embedding": vector})
    refused(EmbeddingError, f"the embedding of a/06.png {words}", embedded / "out", like="a/06.png")


def test_embeddings_are_not_read_again_for_the_paths(embedded, monkeypatch):
    read, reads = pq.ParquetFile.read_row_group, []

    def watched(file, group, columns=None):
        reads.append(columns)
        return read(file, group, columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", watched)
    assert len(found_by(embedded / "out", like="0", top_k=30).paths) == 30
    assert reads == [None] + [["path"]] * 3  # the query's row, and a group in each of three files


def test_the_gallery_shows_query_and_answers(embedded, tmp_path):
    report = found_by(embedded / "out", like="0", gallery=str(tmp_path / "g.html"), top_k=7)
    page = report.gallery.read_text()
    assert page.count("data:image/png;base64,") == 8
    assert all(f"{neighbor.similarity:.4f}" in page for neighbor in report.found)
    assert f"The pictures: {tmp_path / 'g.html'}" in str(report)


def test_an_answer_stands_where_the_pictures_are_gone(embedded, out, tmp_path):
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["sha256"]
    manifest["input"]["root"] = str(tmp_path / "gone")
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "input.jsonl").unlink()
    report = found_by(out, like="0", gallery=str(tmp_path / "g.html"))
    assert report.paths == found_by(embedded / "out", like="0").paths
    assert report.gallery.read_text().count("the picture is gone") == 6


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), tf.errors.DataLossError(None, None, "bad")]
)
def test_an_answer_stands_where_the_pictures_cannot_be_read(embedded, tmp_path, monkeypatch, error):
    class Locked:
        def items(self, start, stop):
            raise error
            yield

    monkeypatch.setattr(sys.modules["aag_tf.export.embedding.inputs"], "open_input", lambda *_: Locked())
    report = found_by(embedded / "out", like="0", gallery=str(tmp_path / "g.html"))
    assert report.gallery.read_text().count("the picture is gone") == 6
    assert found_by(embedded / "out", like="0", gallery="").paths == report.paths


@pytest.mark.filterwarnings("ignore:builtin type S:DeprecationWarning")  # of faiss's wrapper generator
def test_an_index_is_built_once_and_answers_as_comparing_does(out, monkeypatch):
    pytest.importorskip("faiss", reason="needs the extra `search`")
    exact = found_by(out, like="3")
    indexed = found_by(out, like="3", index="hnsw")
    assert indexed.paths == exact.paths
    np.testing.assert_allclose([n.similarity for n in indexed.found], [n.similarity for n in exact.found], atol=1e-3)
    monkeypatch.setattr(index, "_build", None)  # from here on it must come from the disk
    again = found_by(out, like="3")
    assert again.found == indexed.found
    assert "approximate index" in again.how
    assert "all compared" in found_by(out, like="3", index="exact").how


@pytest.mark.filterwarnings("ignore:builtin type S:DeprecationWarning")
def test_an_index_of_other_embeddings_is_not_used(out):
    faiss = pytest.importorskip("faiss", reason="needs the extra `search`")
    found_by(out, like="3", index="hnsw")
    facts = json.loads((out / "index.json").read_text())
    (out / "index.json").write_text(json.dumps(facts | {"collection": "another"}))
    assert not index.is_built(open_collection(out))
    assert "all compared" in found_by(out, like="3").how
    (out / "index.json").write_text(json.dumps(facts | {"sha256": 5}))
    assert not index.is_built(open_collection(out))
    # As an earlier version wrote them, without the digest of the index.
    (out / "index.json").write_text(json.dumps({key: facts[key] for key in facts.keys() - {"bytes", "sha256"}}))
    assert "approximate index" in found_by(out, like="3").how
    faiss.write_index(faiss.IndexFlatIP(5), str(out / "index.faiss"))
    refused(EmbeddingError, "does not belong to the embeddings", out, like="3")
    (out / "index.faiss").write_bytes(b"nonsense")
    refused(EmbeddingError, "delete it, and it will be built again", out, like="3")


@pytest.mark.filterwarnings("ignore:builtin type S:DeprecationWarning")
def test_a_damaged_index_never_reaches_faiss(out, monkeypatch):
    faiss = pytest.importorskip("faiss", reason="needs the extra `search`")
    whole = found_by(out, like="3", index="hnsw")
    good = (out / "index.faiss").read_bytes()
    assert FileFacts.of(out / "index.faiss").sha256 == json.loads((out / "index.json").read_text())["sha256"]
    monkeypatch.setattr(faiss, "read_index", None)
    sentence = "delete it, and it will be built again by --index=hnsw, or search with --index=exact."
    for damaged, fault in (
        *(
            (good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :], "is not as it was written")
            for place in random.Random(0).sample(range(len(good)), 100)
        ),
        (good[:-1], f"has {len(good) - 1:,} of {len(good):,} bytes"),
    ):
        (out / "index.faiss").write_bytes(damaged)
        with pytest.raises(EmbeddingError) as error:
            found_by(out, like="3")
        assert str(error.value) == f"{out / 'index.faiss'} {fault}; {sentence}"
    monkeypatch.undo()
    assert found_by(out, like="3", index="exact").paths == whole.paths
    (out / "index.faiss").unlink()
    assert found_by(out, like="3", index="hnsw").paths == whole.paths


@pytest.mark.filterwarnings("ignore:builtin type S:DeprecationWarning")
def test_an_index_is_built_by_one_process_and_of_what_is_there(out, monkeypatch):
    pytest.importorskip("faiss", reason="needs the extra `search`")
    (out / ".index.faiss.0123456789ab").write_bytes(b"of a process that was killed")
    with open_collection(out).output.writing():
        refused(
            EmbeddingError, f"^{out} is being written by another process; wait for it.", out, like="3", index="hnsw"
        )
    opened = sys.modules["aag_tf.export.search.search"].open_collection

    def stale(path):
        collection = opened(path)
        manifest = dataclasses.replace(collection.manifest, gone=1)
        return Collection(collection.output, manifest)

    monkeypatch.setattr(sys.modules["aag_tf.export.search.search"], "open_collection", stale)
    refused(EmbeddingError, f"^{out} was changed meanwhile; give the command again.", out, like="3", index="hnsw")
    monkeypatch.undo()
    assert not list(out.glob("index.*"))
    found_by(out, like="3", index="hnsw")
    assert sorted(file.name for file in out.glob("*index*")) == ["index.faiss", "index.json"]
    assert not list(out.glob(".index*"))


def test_an_index_needs_its_library(out, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    # At once: nothing is embedded for an answer that cannot come.
    monkeypatch.setattr(sys.modules["aag_tf.export.search.search"], "query_of", None)
    refused(EmbeddingError, r"pip install 'aag-tf\[search\]'", out, like="3", index="hnsw")


def test_an_index_that_came_without_its_library_is_passed_over(out, monkeypatch):
    collection = open_collection(out)
    (out / "index.json").write_text(json.dumps(index._facts(collection)))
    (out / "index.faiss").touch()
    assert index.is_built(collection)
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert "all compared" in found_by(out, like="3").how


def test_refuses_what_is_not_in_the_collection(embedded):
    out = embedded / "out"
    refused(EmbeddingError, "--like=40: there are 40 images; give a row from 0 to 39", out, like="40")
    refused(EmbeddingError, "is no path of the collection; give a path such as a/00.png", out, like="c/1.png")
    refused(EmbeddingError, "has no embedding, because it could not be read: an empty file", out, like=BROKEN[1])
    refused(DataError, "--query=.* cannot be read .No such file", out, query="missing.png")
    refused(DataError, "cannot be read .a text file", out, query=str(embedded / "pictures" / BROKEN[2]))


def test_refuses_what_is_no_collection(tmp_path, out):
    refused(EmbeddingError, "is no directory", tmp_path / "missing", like="0")
    refused(EmbeddingError, "was not written by aag-embed", tmp_path, like="0")
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["embedded"], manifest["sha256"]
    (out / "manifest.json").write_text(json.dumps(manifest))
    refused(EmbeddingError, "is not finished", out, like="0")


def test_refuses_another_encoder_than_the_one_that_embedded(embedded, out, encoder_dir, tmp_path):
    picture = str(embedded / "pictures" / "b" / "11.png")
    moved = shutil.copytree(encoder_dir, tmp_path / "moved")
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["sha256"]
    manifest["model"]["path"] = str(tmp_path / "not here")
    (out / "manifest.json").write_text(json.dumps(manifest))
    refused(ExportError, "holds no SavedModel", out, query=picture)
    assert found_by(out, query=picture, saved_model=str(moved)).left_out == "b/11.png"
    weights = next(Path(moved).rglob("variables.data*"))
    content = bytearray(weights.read_bytes())
    content[100] ^= 1
    weights.write_bytes(content)
    refused(
        EmbeddingError, "is not the encoder that embedded the collection", out, query=picture, saved_model=str(moved)
    )


def test_nearest_agrees_with_the_report(embedded):
    collection = open_collection(embedded / "out")
    query = collection.row(0)["embedding"]
    assert nearest(collection.vectors(), query, 3)[1:] == found_by(embedded / "out", like="0", top_k=2).found
