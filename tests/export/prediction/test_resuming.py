"""Going on with predictions, and starting again: no image is lost or doubled, no file of others touched."""

import json
import signal
from pathlib import Path

import pytest
from killed_prediction import predict_until_killed
from processes import Process, finish

from aag_tf.export.prediction import predict
from aag_tf.utils.errors import EmbeddingError


def files_of(path):
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.name != "predictions.json"]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize(
    ("place", "complete"),
    [
        (("open", ".part-00001-of-00003.parquet"), 1),  # before the second file
        (("os.rename", ".part-00001-of-00003.parquet"), 1),  # half of it written
        (("open", ".predictions.csv"), 3),  # all Parquet files, and nothing else
        (("os.rename", ".predictions.csv"), 3),
    ],
)
def test_kill_9_loses_and_doubles_no_row(finished, job, place, complete):
    out = Path(job().output)
    child = Process(predict_until_killed, job(), *place, log=out.parent / "log.txt")
    codes, messages = finish([child])
    assert codes == [-signal.SIGKILL], messages
    assert len(list(out.glob("parquet/part-*"))) == complete
    report = predict(job(resume=True))
    assert (report.new, report.predicted) == (max(12 - 5 * complete, 0), 9)
    assert files_of(out) == files_of(finished / "out")


@pytest.mark.parametrize("name", ["predictions.csv", "uncertain.html", "parquet/part-00001-of-00003.parquet"])
def test_what_was_lost_or_damaged_is_written_again(name, done, job):
    before = files_of(done)
    (done / name).unlink()
    assert predict(job(resume=True)).new == (5 if "part" in name else 0)
    assert files_of(done) == before
    content = bytearray((done / name).read_bytes())
    content[40] ^= 1
    (done / name).write_bytes(content)
    assert predict(job(resume=True)).new == (5 if "part" in name else 0)
    kept = done / "damaged" / Path(name).name
    assert kept.read_bytes() == bytes(content)
    kept.unlink()
    assert files_of(done) == before


def test_a_page_of_another_length_needs_no_classifying(done, job):
    report = predict(job(resume=True, uncertain=2))
    assert report.new == 0
    assert (done / "uncertain.html").read_text().count("<figure>") == 2
    assert json.loads((done / "predictions.json").read_text())["shown"] == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shard_size": 4}, "begun with --shard_size=5, not --shard_size=4"),
        ({"all_probabilities": True}, "begun with --all_probabilities=False"),
        ({"input": "."}, "begun with the input .*pictures"),
    ],
)
def test_another_job_is_not_continued(done, job, settings, words):
    before = files_of(done)
    with pytest.raises(EmbeddingError, match=words) as refusal:
        predict(job(resume=True, **settings))
    assert "\n" not in str(refusal.value)
    assert files_of(done) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"digest": "0" * 64}, r"begun with the classifier .*holds another"),
        ({"class_names": ["x", "y"]}, r"begun with the classes x, y, and"),
    ],
)
def test_another_classifier_does_not_continue(done, job, change, words):
    manifest = json.loads((done / "predictions.json").read_text())
    del manifest["sha256"]
    manifest["model"] |= change
    (done / "predictions.json").write_text(json.dumps(manifest))
    with pytest.raises(EmbeddingError, match=words):
        predict(job(resume=True))


def test_nothing_is_overwritten_unasked_and_files_of_the_user_stay(done, job):
    (done / "notes.txt").write_text("mine")
    with pytest.raises(EmbeddingError, match="already exists; add --resume"):
        predict(job())
    assert predict(job(overwrite=True, shard_size=12)).new == 12
    assert [file.name for file in (done / "parquet").iterdir()] == ["part-00000-of-00001.parquet"]
    assert (done / "notes.txt").read_text() == "mine"
