"""What the server says on one connection, framed into responses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpResponseParser

from collectors.sidecar.frames import RESPONSE
from collectors.sidecar.requests_seen import MAX_HEAD_BYTES
from collectors.sidecar.sized import Sized

if TYPE_CHECKING:
    from collectors.sidecar.observer import Observer
    from collectors.sidecar.tap import Passage

_now_ns = time.perf_counter_ns


class ResponsesSeen:
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
        """Bytes that the server said."""
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
            chunk = sized.behind
            if chunk:
                sized.behind = b""

    def _begin_sized(self, body: bytes) -> None:
        now_ns, sized = _now_ns(), self._sized
        passage = self._observer.waiting.popleft()
        passage.status = sized.parser.get_status_code()
        passage.response_head = sized.head
        self._tap.take(passage, RESPONSE, sized.head, body)
        if body:
            passage.ttft_ns = now_ns
        if sized.left:
            self.passage = passage
        else:
            self._end(passage, now_ns)

    def _body(self, part: bytes) -> None:
        passage = self.passage
        if passage is None:
            return
        if not passage.ttft_ns:
            passage.ttft_ns = _now_ns()
        self._tap.copy(passage, RESPONSE, part)
        if not self._sized.left:
            self.passage = None
            self._end(passage, _now_ns())

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
            self._end(passage, _now_ns())

    def _end(self, passage: Passage, now_ns: int) -> None:
        passage.ended_ns = now_ns
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
