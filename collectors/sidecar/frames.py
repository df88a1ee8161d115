"""What pump and reader say to each other over their socket pair.

A frame is its length (4 bytes, little endian) and a marshalled tuple whose first item is its kind.
marshal is the only codec of the standard library at C speed; both ends are started from the same
files by the same interpreter, and nothing from outside is ever unmarshalled.

=========  ==========  ==========================================================================
kind       from        then
=========  ==========  ==========================================================================
PART       pump        number, side, [bytes, ...]: copies of a long body, ahead of its END
END        pump        [(the fields of ``End``), ...]: requests that are over
DROP       pump        number: forget the parts of this request
MARK       pump        instant: every request yet to come began at or after it
CLOSE      pump        this was all, by intent: say bye
BYTES      pump        connection, side, bytes, instant: a copy of an HTTP/2 connection
OVER       pump        connection, instant: it is over, or is copied no more
READY      reader      component, maxBodyBytes, whether it reads HTTP/2
FAILED     reader      exit code, text: the configuration cannot work
=========  ==========  ==========================================================================
"""

from __future__ import annotations

import marshal
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST, RESPONSE = 0, 1  # sides
FLUSH_SECONDS = 8.0  # that the reader has for its last messages, once the socket is closed

_LENGTH = struct.Struct("<I")
_VERSION = 2  # of marshal: the last that does not look for objects that come twice, which is dear


class Kind(IntEnum):
    """First item of a frame."""

    PART = 0
    END = 1
    DROP = 2
    MARK = 3
    READY = 4
    FAILED = 5
    CLOSE = 6
    BYTES = 7
    OVER = 8


_END = int(Kind.END)

# A head that parsed cleanly goes over as the bytes that it was, without the empty line; else its
# method, target and headers.
RequestHead = bytes | tuple[bytes, bytes, dict[bytes, bytes]]
ResponseHead = bytes | dict[bytes, bytes]


class End(NamedTuple):
    """A request that is over. Bodies are what was copied since the last PART; None = truncated."""

    number: int
    request_head: RequestHead
    request_body: list[bytes] | None
    request_length: int  # of the whole body, so that a missing PART is noticed
    status: int
    response_head: ResponseHead
    response_body: list[bytes] | None
    response_length: int
    started_us: int
    latency_us: int
    ttft_us: int | None


def pack(kind: Kind, *items: Any) -> bytes:
    """One frame."""
    body = marshal.dumps((int(kind), *items), _VERSION)
    return _LENGTH.pack(len(body)) + body


def ends_in(frame: bytes) -> int:
    """How many requests a frame ends."""
    kind, *items = marshal.loads(frame[4:])  # noqa: S302 - we packed it
    return len(items[0]) if kind == _END else 0


class Unpacker:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[tuple[Any, ...]]:
        """The frames that ``chunk`` completes, in order."""
        self._rest += chunk
        at = 0
        while at + 4 <= len(self._rest):
            end = at + 4 + _LENGTH.unpack_from(self._rest, at)[0]
            if end > len(self._rest):
                break
            # Both ends are ours: see above.
            yield marshal.loads(self._rest[at + 4 : end])  # noqa: S302
            at = end
        del self._rest[:at]
