"""Which requests a server takes on: how many at a time, how many may wait, and how many bytes wait with them.

A request waits as the bytes that came in, and is parsed when its turn comes: parsed it may be twenty times as large.
Standard library only: `BodyGate` is ASGI middleware.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Busy(Exception):
    """As many requests wait as may."""

    def __str__(self) -> str:
        """What the client is told."""
        return "the server is busy; send the request again in a second"


class Gate:
    """Lets some requests through at a time, lets some wait, and refuses the others at once.

    Args:
        at_a_time: requests that are answered at the same time.
        waiting: further requests that may wait for their turn.
        largest: bytes of the largest request; all that wait, or are still coming in, may have `at_a_time + waiting`
            times as many together.
    """

    def __init__(self, at_a_time: int, waiting: int, largest: int) -> None:
        self.largest = largest
        self._turns = asyncio.Semaphore(at_a_time)
        self._most = at_a_time + waiting
        self._most_bytes = self._most * largest
        self._requests = 0
        self._bytes = 0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for the turn of a request that has come in whole.

        Raises:
            Busy: too many wait already.
        """
        if self._requests >= self._most:
            raise Busy
        self._requests += 1
        try:
            async with self._turns:
                yield
        finally:
            self._requests -= 1

    @contextlib.contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Counts the bytes of one request while it is held; the function that it yields adds to them.

        Raises:
            Busy: by that function: all requests together have too many.
        """
        own = 0

        def add(more: int) -> None:
            nonlocal own
            if self._bytes + more > self._most_bytes:
                raise Busy
            self._bytes += more
            own += more

        try:
            yield add
        finally:
            self._bytes -= own


class BodyGate:
    """Middleware that passes POST requests on when they have come in whole and their turn has come.

    A client that sends slowly takes nobody's turn meanwhile. Requests that the gate refuses are answered with status
    503, those that are too large with 413.

    Args:
        app: the application.
        gate: the gate, which other protocols may share.
    """

    def __init__(self, app: App, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = _Incoming(receive)
        try:
            with self._gate.holding() as add:
                body = await request.body(self._gate.largest, add)
                if body is not None:
                    async with self._gate.turn():
                        await self._app(scope, _once_more(body, receive), send)
        except _TooLarge:
            sentence = f"the request is too large; it may have {self._gate.largest} bytes, so send several"
            await _refuse(send, request, 413, sentence)
        except Busy as error:
            await _refuse(send, request, 503, str(error), (b"retry-after", b"1"))


class _TooLarge(Exception):
    """A request has too many bytes."""


class _Incoming:
    """A request that comes in piece by piece."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def body(self, largest: int, add: Callable[[int], None]) -> bytes | None:
        """Returns the body; `None` where the client went away."""
        parts: list[bytes] = []
        length = 0
        while self._more:
            part = await self._part()
            if part is None:
                return None
            length += len(part)
            if length > largest:
                raise _TooLarge
            add(len(part))
            parts.append(part)
        return b"".join(parts)

    async def drop_rest(self) -> None:
        """Reads to the end, and keeps nothing."""
        while self._more:
            await self._part()

    async def _part(self) -> bytes | None:
        message = await self._receive()
        gone = message["type"] == "http.disconnect"
        self._more = not gone and message.get("more_body", False)
        return None if gone else message.get("body", b"")


def _once_more(body: bytes, receive: Receive) -> Receive:
    """Returns a function that gives a body which was received already, and then what comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


async def _refuse(send: Send, request: _Incoming, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
    """Answers at once, and ends the answer after the request: most clients read nothing before they have sent all."""
    body = json.dumps({"error": sentence}).encode()
    headers = (*headers, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await request.drop_rest()
    await send({"type": "http.response.body", "body": b""})
