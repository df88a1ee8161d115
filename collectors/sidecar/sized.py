"""Messages that say their length, which are most: framed without a callback for each header.

The parser makes one a message here, at its end. It still sees every byte and decides what a
message is: the length found in the head says only when that end is due. A head stays the bytes
that it was, and the reader, which has seen most of its lines before, takes it apart. Where the
parser says anything but "one message, as long as you thought", the bytes are for the observer's
full parsers, which start with them afresh: they find out what is the matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable

P = TypeVar("P", HttpRequestParser, HttpResponseParser)

_END_OF_HEAD = b"\r\n\r\n"
_SPELLINGS = b"\r\nContent-Length: ", b"\r\ncontent-length: "  # of Go and curl; of Node and Python
_STATUS, _VERSION = b"HTTP/1.1 ", b" HTTP/1.1\r\n"
_SKIP = len(_SPELLINGS[0])


class Sized(Generic[P]):
    """Messages of one direction of one connection.

    ``head`` is that of the last message, without the empty line; ``left`` are the bytes of its
    body that are yet to come; ``behind`` is what followed it in the last chunk.
    """

    def __init__(self, parser: Callable[[object], P]) -> None:
        self.head = b""
        self.left = 0
        self.behind = b""
        self._known = _END_OF_HEAD  # the last head, with the empty line: many come again
        self._length = 0
        self._complete = False
        self.parser: P = parser(self)
        self._feed: Callable[[bytes], None] = self.parser.feed_data
        self._broken = False

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._complete = True

    def begin(self, chunk: bytes) -> bytes | None:
        """What of the body is in ``chunk``, which begins a message; ``behind`` is what follows it.

        None: this message is not for us.
        """
        if self._broken:
            return None
        if not chunk.startswith(self._known) and not self._learn(chunk):
            return None
        begin = len(self._known)
        end = begin + self._length
        left = end - len(chunk)
        if left < 0:
            self.behind, chunk, left = chunk[end:], chunk[:end], 0
        try:
            self._feed(chunk)
        except (HttpParserError, HttpParserUpgrade):
            self._give_up()
            return None
        if self._complete is (left > 0):
            self._give_up()
            return None
        self._complete = False
        self.left = left
        return chunk[begin:]

    def go_on(self, chunk: bytes) -> bytes:
        """The same for a chunk that goes on with the body."""
        if len(chunk) > self.left:
            chunk, self.behind = chunk[: self.left], chunk[self.left :]
        self._feed(chunk)
        self.left -= len(chunk)
        if self._complete is (self.left > 0):
            raise HttpParserError("a body is not as long as its head says")
        self._complete = False
        return chunk

    def _learn(self, chunk: bytes) -> bool:
        """Take length and end of the head from ``chunk``; whether it has them."""
        at = chunk.find(_END_OF_HEAD)
        stated = chunk.find(_SPELLINGS[0], 0, at)
        if stated < 0:
            stated = chunk.find(_SPELLINGS[1], 0, at)
        if at < 0 or stated < 0 or not _speaks_1_1(chunk):
            return False
        stated += _SKIP
        try:
            self._length = int(chunk[stated : chunk.find(b"\r", stated)])
        except ValueError:
            return False
        self._known = chunk[: at + len(_END_OF_HEAD)]
        self.head = chunk[:at]
        return self._length >= 0

    def _give_up(self) -> None:
        self._broken = True
        self.behind = b""


def _speaks_1_1(chunk: bytes) -> bool:
    """Whether the first line names this version: older ones end lines and connections otherwise."""
    if chunk.startswith(_STATUS):
        return True
    return chunk.startswith(_VERSION, max(0, chunk.find(b"\n") - len(_VERSION) + 1))
