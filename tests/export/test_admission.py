"""Which requests a server takes on, without a server: turns, waiting, bytes, and bodies that are too large."""

import asyncio
import contextlib
import json

import pytest

from aag_tf.export.serving.admission import BodyGate, Busy, Gate

LARGEST = 100


class Client:
    """One request over ASGI, whose body comes when the test lets it."""

    def __init__(self, app, method="POST"):
        self.parts = asyncio.Queue()
        self.sent = []
        self.task = asyncio.create_task(app({"type": "http", "method": method}, self.parts.get, self._send))

    async def _send(self, message):
        self.sent.append(message)

    def give(self, body, more=False):
        self.parts.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self):
        self.parts.put_nowait({"type": "http.disconnect"})

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def answer(self):
        return b"".join(each.get("body", b"") for each in self.sent[1:])


class Application:
    """Answers a body with itself, when the test lets it."""

    def __init__(self):
        self.inside = self.most = 0
        self.open = asyncio.Event()

    async def __call__(self, scope, receive, send):
        body = b"alive"
        if scope["method"] == "POST":
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self.open.wait()
            body = (await receive())["body"]
            self.inside -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def test_some_are_answered_some_wait_and_the_rest_is_refused_at_once():
    async def story():
        application = Application()
        app = BodyGate(application, Gate(2, 3, LARGEST))
        clients = [Client(app) for _ in range(7)]
        for number, client in enumerate(clients):
            client.give(b"%d" % number)
        await settle()
        assert [client.task.done() for client in clients] == [False] * 5 + [True] * 2
        assert application.inside == 2
        health = Client(app, "GET")
        await settle()
        assert health.answer == b"alive"
        application.open.set()
        await asyncio.gather(*(client.task for client in clients))
        assert [client.status for client in clients] == [200] * 5 + [503] * 2
        assert [client.answer for client in clients[:5]] == [b"0", b"1", b"2", b"3", b"4"]
        assert json.loads(clients[5].answer) == {"error": "the server is busy; send the request again in a second"}
        assert (b"retry-after", b"1") in clients[5].sent[0]["headers"]
        assert application.most == 2
        again = Client(app)  # all turns came back
        again.give(b"again")
        await again.task
        assert again.answer == b"again"

    asyncio.run(story())


def test_a_slow_client_takes_no_turn():
    async def story():
        application = Application()
        application.open.set()
        app = BodyGate(application, Gate(1, 1, LARGEST))
        slow = [Client(app) for _ in range(10)]
        for client in slow:
            client.give(b"x", more=True)
        await settle()
        quick = Client(app)
        quick.give(b"quick")
        await quick.task
        assert quick.answer == b"quick"
        slow[0].give(b"y")
        await slow[0].task
        assert slow[0].answer == b"xy"
        for client in slow[1:]:
            client.leave()
        await asyncio.gather(*(client.task for client in slow))
        assert [client.sent for client in slow[1:]] == [[]] * 9

    asyncio.run(story())


@pytest.mark.parametrize("parts", [[LARGEST + 1], [LARGEST, 1], [1, LARGEST], [50, 50, 50]])
def test_a_body_that_is_too_large_is_refused_and_not_kept(parts):
    async def story():
        application = Application()
        gate = Gate(1, 0, LARGEST)
        client = Client(BodyGate(application, gate))
        for part in parts:
            client.give(bytes(part), more=True)
        await settle()
        assert client.status == 413  # already, though the client still sends
        assert b"it may have 100 bytes" in client.answer
        assert client.sent[-1]["more_body"]  # nobody hangs up on a client that still sends
        for _ in range(50):
            client.give(bytes(LARGEST), more=True)
        client.give(b"")
        await client.task
        assert client.sent[-1] == {"type": "http.response.body", "body": b""}
        assert (application.most, gate._bytes) == (0, 0)

    asyncio.run(story())


def test_a_body_of_the_largest_size_is_taken():
    async def story():
        application = Application()
        application.open.set()
        client = Client(BodyGate(application, Gate(1, 0, LARGEST)))
        client.give(bytes(LARGEST - 1), more=True)
        client.give(b"x")
        await client.task
        assert (client.status, len(client.answer)) == (200, LARGEST)

    asyncio.run(story())


def test_all_requests_together_hold_a_limited_number_of_bytes():
    async def story():
        application = Application()
        app = BodyGate(application, Gate(1, 1, LARGEST))  # so 200 bytes
        slow = [Client(app) for _ in range(3)]
        for client in slow[:2]:
            client.give(bytes(LARGEST), more=True)
        await settle()
        slow[2].give(b"x")
        await slow[2].task
        assert slow[2].status == 503
        slow[0].leave()
        await slow[0].task
        application.open.set()
        last = Client(app)
        last.give(bytes(LARGEST))
        await last.task
        assert last.status == 200
        slow[1].leave()
        await slow[1].task

    asyncio.run(story())


def test_a_turn_comes_back_after_an_error():
    async def story():
        gate = Gate(1, 0, LARGEST)
        for _ in range(3):
            with contextlib.suppress(ValueError):
                async with gate.turn():
                    raise ValueError
        async with gate.turn():
            with pytest.raises(Busy):
                async with gate.turn():
                    pass

    asyncio.run(story())
