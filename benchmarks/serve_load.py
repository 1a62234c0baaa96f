"""What the KServe server does under load and under attack: latency, health, memory, and every answer.

    aag-export --run_dir=runs/cifar10 --export_dir=served/cifar10
    python benchmarks/serve_load.py --saved_model=served/cifar10 --kserve_python=PYTHON --json=load.json

Takes about four minutes on two CPU cores. While another process does what a row says, one client asks for the embedding
of an image again and again and compares each answer with the first, and one asks whether the server is alive. All share
the machine.
"""

import base64
import contextlib
import dataclasses
import http.client
import io
import json
import multiprocessing
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
from benchmark_tools import Row, argument_parser, write_json
from PIL import Image
from serving_tables import load_table
from ways_in import NAME, Server, kserve

from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.exported import read_metadata

PREDICT = f"/v1/models/{NAME}:predict"
INFER = "/inference.GRPCInferenceService/ModelInfer"
MIB = 2**20
SLOW = 200  # connections of slow clients
JUNK = [b"", b"junk", b"{}", b"[" * 10_000, b'{"instances": [[[1]]]}', bytes(range(256)) * 100]


@dataclasses.dataclass(frozen=True)
class Load:
    """What other clients do meanwhile.

    Args:
        kind: one of `ATTACKS`.
        clients: how many do it at the same time.
        seconds: how long.
        server: to whom.
        shape: of the images that the server takes.
    """

    kind: str
    clients: int
    seconds: float
    server: Server
    shape: tuple[int, ...]


def attack(load: Load, found: Any) -> None:
    """Does it, in a process of its own; puts a sign before it begins, and the number of answers by status."""
    answers: Counter[str] = Counter()
    act = ATTACKS[load.kind](load.server, load.shape)
    found.put(None)
    until = time.monotonic() + load.seconds

    def client(number: int) -> None:
        while time.monotonic() < until:
            try:
                answers[act(number)] += 1
            except (OSError, http.client.HTTPException) as error:
                answers[type(error).__name__] += 1

    with ThreadPoolExecutor(max(1, load.clients)) as pool:
        list(pool.map(client, range(load.clients)))
    time.sleep(max(0.0, until - time.monotonic()))
    found.put(dict(answers))


Act = Callable[[int], str]


def images_of(count: int) -> Callable[[Server, tuple[int, ...]], Act]:
    def ready(server: Server, shape: tuple[int, ...]) -> Act:
        body = pixels(shape, count)
        return lambda number: str(post(server, body)[0])

    return ready


def files_of(count: int) -> Callable[[Server, tuple[int, ...]], Act]:
    def ready(server: Server, shape: tuple[int, ...]) -> Act:
        content = io.BytesIO()
        Image.fromarray(noise(shape, 1)[0].squeeze()).save(content, "PNG")
        file = {"b64": base64.b64encode(content.getvalue()).decode()}
        body = json.dumps({"signature_name": "embed_bytes", "instances": [file] * count}).encode()
        return lambda number: str(post(server, body)[0])

    return ready


def junk(server: Server, shape: tuple[int, ...]) -> Act:
    """Every second client sends junk over gRPC."""
    call = grpc.insecure_channel(f"127.0.0.1:{server.grpc}").unary_unary(INFER)

    def act(number: int) -> str:
        body = JUNK[np.random.randint(len(JUNK))]
        if number % 2:
            return str(post(server, body)[0])
        try:
            call(body + b"\xff")
        except grpc.RpcError as error:
            return error.code().name
        return "OK"

    return act


def too_large(server: Server, shape: tuple[int, ...]) -> Act:
    body = bytes(200 * MIB)
    return lambda number: str(post(server, body)[0])


def slow(server: Server, shape: tuple[int, ...]) -> Act:
    """Half of the clients send a byte of their headers now and then, half a byte of their body."""
    beginnings = [
        b"GET / HTTP/1.1\r\nX-Slow: ",
        f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n".encode(),
    ]

    def act(number: int) -> str:
        with socket.create_connection(("127.0.0.1", server.http)) as client:
            client.settimeout(0.5)
            client.sendall(beginnings[number % 2])
            for _ in range(60):
                client.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    received = client.recv(100)
                    return received[9:12].decode() if received else "disconnected"
        return "not disconnected"

    return act


