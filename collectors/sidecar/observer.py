"""Sees requests and responses in bytes that have already gone by.

An observer is shown both directions of one connection, after they were written to the peer. It
frames messages, takes times and copies; it cannot hold, change or delay anything. Whatever it does
not understand it says by an exception; its owner then stops showing it bytes (``opaque``).
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from httptools import HttpParserUpgrade

from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import REQUEST, RESPONSE
from collectors.sidecar.requests_seen import RequestsSeen
from collectors.sidecar.responses_seen import ResponsesSeen

if TYPE_CHECKING:
    from collectors.sidecar.frames import ResponseHead
    from collectors.sidecar.tap import Passage, Tap

CLIENT_CLOSED = 499  # nginx's number for a client that left before the answer

_EVENT_STREAM = b"text/event-stream"
_TLS_HANDSHAKE = b"\x16"
_now_ns = time.perf_counter_ns


class Observer:
    """Both directions of one connection.

    ``request_bytes`` and ``response_bytes`` raise whatever the parser raises; afterwards only
    ``opaque`` may be called.
    """

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.waiting: deque[Passage] = deque()  # for their response to begin
        self.heads = 0  # of them that asked by HEAD
        self._requests = RequestsSeen(self)
        self._responses = ResponsesSeen(self)
        self.request_bytes = self._requests.feed
        self.response_bytes = self._responses.feed

    @property
    def busy(self) -> bool:
        """Whether a request is under way, if only its first bytes."""
        return self._requests.in_head or bool(self._under_way())

    @property
    def asked(self) -> bool:
        """Whether the client has said anything."""
        return self._requests.fed > 0

    @property
    def unanswered(self) -> bool:
        """Whether a request's head is complete and its response has not begun."""
        return bool(self.waiting)

    def response_end(self) -> None:
        """The upstream has said its last byte: that ends a body without a length."""
        self._responses.end_of_stream()

    def answered(self, status: int) -> None:
        """The pump itself has answered what waited, in the upstream's place."""
        for passage in self.waiting:
            passage.status = status
            passage.ended_ns = _now_ns()
            passage.response_done = True
            if passage.request_done:
                self.tap.finish(passage)
        self.waiting.clear()

    def close(self, *, by_client: bool) -> None:
        """The connection is over; what is under way was broken off."""
        self._requests.close()
        for passage in self._under_way():
            if by_client and not passage.request_done and not passage.status:
                self.tap.forget(passage, Pump.ABANDONED)
            else:
                self._break_off(passage, by_client=by_client)
        self.waiting.clear()

    def opaque(self, error: Exception, chunk: bytes) -> None:
        """Give the connection up; ``chunk`` was not understood."""
        cell = self._reason(error, chunk)
        self.tap.count(cell)
        self._requests.close()
        for passage in self._under_way():
            if cell is Pump.OPAQUE_UPGRADE:
                self.tap.forget(passage, Pump.UPGRADED)
            else:
                self.tap.count(Pump.OBSERVED)
                self.tap.forget(passage, Pump.DROPPED_OPAQUE)
        self.waiting.clear()

    def _under_way(self) -> list[Passage]:
        found = [*self.waiting]
        for passage in (self._responses.passage, self._requests.passage):
            if passage is not None and passage not in found:
                found.append(passage)
        return found

    def _break_off(self, passage: Passage, *, by_client: bool) -> None:
        if not passage.response_done:
            passage.status = (passage.status or CLIENT_CLOSED) if by_client else 0
            # Where nothing came nothing is cut, and of a stream what came was paid for.
            if passage.lengths[RESPONSE] and not _is_event_stream(passage.response_head):
                self.tap.truncate(passage, RESPONSE)
        if not passage.request_done:
            self.tap.truncate(passage, REQUEST)
        self.tap.finish(passage)

    def _reason(self, error: Exception, chunk: bytes) -> Pump:
        if isinstance(error, HttpParserUpgrade):
            return Pump.OPAQUE_UPGRADE
        if self._requests.fed == len(chunk) and chunk[:1] == _TLS_HANDSHAKE:
            return Pump.OPAQUE_TLS
        if "PRI" in str(error):
            return Pump.OPAQUE_HTTP2
        return Pump.OPAQUE_MALFORMED


def _is_event_stream(head: ResponseHead) -> bool:
    """Whether a response is a stream of events; one that says its length is none."""
    said = head.items() if isinstance(head, dict) else ()
    kinds = [value for name, value in said if name.lower() == b"content-type"]
    return any(kind.strip().lower().startswith(_EVENT_STREAM) for kind in kinds)
