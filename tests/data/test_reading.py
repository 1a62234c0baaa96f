"""How images were read: what a run records of it, and how other data sets are then read alike."""

import dataclasses

import pytest

from aag_tf.config import DataConfig, ReadingConfig, TrainConfig
from aag_tf.data import open_source
from aag_tf.data.files.reading import BEFORE_IT_WAS_RECORDED, Reading
from aag_tf.runs import RunRecord


def test_what_the_files_decide_is_found_again_in_the_settings():
    settings = ReadingConfig(fit="pad", pages="each", max_pixels=1000, channels=5)
    reading = Reading.of(settings, (12.0, 4080.1))
    assert reading == Reading(value_range=(12.0, 4080.1), fit="pad", pages="each", max_pixels=1000)
    again = reading.settings(ReadingConfig(channels=5, value_range="percentile"))
    assert again == dataclasses.replace(settings, value_range="12.0..4080.1")
    assert Reading.of(again, (0.0, 1.0)) == reading
    assert Reading.of(ReadingConfig()).settings(ReadingConfig()) == ReadingConfig()


def test_a_run_records_how_its_images_were_read():
    config = TrainConfig(data=DataConfig(image_size=6, reading=ReadingConfig(fit="stretch")))
    source = open_source(config.data)
    record = RunRecord(config=config, image_shape=source.image_shape, reading=source.reading)
    read = RunRecord.from_json(record.to_json())
    assert read == record
    assert read.reading.fit == "stretch"
    other = read.same_reading(DataConfig(dataset="npz:x", reading=ReadingConfig(channels=3, shown_bands="3,2,1")))
    assert other.reading == ReadingConfig(fit="stretch", channels=3, shown_bands="3,2,1")


def test_runs_of_before_read_16_bits_by_their_whole_range():
    content = RunRecord(config=TrainConfig(), image_shape=(8, 8, 1)).to_json()
    del content["reading"]
    record = RunRecord.from_json(content)
    assert record.reading == BEFORE_IT_WAS_RECORDED
    assert record.same_reading(DataConfig()).reading == ReadingConfig(value_range="0.0..65535.0")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"value_range": [1.0, 1.0]}, "value_range"),
        ({"value_range": [0.0, float("nan")]}, "value_range"),
        ({"value_range": [0.0]}, "value_range"),
        ({"fit": "squeeze"}, "fit"),
        ({"pages": "all"}, "pages"),
        ({"max_pixels": 0}, "max_pixels"),
    ],
)
def test_a_damaged_record_is_refused_by_the_name_of_the_entry(entry, message):
    content = RunRecord(config=TrainConfig(), image_shape=(8, 8, 1)).to_json()
    content["reading"] |= entry
    with pytest.raises(ValueError, match=message):
        RunRecord.from_json(content)
