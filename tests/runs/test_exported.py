"""Reading exports back: the newest version, and one sentence for everything that is not one of ours."""

import json

import pytest
import tensorflow as tf

from aag_tf.config import TrainConfig
from aag_tf.runs import RunRecord
from aag_tf.runs.export_directory import version_directory, version_numbers
from aag_tf.runs.exported import ENCODER, ExportMetadata, load_saved_model
from aag_tf.utils.errors import ExportError


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
    refused(foreign, r"was not written by aag-export \(it has no model.json\)")
    (foreign / "model.json").write_text("{}")
    refused(foreign, "was not written by aag-export")


def test_refuses_metadata_that_is_damaged_or_from_another_time(foreign):
    for content in ('{"format": ', "[]", "[" * 100_000):
        (foreign / "model.json").write_text(content)
        refused(foreign, "is damaged")
    (foreign / "model.json").write_text(json.dumps({**ENCODER.header, "image_shape": [8, 8, 1]}))
    refused(foreign, r"model\.json is damaged \(it has no 'flags'\); export the run again")
    (foreign / "model.json").write_text(json.dumps({**ENCODER.header, "format_version": 99}))
    refused(foreign, "has format version 99 and this package reads 1")


NEEDED = {"image_shape": [8, 8, 1], "embedding_dim": 5, "version": 1, "step": 1, "flags": {}}


def say(directory, **facts):
    content = {**ENCODER.header} | NEEDED | facts
    (directory / "model.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"image_shape": 1}, "its 'image_shape' is not"),
        ({"image_shape": [8, 8]}, "its 'image_shape' is not"),
        ({"image_shape": [8, 8.0, 1]}, r"its 'image_shape\[1\]' is not"),
        ({"image_shape": [8, 0, 1]}, r"its 'image_shape' is \[8, 0, 1\]"),
        ({"image_shape": [8, 2**20, 1]}, r"its 'image_shape' is \[8, 1048576, 1\]"),
        ({"image_shape": "881"}, "its 'image_shape' is not"),
        ({"embedding_dim": "5"}, "its 'embedding_dim' is not int"),
        ({"embedding_dim": 0}, "its 'embedding_dim' is 0"),
        ({"flags": None}, "it has no 'flags'"),
        ({"flags": {"width": -1.0}}, "--width=-1"),
        ({"signatures": []}, "its 'signatures' is not"),
    ],
)
def test_a_field_that_is_wrong_is_named(foreign, facts, message):
    say(foreign, **facts)
    refused(foreign, rf"model\.json is damaged \({message}.*\); export the run again")


def test_metadata_comes_back_as_it_was_written():
    record = RunRecord(config=TrainConfig(), image_shape=(8, 9, 1), custom_encoder={"a": 1}, command=[], versions={})
    metadata = ExportMetadata(record=record, version=1, step=2, embedding_dim=5, formats={"onnx": "onnx/model.onnx"})
    content = json.loads(json.dumps(metadata.to_json()))
    assert ExportMetadata.from_json(content) == metadata
    assert content["own_encoder"] == {"a": 1}  # where version 0.1.0 looks for it
    assert ExportMetadata.from_json(NEEDED | {"newer": 1}).record.image_shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("facts", "fits"), [({}, True), ({"embedding_dim": 6}, False), ({"image_shape": [8, 9, 1]}, False)]
)
def test_a_model_that_is_another_than_its_metadata_says_is_refused(tmp_path, foreign, facts, fits):
    say(foreign)
    refused(foreign, "is not the model that its model.json describes")  # it has no such signature
    module, taken = tf.Module(), tf.TensorSpec([None, 8, 8, 1], tf.uint8, name="images")
    module.embed = tf.function(
        lambda images: {"embedding": tf.zeros([tf.shape(images)[0], 5])}, input_signature=[taken]
    )
    tf.saved_model.save(module, tmp_path / "own", signatures={"serving_default": module.embed})
    say(tmp_path / "own", **facts)
    if fits:
        assert load_saved_model(tmp_path / "own")(tf.zeros([2, 8, 8, 1], tf.uint8)).shape == (2, 5)
    else:
        refused(tmp_path / "own", "is not the model that its model.json describes")


def test_refuses_a_damaged_graph(foreign):
    say(foreign)
    (foreign / "saved_model.pb").write_bytes(b"not a graph")
    refused(foreign, r"saved_model\.pb is damaged \(\w+Error\); export the model again")
