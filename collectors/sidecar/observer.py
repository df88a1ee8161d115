"""Sees requests and responses in bytes that have already gone by.

An observer is shown both directions of one connection, after they were written to the peer. It
frames messages, takes times and copies; it cannot hold, change or delay anything. Whatever it does
not understand it says by an exception; its owner then stops showing it bytes (``opaque``).
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from httptools import (
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
    HttpResponseParser,
)

from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import REQUEST, RESPONSE
from collectors.sidecar.http2_copy import FIRST_BYTES, Http2Begins
from collectors.sidecar.sized import Sized
from collectors.sidecar.tap import Passage

if TYPE_CHECKING:
    from collectors.sidecar.tap import Tap

MAX_HEAD_BYTES = 1024 * 1024
CLIENT_CLOSED = 499  # nginx's number for a client that left before the answer

_TLS_HANDSHAKE = b"\x16"
_now_ns = time.perf_counter_ns
_wall_ns = time.time_ns


class Observer:
    """Both directions of one connection.

    ``request_bytes`` and ``response_bytes`` raise whatever the parser raises; afterwards only
    ``opaque`` may be called.
    """

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.waiting: deque[Passage] = deque()  # for their response to begin
        self.heads = 0  # of them that asked by HEAD
        self._requests = _Requests(self)
        self._responses = _Responses(self)
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


class _Requests:
    """What the client says; ``passage`` is the request whose end was not seen yet.

    What ``Sized`` leaves is for a parser with callbacks. They are what it costs: there is none
    for what another one tells as well. A request begins with its target; header by header, the
    parser calls the dictionary itself.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._tap = observer.tap
        self._sized = Sized(HttpRequestParser)
        self._headers: dict[bytes, bytes] = {}
        self.on_header = self._headers.__setitem__
        self._begun = False  # a message, in the parser with callbacks
        self._target = b""  # of a head that is not complete
        self._number = 0  # of it, where it came in several chunks
        self._loose = 0  # bytes since anything was understood
        self.fed = 0
        self.passage: Passage | None = None
        self._parser = HttpRequestParser(self)

    def feed(self, chunk: bytes) -> None:
        if not self.fed and chunk.startswith(FIRST_BYTES) and self._tap.reads_http2:
            raise Http2Begins
        self.fed += len(chunk)
        sized = self._sized
        while chunk:
            if sized.left:
                self._body(sized.go_on(chunk))
            elif self._begun:
                self._feed_parser(chunk)
                return
            else:
                self._began_ns, self._started_us = _now_ns(), _wall_ns() // 1_000
                body = None if chunk.startswith(b"HEAD") else sized.begin(chunk)
                if body is None:
                    self._feed_parser(chunk)
                    return
                self._begin_sized(body)
            chunk, sized.behind = sized.behind, b""

    def _begin_sized(self, body: bytes) -> None:
        sized = self._sized
        head = sized.head
        passage = self._tap.open(self._started_us, self._began_ns, head, len(head))
        self._observer.waiting.append(passage)
        if body:
            self._tap.copy(passage, REQUEST, body)
        if sized.left:
            self.passage = passage
        else:
            passage.request_done = True

    def _body(self, part: bytes) -> None:
        passage = self.passage
        if passage is None:
            return
        self._tap.copy(passage, REQUEST, part)
        if not self._sized.left:
            self.passage = None
            passage.request_done = True
            if passage.response_done:
                self._tap.finish(passage)

    def _feed_parser(self, chunk: bytes) -> None:
        self._loose += len(chunk)
        self._parser.feed_data(chunk)
        if self._target and not self._number:
            self._number = self._tap.announce(self._started_us)
        if self._loose > MAX_HEAD_BYTES:
            raise HttpParserError(f"a head is longer than {MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        self._begun = True

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_headers_complete(self) -> None:
        number = self._number or self._tap.announce(self._started_us)
        self.passage = passage = Passage(number, self._started_us, self._began_ns)
        method = self._parser.get_method()
        passage.request_head = (method, self._target, self._headers.copy())
        self._tap.begin(passage, self._loose)
        self._target, self._number, self._loose = b"", 0, 0
        self._observer.waiting.append(passage)
        if method == b"HEAD":
            passage.asks_head = True
            self._observer.heads += 1

    def on_body(self, part: bytes) -> None:
        self._loose = 0
        if self.passage is not None:
            self._tap.copy(self.passage, REQUEST, part)

    def on_message_complete(self) -> None:
        passage, self.passage = self.passage, None
        self._begun = False
        self._loose = 0
        self._headers.clear()  # of trailers, too
        if passage is not None:
            passage.request_done = True
            if passage.response_done:
                self._tap.finish(passage)

    @property
    def in_head(self) -> bool:
        """Whether a head has begun and is not complete."""
        return self._number != 0

    def close(self) -> None:
        """Half a head is no request."""
        if self.in_head:
            self._tap.withdraw(self._number)


class _Responses:
    """What the server says; ``passage`` is the request whose answer goes by."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._tap = observer.tap
        self._sized = Sized(HttpResponseParser)
        self._headers: dict[bytes, bytes] = {}
        self.on_header = self._headers.__setitem__
        self._begun = False  # a message, in the parser with callbacks
        self._bare = b""  # of the response to a HEAD, until its head is complete
        self._loose = 0  # bytes since anything was understood
        self.passage: Passage | None = None
        self._parser = HttpResponseParser(self)

    def feed(self, chunk: bytes) -> None:
        observer, sized = self._observer, self._sized
        while chunk:
            if sized.left:
                self._body(sized.go_on(chunk))
            elif self._begun or observer.heads or not observer.waiting:
                self._feed_parser(chunk)
                return
            else:
                body = sized.begin(chunk)
                if body is None:
                    self._feed_parser(chunk)
                    return
                self._begin_sized(body)
            chunk, sized.behind = sized.behind, b""

    def _begin_sized(self, body: bytes) -> None:
        sized, head = self._sized, self._sized.head
        passage = self._observer.waiting.popleft()
        passage.status = sized.parser.get_status_code()
        passage.response_head = head
        self._tap.hold(passage, len(head))
        if body:
            passage.ttft_ns = _now_ns()
            self._tap.copy(passage, RESPONSE, body)
        if sized.left:
            self.passage = passage
        else:
            self._end(passage)

    def _body(self, part: bytes) -> None:
        passage = self.passage
        if passage is None:
            return
        if not passage.ttft_ns:
            passage.ttft_ns = _now_ns()
        self._tap.copy(passage, RESPONSE, part)
        if not self._sized.left:
            self.passage = None
            self._end(passage)

    def _feed_parser(self, chunk: bytes) -> None:
        if self._observer.heads and self.passage is None and self._answers_head():
            chunk = self._bare_response(chunk)
            if not chunk:
                return
        self._loose += len(chunk)
        self._parser.feed_data(chunk)
        if self._loose > MAX_HEAD_BYTES:
            raise HttpParserError(f"a head is longer than {MAX_HEAD_BYTES} bytes")

    def end_of_stream(self) -> None:
        """A body without a length ends with the stream."""
        passage = self.passage
        if passage is not None and _until_close(passage.response_head):
            self.on_message_complete()

    def on_message_begin(self) -> None:
        self._begun = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        if self._observer.heads and self._answers_head():  # its length would be believed
            raise HttpParserError("the response to a HEAD is amid other responses")
        self._begin(status, self._headers.copy(), self._loose)
        self._loose = 0

    def on_body(self, part: bytes) -> None:
        self._loose = 0
        passage = self.passage
        if passage is not None:
            if not passage.ttft_ns:
                passage.ttft_ns = _now_ns()
            self._tap.copy(passage, RESPONSE, part)

    def on_message_complete(self) -> None:
        self._begun = False
        self._loose = 0
        self._headers.clear()  # of trailers, too
        passage, self.passage = self.passage, None
        if passage is not None:
            self._end(passage)

    def _end(self, passage: Passage) -> None:
        passage.ended_ns = _now_ns()
        passage.response_done = True
        if passage.request_done:
            self._tap.finish(passage)

    def _begin(self, status: int, head: bytes | dict[bytes, bytes], size: int) -> None:
        waiting = self._observer.waiting
        if waiting:
            self.passage = passage = waiting.popleft()
            passage.status = status
            passage.response_head = head
            self._tap.hold(passage, size)

    def _answers_head(self) -> bool:
        waiting = self._observer.waiting
        return bool(waiting) and waiting[0].asks_head

    def _bare_response(self, chunk: bytes) -> bytes:
        """Take the head that answers a HEAD; what follows it in ``chunk``."""
        self._bare += chunk
        head, end, rest = self._bare.partition(b"\r\n\r\n")
        if not end:
            if len(head) > MAX_HEAD_BYTES:
                raise HttpParserError(f"a head is longer than {MAX_HEAD_BYTES} bytes")
            return b""
        self._bare = b""
        only = _Head()
        only.parser.feed_data(head + end)
        if only.status >= 200:
            self._observer.heads -= 1
            self._begin(only.status, only.headers, len(head))
            self.on_message_complete()
        if rest and self._answers_head():
            return self._bare_response(rest)
        return rest


class _Head:
    """Reads one response head, whatever body it announces."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.on_header = self.headers.__setitem__
        self.status = 0
        self.parser = HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()


def _until_close(head: bytes | dict[bytes, bytes]) -> bool:
    if isinstance(head, bytes):  # it says its length
        return False
    names = {name.lower() for name in head}
    return b"content-length" not in names and b"transfer-encoding" not in names
