"""Messages that wait for the bus: first in, first out; memory first, then files.

Memory holds the oldest, files what came after memory was full; while there are files, everything
new goes behind them. Nothing is synced: what is on disk outlives the process, not the node. A pod's
volume does not outlive it either, and a sync per message would cost the model's disk more than the
message is worth. A record that kill -9 cut off ends its file; its events are counted as lost by
whoever takes stock.

A record is a head (length, CRC-32, events) and the parcel as msgpack.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from governance.errors import Full

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Little in memory: over an outage the process stays as small as it is, and what is on disk outlives
# it. A write costs a copy into the page cache.
MEMORY_BYTES = 4 * 1024 * 1024
DISK_BYTES = 256 * 1024 * 1024
SEGMENT_BYTES = 8 * 1024 * 1024

_HEAD = struct.Struct("<IIQ")
_CURSOR = struct.Struct("<QQ")  # segment, offset: where the oldest waiting record is
_FIRST_SEGMENT = 1_000_000  # room below, for what memory leaves behind


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message for the events topic, but for what is known only when it is sent."""

    type: str  # of governance.event.MessageType
    component: str  # namespace/name
    source: str
    sequence: int
    watermark_us: int | None
    events: int
    value: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Parcel).decode


class Spool:
    """The queue; not thread-safe.

    ``directory`` None keeps memory only. ``events`` and ``size`` (bytes) say what waits.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        memory_bytes: int = MEMORY_BYTES,
        disk_bytes: int = DISK_BYTES,
    ) -> None:
        self._memory: deque[Parcel] = deque()
        self._memory_size = 0
        self._memory_bytes = memory_bytes
        self._memory_events = 0
        self._disk = None if directory is None else _Segments(directory)
        self._disk_bytes = disk_bytes if directory is not None else 0

    @property
    def events(self) -> int:
        """Events that wait."""
        return self._memory_events + (0 if self._disk is None else self._disk.events)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._memory_size + (0 if self._disk is None else self._disk.size)

    def has_room(self, size: int) -> bool:
        """Whether ``size`` more bytes are within the bound; to be asked before taking events."""
        if self._disk_is_empty() and self._memory_size + size <= self._memory_bytes:
            return True
        return self._disk is not None and self._disk.size + size <= self._disk_bytes

    def append(self, parcel: Parcel) -> None:
        """Take a parcel, also a little beyond the bound; raises Full if the disk does not."""
        size = len(parcel.value)
        fits = self._disk_is_empty() and self._memory_size + size <= self._memory_bytes
        if self._disk is None or fits:
            self._memory.append(parcel)
            self._memory_size += size
            self._memory_events += parcel.events
            return
        try:
            self._disk.append(parcel)
        except OSError as error:
            raise Full(f"the spool's disk takes nothing more: {error.strerror}") from error

    def head(self) -> Parcel | None:
        """The oldest parcel, which stays."""
        if self._memory:
            return self._memory[0]
        return None if self._disk is None else self._disk.head()

    def pop(self) -> None:
        """Forget the oldest parcel."""
        if self._memory:
            parcel = self._memory.popleft()
            self._memory_size -= len(parcel.value)
            self._memory_events -= parcel.events
        elif self._disk is not None:
            self._disk.pop()

    def close(self) -> None:
        """Leave what waits in files, if there is a folder, for the next process to find."""
        if self._disk is not None:
            if self._memory:
                self._disk.prepend(self._memory)
            self._disk.close()

    def _disk_is_empty(self) -> bool:
        return self._disk is None or self._disk.records == 0


class _Segments:
    """Numbered files of records, and a cursor to the oldest one that waits."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._cursor_file = os.open(directory / "cursor", os.O_RDWR | os.O_CREAT, 0o600)
        self.events = 0
        self.records = 0  # heartbeats too, which carry no event
        self.size = 0
        self._head: tuple[Parcel, int] | None = None  # with the length of its record
        self._writing: int | None = None
        self._written = 0
        segments = self._segments()
        # never behind the cursor: the next process takes what lies before it for used up
        after = segments[-1] + 1 if segments else _FIRST_SEGMENT
        self._next = max(after, self._cursor()[0])
        self._at = self._restored(segments)
        for segment in segments:
            for events, length, _ in self._records(segment):
                self._count(1, events, length)

    def append(self, parcel: Parcel) -> None:
        record = _record(parcel)
        if self._writing is None or self._written + len(record) > SEGMENT_BYTES:
            self._writing = self._new_segment()
        _write(self._writing, record)
        self._written += len(record)
        self._count(1, parcel.events, len(record))

    def prepend(self, parcels: deque[Parcel]) -> None:
        """Write one file ahead of all others."""
        segments = self._segments()
        number = segments[0] - 1 if segments else self._next
        file = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        for parcel in parcels:
            _write(file, _record(parcel))
        os.close(file)
        self._move(number, 0)

    def head(self) -> Parcel | None:
        while self._head is None and self.records:
            segment, offset = self._at
            found = next(self._records(segment, offset), None)
            if found is None:  # this file is used up
                self._leave(segment)
            else:
                _, length, body = found
                self._head = _decode(body), length
        return None if self._head is None else self._head[0]

    def pop(self) -> None:
        if self.head() is None or self._head is None:
            return
        parcel, length = self._head
        self._head = None
        self._move(self._at[0], self._at[1] + length)
        self._count(-1, -parcel.events, -length)
        if not self.records:
            self._leave(self._at[0])

    def close(self) -> None:
        for file in (self._writing, self._cursor_file):
            if file is not None:
                os.close(file)

    def _count(self, records: int, events: int, size: int) -> None:
        self.records += records
        self.events += events
        self.size += size

    def _segments(self) -> list[int]:
        return sorted(int(path.stem) for path in self._directory.glob("*.segment"))

    def _path(self, segment: int) -> Path:
        return self._directory / f"{segment:012d}.segment"

    def _restored(self, segments: list[int]) -> tuple[int, int]:
        segment, offset = self._cursor()
        for used_up in [number for number in segments if number < segment]:
            self._path(used_up).unlink()
            segments.remove(used_up)
        if segment in segments:
            return segment, offset
        return (segments[0] if segments else self._next), 0

    def _cursor(self) -> tuple[int, int]:
        """The segment and offset that were stored; (0, 0) in a new folder."""
        raw = os.pread(self._cursor_file, _CURSOR.size, 0)
        segment, offset = _CURSOR.unpack(raw) if len(raw) == _CURSOR.size else (0, 0)
        return segment, offset

    def _records(self, segment: int, offset: int | None = None) -> Iterator[tuple[int, int, bytes]]:
        """(events, length of the record, parcel) from ``offset`` (the cursor) to a torn one."""
        at = offset if offset is not None else self._at[1] if segment == self._at[0] else 0
        if not self._path(segment).exists():
            return
        with self._path(segment).open("rb") as file:
            file.seek(at)
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                length, check, events = _HEAD.unpack(head)
                body = file.read(length)
                if len(body) < length or zlib.crc32(body) != check:
                    return
                yield events, _HEAD.size + length, body

    def _new_segment(self) -> int:
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.open(self._path(self._next), flags, 0o600)
        self._next += 1
        self._written = 0
        return file

    def _leave(self, segment: int) -> None:
        """Go on to the next file; this one is used up."""
        if segment == self._next - 1 and self._writing is not None:
            os.close(self._writing)
            self._writing = None
        rest = [number for number in self._segments() if number > segment]
        self._move(rest[0] if rest else self._next, 0)
        self._path(segment).unlink(missing_ok=True)
        if not rest:
            self.records = self.events = self.size = 0

    def _move(self, segment: int, offset: int) -> None:
        self._at = segment, offset
        os.pwrite(self._cursor_file, _CURSOR.pack(segment, offset), 0)


def _record(parcel: Parcel) -> bytes:
    body = _encode(parcel)
    return _HEAD.pack(len(body), zlib.crc32(body), parcel.events) + body


def _write(file: int, record: bytes) -> None:
    """Append a record whole, or leave the file as it was and raise OSError."""
    before = os.lseek(file, 0, os.SEEK_CUR)
    at = 0
    try:
        while at < len(record):
            at += os.write(file, record[at:])
    except OSError:
        os.ftruncate(file, before)
        os.lseek(file, before, os.SEEK_SET)
        raise
