"""Records as bytes in a file, so that a torn or damaged one is told from a whole one.

A frame is ``magic, crc, length, offset, append time, key length, headers length``, then key,
headers (MessagePack) and value; little-endian. The CRC-32C covers everything behind itself and
starts from a salt that is random for each file, so bytes inside a value never pass for a frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import google_crc32c
import msgspec

from governance.bus.ports import MAX_RECORD_BYTES, Headers, Record

MAGIC = b"\xe5EvH"

_PREFIX = struct.Struct("<4sI")
_FIXED = struct.Struct("<IQqII")
_WHOLE = struct.Struct("<4sIIQqII")
HEADER_BYTES = _WHOLE.size
MAX_FRAME_BYTES = HEADER_BYTES + MAX_RECORD_BYTES

_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode
_NO_HEADERS = _encode_headers(())


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A record on its way into a partition."""

    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame found in a buffer, and where it ends there."""

    offset: int
    append_time_us: int
    start: int
    end: int
    key_bytes: int
    headers_bytes: int

    def record(self, buffer: bytes, topic: str, partition: int) -> Record:
        """The record in the buffer in which the frame was found."""
        key_end = self.start + HEADER_BYTES + self.key_bytes
        headers_end = key_end + self.headers_bytes
        headers = buffer[key_end:headers_end]
        return Record(
            topic,
            partition,
            self.offset,
            self.append_time_us,
            buffer[self.start + HEADER_BYTES : key_end],
            () if headers == _NO_HEADERS else _decode_headers(headers),
            buffer[headers_end : self.end],
        )


def encode(record: Unwritten, offset: int, append_time_us: int, salt: int) -> bytes:
    """One frame; ``salt`` is the CRC of the file's salt."""
    headers = _encode_headers(record.headers) if record.headers else _NO_HEADERS
    key_bytes, headers_bytes = len(record.key), len(headers)
    length = key_bytes + headers_bytes + len(record.value)
    fixed = _FIXED.pack(length, offset, append_time_us, key_bytes, headers_bytes)
    body = b"".join((fixed, record.key, headers, record.value))
    return _PREFIX.pack(MAGIC, google_crc32c.extend(salt, body)) + body


def frame_at(buffer: bytes, start: int, salt: int) -> Frame | None:
    """The frame that starts there, or None: cut off by the buffer's end, or not a whole one."""
    if start + HEADER_BYTES > len(buffer):
        return None
    magic, crc, length, offset, time_us, key, headers = _WHOLE.unpack_from(buffer, start)
    end = start + HEADER_BYTES + length
    if magic != MAGIC or end > len(buffer) or key + headers > length:
        return None
    if google_crc32c.extend(salt, buffer[start + _PREFIX.size : end]) != crc:
        return None
    return Frame(offset, time_us, start, end, key, headers)


def next_frame(buffer: bytes, start: int, salt: int) -> Frame | None:
    """The first whole frame at or behind ``start``."""
    while (start := buffer.find(MAGIC, start)) >= 0:
        frame = frame_at(buffer, start, salt)
        if frame is not None:
            return frame
        start += 1
    return None
