"""The real KServe server: who reaches it, what it refuses and how, and that nobody keeps it from answering others."""

import base64
import contextlib
import io
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import hostile_models
import numpy as np
import psutil
import pytest
from hostile_models import Places
from kserve_process import VARIABLE, field, fields, infer_request, kserve_python, kserve_server
from PIL import Image

from aag_tf.runs.exported_classifier import load_saved_classifier

if kserve_python() is None:
    pytest.skip(f"KServe has an environment of its own; {VARIABLE} names its interpreter", allow_module_level=True)

LARGEST = 8 * 2**20
MAX_BATCH = 10_000
SECONDS = 3
MIB = 2**20


@pytest.fixture(scope="module")
def server(exported):
    flags = (f"--max_request_bytes={LARGEST}", f"--max_batch={MAX_BATCH}", f"--request_seconds={SECONDS}")
    flags += ("--max_threads=2", "--max_waiting=2", "--max_connections=60", f"--timeout-keep-alive={SECONDS}")
    with kserve_server(exported.path, *flags) as running:
        yield running


def images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8)


def addresses(server):
    sockets = psutil.Process(server.process.pid).net_connections("tcp")
    return {each.laddr.ip.removeprefix("::ffff:") for each in sockets if each.status == psutil.CONN_LISTEN}


def memory(server):
    return psutil.Process(server.process.pid).memory_info().rss


def test_both_protocols_answer(run, server):
    expected = run[1](images(3), training=False).numpy()
    status, answer = server.predict({"instances": images(3).tolist()})
    assert status == 200
    np.testing.assert_allclose([row["embedding"] for row in answer["predictions"]], expected, atol=1e-5)
    status, answer = server.infer(infer_request((3, 8, 8, 1), images(3).tobytes()))
    assert status is grpc.StatusCode.OK
    names = [dict(fields(content)[:1])[1] for number, content in fields(answer) if number == 5]
    contents = [content for number, content in fields(answer) if number == 6]
    raw = dict(zip(names, contents, strict=True))[b"embedding"]
    np.testing.assert_allclose(np.frombuffer(raw, np.float32).reshape(expected.shape), expected, atol=1e-5)


def test_what_curl_sends_is_taken_without_the_type_of_its_content(server):
    sent = json.dumps({"instances": images(2).tolist()}).encode()
    for content_type in ("application/x-www-form-urlencoded", "text/plain"):
        status, answer = server.request("POST", "/v1/models/mine:predict", sent, content_type)
        assert (status, json.loads(answer)) == server.predict(sent)
        assert status == 200
        for junk in (b"junk", b"\xff", b"[" * 100_000):
            status, answer = server.request("POST", "/v1/models/mine:predict", junk, content_type)
            assert (status, "no JSON" in json.loads(answer)["error"]) == (400, True)


def test_a_classifier_answers_with_strings(exported_classifier):
    saved = load_saved_classifier(exported_classifier.path)
    right = saved(images(3))
    file = io.BytesIO()
    Image.fromarray(images(3)[0, ..., 0]).save(file, "PNG")
    rows = [{"b64": base64.b64encode(content).decode()} for content in (file.getvalue(), b"no picture")]
    with kserve_server(exported_classifier.path) as server:
        status, answer = server.predict({"signature_name": "classify_bytes", "instances": rows})
        assert status == 200
        found = [(row["label"], row["valid"]) for row in answer["predictions"]]
        assert found == [(right.labels[0], True), ("", False)]
        status, answer = server.infer(infer_request((3, 8, 8, 1), images(3).tobytes()))
        assert status is grpc.StatusCode.OK
        names = [dict(fields(content)[:1])[1] for number, content in fields(answer) if number == 5]
        contents = [content for number, content in fields(answer) if number == 6]
        raw = dict(zip(names, contents, strict=True))
        labels = b"".join(len(label.encode()).to_bytes(4, "little") + label.encode() for label in right.labels)
        assert raw[b"label"] == labels
        np.testing.assert_allclose(
            np.frombuffer(raw[b"probabilities"], np.float32), right.probabilities.ravel(), atol=1e-5
        )


def test_only_this_machine_is_listened_to(server):
    assert addresses(server) == {"127.0.0.1"}
    assert "to programs of this machine; --host=0.0.0.0 lets others in" in server.log.read_text()


def test_all_machines_are_listened_to_on_request_with_a_warning_until_a_signal(encoder_dir):
    with kserve_server(encoder_dir, "--host=0.0.0.0") as server:
        assert addresses(server) <= {"0.0.0.0", "::"}
        assert "whoever reaches this machine can send requests, without a password" in server.log.read_text()
        assert server.predict({"instances": images(1).tolist()})[0] == 200
        server.process.terminate()
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("--http_port={taken}", r"127.0.0.1 port {taken} cannot be used \(Address already in use\); choose another"),
        ("--host=no.such.host.invalid", r"--host=no.such.host.invalid is no address"),
        ("--max_batch=0", "argument --max_batch: 0 is no number above 0"),
    ],
)
def test_a_bad_flag_is_refused_in_a_sentence_before_the_model_is_loaded(tmp_path, flag, sentence):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with kserve_server(tmp_path / "no_model", flag.format(taken=port), wait=False) as server:
            assert server.process.wait(120) == 2
            said = server.log.read_text()
    assert re.search(sentence.format(taken=port), said, re.MULTILINE), said
    assert "Traceback" not in said


