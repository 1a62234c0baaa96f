"""Predictions on an object store, of images on one, by a classifier on one."""

import functools
from pathlib import Path

import pytest
from command_runs import ended
from html_checks import Page
from object_store import killed_after_each_change, names

from aag_tf.export.prediction import predict
from aag_tf.utils import stores
from aag_tf.utils.stores import Store

OUTPUT = "s3://bucket/predicted/mine"
IMAGES = "s3://bucket/images"
MODELS = "s3://bucket/models/mine"
MANIFEST = "predictions.json"


def uploaded(folder, address):
    for path in Path(folder).rglob("*"):
        if path.is_file():
            Store(address).upload(path, path.relative_to(folder).as_posix())


def files_of(path):
    files = [file for file in path.rglob("*") if file.is_file() and file.name != MANIFEST]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def on_store():
    return {name: Store(OUTPUT).read(name) for name in names(OUTPUT) if name != MANIFEST}


def test_a_process_may_be_killed_at_any_moment(s3, job, finished, monkeypatch, tmp_path):
    """After each number of changes to the store the next process goes on, and no row is lost or doubled."""
    resumed = []
    for _ in killed_after_each_change(monkeypatch, lambda: predict(job(output=OUTPUT))):
        report = predict(job(output=OUTPUT, resume=MANIFEST in names(OUTPUT)))
        resumed.append(report.new)
        assert on_store() == files_of(finished / "out")
        assert (report.images, report.predicted) == (12, 9)
        for name in names(OUTPUT):
            Store(OUTPUT).remove(name)
    # Claim, two manifests and the list, three Parquet files, text and page, the last manifest.
    assert len(resumed) >= 9
    assert set(resumed) == {12, 7, 2, 0}
    assert not list((tmp_path / "cache" / "embeddings").iterdir())


@pytest.fixture
def command(capsys, monkeypatch):
    return functools.partial(ended, capsys, monkeypatch)


def test_the_commands_take_addresses(s3, exported_classifier, finished, tmp_path, command):
    uploaded(exported_classifier.path, f"{MODELS}/1")
    uploaded(finished / "pictures", IMAGES)
    flags = [f"--saved_model={MODELS}", f"--input={IMAGES}", f"--output={OUTPUT}"]
    code, said = command("aag-predict", *flags)
    assert code == 0, said
    assert f"Predicted 9 of 12 images; the rows are in {OUTPUT}/predictions.csv and {OUTPUT}/parquet." in said
    assert f"The least certain: {OUTPUT}/uncertain.html" in said
    assert str(tmp_path) not in said
    assert Store(OUTPUT).read("predictions.csv") == (finished / "out" / "predictions.csv").read_bytes()
    page = Page(Store(OUTPUT).read("uncertain.html").decode())
    assert f"of {IMAGES}, by {MODELS}/1" in page.text
    assert not stores.copy_path(IMAGES).exists()  # images are read when their turn comes, and not kept
    code, said = command("aag-predict", *flags)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(f"aag-predict: --output={OUTPUT} ")
    assert "--overwrite" in said
    code, said = command("aag-predict", *flags, "--resume")
    assert (code, "This run" in said) == (0, False), said


def test_a_damaged_file_on_a_store_is_kept_there_and_written_anew(s3, job, finished):
    predict(job(output=OUTPUT))
    name = "parquet/part-00001-of-00003.parquet"
    damaged = bytearray(Store(OUTPUT).read(name))
    damaged[200] ^= 1
    Store(OUTPUT).write(name, bytes(damaged))
    assert predict(job(output=OUTPUT, resume=True)).new == 5
    assert Store(OUTPUT).read("damaged/part-00001-of-00003.parquet") == damaged
    Store(OUTPUT).remove("damaged/part-00001-of-00003.parquet")
    assert on_store() == files_of(finished / "out")
