"""The model of the KServe server, without KServe: TensorFlow Serving's REST protocol, and what is refused."""

import asyncio
import base64
import importlib
import io
import json
import sys
import threading
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.runs.exported_classifier import load_saved_classifier

MAX_BATCH = 5


class InvalidInput(ValueError):
    """As KServe's: an answer of status 400."""


class Model:
    """As much of KServe's as ours needs."""

    def __init__(self, name):
        self.name = name


class InferOutput:
    """As KServe's: what it is given."""

    def __init__(self, name, shape, datatype):
        self.name, self.shape, self.datatype = name, shape, datatype

    def set_data_from_numpy(self, value, *, binary_data):
        assert binary_data
        self.value = value


@pytest.fixture(scope="module")
def model_of():
    """Makes the server's model of an export, with stand-ins for the classes of KServe."""
    kserve, errors = types.ModuleType("kserve"), types.ModuleType("kserve.errors")
    errors.InvalidInput = InvalidInput
    for name in ("InferRequest", "InferResponse"):
        setattr(kserve, name, type(name, (), {}))
    kserve.Model, kserve.InferOutput = Model, InferOutput
    module = "aag_tf.export.serving.encoder_model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "kserve", kserve)
        patch.setitem(sys.modules, "kserve.errors", errors)
        patch.delitem(sys.modules, module, raising=False)
        made = importlib.import_module(module)
        yield lambda path: made.EncoderModel("mine", str(path), threads=2, max_batch=MAX_BATCH)
        del sys.modules[module]


@pytest.fixture(scope="module")
def model(model_of, exported):
    return model_of(exported.path)


def predict(model, payload):
    return asyncio.run(model.predict(payload))


def pixels(count):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8)


def test_answers_a_row_an_image(run, model):
    images = pixels(3)
    answer = predict(model, {"instances": images.tolist()})
    expected = run[1](images, training=False).numpy()
    np.testing.assert_allclose([row["embedding"] for row in answer["predictions"]], expected, atol=1e-5)
    file = io.BytesIO()
    Image.fromarray(images[0, ..., 0]).save(file, "PNG")
    files = [{"b64": base64.b64encode(content).decode()} for content in (file.getvalue(), b"no picture")]
    answer = predict(model, {"signature_name": "embed_bytes", "instances": files})
    assert [row["valid"] for row in answer["predictions"]] == [True, False]
    np.testing.assert_allclose(answer["predictions"][0]["embedding"], expected[0], atol=1e-5)
    assert predict(model, {"instances": []}) == {"predictions": []}


def test_a_classifier_answers_with_text(model_of, exported_classifier):
    saved = load_saved_classifier(exported_classifier.path)
    images = pixels(4)
    right = saved(images)
    server = model_of(exported_classifier.path)
    rows = predict(server, {"signature_name": "classify", "instances": images.tolist()})["predictions"]
    assert [row["label"] for row in rows] == right.labels
    np.testing.assert_allclose([row["probabilities"] for row in rows], right.probabilities, atol=1e-6)
    file = io.BytesIO()
    Image.fromarray(images[0, ..., 0]).save(file, "PNG")
    files = [{"b64": base64.b64encode(content).decode()} for content in (file.getvalue(), b"no picture")]
    rows = predict(server, {"signature_name": "classify_bytes", "instances": files})["predictions"]
    assert [(row["label"], row["valid"]) for row in rows] == [(right.labels[0], True), ("", False)]
    json.dumps(rows)
    encoded = sys.modules[type(server).__module__]._encoded("label", np.array([b"cat", b""], object))
    assert (encoded.shape, encoded.datatype, encoded.value.tolist()) == ([2], "BYTES", [b"cat", b""])


def test_values_of_the_data_are_numbers_of_any_size(model, monkeypatch):
    spec = tf.TensorSpec([None, None, None, 1], tf.float32)
    monkeypatch.setattr(model, "_specs", lambda signature: {"values": spec})
    rows = [[[[-1000.5], [2999]]], [[[0], [1]]]]
    values = model._columns("embed_values", rows)["values"]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.array(rows, np.float32))
    assert model._columns("embed_values", [])["values"].shape == (0, 1, 1, 1)
    for wrong in (float("nan"), float("inf"), "1", None, True):
        with pytest.raises(InvalidInput, match="values are finite numbers"):
            model._columns("embed_values", [[[[wrong]]]])


@pytest.mark.parametrize(
    "payload",
    [
        {"inputs": pixels(1).tolist()},
        {"instance": pixels(1).tolist()},
        {"instances": 5},
        {"instances": {"images": []}},
        {},
        pixels(1).tolist(),
        "text",
        None,
    ],
)
def test_refuses_what_has_no_rows(model, payload):
    with pytest.raises(InvalidInput, match='a request needs a list of "instances"; the column form, "inputs", is'):
        predict(model, payload)


@pytest.mark.parametrize("name", ["no_such", ["serving_default"], {}, None, 1])
def test_refuses_a_signature_that_is_not_there(model, name):
    with pytest.raises(InvalidInput, match=r"there is no signature .*; choose .*serving_default"):
        predict(model, {"signature_name": name, "instances": pixels(1).tolist()})


def test_refuses_more_images_than_may_come_together(model):
    assert len(predict(model, {"instances": pixels(MAX_BATCH).tolist()})["predictions"]) == MAX_BATCH
    with pytest.raises(InvalidInput, match="the request has 6 images and may have 5; send several requests"):
        predict(model, {"instances": pixels(MAX_BATCH + 1).tolist()})


def test_the_event_loop_goes_on_while_an_answer_is_computed(model, monkeypatch):
    began, may_end = threading.Event(), threading.Event()

    def slow(payload):
        began.set()
        return may_end.wait(60)

    monkeypatch.setattr(model, "_predict", slow)

    async def other_work():
        answer = asyncio.create_task(model.predict({}))
        while not began.is_set():
            await asyncio.sleep(0.01)
        assert not answer.done()
        may_end.set()  # would not be reached if the answer were computed on the loop
        return await answer

    assert asyncio.run(other_work()) is True
