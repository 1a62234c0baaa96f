"""Settings of reading: how sizes, ranges and bands are written."""

import re

import pytest

from aag_tf.config import DataConfig, EvaluateConfig, ReadingConfig, TrainConfig, from_flat, to_flat
from aag_tf.config.reading import read_bands, read_range, read_size
from aag_tf.utils.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "size"),
    [(64, (64, 64)), ("64", (64, 64)), ("64x320", (64, 320)), ("4X1024", (4, 1024)), (" 32 x 8 ", (32, 8))],
)
def test_sizes(written, size):
    assert read_size(DataConfig(image_size=written).image_size) == size
    assert read_size(EvaluateConfig(run_dir="run", image_size=written).image_size) == size


def test_a_number_and_its_text_are_one_setting():
    assert DataConfig(image_size=64) == DataConfig(image_size="64")
    recorded = {"image_size": 64}  # as runs of before there were heights and widths
    assert from_flat(TrainConfig, recorded).data.image_size == "64"


@pytest.mark.parametrize(
    ("setting", "written", "problem"),
    [
        ("image_size", "0x40", "is out of range; it must be SIDE or HEIGHTxWIDTH, each 4 to 1024."),
        ("image_size", "3", "is out of range"),
        ("image_size", 1025, "is out of range"),
        ("image_size", "9" * 5000 + "x4", "is out of range"),
        ("image_size", "-8", "is not a size"),
        ("image_size", "64x", "is not a size"),
        ("image_size", "", "is not a size"),
        ("image_size", "\u0663\u0662", "is not a size"),
        ("image_size", 64.0, "is not text"),
        ("image_size", True, "is not text"),
        ("value_range", "0-4095", "is not a range; it must be auto, percentile or LOW..HIGH."),
        ("value_range", "5..5", "has no values between its ends"),
        ("value_range", "9..1", "has no values between its ends"),
        ("value_range", "0..inf", "is not a range"),
        ("value_range", "nan..1", "is not a range"),
        ("value_range", "", "is not a range"),
        ("shown_bands", "1,2", "is not three bands; it must be three bands such as 4,3,2, each 1 to 64."),
        ("shown_bands", "0,1,2", "is out of range"),
        ("channels", 0, "is out of range; it must be 1 to 64."),
        ("fit", "squeeze", "is not known; choose one of crop, pad, stretch."),
        ("pages", "all", "is not known; choose one of first, each."),
        ("max_pixels", 2**28 + 1, "is out of range; it must be 1 to 268435456."),
    ],
)
def test_values_that_are_refused(setting, written, problem):
    with pytest.raises(ConfigError, match=re.escape(problem)):
        DataConfig(image_size=written) if setting == "image_size" else ReadingConfig(**{setting: written})


@pytest.mark.parametrize(
    ("written", "ends"),
    [("0..4095", (0.0, 4095.0)), ("-1000..3000", (-1000.0, 3000.0)), ("0..1e4", (0.0, 1e4)), ("-.5...5", (-0.5, 0.5))],
)
def test_ranges(written, ends):
    assert read_range(ReadingConfig(value_range=written).value_range) == ends
    assert read_range("auto") is read_range("percentile") is None


def test_bands_are_numbered_from_1():
    assert read_bands(ReadingConfig(shown_bands="4, 3,2").shown_bands) == (4, 3, 2)


def test_settings_of_reading_lie_flat_beside_those_of_data():
    config = DataConfig(reading=ReadingConfig(value_range="0..1", fit="pad"))
    assert to_flat(config)["value_range"] == "0..1"
    assert from_flat(DataConfig, to_flat(config)) == config
