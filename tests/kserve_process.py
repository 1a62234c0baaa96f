"""The KServe server in a process of its own, in an environment that has KServe, and clients that need no KServe."""

import contextlib
import dataclasses
import http.client
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

PATIENCE = 300.0  # seconds
VARIABLE = "AAG_KSERVE_PYTHON"
INFER = "/inference.GRPCInferenceService/ModelInfer"


def kserve_python() -> str | None:
    """The interpreter of an environment with `aag-tf[kserve]`: this one, or what the variable names."""
    return sys.executable if importlib.util.find_spec("kserve") else os.environ.get(VARIABLE)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens to."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@dataclasses.dataclass(frozen=True)
class Server:
    """A server that runs.

    Args:
        process: it.
        http_port: of REST.
        grpc_port: of Open Inference.
        log: what it prints.
    """

    process: subprocess.Popen[bytes]
    http_port: int
    grpc_port: int
    log: Path

    def request(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Sends a request over HTTP and returns the status and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": content_type})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def predict(self, body: Any) -> tuple[int, Any]:
        """Sends a request of TensorFlow Serving's protocol; returns the status and the answer as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, answer = self.request("POST", "/v1/models/mine:predict", sent)
        return status, json.loads(answer)

    def infer(self, message: bytes, method: str = INFER, *, wait: float = PATIENCE) -> tuple[grpc.StatusCode, bytes]:
        """Sends bytes over gRPC; returns the status, and the answer or what is said of the error."""
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}") as channel:
            try:
                return grpc.StatusCode.OK, channel.unary_unary(method)(message, timeout=wait)
            except grpc.RpcError as error:
                return error.code(), error.details().encode()

    def connect(self, port: int) -> socket.socket:
        """Opens a connection, to send what no library would."""
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


@contextlib.contextmanager
def kserve_server(saved_model: Path, *flags: str, wait: bool = True) -> Iterator[Server]:
    """Starts a server of the model `mine`, and ends it with the block; without `wait` it may also end by itself."""
    http_port, grpc_port = free_ports(2)
    command = [kserve_python(), "-m", "aag_tf.export.serving.kserve_server", f"--saved_model={saved_model}"]
    command += ["--model_name=mine", f"--http_port={http_port}", f"--grpc_port={grpc_port}", *flags]
    with tempfile.TemporaryDirectory() as elsewhere:  # not the checkout, whose folders differ from an installation's
        log = Path(elsewhere) / "log.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=elsewhere, stdout=output, stderr=subprocess.STDOUT)
        server = Server(process, http_port, grpc_port, log)
        try:
            until = time.monotonic() + PATIENCE
            while wait and not (_listens(http_port) and (_listens(grpc_port) or "--enable_grpc=false" in flags)):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(60)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def varint(number: int) -> bytes:
    """A number as protocol buffers write it."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number: int, content: bytes) -> bytes:
    """A field of bytes, a string or a message, as protocol buffers write it."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def fields(message: bytes) -> list[tuple[int, bytes]]:
    """The fields of a message up to the first that is none of `field`."""
    found = []
    while message:
        key, message = _number(message)
        if key & 7 != 2:
            break
        length, message = _number(message)
        found.append((key >> 3, message[:length]))
        message = message[length:]
    return found


def infer_request(shape: tuple[int, ...], content: bytes, *, name: str = "images", datatype: str = "UINT8") -> bytes:
    """A `ModelInferRequest` with one tensor."""
    sizes = field(3, b"".join(varint(side % 2**64) for side in shape))
    return (
        field(1, b"mine") + field(5, field(1, name.encode()) + field(2, datatype.encode()) + sizes) + field(7, content)
    )


def _number(message: bytes) -> tuple[int, bytes]:
    number = shift = 0
    for position, byte in enumerate(message):
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, message[position + 1 :]
    raise ValueError(message)
