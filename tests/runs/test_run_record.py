"""The record of a run: written, read back, and read from what earlier versions wrote; damage is named."""

import pytest

from aag_tf.config import EncoderConfig, ScheduleConfig, TrainConfig
from aag_tf.runs import RunRecord

CONFIG = TrainConfig(encoder=EncoderConfig(width=0.5), schedule=ScheduleConfig(seed=3))
RECORD = RunRecord(
    config=CONFIG,
    image_shape=(8, 6, 1),
    class_names=["a", "b"],
    num_train_images=40,
    fingerprint="0123:abc",
    custom_encoder={"class_name": "Functional", "config": {"name": "mine"}},
    auxiliary=None,
    command=["aag-train", "--width=0.5"],
    versions={"python": "3.11"},
)


def test_a_record_is_read_as_it_was_written():
    content = RECORD.to_json()
    assert content["image_shape"] == [8, 6, 1]
    assert content["flags"]["width"] == 0.5
    assert RunRecord.from_json(content) == RECORD


def test_a_record_of_before_there_were_versions_is_read():
    content = RECORD.to_json()
    del content["format_version"], content["versions"], content["command"]
    content["own_encoder"] = content.pop("custom_encoder")
    del content["flags"]["embedding_grid"]  # a setting that is younger than the record
    read = RunRecord.from_json(content)
    assert read.config == CONFIG
    assert read.custom_encoder == RECORD.custom_encoder
    assert (read.command, read.versions) == ([], {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "has format version 2, and this package reads up to 1"),
        ({"format_version": "1"}, "has format version '1'"),
        ({"flags": None}, "has no 'flags'"),
        ({"flags": []}, "'flags' is not an object"),
        ({"flags": {"temperature": "warm"}}, "--temperature='warm' is not a number"),
        ({"flags": {"flip": 1}}, "--flip=1 is not true or false"),
        ({"flags": {"width": [1.0]}}, "--width=.* is not a number"),
        ({"flags": {"width": float("nan")}}, "--width=nan is out of range"),
        ({"image_shape": [8, 8]}, "'image_shape' is not"),
        ({"image_shape": [8, 8, 0]}, r"'image_shape' is \[8, 8, 0\]"),
        ({"image_shape": [8, 8, 10**9]}, "'image_shape' is"),
        ({"class_names": "abc"}, "'class_names' is not"),
        ({"class_names": [1, 2]}, "'class_names' is not"),
        ({"num_train_images": "many"}, "'num_train_images' is not"),
        ({"num_train_images": True}, "'num_train_images' is not"),
        ({"custom_encoder": []}, "'custom_encoder' is not"),
        ({"versions": {"python": 3}}, "'versions.python' is not"),
    ],
)
def test_damage_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        RunRecord.from_json(RECORD.to_json() | change)


def test_what_is_missing_is_named():
    content = RECORD.to_json()
    del content["image_shape"]
    with pytest.raises(ValueError, match="has no 'image_shape'"):
        RunRecord.from_json(content)
