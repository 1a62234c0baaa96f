"""Questions about a whole collection: what is planted is found, shown and written, and can be read again."""

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from small_pictures import BROKEN, make_folder, save_picture

from aag_tf.config import DataConfig, EmbedConfig, SearchConfig
from aag_tf.data.layouts.lists import list_of_paths
from aag_tf.data.layouts.tables import list_table
from aag_tf.export.embedding import embed, open_collection
from aag_tf.export.search import answer, outlier_distances, search, select_to_label
from aag_tf.preflight import check
from aag_tf.utils.errors import AagError, ConfigError, DataError, EmbeddingError

COPIES = ("a/copy of 02.png", "b/copy of 02.png")
READABLE = 40 + len(COPIES) - len(BROKEN)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory, encoder_dir):
    """Forty pictures, copies of two of them, and their embeddings; tests must not change them."""
    path = tmp_path_factory.mktemp("answers")
    make_folder(path / "pictures", 40)
    for name in COPIES:
        shutil.copy(path / "pictures" / "a" / "02.png", path / "pictures" / name)
    embed(EmbedConfig(str(encoder_dir), str(path / "pictures"), str(path / "out"), shard_size=16))
    return path


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Files without a folder are written here."""
    monkeypatch.chdir(tmp_path)


def asked(embedded, **settings):
    config = SearchConfig(str(embedded / "out"), **settings)
    check(config)
    return answer(config)


def tables(name):
    """The rows of NAME.csv, and the content of NAME.json, whose results are the same."""
    with Path(f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    content = json.loads(Path(f"{name}.json").read_text())
    assert [{key: str(value) for key, value in row.items()} for row in content["results"]] == rows
    assert (content["format"], content["format_version"]) == ("aag_tf.search", 1)
    return rows, content


def pictures_of(page):
    return Path(page).read_text().count("data:image/png;base64,")


def test_copies_are_found_in_their_folders(embedded):
    report = asked(embedded, duplicates=1.0)
    rows, content = tables("duplicates")
    assert [row["path"] for row in rows] == ["a/02.png", COPIES[0], COPIES[1]]
    assert {row["group"] for row in rows} == {"1"}
    assert {row["similarity"] for row in rows} == {"1.0"}
    paths = list(open_collection(embedded / "out").paths())
    assert [paths[int(row["row"])] for row in rows] == [row["path"] for row in rows]
    assert content["settings"] == {"embeddings": str(embedded / "out"), "duplicates": 1.0}
    assert (content["question"], content["groups"], content["num_pairs"]) == ("duplicates", 1, 3)
    own = [int(row["row"]) for row in rows]
    assert sorted(pair["rows"] for pair in content["pairs"]) == [own[:2], own[::2], own[1:]]
    assert pictures_of("duplicates.html") == 3
    assert "Group 1: 3 images" in Path("duplicates.html").read_text()
    assert str(report).splitlines() == [
        "3 of 42 images are in 1 group of near-duplicates: 3 pairs with a cosine similarity of at least 1.",
        "",
        f"     3 images: a/02.png, {COPIES[0]}, {COPIES[1]}",
        "",
        "The pictures: duplicates.html",
        "The tables: duplicates.csv, duplicates.json",
    ]
    assert report.rows == content["results"]


def test_no_duplicates_are_an_answer_too(embedded, tmp_path, encoder_dir):
    for number in range(3):
        save_picture(tmp_path / "few" / f"{number}.png", number)
    embed(EmbedConfig(str(encoder_dir), str(tmp_path / "few"), str(tmp_path / "out")))
    report = asked(tmp_path, duplicates=1.0)
    assert report.summary.startswith("0 of 3 images are in 0 groups of near-duplicates: 0 pairs")
    assert tables("duplicates")[0] == []
    assert pictures_of("duplicates.html") == 0


def test_outliers_are_those_of_the_embeddings(embedded):
    report = asked(embedded, outliers=5, outlier_neighbors=3)
    rows, content = tables("outliers")
    collection = open_collection(embedded / "out")
    distances = outlier_distances(collection, 3)
    known = np.flatnonzero(np.isfinite(distances))
    expected = known[np.argsort(-distances[known], kind="stable")][:5]
    assert [int(row["row"]) for row in rows] == expected.tolist()
    np.testing.assert_allclose([float(row["distance"]) for row in rows], distances[expected], atol=1e-6)
    assert [row["path"] for row in rows] == collection.paths_of(expected.tolist())
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert content["median_distance"] == pytest.approx(float(np.median(distances[known])))
    assert pictures_of("outliers.html") == 5
    assert f"of {READABLE} images that are farthest from their neighbor 3" in str(report)


def test_a_folder_of_queries_is_answered_as_one_by_one(embedded, tmp_path):
    queries = tmp_path / "queries"
    save_picture(queries / "new.png", 100)
    (queries / "inner").mkdir()
    shutil.copy(embedded / "pictures" / "b" / "11.png", queries / "inner" / "known.png")
    (queries / "broken.png").write_bytes(b"")
    report = asked(embedded, query=str(queries), top_k=4)
    rows, _ = tables("queries")
    assert list(dict.fromkeys(row["query"] for row in rows)) == [
        str(queries / name) for name in ("inner/known.png", "new.png")
    ]
    for name in ("inner/known.png", "new.png"):
        single = search(SearchConfig(str(embedded / "out"), query=str(queries / name), top_k=4, gallery=""))
        own = [row for row in rows if row["query"] == str(queries / name)]
        assert [row["path"] for row in own] == single.paths
        assert [row["rank"] for row in own] == ["1", "2", "3", "4"]
        expected = [neighbor.similarity for neighbor in single.found]
        np.testing.assert_allclose([float(row["similarity"]) for row in own], expected, atol=1e-5)
    assert "b/11.png" not in {row["path"] for row in rows if row["query"] == str(queries / "inner/known.png")}
    assert pictures_of("gallery.html") == 2 * (1 + 4)
    assert "to each of 2 pictures (all compared), of which 1 is in the collection and left out" in report.summary


@pytest.mark.filterwarnings("ignore:builtin type S:DeprecationWarning")  # of faiss's wrapper generator
def test_many_queries_of_an_index(embedded, tmp_path):
    pytest.importorskip("faiss", reason="needs the extra `search`")
    out = shutil.copytree(embedded / "out", tmp_path / "out")
    save_picture(tmp_path / "queries" / "new.png", 100)
    asked(embedded, query=str(tmp_path / "queries"), top_k=4, results="exact")
    asked(out.parent, query=str(tmp_path / "queries"), top_k=4, index="hnsw", results="fast")
    assert [row["path"] for row in tables("fast")[0]] == [row["path"] for row in tables("exact")[0]]


def test_pictures_that_cannot_be_queries_are_named(embedded, tmp_path, caplog):
    folder = tmp_path / "queries"
    folder.mkdir()
    with pytest.raises(DataError, match=rf"^--query={folder} holds no pictures; name a picture file"):
        asked(embedded, query=str(folder))
    (folder / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=rf"1 of 1 pictures cannot be queries: {folder}/a.png \(an empty file"):
        asked(embedded, query=str(folder))


def test_a_single_query_writes_tables_if_asked(embedded):
    report = search(SearchConfig(str(embedded / "out"), like="a/02.png", top_k=3, gallery=""))
    assert report.results == ()
    assert not list(Path().iterdir())
    report = search(SearchConfig(str(embedded / "out"), like="a/02.png", top_k=3, gallery="", results="found"))
    rows, content = tables("found")
    assert [row["path"] for row in rows] == report.paths
    assert {row["query"] for row in rows} == {"a/02.png"}
    assert content["left_out"] == "a/02.png"
    assert set(report.paths[:2]) == set(COPIES)
    assert str(report).endswith("The tables: found.csv, found.json")


def test_what_is_selected_can_be_labeled_and_read(embedded, tmp_path):
    report = asked(embedded, select=6, seed=2)
    rows, content = tables("selected")
    collection = open_collection(embedded / "out")
    vectors = np.concatenate(list(collection.vectors()))
    known = np.flatnonzero(collection.ok())
    expected = known[select_to_label(vectors[known], 6, seed=2).rows]
    assert [int(row["row"]) for row in rows] == expected.tolist()
    files = [str(embedded / "pictures" / path) for path in collection.paths_of(expected.tolist())]
    assert [row["path"] for row in rows] == files
    assert {row["label"] for row in rows} == {""}
    assert content["seed"] == 2
    assert pictures_of("selected.html") == 6
    assert files[0] in str(report)
    hint = "Fill in the column `label` of selected.csv (rows without one are left out); then aag-finetune --dataset="
    assert f"{hint}csv:selected.csv makes a classifier of it.\n" in str(report)
    # As it is, it is a list of pictures; with labels a data set.
    embed(EmbedConfig(str(collection.manifest.model.path), "selected.csv", str(tmp_path / "again")))
    assert list(open_collection(tmp_path / "again").paths()) == files
    names = ["cat", "dog", "cat", "dog", "", "dog"]
    with Path("labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"label": name} for row, name in zip(rows, names, strict=True))
    listing = list_table("labels.csv", DataConfig())
    assert listing.class_names == ["cat", "dog"]
    labels = dict(zip(listing.paths, listing.labels.tolist(), strict=True))
    assert labels == {path: int(name == "dog") for path, name in zip(files, names, strict=True) if name}


def test_paths_of_a_selection_are_a_list(embedded):
    asked(embedded, select=5)
    files = [row["path"] for row in tables("selected")[0]]
    Path("list.txt").write_text("\n".join(files))
    assert sorted(list_of_paths("list.txt", DataConfig()).paths) == sorted(files)


def test_a_selection_goes_on_from_what_is_labeled(embedded, caplog):
    asked(embedded, select=4)
    first = [row["path"] for row in tables("selected")[0]]
    with pytest.raises(DataError, match=r"^--labeled=selected.csv has no label in its column label; fill it in"):
        asked(embedded, select=4, labeled="selected.csv", overwrite=True)
    text = Path("selected.csv").read_text()
    Path("selected.csv").write_text(text.replace(".png,,", ".png,cat,"))
    Path("other.txt").write_text("\n".join([*first, "missing.png"]))
    Path("names.txt").write_text("\n".join(path.partition("/pictures/")[2] for path in first))
    found = []
    for labeled in ("selected.csv", "other.txt", "names.txt"):
        report = asked(embedded, select=4, labeled=labeled, results="next", overwrite=True)
        found.append([row["path"] for row in tables("next")[0]])
        assert "beside 4 that are labeled" in report.summary
    assert found[0] == found[1] == found[2]
    assert not set(first) & set(found[0])
    with pytest.raises(
        EmbeddingError, match=rf"^--select={READABLE - 3}: {READABLE - 4} of 42 images have an embedding and no label"
    ):
        asked(embedded, select=READABLE - 3, labeled="other.txt", results="next", overwrite=True)
    Path("other.txt").write_text("nowhere.png\n")
    with pytest.raises(DataError, match=r"^--labeled=other.txt names no image of the collection .*nowhere.png"):
        asked(embedded, select=4, labeled="other.txt", results="next", overwrite=True)


def test_a_collection_larger_than_memory_is_sampled(embedded, monkeypatch):
    paths = list(open_collection(embedded / "out").paths())
    labeled = [path for path in paths if path not in BROKEN][:3]
    Path("labeled.txt").write_text("\n".join(labeled))
    monkeypatch.setattr(
        sys.modules["aag_tf.export.search.selection"], "MOST_BYTES", 4 * 32 * 10
    )  # ten embeddings of 32 numbers
    report = asked(embedded, select=7, labeled="labeled.txt")
    assert "of 10 to label next" in report.summary
    again = asked(embedded, select=7, labeled="labeled.txt", results="again")
    assert again.rows == report.rows
    assert not {row["path"] for row in report.rows} & {str(embedded / "pictures" / path) for path in labeled}
    with pytest.raises(EmbeddingError, match=r"^--select=8: 7 of 42 images"):
        asked(embedded, select=8, labeled="labeled.txt", results="more")


def test_tables_are_replaced_only_if_asked(embedded):
    asked(embedded, select=3)
    before = Path("selected.csv").read_bytes()
    Path("selected.html").unlink()
    with pytest.raises(ConfigError, match=r"^selected.csv \(--results\) exists; name another file, or add --overwrite"):
        asked(embedded, select=5)
    assert Path("selected.csv").read_bytes() == before
    assert not Path("selected.html").exists()
    asked(embedded, select=5, overwrite=True)
    assert len(tables("selected")[0]) == 5
    asked(embedded, select=5, results="", gallery="")
    Path("found.json").mkdir()
    with pytest.raises(ConfigError, match=r"^found.json \(--results\) cannot be written"):
        asked(embedded, select=5, results="found", overwrite=True)
    with pytest.raises(AagError, match="that does not exist; create nowhere first"):
        asked(embedded, select=5, results="nowhere/found")


def test_a_page_shows_the_first_of_very_many(embedded, monkeypatch):
    monkeypatch.setattr(sys.modules["aag_tf.export.search.report"], "MOST_SHOWN", 2)
    asked(embedded, outliers=5, outlier_neighbors=3)
    assert pictures_of("outliers.html") == 2
    assert "The first 2 of 5 pictures are shown." in Path("outliers.html").read_text()
    assert len(tables("outliers")[0]) == 5


def test_too_small_a_collection_is_refused(embedded):
    with pytest.raises(EmbeddingError, match=rf"^--outlier_neighbors=100: there are {READABLE} embeddings, so that"):
        asked(embedded, outliers=5, outlier_neighbors=100)
    with pytest.raises(EmbeddingError, match=rf"^--outliers=500: {READABLE} images have an embedding; ask for fewer."):
        asked(embedded, outliers=500, outlier_neighbors=3)
    with pytest.raises(EmbeddingError, match=rf"^--select=500: {READABLE} of 42 images have an embedding and no label"):
        asked(embedded, select=500)


def test_a_list_of_labels_must_be_one(embedded):
    with pytest.raises(DataError, match=r"^--labeled=nowhere.txt cannot be read \(No such file or directory\)"):
        asked(embedded, select=5, labeled="nowhere.txt")
    Path("empty.txt").write_text("")
    with pytest.raises(DataError, match=r"^--labeled=empty.txt names no files"):
        asked(embedded, select=5, labeled="empty.txt")
    Path("zeros.txt").write_bytes(bytes(100))
    with pytest.raises(DataError, match=r"^--labeled=zeros.txt is no text"):
        asked(embedded, select=5, labeled="zeros.txt")
