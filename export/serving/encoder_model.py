"""The model of the KServe server: requests of both protocols, answered with the signatures of a SavedModel."""

import asyncio
import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kserve
import numpy as np
import tensorflow as tf
from kserve.errors import InvalidInput
from typing_extensions import override

from aag_tf.runs.exported import SIGNATURE
from aag_tf.runs.exported_classifier import load_export

Tensors = dict[str, np.ndarray]


class EncoderModel(kserve.Model):
    """Answers TensorFlow Serving's REST protocol and Open Inference.

    The event loop, which answers whether the server is alive, goes on while threads compute.

    Args:
        name: of the model, in requests.
        saved_model: a directory that `aag-export` wrote.
        threads: requests that are computed at the same time.
        max_batch: images of the largest request.
        trust_model: whether the SavedModel may do more than compute.
    """

    def __init__(self, name: str, saved_model: str, *, threads: int, max_batch: int, trust_model: bool = False) -> None:
        super().__init__(name)
        self._signatures = load_export(saved_model, trust_model=trust_model).loaded.signatures
        self._threads = ThreadPoolExecutor(threads, "encoder")
        self._max_batch = max_batch
        self.ready = True

    @override
    async def predict(self, payload: Any, headers: dict[str, str] | None = None, **_: Any) -> Any:
        answer = self._infer if isinstance(payload, kserve.InferRequest) else self._predict
        return await asyncio.get_running_loop().run_in_executor(self._threads, answer, payload)

    def _infer(self, request: kserve.InferRequest) -> kserve.InferResponse:
        """Answers a request of Open Inference."""
        name = (request.parameters or {}).get("signature_name", SIGNATURE)
        try:
            inputs = {tensor.name: tensor.as_numpy() for tensor in request.inputs}
        except InvalidInput:
            raise
        except Exception as error:  # KServe checks neither shapes nor lengths
            raise InvalidInput(f"an input does not have the shape and the type that it says ({error})") from error
        outputs = self._run(getattr(name, "string_param", name), inputs)
        return kserve.InferResponse(request.id, self.name, [_encoded(*item) for item in outputs.items()])

    def _predict(self, request: Any) -> dict[str, Any]:
        """Answers a request of TensorFlow Serving's protocol, bytes where it does not say that it is JSON."""
        if isinstance(request, bytes):
            request = _json(request)
        if not isinstance(request, dict) or not isinstance(request.get("instances"), list):
            raise InvalidInput('a request needs a list of "instances"; the column form, "inputs", is not taken')
        signature = request.get("signature_name", SIGNATURE)
        outputs = self._run(signature, self._columns(signature, request["instances"]))
        names = list(outputs)
        rows = zip(*(_rows(outputs[name]) for name in names), strict=True)
        return {"predictions": [dict(zip(names, row, strict=True)) for row in rows]}

    def _run(self, signature: str, inputs: Tensors) -> Tensors:
        specs = self._specs(signature)
        if set(inputs) != set(specs):
            raise InvalidInput(f"{signature} takes {', '.join(specs)} and got {', '.join(inputs) or 'nothing'}")
        try:
            tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
            for name, tensor in tensors.items():
                self._check_batch(tensor.shape[0] if tensor.shape.rank else 0)
                if tensor.dtype != specs[name].dtype:
                    raise InvalidInput(f"{name} is {tensor.dtype.name} and must be {specs[name].dtype.name}")
            outputs = self._signatures[signature](**tensors)
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise InvalidInput(str(error).splitlines()[0]) from error
        return {name: value.numpy() for name, value in outputs.items()}

    def _columns(self, signature: str, instances: list[Any]) -> Tensors:
        ((name, spec),) = self._specs(signature).items()
        self._check_batch(len(instances))
        rows = [row[name] if isinstance(row, dict) and name in row else row for row in instances]
        if spec.dtype == tf.string:
            try:
                return {name: np.array([base64.b64decode(row["b64"], validate=True) for row in rows], object)}
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidInput('a file is an object {"b64": its content in base64}') from error
        try:
            # One array an image, since other threads wait while one is made.
            pixels = np.stack([np.array(row) for row in rows]) if rows else _no_pixels(spec)
        except ValueError as error:
            raise InvalidInput("images of one request are all of one size") from error
        if spec.dtype.is_floating:  # values of the data
            if pixels.dtype.kind not in "iuf" or not np.isfinite(pixels).all():
                raise InvalidInput("values are finite numbers")
        elif pixels.dtype.kind not in "iu" or (pixels.size and (pixels.min() < 0 or pixels.max() > 255)):
            raise InvalidInput("pixels are whole numbers from 0 to 255")
        return {name: pixels.astype(spec.dtype.as_numpy_dtype)}

    def _specs(self, signature: Any) -> dict[str, tf.TensorSpec]:
        if not isinstance(signature, str) or signature not in self._signatures:
            raise InvalidInput(f"there is no signature {signature}; choose {', '.join(self._signatures)}")
        return self._signatures[signature].structured_input_signature[1]

    def _check_batch(self, images: int) -> None:
        if images > self._max_batch:
            raise InvalidInput(f"the request has {images} images and may have {self._max_batch}; send several requests")


def _json(content: bytes) -> Any:
    """Reads JSON as `curl -d` sends it, without its type.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the request is no JSON ({type(error).__name__})") from error


def _no_pixels(spec: tf.TensorSpec) -> np.ndarray:
    return np.zeros([0, *(side or 1 for side in spec.shape[1:])], np.int64)


def _rows(value: np.ndarray) -> list[Any]:
    """An output as JSON; text as it is, since none of a model's outputs are bytes."""
    rows = value.tolist()
    return [text.decode() for text in rows] if value.dtype == object else rows


def _encoded(name: str, value: np.ndarray) -> kserve.InferOutput:
    datatype = {"float32": "FP32", "bool": "BOOL", "object": "BYTES"}[value.dtype.name]
    output = kserve.InferOutput(name, list(value.shape), datatype)
    output.set_data_from_numpy(value, binary_data=True)
    return output
