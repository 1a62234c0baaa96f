"""The KServe server's side of TensorFlow Serving's REST protocol, without KServe: what is not a request is refused."""

import base64
import importlib
import io
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image


class InvalidInput(ValueError):
    """As KServe's: an answer of status 400."""


class Model:
    """As much of KServe's as ours needs."""

    def __init__(self, name):
        self.name = name


@pytest.fixture(scope="module")
def server(exported):
    """The server's model, with stand-ins for the classes of KServe."""
    kserve, errors = types.ModuleType("kserve"), types.ModuleType("kserve.errors")
    errors.InvalidInput = InvalidInput
    for name in ("InferRequest", "InferResponse", "InferOutput"):
        setattr(kserve, name, type(name, (), {}))
    kserve.Model = Model
    module = "aag_tf.export.serving.kserve_server"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "kserve", kserve)
        patch.setitem(sys.modules, "kserve.errors", errors)
        patch.delitem(sys.modules, module, raising=False)
        yield importlib.import_module(module).EncoderModel("mine", str(exported.path))
        del sys.modules[module]


def pixels(count):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8)


def test_answers_a_row_an_image(run, server):
    images = pixels(3)
    answer = server.predict({"instances": images.tolist()})
    expected = run[1](images, training=False).numpy()
    np.testing.assert_allclose([row["embedding"] for row in answer["predictions"]], expected, atol=1e-5)
    file = io.BytesIO()
    Image.fromarray(images[0, ..., 0]).save(file, "PNG")
    files = [{"b64": base64.b64encode(content).decode()} for content in (file.getvalue(), b"no picture")]
    answer = server.predict({"signature_name": "embed_bytes", "instances": files})
    assert [row["valid"] for row in answer["predictions"]] == [True, False]
    np.testing.assert_allclose(answer["predictions"][0]["embedding"], expected[0], atol=1e-5)
    assert server.predict({"instances": []}) == {"predictions": []}


def test_values_of_the_data_are_numbers_of_any_size(server, monkeypatch):
    spec = tf.TensorSpec([None, None, None, 1], tf.float32)
    monkeypatch.setattr(server, "_specs", lambda signature: {"values": spec})
    rows = [[[[-1000.5], [2999]]], [[[0], [1]]]]
    values = server._columns("embed_values", rows)["values"]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.array(rows, np.float32))
    assert server._columns("embed_values", [])["values"].shape == (0, 1, 1, 1)
    for wrong in (float("nan"), float("inf"), "1", None, True):
        with pytest.raises(InvalidInput, match="values are finite numbers"):
            server._columns("embed_values", [[[[wrong]]]])


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
def test_refuses_what_has_no_rows(server, payload):
    with pytest.raises(InvalidInput, match='a request needs a list of "instances"; the column form, "inputs", is'):
        server.predict(payload)


@pytest.mark.parametrize("name", ["no_such", ["serving_default"], {}, None, 1])
def test_refuses_a_signature_that_is_not_there(server, name):
    with pytest.raises(InvalidInput, match=r"there is no signature .*; choose .*serving_default"):
        server.predict({"signature_name": name, "instances": pixels(1).tolist()})
