"""Counts that outlive their process: one file of 64-bit cells, mapped by pump and reader.

Every cell has one writer. What a process counted is in the page cache as soon as the store is
done, so kill -9 takes requests and events with it but never their number; a power cut may.

Two equations hold at all times but for what is on its way from pump to reader, and exactly once
a new reader has taken stock (``Counters.take_stock``)::

    OBSERVED + LOST_IN_PUMP + STREAMS
                            = DROPPED_FULL + DROPPED_OPAQUE + LOST_IN_PUMP
                              + IGNORED + INVALID + SAMPLED_REQUESTS + CAPTURED_REQUESTS
                              + OVERSIZED + LOST_REQUESTS
    CAPTURED_EVENTS         = PUBLISHED + SPOOLED + REFUSED + SPOOL_FULL + LOST_EVENTS
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from array import array
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"EVHCNT01"
_SIZE = 4096
_SOURCE_AT, _SOURCE_BYTES = 16, 240
_PUMP_AT, _READER_AT, _REASONS_AT = 256, 512, 1024
_REASON = struct.Struct("<q40s")
_REASONS_END = _SIZE - (_SIZE - _REASONS_AT) % _REASON.size
_OTHER = b"other"


class Pump(IntEnum):
    """Cells that the pump writes; requests, unless the name says otherwise."""

    CONNECTIONS = 0
    BEGUN = 1  # head seen
    OBSERVED = 2  # over, and framed from beginning to end
    ABANDONED = 3  # the client left before it had sent the request
    UPGRADED = 4  # turned into another protocol
    DROPPED_FULL = 5  # no room for the copies
    DROPPED_OPAQUE = 6  # under way when its connection became opaque
    LOST_IN_PUMP = 7  # under way when an earlier pump died
    HANDED_BEFORE = 8  # handed to earlier readers
    READER_STARTS = 9
    OPAQUE_TLS = 10  # connections
    OPAQUE_HTTP2 = 11
    OPAQUE_UPGRADE = 12
    OPAQUE_MALFORMED = 13
    UPSTREAM_REFUSED = 14  # answered 502
    UPSTREAM_TIMEOUT = 15
    UPSTREAM_GONE = 16


class Reader(IntEnum):
    """Cells that the reader writes."""

    IGNORED = 0  # requests that are no inference
    INVALID = 1  # requests without one reading
    SAMPLED_REQUESTS = 2  # of which no event was kept
    OVERSIZED = 3  # requests for whose bodies the reader had no room
    CAPTURED_REQUESTS = 4
    CAPTURED_EVENTS = 5
    PUBLISHED = 6  # events, acknowledged by the bus
    SPOOLED = 7  # events that wait, in memory or on disk
    REFUSED = 8  # events that the bus will never take
    SPOOL_FULL = 9  # events
    LOST_REQUESTS = 10  # handed to a reader that died
    LOST_EVENTS = 11  # held by a reader that died
    SEQUENCE = 12  # of the next message
    CLOSED = 13  # 1 after ``bye``: the next start is a new source
    SAMPLED_OUT = 14  # events
    STREAMS = 15  # requests that the reader found in copies of HTTP/2 connections
    HTTP2_GIVEN_UP = 16  # connections of which the reader lost track
    CONTENTS_WEIGHT = 17  # events for which one stands whose contents are looked into; 0 = not said
    CPU_MS = 18  # of the reader's processes
    SPOOL_BYTES = 19  # of messages that wait, in memory or on disk


class Counters:
    """The mapped file.

    ``pump`` is written by the pump, cell by cell. The reader writes through ``add``, which
    stores all of its cells in one copy, so that no death leaves half a step.
    """

    def __init__(self, file: int) -> None:
        self._map = mmap.mmap(file, _SIZE)
        os.close(file)
        view = memoryview(self._map)
        self.pump = view[_PUMP_AT : _PUMP_AT + 8 * len(Pump)].cast("q")
        self._stored = view[_READER_AT : _READER_AT + 8 * len(Reader)].cast("q")
        self._reader = array("q", self._stored)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Counters:
        """Map the file of a living source; raises FileNotFoundError or ValueError."""
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        if os.pread(file, len(_MAGIC), 0) != _MAGIC or os.fstat(file).st_size != _SIZE:
            os.close(file)
            raise ValueError(f"{path} is not a file of counters: delete it")
        return cls(file)

    @classmethod
    def create(cls, path: Path, source: str) -> Counters:
        """Start at zero under a new source, in place of whatever was there."""
        image = bytearray(_SIZE)
        name = source.encode()[:_SOURCE_BYTES]
        image[: len(_MAGIC)] = _MAGIC
        image[_SOURCE_AT : _SOURCE_AT + len(name)] = name
        draft = path.with_suffix(".new")
        draft.write_bytes(image)
        draft.replace(path)
        return cls.open(path)

    @property
    def source(self) -> str:
        """``evh-source`` of this file's counts."""
        text: bytes = self._map[_SOURCE_AT : _SOURCE_AT + _SOURCE_BYTES]
        return text.rstrip(b"\0").decode()

    def reader(self, cell: Reader) -> int:
        """A cell of the reader, as stored."""
        return self._stored[cell]

    def add(self, *steps: tuple[Reader, int]) -> None:
        """Count, in the reader; all steps or none survive a death."""
        with self._lock:
            for cell, n in steps:
                self._reader[cell] += n
            self._stored[:] = memoryview(self._reader)

    def set(self, cell: Reader, value: int) -> None:
        """Store a level, in the reader."""
        self.add((cell, value - self._reader[cell]))

    def take_stock(self, spooled_on_disk: int) -> None:
        """Count as lost, in a new reader, what its predecessor held and did not leave on disk."""
        cells = self._reader
        taken = sum(cells[cell] for cell in _DECIDED)
        gone = sum(cells[cell] for cell in _SETTLED) + spooled_on_disk
        self.add(
            (Reader.LOST_REQUESTS, self.pump[Pump.HANDED_BEFORE] + cells[Reader.STREAMS] - taken),
            (Reader.LOST_EVENTS, max(0, cells[Reader.CAPTURED_EVENTS] - gone)),
            (Reader.SPOOLED, spooled_on_disk - cells[Reader.SPOOLED]),
        )

    def outcomes(self) -> dict[str, int]:
        """Events by what became of them; their sum is ``accepted``.

        A request that never became events counts as one. ``spooled`` falls as the spool drains.
        """
        pump, reader = self.pump, self._stored
        return {
            "published": reader[Reader.PUBLISHED],
            "spooled": reader[Reader.SPOOLED],
            "dropped_full": pump[Pump.DROPPED_FULL]
            + reader[Reader.OVERSIZED]
            + reader[Reader.SPOOL_FULL],
            "dropped_invalid": pump[Pump.DROPPED_OPAQUE]
            + reader[Reader.INVALID]
            + reader[Reader.REFUSED],
            "sampled_out": reader[Reader.SAMPLED_OUT],
            "lost_crash": pump[Pump.LOST_IN_PUMP]
            + reader[Reader.LOST_REQUESTS]
            + reader[Reader.LOST_EVENTS],
        }

    def add_reason(self, reason: str, times: int = 1) -> int:
        """Count a refusal by its code, in the reader; how many there are of it now.

        Codes beyond the table are counted together.
        """
        if not times:
            return self.reasons().get(reason, 0)
        wanted = reason.encode()[:39]
        n, at = 0, _REASONS_AT
        for at in range(_REASONS_AT, _REASONS_END, _REASON.size):
            n, name = _REASON.unpack_from(self._map, at)
            if n == 0 or name.rstrip(b"\0") == wanted:
                break
        else:
            wanted = _OTHER  # the last slot, from now on
        _REASON.pack_into(self._map, at, n + times, wanted)
        return int(n) + times

    def reasons(self) -> dict[str, int]:
        """Refusals by code."""
        slots = _REASON.iter_unpack(self._map[_REASONS_AT:_REASONS_END])
        return {name.rstrip(b"\0").decode("utf-8", "replace"): n for n, name in slots if n}


_DECIDED = (
    Reader.IGNORED,
    Reader.INVALID,
    Reader.SAMPLED_REQUESTS,
    Reader.OVERSIZED,
    Reader.CAPTURED_REQUESTS,
    Reader.LOST_REQUESTS,
)
_SETTLED = (Reader.PUBLISHED, Reader.REFUSED, Reader.SPOOL_FULL, Reader.LOST_EVENTS)
