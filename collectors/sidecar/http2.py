"""Watches one HTTP/2 connection from the copies of its bytes: which requests went by.

It takes no part: it sends nothing, and believes both sides. Header compression has one state per
direction that every byte moves, so a connection is watched from its preface on and without a gap,
or not at all. What breaks the standard ends the watching, never the traffic.

Source: RFC 9113 (HTTP/2), RFC 7541 (HPACK).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hpack import Decoder, HPACKError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
)

from collectors.sidecar.frames import REQUEST
from governance.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MOST_STREAMS = 1_000  # under way at one time; servers allow about a hundred
MOST_HEADER_BYTES = 64 * 1024

_HEAD_BYTES = 9
_CANCELLED = 499  # nginx's number for a client that left before the answer

Headers = dict[str, str]


class Http2Error(PermanentError):
    """The connection is not what the standard says: it is watched no more."""


@dataclass(slots=True)
class Stream:
    """One request and its response; a body is None once it is longer than may be copied."""

    started_us: int
    wanted: bool
    request_headers: Headers
    request_body: bytearray | None = field(default_factory=bytearray)
    request_bytes: int = 0
    status: int = 0
    response_headers: Headers = field(default_factory=dict)
    trailers: Headers = field(default_factory=dict)
    response_body: bytearray | None = field(default_factory=bytearray)
    response_bytes: int = 0
    first_byte_us: int | None = None
    ended_us: int = 0

    @property
    def held(self) -> int:
        """Bytes of both bodies."""
        return len(self.request_body or b"") + len(self.response_body or b"")


class Watcher:
    """One connection.

    Parameters
    ----------
    wanted
        Whether the bodies of a request with this ``:path`` are copied.
    max_body_bytes
        How much is copied of each.
    """

    def __init__(self, wanted: Callable[[str], bool], max_body_bytes: int) -> None:
        self._wanted = wanted
        self._sides = (_Side(preface=True), _Side(preface=False))
        self._streams: dict[int, Stream] = {}
        self._max_body_bytes = max_body_bytes

    @property
    def held(self) -> int:
        """Bytes that it keeps of bodies and unfinished frames, about."""
        rest = sum(len(side.rest) + len(side.block) for side in self._sides)
        return rest + sum(stream.held for stream in self._streams.values())

    @property
    def oldest_us(self) -> int | None:
        """When the earliest wanted request began that is not over."""
        begun = [stream.started_us for stream in self._streams.values() if stream.wanted]
        return min(begun, default=None)

    def feed(self, side: int, part: bytes, now_us: int) -> Iterator[Stream]:
        """The requests that ``part`` of one direction completes.

        Raises
        ------
        Http2Error
            If it breaks the standard or a bound; nothing more may be fed.
        """
        try:
            for frame in self._sides[side].frames(part):
                yield from self._see(side, frame, now_us)
        except (HyperframeError, HPACKError, ValueError, IndexError) as error:
            raise Http2Error("http2", f"{type(error).__name__}: {error}") from None

    def close(self, now_us: int) -> Iterator[Stream]:
        """The connection is over: what is under way was broken off."""
        for stream in self._streams.values():
            stream.ended_us = now_us
            stream.status = stream.status if stream.trailers else 0
            yield stream
        self._streams.clear()

    def _see(self, side: int, frame: Frame, now_us: int) -> Iterator[Stream]:
        if isinstance(frame, SettingsFrame):
            self._settings(side, frame)
        elif isinstance(frame, PushPromiseFrame):
            raise Http2Error("http2", "the server pushes: no model server does")
        elif isinstance(frame, HeadersFrame | ContinuationFrame):
            yield from self._headers(side, frame, now_us)
        elif isinstance(frame, DataFrame):
            yield from self._data(side, frame, now_us)
        elif isinstance(frame, RstStreamFrame):
            yield from self._reset(side, frame, now_us)

    def _settings(self, side: int, frame: SettingsFrame) -> None:
        """Who receives headers says how large the table of their sender may be."""
        size = frame.settings.get(SettingsFrame.HEADER_TABLE_SIZE)
        if size is not None:
            decoder = self._sides[1 - side].decoder
            decoder.max_allowed_table_size = max(decoder.max_allowed_table_size, size)

    def _headers(
        self, side: int, frame: HeadersFrame | ContinuationFrame, now_us: int
    ) -> Iterator[Stream]:
        direction = self._sides[side]
        headers = direction.headers(frame)
        if headers is None:
            return
        if side == REQUEST:
            self._ask(frame.stream_id, headers, now_us)
        else:
            answered = self._streams.get(frame.stream_id)
            if answered is None:
                return  # of a stream that was reset
            _answer(answered, headers)
        if direction.ends_stream:
            yield from self._end(side, frame.stream_id, now_us)

    def _ask(self, number: int, headers: Headers, now_us: int) -> None:
        if number in self._streams:
            return  # trailers of the request
        if len(self._streams) >= MOST_STREAMS:
            raise Http2Error("http2", f"more than {MOST_STREAMS} streams are under way")
        wanted = self._wanted(headers.get(":path", ""))
        stream = self._streams[number] = Stream(now_us, wanted, headers)
        if not wanted:
            stream.request_body = stream.response_body = None

    def _data(self, side: int, frame: DataFrame, now_us: int) -> Iterator[Stream]:
        stream = self._streams.get(frame.stream_id)
        if stream is None:
            return
        if side == REQUEST:
            stream.request_bytes += len(frame.data)
            stream.request_body = self._copied(stream.request_body, frame.data)
        else:
            stream.first_byte_us = stream.first_byte_us or now_us
            stream.response_bytes += len(frame.data)
            stream.response_body = self._copied(stream.response_body, frame.data)
        if "END_STREAM" in frame.flags:
            yield from self._end(side, frame.stream_id, now_us)

    def _copied(self, body: bytearray | None, part: bytes) -> bytearray | None:
        if body is None or len(body) + len(part) > self._max_body_bytes:
            return None
        body += part
        return body

    def _end(self, side: int, number: int, now_us: int) -> Iterator[Stream]:
        """One direction of a stream has ended; the request is over with the response."""
        if side == REQUEST:
            return
        stream = self._streams.pop(number)
        stream.ended_us = now_us
        yield stream

    def _reset(self, side: int, frame: RstStreamFrame, now_us: int) -> Iterator[Stream]:
        stream = self._streams.pop(frame.stream_id, None)
        if stream is not None:
            stream.ended_us = now_us
            stream.status = _CANCELLED if side == REQUEST else 0
            stream.trailers.clear()
            yield stream


class _Side:
    """One direction: bytes into frames, header blocks into headers."""

    def __init__(self, *, preface: bool) -> None:
        self.rest = bytearray()
        self.block = bytearray()  # of headers that are not complete
        self.decoder = Decoder(max_header_list_size=MOST_HEADER_BYTES)
        self.ends_stream = False
        self._preface = preface

    def frames(self, part: bytes) -> Iterator[Frame]:
        """The frames that ``part`` completes; padding is taken off."""
        self.rest += part
        if self._preface and not self._begins():
            return
        at = 0
        while len(self.rest) - at >= _HEAD_BYTES:
            frame, length = Frame.parse_frame_header(memoryview(self.rest[at : at + _HEAD_BYTES]))
            end = at + _HEAD_BYTES + length
            if end > len(self.rest):
                break
            frame.parse_body(memoryview(bytes(self.rest[at + _HEAD_BYTES : end])))
            at = end
            yield frame
        del self.rest[:at]

    def headers(self, frame: HeadersFrame | ContinuationFrame) -> Headers | None:
        """The headers whose last part is in ``frame``; None while parts are missing."""
        if isinstance(frame, HeadersFrame):
            self.ends_stream = "END_STREAM" in frame.flags
        self.block += frame.data
        if len(self.block) > MOST_HEADER_BYTES:
            raise Http2Error("http2", f"headers of more than {MOST_HEADER_BYTES} bytes")
        if "END_HEADERS" not in frame.flags:
            return None
        block, self.block = bytes(self.block), bytearray()
        decoded = self.decoder.decode(block, raw=True)
        return {_text(name).lower(): _text(value) for name, value in decoded}

    def _begins(self) -> bool:
        """Whether the preface is complete; it is taken off."""
        if not PREFACE.startswith(self.rest[: len(PREFACE)]):
            raise Http2Error("http2", "the connection does not begin with the preface")
        if len(self.rest) < len(PREFACE):
            return False
        del self.rest[: len(PREFACE)]
        self._preface = False
        return True


def _answer(stream: Stream, headers: Headers) -> None:
    status = headers.get(":status", "")
    if not status:
        stream.trailers |= headers
    elif status.isdecimal() and int(status) >= 200:  # below: another head follows
        stream.status = int(status)
        stream.response_headers = headers


def _text(raw: bytes | str) -> str:
    return raw.decode("latin-1") if isinstance(raw, bytes) else raw
