"""HTTP for clients that may be slow or hostile: uvicorn, with an end to its patience."""

import asyncio
from typing import Any

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def http_protocol(seconds: float) -> type[H11Protocol]:
    """Returns uvicorn's protocol for HTTP/1.1, which waits `seconds` for a whole request: its headers and its body.

    A client that takes longer is answered with status 408 and disconnected, and so is one that has not read its answer
    when the connection would otherwise be closed for being idle. uvicorn itself limits only the time between requests.
    """

    class LimitedProtocol(H11Protocol):
        """One connection."""

        _late: asyncio.TimerHandle | None = None

        @override
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        @override
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        @override
        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_watch()
            super().connection_lost(exc)

        @override
        def timeout_keep_alive_handler(self) -> None:
            super().timeout_keep_alive_handler()
            self.transport.abort()  # also where the client has not read all of its answer

        def _watch(self) -> None:
            """Lets the clock run while a request is incomplete: from its first byte, or from the connection."""
            if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
                self._stop_watch()
            elif self._late is None:
                self._late = self.loop.call_later(seconds, self._hang_up)

        def _stop_watch(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _hang_up(self) -> None:
            if not self.transport.is_closing():
                if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # no byte of an answer has been sent
                    self.transport.write(LATE)
                self.transport.close()

    return LimitedProtocol
