"""Every client of an exported encoder as a function from uint8 images to embeddings, to compare and to time.

Also what `serve.py` and `serve_parity.py` share: their command line, and the run and the export to compare.
"""

import argparse
import base64
import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import keras
import numpy as np
import tensorflow as tf
from benchmark_tools import argument_parser
from prediction_server import MESSAGE_SIZES
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from aag_tf.data import Source, open_source
from aag_tf.export.fresh_process import __file__ as CHILD
from aag_tf.export.runtimes import RUNTIMES, check_installed, load_runtime
from aag_tf.runs.exported import load_saved_model
from aag_tf.runs.run import load_run
from aag_tf.utils.errors import ExportError

Embed = Callable[[np.ndarray], np.ndarray]
Way = Callable[[Path], contextlib.AbstractContextManager[Embed]]

RUNTIME_NAMES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO", "litert": "LiteRT"}
HERE = Path(__file__).resolve().parent
NAME = "encoder"
PATIENCE = 120.0  # seconds for a server to start
QUIET_CPU = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclasses.dataclass(frozen=True)
class Exported:
    """An export, and what it was made from.

    Args:
        encoder: the encoder before export, as a graph function: the reference.
        saved_model: version directory of the export.
        source: images of the run.
    """

    encoder: Embed
    saved_model: Path
    source: Source


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser with the flags that both benchmarks of serving take."""
    parser = argument_parser(description)
    parser.add_argument("--run_dir", required=True, help="the run that was exported")
    parser.add_argument("--saved_model", required=True, help="its export")
    parser.add_argument("--kserve_python", help="interpreter of an environment with aag-tf[kserve]")
    return parser


def open_exported(arguments: argparse.Namespace) -> Exported:
    """Opens the run and the export that the flags name."""
    run = load_run(arguments.run_dir)
    saved_model = Path(load_saved_model(arguments.saved_model).path)
    return Exported(
        graph_function(run.encoder, run.record.image_shape), saved_model, open_source(run.record.config.data)
    )


def graph_function(encoder: keras.Model, image_shape: tuple[int, ...]) -> Embed:
    signature = [tf.TensorSpec([None, *image_shape], tf.uint8)]
    call = tf.function(lambda images: encoder(images, training=False), input_signature=signature)
    return lambda images: call(tf.constant(images)).numpy()


def signature(name: str, argument: str = "images") -> Way:
    @contextlib.contextmanager
    def way(saved_model: Path) -> Iterator[Embed]:
        loaded = tf.saved_model.load(saved_model)
        call = loaded.signatures[name]
        if argument == "contents":
            yield lambda images: call(contents=tf.constant(pngs(images)))["embedding"].numpy()
        else:
            yield lambda images: call(images=tf.constant(images))["embedding"].numpy()

    return way


_PNGS: dict[bytes, list[bytes]] = {}


def pngs(images: np.ndarray) -> list[bytes]:
    """Returns the images as PNG files, cached, because a client already has its files."""
    content = images.tobytes()
    if content not in _PNGS:
        _PNGS[content] = [tf.io.encode_png(image).numpy() for image in images]
    return _PNGS[content]


@contextlib.contextmanager
def tfsm_layer(saved_model: Path) -> Iterator[Embed]:
    layer = keras.layers.TFSMLayer(str(saved_model), call_endpoint="serve")
    yield lambda images: layer(tf.constant(images))["embedding"].numpy()


@contextlib.contextmanager
def without_keras(saved_model: Path) -> Iterator[Embed]:
    """A separate process in which Keras cannot be imported, as in the verification of `aag-export`."""

    def embed(images: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/images.npy", images)
            files = [str(saved_model), f"{folder}/images.npy", f"{folder}/answers.npz"]
            _run([sys.executable, "-P", str(CHILD), *files, "serving_default"])
            with np.load(f"{folder}/answers.npz") as answers:
                return answers["serving_default/embedding"]

    yield embed


@contextlib.contextmanager
def saved_model_cli(saved_model: Path) -> Iterator[Embed]:
    """TensorFlow's command-line tool, one process per call."""
    # The content of the console script, whose location is unknown.
    tool = [sys.executable, "-c", "from tensorflow.python.tools.saved_model_cli import main; main()"]

    def embed(images: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/images.npy", images)
            command = ["run", "--dir", str(saved_model), "--tag_set", "serve", "--signature_def", "serving_default"]
            _run([*tool, *command, "--inputs", f"images={folder}/images.npy", "--outdir", folder])
            return np.load(f"{folder}/embedding.npy")

    yield embed


def runtime(name: str) -> Way:
    @contextlib.contextmanager
    def way(saved_model: Path) -> Iterator[Embed]:
        yield load_runtime(name, saved_model / RUNTIMES[name].file)

    return way


@contextlib.contextmanager
def prediction_service(saved_model: Path) -> Iterator[Embed]:
    """TensorFlow Serving's own gRPC protocol, served by `prediction_server.py` in a separate process."""
    port = free_port()
    server = _server([sys.executable, str(HERE / "prediction_server.py"), str(saved_model.resolve()), str(port)], port)
    with server, grpc.insecure_channel(f"127.0.0.1:{port}", options=MESSAGE_SIZES) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def embed(images: np.ndarray) -> np.ndarray:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = NAME
            request.model_spec.signature_name = "serving_default"
            request.inputs["images"].CopyFrom(tf.make_tensor_proto(images))
            return tf.make_ndarray(stub.Predict(request, timeout=PATIENCE).outputs["embedding"])

        yield embed


def rest(python: str, body: Callable[[np.ndarray], dict[str, object]]) -> Way:
    """TensorFlow Serving's REST protocol, served by KServe in a separate environment; `body` builds the request."""

    @contextlib.contextmanager
    def way(saved_model: Path) -> Iterator[Embed]:
        with kserve(python, saved_model) as server:

            def embed(images: np.ndarray) -> np.ndarray:
                answer = post(f"http://127.0.0.1:{server.http}/v1/models/{NAME}:predict", body(images))
                return np.array([row["embedding"] for row in answer["predictions"]], np.float32)

            yield embed

    return way


def as_pixels(images: np.ndarray) -> dict[str, object]:
    return {"signature_name": "serving_default", "instances": images.tolist()}


def as_pngs(images: np.ndarray) -> dict[str, object]:
    files = [{"b64": base64.b64encode(png).decode()} for png in pngs(images)]
    return {"signature_name": "embed_bytes", "instances": files}


def open_inference(python: str) -> Way:
    """KServe's other protocol, over gRPC. Not for timing: each call starts a process in KServe's environment."""

    @contextlib.contextmanager
    def way(saved_model: Path) -> Iterator[Embed]:
        with kserve(python, saved_model) as server, tempfile.TemporaryDirectory() as folder:
            sent, received = f"{folder}/images.npy", f"{folder}/embedding.npy"

            def embed(images: np.ndarray) -> np.ndarray:
                np.save(sent, images)
                _run([python, str(HERE / "open_inference_client.py"), str(server.grpc), NAME, sent, received])
                return np.load(received)

            yield embed

    return way


def post(url: str, body: object) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


class Server(NamedTuple):
    """A KServe server: its ports and its process."""

    http: int
    grpc: int
    pid: int


@contextlib.contextmanager
def kserve(python: str, saved_model: Path, *flags: str) -> Iterator[Server]:
    """Starts a KServe server of the SavedModel."""
    http, rpc = free_port(), free_port()
    command = [python, "-m", "aag_tf.export.serving.kserve_server", f"--saved_model={saved_model.resolve()}", *flags]
    with _server([*command, f"--model_name={NAME}", f"--http_port={http}", f"--grpc_port={rpc}"], http) as pid:
        yield Server(http, rpc, pid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def _server(command: list[str], port: int) -> Iterator[int]:
    with tempfile.TemporaryFile("w+") as log:
        # Not in the checkout, whose folders differ from those of an installation.
        directory = tempfile.gettempdir()
        process = subprocess.Popen(command, env=QUIET_CPU, cwd=directory, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + PATIENCE
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {log.read()[-2000:]}")
                time.sleep(0.2)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=QUIET_CPU, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")


def ways_in(kserve_python: str | None) -> dict[str, Way]:
    """Returns all clients that are available here, by name."""
    ways: dict[str, Way] = {
        "tf.saved_model.load": signature("serving_default"),
        "the same, embed_images": signature("embed_images"),
        "the same, embed_bytes (PNG)": signature("embed_bytes", "contents"),
        "keras.layers.TFSMLayer": tfsm_layer,
    }
    for name in RUNTIMES:
        try:
            check_installed(name)
        except ExportError as error:
            print(f"left out: {error}")
        else:
            ways[RUNTIME_NAMES[name]] = runtime(name)
    ways["gRPC, TensorFlow Serving's protocol"] = prediction_service
    if kserve_python:
        ways["REST, KServe"] = rest(kserve_python, as_pixels)
        ways["REST, KServe, embed_bytes (PNG)"] = rest(kserve_python, as_pngs)
    else:
        print("left out: KServe; name its interpreter with --kserve_python")
    return ways
