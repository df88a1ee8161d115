"""Where a partition's log ends: found once by reading its last segment, then kept up to date."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from governance.bus.log.framing import MAX_FRAME_BYTES, frame_at, next_frame
from governance.bus.log.segments import HEAD_BYTES, open_segment, segment_bases, segment_path

if TYPE_CHECKING:
    from pathlib import Path

    from governance.bus.log.segments import Segment

_CHUNK_BYTES = 4 * MAX_FRAME_BYTES


class Tail:
    """The end of a log as far as whole records go.

    Attributes
    ----------
    segment : Segment or None
        The last segment; None before the first append.
    position : int
        Where the last whole record ends in it.
    next_offset : int
        The offset that the next record gets.
    last_time_us : int
        Append time of the last record, 0 if there never was one.
    """

    def __init__(self, folder: Path, flags: int = os.O_RDONLY) -> None:
        self.segment: Segment | None = None
        self.position = 0
        self.next_offset = 0
        self.last_time_us = 0
        self._folder = folder
        self._flags = flags

    def advance(self) -> bool:
        """Read what was appended since; returns False where bytes behind it are not a record.

        Such bytes are a record that is just being written, or the torn end that a killed writer
        left: only who holds the partition's lock can tell.
        """
        if self.segment is None and not self._open_last():
            return True
        while True:
            whole = self._scan(self._open_segment())
            following = self._following(self._open_segment(), whole=whole)
            if following is None:
                return whole
            self._open(following)

    def close(self) -> None:
        """Close the file."""
        if self.segment is not None:
            self.segment.close()
            self.segment = None

    def _open_segment(self) -> Segment:
        if self.segment is None:
            raise RuntimeError("no segment is open")
        return self.segment

    def _open_last(self) -> bool:
        bases = segment_bases(self._folder)
        if bases:
            self._open(bases[-1])
        return bool(bases)

    def _open(self, base: int) -> None:
        segment = open_segment(self._folder, base, self._flags)
        self.close()
        self.segment = segment
        self.position, self.next_offset, self.last_time_us = HEAD_BYTES, base, segment.after_us

    def _scan(self, segment: Segment) -> bool:
        while self.position < os.fstat(segment.descriptor).st_size:
            chunk = os.pread(segment.descriptor, _CHUNK_BYTES, self.position)
            read = self._scan_chunk(chunk, segment.salt) or self._damage(segment)
            if read == 0:
                return False
            self.position += read
        return True

    def _scan_chunk(self, chunk: bytes, salt: int) -> int:
        start = 0
        while (frame := frame_at(chunk, start, salt)) is not None:
            self.next_offset, self.last_time_us = frame.offset + 1, frame.append_time_us
            start = frame.end
        return start

    def _damage(self, segment: Segment) -> int:
        size = os.fstat(segment.descriptor).st_size
        rest = os.pread(segment.descriptor, size - self.position, self.position)
        frame = next_frame(rest, 1, segment.salt)
        return 0 if frame is None else frame.start

    def _following(self, segment: Segment, *, whole: bool) -> int | None:
        removed = os.fstat(segment.descriptor).st_nlink == 0
        if whole and self.next_offset != segment.base and not removed:
            following = segment_path(self._folder, self.next_offset)
            return self.next_offset if following.exists() else None
        return first_behind(self._folder, segment.base)


def first_behind(folder: Path, base: int) -> int | None:
    """The first segment behind the one named, None if that is the last."""
    return next((later for later in segment_bases(folder) if later > base), None)
