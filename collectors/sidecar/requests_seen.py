"""What the client says on one connection, framed into requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpRequestParser

from collectors.sidecar.frames import REQUEST
from collectors.sidecar.http2_copy import FIRST_BYTES, Http2Begins
from collectors.sidecar.sized import Sized
from collectors.sidecar.tap import Passage

if TYPE_CHECKING:
    from collectors.sidecar.observer import Observer

MAX_HEAD_BYTES = 1024 * 1024

_now_ns = time.perf_counter_ns
_wall_ns = time.time_ns


class RequestsSeen:
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
        """Bytes that the client said."""
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
                body = sized.begin(chunk)
                if body is None:
                    self._feed_parser(chunk)
                    return
                self._begin_sized(body)
            chunk = sized.behind
            if chunk:
                sized.behind = b""

    def _begin_sized(self, body: bytes) -> None:
        sized = self._sized
        passage = self._tap.open(self._started_us, self._began_ns, sized.head, body)
        self._observer.waiting.append(passage)
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
