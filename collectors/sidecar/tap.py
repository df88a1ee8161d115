"""Copies of what goes by, until the reader has them; what all observers share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import End, Kind

if TYPE_CHECKING:
    from collectors.sidecar.budget import Outbox

SPILL_BYTES = 64 * 1024  # copies of one request beyond this go ahead of its end

_now_ns = time.perf_counter_ns
_wall_ns = time.time_ns


class Passage:
    """One request and its response while they go by."""

    __slots__ = (
        "began_ns",
        "copies",
        "dropped",
        "ended_ns",
        "lengths",
        "method",
        "number",
        "request_done",
        "request_headers",
        "reserved",
        "response_done",
        "response_headers",
        "spilled",
        "started_us",
        "status",
        "target",
        "ttft_ns",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.started_us = _wall_ns() // 1_000
        self.began_ns = _now_ns()
        self.ended_ns = 0
        self.ttft_ns = 0
        self.method = b""  # until the head is complete
        self.target = b""
        self.request_headers: dict[bytes, bytes] = {}
        self.response_headers: dict[bytes, bytes] = {}
        self.status = 0
        self.request_done = False
        self.response_done = False
        self.copies: list[list[bytes] | None] = [[], []]  # by side; None = truncated
        self.lengths = [0, 0]
        self.reserved = 0  # bytes of the budget
        self.spilled = False
        self.dropped = False


class Tap:
    """Takes copies within the budget and hands each finished request over, or counts it."""

    def __init__(self, outbox: Outbox, cells: memoryview[int], max_body_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self._outbox = outbox
        self._budget = outbox.budget
        self._cells = cells
        self._open: dict[int, int] = {}  # number -> first byte, in order of arrival
        self._number = 0

    @property
    def under_way(self) -> int:
        """Requests that have begun and are not over."""
        return len(self._open)

    def watermark_us(self) -> int:
        """No request to come began before this instant."""
        return min(next(iter(self._open.values()), _wall_ns() // 1_000), _wall_ns() // 1_000)

    def begin(self) -> Passage:
        """The first byte of a request was seen."""
        self._number += 1
        passage = Passage(self._number)
        self._open[passage.number] = passage.started_us
        return passage

    def head(self, passage: Passage, size: int) -> None:
        """A head of at most ``size`` bytes is held."""
        if not passage.dropped:
            if self._budget.take(size):
                passage.reserved += size
            else:
                self._drop(passage)

    def copy(self, passage: Passage, side: int, part: bytes) -> None:
        """A part of a body went by."""
        copies = passage.copies[side]
        if copies is None or passage.dropped:
            return
        size = len(part)
        passage.lengths[side] += size
        if passage.lengths[side] > self.max_body_bytes:
            self.truncate(passage, side)
        elif self._budget.take(size):
            copies.append(part)
            passage.reserved += size
            if passage.reserved > SPILL_BYTES:
                self._spill(passage)
        else:
            self._drop(passage)

    def truncate(self, passage: Passage, side: int) -> None:
        """Copy no more of this body, and let go of what was copied."""
        freed = sum(map(len, passage.copies[side] or ()))
        passage.copies[side] = None
        passage.reserved -= freed
        self._budget.held -= freed

    def finish(self, passage: Passage) -> None:
        """The request is over."""
        self._open.pop(passage.number, None)
        self._cells[Pump.OBSERVED] += 1
        if passage.dropped:
            self._cells[Pump.DROPPED_FULL] += 1
        elif self._outbox.end(_end(passage), passage.reserved):
            return
        else:
            passage.reserved = 0
            self._drop(passage)
            self._cells[Pump.DROPPED_FULL] += 1

    def forget(self, passage: Passage, cell: Pump | None) -> None:
        """The request is none of ours any more; ``cell`` counts it."""
        self._open.pop(passage.number, None)
        if not passage.dropped:
            self._drop(passage)
        if cell is not None:
            self._cells[cell] += 1

    def count(self, cell: Pump) -> None:
        """One more."""
        self._cells[cell] += 1

    def _spill(self, passage: Passage) -> None:
        passage.spilled = True
        for side, copies in enumerate(passage.copies):
            if copies:
                size = sum(map(len, copies))
                passage.reserved -= size
                self._outbox.part(passage.number, side, copies, size)
                passage.copies[side] = []

    def _drop(self, passage: Passage) -> None:
        passage.dropped = True
        passage.copies = [None, None]
        self._budget.held -= passage.reserved
        passage.reserved = 0
        if passage.spilled:
            self._outbox.note(Kind.DROP, passage.number)


def _end(passage: Passage) -> End:
    ended_ns = passage.ended_ns or _now_ns()
    return End(
        passage.number,
        passage.method,
        passage.target,
        passage.request_headers,
        passage.copies[0],
        passage.lengths[0],
        passage.status,
        passage.response_headers,
        passage.copies[1],
        passage.lengths[1],
        passage.started_us,
        (ended_ns - passage.began_ns) // 1_000,
        (passage.ttft_ns - passage.began_ns) // 1_000 if passage.ttft_ns else None,
    )
