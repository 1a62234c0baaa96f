"""Serves an exported encoder with KServe: TensorFlow Serving's REST protocol, and Open Inference over gRPC.

    pip install 'aag-tf[kserve]'          # in an environment of its own
    python -m aag_tf.export.serving.kserve_server --saved_model=served/mine --model_name=mine

REST: `POST :8080/v1/models/mine:predict` as TensorFlow Serving takes it, with `signature_name` and `instances`.
gRPC: `ModelInfer` on :8081; the request parameter `signature_name` chooses the signature.
Meant for trials on one machine; TensorFlow Serving itself batches requests and swaps versions without a pause.
"""

import argparse
import base64
from typing import Any

import kserve
import numpy as np
import tensorflow as tf
from kserve.errors import InvalidInput
from typing_extensions import override

from aag_tf.runs.exported import SIGNATURE, load_saved_model

Tensors = dict[str, np.ndarray]


class EncoderModel(kserve.Model):
    """Answers requests in both protocols with the signatures of a SavedModel."""

    def __init__(self, name: str, saved_model: str) -> None:
        super().__init__(name)
        self._model = load_saved_model(saved_model)
        self.ready = True

    @override
    def predict(self, payload: Any, headers: dict[str, str] | None = None, **_: Any) -> Any:
        if isinstance(payload, kserve.InferRequest):
            name = (payload.parameters or {}).get("signature_name", SIGNATURE)
            inputs = {tensor.name: tensor.as_numpy() for tensor in payload.inputs}
            outputs = self._run(getattr(name, "string_param", name), inputs)
            return kserve.InferResponse(payload.id, self.name, [_encoded(*item) for item in outputs.items()])
        if not isinstance(payload, dict) or not isinstance(payload.get("instances"), list):
            raise InvalidInput('a request needs a list of "instances"; the column form, "inputs", is not taken')
        signature = payload.get("signature_name", SIGNATURE)
        outputs = self._run(signature, self._columns(signature, payload["instances"]))
        names = list(outputs)
        rows = zip(*(outputs[name].tolist() for name in names), strict=True)
        return {"predictions": [dict(zip(names, row, strict=True)) for row in rows]}

    def _run(self, signature: str, inputs: Tensors) -> Tensors:
        specs = self._specs(signature)
        if set(inputs) != set(specs):
            raise InvalidInput(f"{signature} takes {', '.join(specs)} and got {', '.join(inputs) or 'nothing'}")
        tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        for name, tensor in tensors.items():
            if tensor.dtype != specs[name].dtype:
                raise InvalidInput(f"{name} is {tensor.dtype.name} and must be {specs[name].dtype.name}")
        try:
            outputs = self._model.loaded.signatures[signature](**tensors)
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise InvalidInput(str(error).splitlines()[0]) from error
        return {name: value.numpy() for name, value in outputs.items()}

    def _columns(self, signature: str, instances: list[Any]) -> Tensors:
        ((name, spec),) = self._specs(signature).items()
        rows = [row[name] if isinstance(row, dict) and name in row else row for row in instances]
        if spec.dtype == tf.string:
            try:
                return {name: np.array([base64.b64decode(row["b64"], validate=True) for row in rows], object)}
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidInput('a file is an object {"b64": its content in base64}') from error
        try:
            pixels = np.array(rows) if rows else np.zeros([0, *(side or 1 for side in spec.shape[1:])], np.int64)
        except ValueError as error:
            raise InvalidInput("images of one request are all of one size") from error
        if spec.dtype.is_floating:  # values of the data
            if pixels.dtype.kind not in "iuf" or not np.isfinite(pixels).all():
                raise InvalidInput("values are finite numbers")
        elif pixels.dtype.kind not in "iu" or (pixels.size and (pixels.min() < 0 or pixels.max() > 255)):
            raise InvalidInput("pixels are whole numbers from 0 to 255")
        return {name: pixels.astype(spec.dtype.as_numpy_dtype)}

    def _specs(self, signature: Any) -> dict[str, tf.TensorSpec]:
        if not isinstance(signature, str) or signature not in self._model.loaded.signatures:
            raise InvalidInput(f"there is no signature {signature}; choose {', '.join(self._model.loaded.signatures)}")
        return self._model.loaded.signatures[signature].structured_input_signature[1]


def _encoded(name: str, value: np.ndarray) -> kserve.InferOutput:
    datatype = {"float32": "FP32", "bool": "BOOL"}[value.dtype.name]
    output = kserve.InferOutput(name, list(value.shape), datatype)
    output.set_data_from_numpy(value, binary_data=True)
    return output


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, parents=[kserve.model_server.parser], conflict_handler="resolve"
    )
    parser.add_argument(
        "--saved_model",
        required=True,
        help="a directory that aag-export wrote: a version, or its parent for the newest",
    )
    arguments = parser.parse_args()
    kserve.ModelServer().start([EncoderModel(arguments.model_name, arguments.saved_model)])
