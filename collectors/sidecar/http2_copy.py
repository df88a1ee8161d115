"""Stands in an observer's place on an HTTP/2 connection: copies bytes, and knows nothing of them.

What they say is read in the reader, never here. Without room for a copy the connection is copied
no more, and counted: header compression forgives no gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import REQUEST, RESPONSE

if TYPE_CHECKING:
    from collectors.sidecar.tap import Tap


FIRST_BYTES = b"PRI * HTTP/2"
_MOST_EARLY_BYTES = 64 * 1024


class Http2Begins(Exception):
    """The first bytes of a connection are HTTP/2's."""


class Http2Copy:
    """Both directions of one connection.

    ``early`` is what the server said before the client spoke: its settings, if this is HTTP/2.
    """

    busy = True  # as far as anybody knows
    unanswered = False

    def __init__(self, tap: Tap, early: bytes = b"") -> None:
        self._tap = tap
        self._early = early
        self._began = False
        self._number: int | None = None

    def request_bytes(self, chunk: bytes) -> None:
        """Copy them; raises ValueError if the first of them are not HTTP/2's."""
        if self._began:
            self._copy(REQUEST, chunk)
        elif not chunk.startswith(FIRST_BYTES):
            raise ValueError("the server spoke first, and the client does not speak HTTP/2")
        else:
            self._began = True
            self._number = self._tap.connect()
            self._copy(REQUEST, chunk)
            early, self._early = self._early, b""
            self._copy(RESPONSE, early)

    def response_bytes(self, chunk: bytes) -> None:
        """Copy them, or keep them until the client speaks; raises ValueError if it never does."""
        if self._began:
            self._copy(RESPONSE, chunk)
        elif len(self._early) + len(chunk) > _MOST_EARLY_BYTES:
            raise ValueError("the server speaks and the client does not")
        else:
            self._early += chunk

    def response_end(self) -> None:
        """Streams end by themselves."""

    def answered(self, status: int) -> None:
        """The pump answers nothing here."""

    def close(self, *, by_client: bool) -> None:  # noqa: ARG002 - an observer's signature
        """The connection is over."""
        if self._number is not None:
            self._tap.disconnect(self._number)
            self._number = None

    def opaque(self, error: Exception, chunk: bytes) -> None:  # noqa: ARG002 - as above
        """Give the connection up."""
        self._tap.count(Pump.OPAQUE_MALFORMED)
        self.close(by_client=False)

    def _copy(self, side: int, chunk: bytes) -> None:
        number = self._number
        if chunk and number is not None and not self._tap.connection_bytes(number, side, chunk):
            self._number = None
