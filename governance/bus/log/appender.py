"""Appending to one partition; any number of processes of a machine have an appender each."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from governance.bus.log.framing import encode
from governance.bus.log.segments import (
    create_segment,
    open_segment,
    segment_bases,
    segment_path,
)
from governance.bus.log.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from governance.bus.log.framing import Unwritten
    from governance.bus.log.segments import Segment
    from governance.clock import Clock

_LOG = logging.getLogger(__name__)

LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True)
class LogLimits:
    """When a segment is full, and how long full ones are kept at least."""

    segment_bytes: int = 16 * 1024 * 1024
    retention_us: int = 7 * 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Appended:
    """The first ``count`` records got offsets from ``first`` on; the others met ``failure``."""

    first: int
    count: int
    failure: OSError | None


class Appender:
    """Appends records to a partition, under its file lock.

    Attributes
    ----------
    torn : int
        Records that a killed writer had left half written, and that were cut off here.
    """

    def __init__(self, folder: Path, clock: Clock, limits: LogLimits) -> None:
        self.torn = 0
        self._folder = folder
        self._clock = clock
        self._limits = limits
        self._tail = Tail(folder, os.O_RDWR)
        self._lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def append(self, records: Sequence[Unwritten]) -> Appended:
        """Write the records in order, all under one lock.

        Those that were written survive kill -9 of every process from now on. Their append time is
        the clock's, but never before that of the record ahead of them. On a full disk the first
        of them may be in the log and the others not, never one of them torn.

        Raises
        ------
        OSError
            If nothing could be done at all.
        """
        with self._locked():
            segment = self._end()
            now_us = max(self._tail.last_time_us, self._clock.now_us())
            if self._is_full(segment):
                segment = self._roll(now_us)
            return self._write(segment, records, now_us)

    def close(self) -> None:
        """Close the files."""
        self._tail.close()
        os.close(self._lock)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _end(self) -> Segment:
        whole = self._tail.advance()
        if self._tail.segment is None:
            return self._begin(0)
        if not whole:
            self.torn += 1
            _LOG.warning("%s: cut off a record that a killed writer left torn", self._folder)
            os.ftruncate(self._tail.segment.descriptor, self._tail.position)
        return self._tail.segment

    def _begin(self, base: int) -> Segment:
        create_segment(self._folder, base, self._tail.last_time_us)
        self._tail.advance()
        if self._tail.segment is None or self._tail.segment.base != base:
            raise OSError(f"{segment_path(self._folder, base)} was removed while it was made")
        return self._tail.segment

    def _is_full(self, segment: Segment) -> bool:
        holds_records = self._tail.next_offset != segment.base
        return holds_records and self._tail.position >= self._limits.segment_bytes

    def _roll(self, now_us: int) -> Segment:
        segment = self._begin(self._tail.next_offset)
        self._remove_old(now_us - self._limits.retention_us)
        return segment

    def _remove_old(self, before_us: int) -> None:
        bases = segment_bases(self._folder)
        for base, following in pairwise(bases):
            segment = open_segment(self._folder, following)
            segment.close()
            if segment.after_us >= before_us:
                return
            segment_path(self._folder, base).unlink(missing_ok=True)

    def _write(self, segment: Segment, records: Sequence[Unwritten], now_us: int) -> Appended:
        tail = self._tail
        first = tail.next_offset
        frames = [encode(r, first + i, now_us, segment.salt) for i, r in enumerate(records)]
        written, failure = _write_all(segment.descriptor, b"".join(frames), tail.position)
        count = 0
        # whole frames stay even if what follows them failed: a reader may have seen them
        while count < len(frames) and len(frames[count]) <= written:
            written -= len(frames[count])
            tail.position += len(frames[count])
            count += 1
        if failure is not None:
            os.ftruncate(segment.descriptor, tail.position)
        if count:
            tail.next_offset, tail.last_time_us = first + count, now_us
        return Appended(first, count, failure)


def _write_all(descriptor: int, body: bytes, position: int) -> tuple[int, OSError | None]:
    view, written = memoryview(body), 0
    try:
        while written < len(body):
            written += os.pwrite(descriptor, view[written:], position + written)
    except OSError as error:
        return written, error
    return written, None
