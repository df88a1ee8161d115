"""Messages that say their length, which are most: framed without a callback for each header.

The parser makes one a message here, at its end. It decides what a message is: the length found in
the head says only when that end is due. A head stays the bytes that it was, and the reader, which
has seen most of its lines before, takes it apart. Where the parser says anything but "one message,
as long as you thought", the bytes are for the observer's full parsers, which start with them
afresh: they find out what is the matter.

Messages of one connection are much alike. One whose head is the last one's to the byte needs no
parser, since that has judged it; one whose head differs in an id only has its length where the
last one had it. Half of the cost of both directions is saved so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable

P = TypeVar("P", HttpRequestParser, HttpResponseParser)

_END_OF_HEAD = b"\r\n\r\n"
_SPELLINGS = b"\r\nContent-Length: ", b"\r\ncontent-length: "  # of Go and curl; of Node and Python
_SKIP = len(_SPELLINGS[0])
_STATUS, _INTERIM, _VERSION = b"HTTP/1.1 ", b"HTTP/1.1 1", b" HTTP/1.1\r\n"
_HEAD = b"HEAD"
_NOWHERE = -2  # where no search ends, and no head


class Sized(Generic[P]):
    """Messages of one direction of one connection.

    ``head`` is that of the last message, without the empty line; ``left`` are the bytes of its
    body that are yet to come; ``behind`` is what followed it in the last chunk.
    """

    def __init__(self, parser: Callable[[object], P]) -> None:
        self.head = b""
        self.left = 0
        self.behind = b""
        self.parser: P = parser(self)  # its last message has the status of ours
        self._feed: Callable[[bytes], None] = self.parser.feed_data
        self._fed = True  # whether the parser sees the message that goes by
        self._complete = False
        self._broken = False
        # Of the last head: where it ends, its first line, its length's line and where that is.
        self._at = _NOWHERE
        self._first = b""
        self._stated = b""
        self._stated_at = 0
        self._length = 0

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._complete = True

    def begin(self, chunk: bytes) -> bytes | None:
        """What of the body is in ``chunk``, which begins a message; ``behind`` is what follows it.

        None: this message is not for us.
        """
        at = self._at
        self._fed = not (chunk.startswith(self.head) and chunk.startswith(_END_OF_HEAD, at))
        if self._fed:
            if self._broken:
                return None
            if (
                chunk.startswith(self._first)
                and chunk.startswith(self._stated, self._stated_at)
                and chunk.find(_END_OF_HEAD) == at
            ):
                self.head = chunk[:at]
            elif not self._learn(chunk):
                return None
            at = self._at
        at += 4  # the empty line
        end = at + self._length
        left = end - len(chunk)
        if left < 0:
            self.behind, chunk, left = chunk[end:], chunk[:end], 0
        if self._fed and not self._understood(chunk, complete=not left):
            return None
        self.left = left
        return chunk[at:]

    def go_on(self, chunk: bytes) -> bytes:
        """The same for a chunk that goes on with the body."""
        if len(chunk) > self.left:
            chunk, self.behind = chunk[: self.left], chunk[self.left :]
        self.left -= len(chunk)
        if self._fed:
            self._feed(chunk)
            if self._complete is (self.left > 0):
                raise HttpParserError("a body is not as long as its head says")
            self._complete = False
        return chunk

    def _understood(self, chunk: bytes, *, complete: bool) -> bool:
        """Whether the parser sees in ``chunk`` one message, ``complete`` or not."""
        try:
            self._feed(chunk)
        except (HttpParserError, HttpParserUpgrade):
            pass
        else:
            if self._complete is complete:
                self._complete = False
                return True
        self._broken = True
        self._at = _NOWHERE
        self.behind = b""
        return False

    def _learn(self, chunk: bytes) -> bool:
        """Take length and end of the head from ``chunk``; whether it has them."""
        at = chunk.find(_END_OF_HEAD)
        stated = chunk.find(_SPELLINGS[0], 0, at)
        if stated < 0:
            stated = chunk.find(_SPELLINGS[1], 0, at)
        first = chunk[: chunk.find(b"\n") + 1]
        if at < 0 or stated < 0 or not _is_ours(first):
            return False
        line = chunk[stated : chunk.find(b"\r", stated + _SKIP) + 1]
        length = _number(line[_SKIP:-1])
        if length >= 0:
            self._at, self._first, self._stated, self._stated_at = at, first, line, stated
            self._length = length
            self.head = chunk[:at]
        return length >= 0


def _is_ours(line: bytes) -> bool:
    """Whether a first line names version 1.1, and a message that has the body it speaks of.

    Older versions end lines and connections otherwise; responses to a HEAD have no body.
    """
    if line.startswith(_STATUS):
        return not line.startswith(_INTERIM)
    return line.endswith(_VERSION) and not line.startswith(_HEAD)


def _number(digits: bytes) -> int:
    try:
        return int(digits)
    except ValueError:
        return -1
