"""HTTP connections that are given up: heads that do not end, bodies that nobody reads.

uvicorn waits for a request's head without end, and keeps all of it; and it reads and drops for ever
what still comes of a body that was answered already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 15.0  # from the first byte (or the connection) to the end of the headers
HEAD_BYTES = 64 * 1024
LINGER_SECONDS = 3.0  # for a client that was answered to stop sending, and to read the answer

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Patience(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience."""

    _head: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _linger: asyncio.TimerHandle | None = None
    _is_whole = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()
        self._stay()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        in_head = self._head is not None
        super().data_received(data)
        if in_head and self._head is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_whole = False
        self._done()
        self._wait()

    def on_headers_complete(self) -> None:
        self._done()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_whole = True
        self._stay()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_whole and not self.transport.is_closing():
            self._linger = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _wait(self) -> None:
        self._head_bytes = 0
        self._head = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stay(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None

    def _done(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
