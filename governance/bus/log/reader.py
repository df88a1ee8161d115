"""Reading one partition from any offset on, while others append to it."""

from __future__ import annotations

import fcntl
import logging
import os
from typing import TYPE_CHECKING

from governance.bus.log.appender import LOCK_NAME
from governance.bus.log.framing import MAX_FRAME_BYTES, frame_at, next_frame
from governance.bus.log.segments import HEAD_BYTES, open_segment, segment_bases, segment_path
from governance.bus.log.tail import Tail, first_behind
from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from governance.bus.log.framing import Frame
    from governance.bus.log.segments import Segment
    from governance.bus.ports import Record

_LOG = logging.getLogger(__name__)

_CHUNK_BYTES = MAX_FRAME_BYTES + 128 * 1024  # so that any one frame fits


class Reader:
    """A position in a partition.

    It stops before a record that is not wholly written. A record that was damaged on the disk is
    skipped and counted (its offset is missing then), since nothing that anybody could do brings
    it back, and what follows it must not wait.

    Attributes
    ----------
    damaged : int
        Stretches of damaged bytes that were skipped.
    """

    def __init__(self, folder: Path, topic: str, partition: int) -> None:
        self.damaged = 0
        self._folder = folder
        self._topic = topic
        self._partition = partition
        self._end = Tail(folder)
        self._next_offset = 0
        self._segment: Segment | None = None
        self._chunk = b""
        self._chunk_position = 0  # where the chunk starts in the file
        self._start = 0  # where the next frame starts in the chunk

    def end_offset(self) -> int:
        """The offset that the next record gets."""
        self._end.advance()
        return self._end.next_offset

    def seek(self, offset: int) -> None:
        """Read from ``offset`` on, or from the earliest record kept if that is later.

        Raises
        ------
        ConfigError
            If the log ends before that offset: it is not the log that the offset is of.
        """
        end = self.end_offset()
        if offset > end:
            raise ConfigError(
                f"{self._topic}, partition {self._partition}: asked to read from offset {offset}, "
                f"but the log ends at {end}. It is not the log that this state was made from: "
                "bring that log back, or start with an empty database"
            )
        self._forget()
        self._next_offset = offset

    def read(self, max_records: int) -> list[Record]:
        """The next records, at most ``max_records``; empty where there is none now."""
        records: list[Record] = []
        while len(records) < max_records:
            frame = frame_at(self._chunk, self._start, self._salt()) or self._next_frame()
            if frame is None:
                break
            self._start = frame.end
            if frame.offset >= self._next_offset:
                self._next_offset = frame.offset + 1
                records.append(frame.record(self._chunk, self._topic, self._partition))
        return records

    def close(self) -> None:
        """Close the files."""
        self._forget()
        self._end.close()

    def _salt(self) -> int:
        return 0 if self._segment is None else self._segment.salt

    def _next_frame(self) -> Frame | None:
        """The next frame from the file: more of this segment, behind damage, or the next one."""
        segment = self._segment or self._open_holding(self._next_offset)
        while segment is not None:
            if self._fill(segment):
                frame = frame_at(self._chunk, 0, segment.salt) or self._behind_damage(segment)
                if frame is not None:
                    return frame
            segment = self._go_on(segment)
        return None

    def _open_holding(self, offset: int) -> Segment | None:
        bases = segment_bases(self._folder)
        if not bases:
            return None
        return self._open(max((base for base in bases if base <= offset), default=bases[0]))

    def _open(self, base: int) -> Segment:
        segment = open_segment(self._folder, base)
        self._forget()
        self._segment = segment
        self._chunk_position = HEAD_BYTES
        return segment

    def _fill(self, segment: Segment) -> bool:
        self._chunk_position += self._start
        self._start = 0
        self._chunk = os.pread(segment.descriptor, _CHUNK_BYTES, self._chunk_position)
        return bool(self._chunk)

    def _go_on(self, segment: Segment) -> Segment | None:
        """Open the next segment, if there is one: then this one is complete."""
        following = self._following(segment)
        if following is None:
            return None
        rest = self._rest(segment)
        if next_frame(rest, 0, segment.salt) is not None:
            return None  # it was written between two looks: read it first, next time
        if rest:
            self._count_damage(len(rest))
        return self._open(following)

    def _following(self, segment: Segment) -> int | None:
        if self._chunk or os.fstat(segment.descriptor).st_nlink == 0:
            return first_behind(self._folder, segment.base)
        named = segment_path(self._folder, self._next_offset)
        return self._next_offset if self._next_offset != segment.base and named.exists() else None

    def _behind_damage(self, segment: Segment) -> Frame | None:
        """The first whole frame behind bytes that are none; None if a writer may be at them."""
        with open(self._folder / LOCK_NAME, "rb") as lock:  # noqa: PTH123
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return None
            rest = self._rest(segment)
        frame = next_frame(rest, 0, segment.salt)
        if frame is None:
            return None
        if frame.start:
            self._count_damage(frame.start)
        self._chunk = rest
        return frame

    def _rest(self, segment: Segment) -> bytes:
        size = os.fstat(segment.descriptor).st_size
        length = max(size - self._chunk_position, 0)
        return os.pread(segment.descriptor, length, self._chunk_position)

    def _count_damage(self, length: int) -> None:
        self.damaged += 1
        _LOG.error(
            "%s, partition %d: skipped %d damaged bytes behind offset %d",
            self._topic, self._partition, length, self._next_offset - 1,
        )  # fmt: skip

    def _forget(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._chunk, self._chunk_position, self._start = b"", 0, 0
