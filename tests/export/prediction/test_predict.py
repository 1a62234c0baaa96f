"""Bulk prediction: the classifier's own answers in every file, whatever the input, and what is refused."""

import base64
import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from html_checks import Page
from PIL import Image
from small_classifiers import CLASS_NAMES, TEMPERATURE
from small_pictures import BROKEN, make_folder, save_picture

from aag_tf.config import DataConfig, EmbedConfig, PackConfig
from aag_tf.export.embedding import embed
from aag_tf.export.embedding.reading import Batch
from aag_tf.export.prediction import predict
from aag_tf.export.prediction.rows import Predicted, classify_batch, schema, tables, to_table
from aag_tf.packing.pack import pack
from aag_tf.utils.errors import ConfigError, DataError, EmbeddingError, ExportError


@pytest.fixture(scope="module")
def expected(classifier, tmp_path_factory):
    """The probabilities of every good picture by its path, from the Keras model."""
    saved = make_folder(tmp_path_factory.mktemp("same"))
    logits = classifier[1](np.stack(list(saved.values())).astype(np.float32), training=False).numpy() / TEMPERATURE
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return dict(zip(saved, powers / powers.sum(axis=1, keepdims=True), strict=True))


def rows_of(path):
    return pq.read_table(path / "parquet").to_pylist()  # as users read it: the directory as a whole


def text_rows(path):
    with (path / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check(rows, expected):
    for row in rows:
        right = expected[row["path"]]
        first, second = np.argsort(-right)[:2]
        assert (row["label"], row["second_label"]) == (CLASS_NAMES[first], CLASS_NAMES[second])
        assert float(row["probability"]) == pytest.approx(right[first], abs=1e-5)
        assert float(row["margin"]) == pytest.approx(right[first] - right[second], abs=1e-5)


def test_parquet_has_a_row_a_picture_with_what_the_classifier_says(finished, expected):
    rows = rows_of(finished / "out")
    assert [row["path"] for row in rows] == sorted([*expected, *BROKEN])
    check([row for row in rows if row["ok"]], expected)
    broken = [row for row in rows if not row["ok"]]
    assert [row["path"] for row in broken] == sorted(BROKEN)
    assert all(row["label"] is row["probability"] is row["second_label"] is row["margin"] is None for row in broken)
    assert all(row["error"] for row in broken)


def test_csv_has_the_same_rows(finished, expected):
    rows = text_rows(finished / "out")
    assert list(rows[0]) == ["path", "label", "probability", "second_label", "margin", "ok", "error"]
    good = [row for row in rows if row["ok"] == "true"]
    check(good, expected)
    assert len(good) == 9
    assert [row["path"] for row in rows] == [row["path"] for row in rows_of(finished / "out")]
    bad = [row for row in rows if row["ok"] == "false"]
    assert [row["label"] + row["probability"] + row["margin"] for row in bad] == [""] * 3
    assert all(row["error"] for row in bad)


def test_all_probabilities_are_written_on_request(job, expected):
    predict(job(all_probabilities=True))
    out = Path(job().output)
    for row in rows_of(out):
        if row["ok"]:
            np.testing.assert_allclose(row["probabilities"], expected[row["path"]], atol=1e-5)
        else:
            assert row["probabilities"] is None
    for row in text_rows(out):
        numbers = [row[f"probability:{name}"] for name in CLASS_NAMES]
        if row["ok"] == "true":
            np.testing.assert_allclose([float(number) for number in numbers], expected[row["path"]], atol=1e-5)
        else:
            assert numbers == [""] * 3


def test_report_and_manifest_count_the_labels(job, expected):
    report = predict(job())
    labels = [CLASS_NAMES[right.argmax()] for right in expected.values()]
    counts = {name: labels.count(name) for name in CLASS_NAMES}
    assert report.counts == counts
    assert list(report.counts.values()) == sorted(counts.values(), reverse=True)
    text = str(report)
    assert (
        f"Predicted 9 of 12 images; the rows are in {job().output}/predictions.csv and {job().output}/parquet." in text
    )
    assert f"Classes: {', '.join(f'{name} {count}' for name, count in report.counts.items())}." in text
    assert "3 could not be read; column `error` says why, for instance:" in text
    assert "This run: 12 images in " in text
    manifest = json.loads((Path(job().output) / "predictions.json").read_text())
    assert (manifest["format"], manifest["predicted"], manifest["counts"]) == ("aag_tf.predictions", 9, counts)
    assert sorted(manifest["files"]) == [
        *(f"parquet/part-0000{number}-of-00003.parquet" for number in range(3)),
        "predictions.csv",
        "uncertain.html",
    ]


def test_the_page_shows_the_least_certain_first(finished, expected):
    page = (finished / "out" / "uncertain.html").read_text()
    margins = {path: np.diff(np.sort(right)[-2:])[0] for path, right in expected.items()}
    wanted = sorted(margins, key=margins.get)[:4]
    assert re.findall(r"<br>([ab]/\d\d\.png)</figcaption>", page) == wanted
    pictures = [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)\"", page)]
    folder = finished / "pictures"
    for path, picture in zip(wanted, pictures, strict=True):
        np.testing.assert_array_equal(picture.convert("L"), Image.open(folder / path))
    first, second = np.argsort(-expected[wanted[0]])[:2]
    shares = [f"{100 * expected[wanted[0]][each]:.0f} %" for each in (first, second)]
    assert f"<b>{CLASS_NAMES[first]} {shares[0]}, {CLASS_NAMES[second]} {shares[1]}</b>" in page
    assert 'content="aag-predict"' in page
    parsed = Page(page)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in parsed.elements}
    assert all(each["src"].startswith("data:") for tag, each in parsed.elements if tag == "img")


