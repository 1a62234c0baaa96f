"""Reading exports back: the newest version, and one sentence for everything that is not one of ours."""

import json

import pytest
import tensorflow as tf

from aag_tf.errors import ExportError
from aag_tf.saved_model import FORMAT, METADATA, load_saved_model, version_directory, version_numbers


@pytest.fixture
def foreign(tmp_path):
    """A SavedModel of somebody else."""
    module = tf.Module()
    module.twice = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, tmp_path / "foreign")
    return tmp_path / "foreign"


def refused(path, message):
    with pytest.raises(ExportError, match=message) as caught:
        load_saved_model(path)
    assert "\n" not in str(caught.value)


def test_newest_version_is_the_highest_number_not_the_last_name(tmp_path):
    for name in ("9", "10", "old", ".11.staging", "0012"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "12").touch()
    assert version_numbers(tmp_path) == [9, 10]
    assert version_directory(tmp_path) == tmp_path / "10"
    assert version_directory(tmp_path / "9") == tmp_path / "9"


def test_refuses_what_is_no_saved_model(tmp_path):
    refused(tmp_path, "holds no SavedModel")
    refused(tmp_path / "missing", "holds no SavedModel")
    (tmp_path / "1").mkdir()
    refused(tmp_path, "holds no SavedModel")


def test_refuses_a_saved_model_of_somebody_else(foreign):
    refused(foreign, "not one of ours")
    (foreign / "model.json").write_text("{}")
    refused(foreign, "was not written by aag-export")


def test_refuses_metadata_that_is_damaged_or_from_another_time(foreign):
    for content in ('{"format": ', "[]", "[" * 100_000):
        (foreign / "model.json").write_text(content)
        refused(foreign, "cannot be read")
    (foreign / "model.json").write_text(json.dumps({"format": FORMAT, "format_version": 1, "image_shape": [8, 8, 1]}))
    refused(foreign, r"is damaged \(it has no 'embedding_dim'\)")
    (foreign / "model.json").write_text(json.dumps({"format": FORMAT, "format_version": 99}))
    refused(foreign, "has format version 99 and this package reads 1")


def test_refuses_a_damaged_graph(foreign):
    metadata = {"format": FORMAT, "format_version": 1} | dict.fromkeys(METADATA, 1)
    (foreign / "model.json").write_text(json.dumps(metadata))
    (foreign / "saved_model.pb").write_bytes(b"not a graph")
    refused(foreign, r"is damaged \(\w+Error\); export the run again")