def test_a_model_that_touches_files_is_refused(tmp_path, exported):
    places = Places(tmp_path)
    hostile_models.at_load(places)
    content = json.loads((exported.path / "model.json").read_text())
    (places.model / "model.json").write_text(json.dumps(content | {"embedding_dim": hostile_models.DIM}))
    with kserve_server(places.model, wait=False) as server:
        assert server.process.wait(120) == 1
        said = server.log.read_text()
    assert re.search(r"^kserve_server: .* can do more than compute.*WriteFile", said, re.MULTILINE), said
    assert "Traceback" not in said
    assert not places.touched()


def test_health_is_answered_while_an_answer_is_computed(server):
    body = json.dumps({"instances": images(MAX_BATCH).tolist()}).encode()
    healthy = []
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(server.predict, body)
        while not answer.done():
            status, _ = server.request("GET", "/v2/health/live")
            if not answer.done():
                healthy.append(status)
    assert answer.result()[0] == 200
    assert len(answer.result()[1]["predictions"]) == MAX_BATCH
    assert len(healthy) >= 5
    assert set(healthy) == {200}


JUNK = [
    b"",
    b"junk",
    b"{}",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"instances":' + b"[" * 100_000,
    b'{"instances": [[[1]]]}',
    b'{"instances": [1e999]}',
    b'{"instances": [{"b64": "?"}], "signature_name": "embed_bytes"}',
    b'{"instances": [[[[256]]]]}',
    b'{"signature_name": "\\u001b[31m\\nno such"}',
]


@pytest.mark.parametrize("body", JUNK, ids=lambda body: repr(body[:30]))
def test_junk_over_rest_is_the_clients_fault(server, body):
    status, answer = server.predict(body)
    assert status == 400
    assert answer["error"]