ATTACKS: dict[str, Callable[[Server, tuple[int, ...]], Act]] = {
    "nothing else": images_of(1),
    "1 image a request": images_of(1),
    "64 images a request": images_of(64),
    "16 PNG files a request": files_of(16),
    "junk": junk,
    "bodies of 200 MiB": too_large,
    "slow-loris": slow,
}
ROWS = (
    ("nothing else", 0),
    ("1 image a request", 4),
    ("1 image a request", 64),
    ("64 images a request", 4),
    ("16 PNG files a request", 8),
    ("junk", 8),
    ("bodies of 200 MiB", 2),
    ("slow-loris", SLOW),
)


def noise(shape: tuple[int, ...], count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def pixels(shape: tuple[int, ...], count: int) -> bytes:
    return json.dumps({"instances": noise(shape, count).tolist()}).encode()


def post(server: Server, body: bytes) -> tuple[int, bytes]:
    return ask(server, "POST", PREDICT, body)


def ask(server: Server, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.http, timeout=120)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextlib.contextmanager
def watched(act: Callable[[], None], pause: float) -> Iterator[None]:
    """Repeats `act` in a thread until the block ends."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(pause):
            act()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measure(load: Load, expected: np.ndarray) -> Row:
    """Returns the row of one kind of load; `expected` is the embedding that answers must have."""
    server = load.server
    image, process = pixels(load.shape, 1), psutil.Process(server.pid)
    answers: Counter[str] = Counter()
    latencies: list[float] = []
    health: list[float] = []
    memory = [process.memory_info().rss]
    faults = {"wrong": 0, "health_failed": 0}

    def honest() -> None:
        began = time.perf_counter()
        status, answer = post(server, image)
        answers[str(status)] += 1
        if status == 200:
            latencies.append(time.perf_counter() - began)
            embedding = np.array(json.loads(answer)["predictions"][0]["embedding"])
            faults["wrong"] += not np.allclose(embedding, expected, atol=1e-5)

    def alive() -> None:
        began = time.perf_counter()
        status, _ = ask(server, "GET", "/v2/health/live")
        health.append(time.perf_counter() - began)
        faults["health_failed"] += status != 200
        memory.append(process.memory_info().rss)

    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    other = context.Process(target=attack, args=(load, found))
    other.start()
    assert found.get() is None
    with watched(honest, 0.02), watched(alive, 0.02):
        others = found.get()
    other.join()
    p50, p99 = np.percentile(latencies or [float("nan")], [50, 99]) * 1000
    health_p50, health_p99 = np.percentile(health, [50, 99]) * 1000
    return {
        "load": load.kind,
        "clients": load.clients,
        "their_answers": others,
        "answers": dict(answers),
        **faults,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "health_p50_ms": float(health_p50),
        "health_p99_ms": float(health_p99),
        "health_worst_ms": 1000 * max(health),
        "memory_mib": max(memory) / MIB,
    }


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--saved_model", required=True)
    parser.add_argument(
        "--kserve_python", default=sys.executable, help="interpreter of an environment with aag-tf[kserve]"
    )
    parser.add_argument("--seconds", type=float, default=10, help="duration of each row")
    arguments = parser.parse_args()
    saved_model = Path(version_directory(arguments.saved_model))
    shape = tuple(read_metadata(saved_model).record.image_shape)
    rows: list[Row] = []
    with kserve(arguments.kserve_python, saved_model, "--request_seconds=5") as server:
        status, answer = post(server, pixels(shape, 1))
        assert status == 200, answer
        expected = np.array(json.loads(answer)["predictions"][0]["embedding"])
        for kind, clients in ROWS:
            rows.append(measure(Load(kind, clients, arguments.seconds, server, shape), expected))
            print(json.dumps(rows[-1]), flush=True)
            write_json(arguments.json, rows)
    print(load_table(rows))


if __name__ == "__main__":
    main()