def test_no_page_where_none_is_asked_for(job):
    assert predict(job(uncertain=0)).page is None
    assert not (Path(job().output) / "uncertain.html").exists()


def test_lists_tables_and_packs_give_the_same_rows(tmp_path, finished, job, expected):
    folder = finished / "pictures"
    paths = sorted(expected)[:5]
    (tmp_path / "list.txt").write_text("".join(f"{folder / path}\n" for path in paths))
    (tmp_path / "table.csv").write_text("path,note\n" + "".join(f"{folder / path},x\n" for path in paths))
    for number, place in enumerate((tmp_path / "list.txt", f"csv:{tmp_path / 'table.csv'}")):
        predict(job(input=str(place), output=str(tmp_path / f"{number}")))
        rows = rows_of(tmp_path / f"{number}")
        check([row | {"path": str(Path(row["path"]).relative_to(folder))} for row in rows], expected)
        assert len(rows) == 5
    pack(PackConfig(output=str(tmp_path / "pack"), data=DataConfig(f"folder:{folder}")))
    predict(job(input=f"pack:{tmp_path / 'pack'}", output=str(tmp_path / "packed")))
    rows = rows_of(tmp_path / "packed")
    check(rows, expected)
    assert {row["path"] for row in rows} == set(expected)


def test_names_of_strangers_stay_what_they_are(tmp_path, job):
    names = ['=1+1,"x".png', "<b>.png", "a\nb.png"]
    for seed, name in enumerate(names):
        save_picture(tmp_path / "odd" / name, seed)
    predict(job(input=str(tmp_path / "odd")))
    assert {row["path"] for row in text_rows(Path(job().output))} == set(names)
    page = (Path(job().output) / "uncertain.html").read_text()
    assert "<b>.png" not in page
    assert "&lt;b&gt;.png" in page


def test_nothing_readable_is_an_error(tmp_path, job):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"text")
    with pytest.raises(EmbeddingError, match=r"none of the 1 images of .*bad can be read; a.png, for one: "):
        predict(job(input=str(tmp_path / "bad")))


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"saved_model": "/"}, ExportError, "holds no SavedModel"),
        ({"input": "nowhere"}, DataError, "--input=nowhere is neither a folder nor a file"),
        ({"input": "tfds:x"}, DataError, "names no split"),
        ({"resume": True}, EmbeddingError, "holds nothing to resume"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, job, settings, kind, words):
    with pytest.raises(kind, match=words) as refusal:
        predict(job(**settings))
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "out").exists()


def test_an_encoder_is_refused_before_it_is_loaded(job, encoder_dir):
    with pytest.raises(ExportError, match=r"is an encoder, and a classifier is needed; make one of it"):
        predict(job(saved_model=str(encoder_dir)))


def test_embeddings_are_not_overwritten(finished, job, encoder_dir):
    embed(EmbedConfig(str(encoder_dir), str(finished / "pictures"), job().output))
    before = sorted(Path(job().output).rglob("*"))
    with pytest.raises(EmbeddingError, match="holds files that aag-predict did not write"):
        predict(job(overwrite=True))
    assert sorted(Path(job().output).rglob("*")) == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resume": True, "overwrite": True}, "--resume continues an output, --overwrite deletes it"),
        ({"uncertain": 1001}, "--uncertain=1001 is out of range; it must be 0 to 1000"),
        ({"saved_model": ""}, "--saved_model is missing; name a directory that aag-export --classifier wrote"),
    ],
)
def test_bad_settings_are_refused(job, settings, words):
    with pytest.raises(ConfigError, match=words):
        job(**settings)


class Constant:
    """A classifier of two classes that is undecided, and gives no numbers for black images."""

    class_names = ("a", "b")

    def __call__(self, pixels):
        numbers = np.full((len(pixels), 2), 0.5, np.float32)
        numbers[~pixels.reshape(len(pixels), -1).any(axis=1)] = np.nan
        return type("Answer", (), {"probabilities": numbers})


def test_numbers_that_are_not_finite_are_an_error_and_ties_go_to_the_first_class():
    pixels = np.zeros((3, 2, 2, 1), np.uint8)
    pixels[:2] = 1
    rows = classify_batch(Constant(), Batch(["x", "y", "z"], pixels, [None, "gone", None]))
    assert rows.errors == [None, "gone", "the classifier gives probabilities that are not finite"]
    table = to_table(rows, ["a", "b"], schema(all_probabilities=True)).to_pylist()
    assert table[0] == {
        **{"path": "x", "label": "a", "probability": 0.5, "second_label": "b", "margin": 0.0},
        **{"probabilities": [0.5, 0.5], "ok": True, "error": None},
    }
    assert [(row["label"], row["probabilities"], row["ok"]) for row in table[1:]] == [(None, None, False)] * 2


def test_rows_are_grouped_whatever_the_batches(monkeypatch):
    monkeypatch.setattr("aag_tf.export.prediction.rows.ROWS_AT_ONCE", 4)
    names = [f"{number}" for number in range(11)]
    parts = [names[:3], names[3:9], names[9:]]
    rows = [Predicted(part, np.tile(np.float32([0.7, 0.3]), (len(part), 1)), [None] * len(part)) for part in parts]
    found = list(tables(rows, ["a", "b"], schema(all_probabilities=False)))
    assert [len(table) for table in found] == [4, 4, 3]
    assert [path for table in found for path in table.column("path").to_pylist()] == names