@pytest.mark.parametrize(
    "body",
    [
        *JUNK[:8],
        b'{"inputs": 1}',
        b'{"inputs": [{"name": "images", "shape": [3, 1], "datatype": "UINT8", "data": [1]}]}',
        b'{"inputs": [{"name": "images", "shape": [-5], "datatype": "UINT8", "data": [[1], [2, 3]]}]}',
        b'{"inputs": [{"name": "images", "shape": [1], "datatype": "NONE", "data": [1]}]}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_junk_over_the_other_protocol_of_rest_is_the_clients_fault(server, body):
    status, _ = server.request("POST", "/v2/models/mine/infer", body)
    assert status in {400, 422}


@pytest.mark.parametrize(
    "message",
    [
        b"junk",
        b"\xff" * 50,
        infer_request((3, 8, 8, 1), b"too short"),
        infer_request((2**62, 2**62), b"x"),
        infer_request((-1, 8, 8, 1), bytes(63)),
        infer_request((1, 8, 8, 1), bytes(64), datatype="NONE"),
        infer_request((1, 8, 8, 1), bytes(64), name="pictures"),
        infer_request((1, 9, 8, 1), bytes(72)),
        infer_request((1,), b"\xff\xff\xff\xff", datatype="BYTES"),
        infer_request((64,), bytes(64), datatype="BOOL"),
        infer_request((), b"x"),
        infer_request((1, 8, 8, 1), bytes(64)) + field(4, field(1, b"signature_name") + field(2, b"")),
        infer_request((1, 8, 8, 1), bytes(64)) + field(7, b"one more"),
        infer_request((MAX_BATCH + 1, 1), bytes(MAX_BATCH + 1)),
        field(1, b"mine"),
    ],
    ids=lambda message: repr(message[:30]),
)
def test_junk_over_grpc_is_the_clients_fault(server, message):
    status, said = server.infer(message)
    assert status is grpc.StatusCode.INVALID_ARGUMENT, said
    assert said


def test_junk_in_another_grpc_method_is_the_clients_fault(server):
    status, _ = server.infer(b"\xff" * 50, "/inference.GRPCInferenceService/ModelMetadata")
    assert status is grpc.StatusCode.INVALID_ARGUMENT


def test_a_model_that_is_not_there_is_not_found(server):
    assert server.request("POST", "/v1/models/other:predict", b"{}")[0] == 404
    message = infer_request((1, 8, 8, 1), bytes(64)).replace(b"mine", b"them")
    assert server.infer(message)[0] is grpc.StatusCode.NOT_FOUND


def test_nobody_unloads_the_model(server):
    assert server.request("POST", "/v2/repository/models/mine/unload")[0] == 400
    unload = "/inference.GRPCInferenceService/RepositoryModelUnload"
    assert server.infer(field(1, b"mine"), unload)[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert server.predict({"instances": images(1).tolist()})[0] == 200


def test_a_body_that_is_too_large_is_refused_and_not_kept(server):
    server.predict(bytes(LARGEST))
    before = memory(server)
    status, answer = server.predict(bytes(200 * MIB))
    assert (status, str(LARGEST) in answer["error"]) == (413, True)
    assert memory(server) - before < 4 * LARGEST
    status, _ = server.infer(infer_request((1, 8, 8, 1), bytes(LARGEST)))
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_body_without_a_length_is_limited_too(server):
    with server.connect(server.http_port) as client:
        client.sendall(b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"%x\r\n%s\r\n" % (MIB, bytes(MIB))
        for _ in range(LARGEST // MIB + 1):
            client.sendall(piece)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_too_many_images_are_refused(server):
    rows = [{"b64": base64.b64encode(b"x").decode()}] * (MAX_BATCH + 1)
    status, answer = server.predict({"signature_name": "embed_bytes", "instances": rows})
    assert (status, answer["error"]) == (400, "the request has 10001 images and may have 10000; send several requests")


def test_more_requests_than_may_wait_are_refused(server):
    body = json.dumps({"instances": images(5_000).tolist()}).encode()
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda _: server.predict(body), range(12)))
    statuses = [status for status, _ in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 4
    busy = next(answer for status, answer in answers if status == 503)
    assert busy == {"error": "the server is busy; send the request again in a second"}


@pytest.mark.parametrize(
    ("beginning", "more"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n", b"X-Slow: 1\r\n"),
        (b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", b"x"),
        (b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"x" * 1000),
    ],
    ids=["nothing", "slow headers", "slow body", "slow body that is too large"],
)
def test_a_slow_client_is_disconnected(server, beginning, more):
    began = time.monotonic()
    with server.connect(server.http_port) as client, contextlib.suppress(ConnectionError):
        client.settimeout(0.2)
        client.sendall(beginning)
        answer = b""
        while time.monotonic() < began + 60:
            client.sendall(more)
            with contextlib.suppress(TimeoutError):
                received = client.recv(1000)
                answer += received
                if not received:
                    break
        assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 413 "))
    assert SECONDS - 0.5 < time.monotonic() - began < 30


def test_a_silent_client_of_grpc_is_disconnected(server):
    began = time.monotonic()
    with server.connect(server.grpc_port) as client:
        client.settimeout(60)
        while client.recv(1000):
            pass
    assert time.monotonic() - began < 30


def test_slow_clients_keep_nobody_from_being_answered(server):
    stop = threading.Event()

    def slow():
        with server.connect(server.http_port) as client, contextlib.suppress(OSError):
            client.sendall(b"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            while not stop.wait(0.1):
                client.sendall(b"x")

    threads = [threading.Thread(target=slow) for _ in range(40)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            assert server.predict({"instances": images(1).tolist()})[0] == 200
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_more_connections_than_may_be_are_refused(server):
    with contextlib.ExitStack() as stack:
        for port in (server.http_port, server.grpc_port):
            for _ in range(70):
                stack.enter_context(server.connect(port))
        assert server.request("GET", "/v2/health/live")[0] == 503
        assert server.infer(infer_request((1, 8, 8, 1), bytes(64)), wait=1.0)[0] in {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        }
    until = time.monotonic() + 60
    while server.request("GET", "/v2/health/live")[0] != 200:
        assert time.monotonic() < until
    assert server.infer(infer_request((1, 8, 8, 1), bytes(64)))[0] is grpc.StatusCode.OK


def test_a_client_that_reads_no_answer_is_disconnected(server):
    body = json.dumps({"instances": images(8_000).tolist()}).encode()
    head = f"POST /v1/models/mine:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with server.connect(server.http_port) as client:
        client.sendall(head + body)
        own = client.getsockname()[1]

        def connected():
            sockets = psutil.Process(server.process.pid).net_connections("tcp")
            return any(each.raddr and each.raddr.port == own for each in sockets)

        assert connected()
        until = time.monotonic() + 120
        while connected():
            assert time.monotonic() < until
            time.sleep(0.2)
        received = 0
        with contextlib.suppress(ConnectionError):
            while part := client.recv(MIB):
                received += len(part)
        assert received > MIB  # an answer was on its way, and had not come in whole


def test_headers_are_limited(server):
    with server.connect(server.http_port) as client, contextlib.suppress(ConnectionError):
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for _ in range(1000):
            client.sendall(b"X-Long: " + b"x" * 1000 + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_the_log_says_refusals_in_a_line_that_moves_no_cursor(server):
    server.predict(b'{"instances": [], "signature_name": "\\u001b[31m\\nFORGED a line"}')
    for path in ("/%1b%5b31m%0aFORGED", "/v1/models/%1b%5b31m%0aFORGED", "/v1/models/x%1b%0aFORGED:predict"):
        server.request("POST" if path.endswith("predict") else "GET", path)
    said = server.log.read_text()
    assert not re.search("^FORGED", said, re.MULTILINE)
    assert r"refused: there is no signature \x1b[31m\nFORGED a line" in said
    assert "\x1b" not in said
    assert "Traceback" not in said
