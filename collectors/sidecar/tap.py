"""Copies of what goes by, until the reader has them; what all observers share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import REQUEST, Kind

if TYPE_CHECKING:
    from collectors.sidecar.budget import Outbox
    from collectors.sidecar.frames import RequestHead, ResponseHead

SPILL_BYTES = 64 * 1024  # copies of one request beyond this go ahead of its end

_BEGUN, _OBSERVED = int(Pump.BEGUN), int(Pump.OBSERVED)  # enum members take longer to look up
_OPAQUE_HTTP2 = int(Pump.OPAQUE_HTTP2)
_NO_COPIES: list[list[bytes] | None] = [None, None]
_NO_LENGTHS = [0, 0]
_now_ns = time.perf_counter_ns
_wall_ns = time.time_ns


class Passage:
    """One request and its response while they go by.

    Most of it is said once and late: defaults live in the class.
    """

    request_head: RequestHead = b""
    asks_head = False  # its method is HEAD
    request_done = False
    status = 0
    response_head: ResponseHead = b""
    response_done = False
    ttft_ns = 0
    ended_ns = 0
    reserved = 0  # bytes of the budget
    spilled = False
    dropped = False

    def __init__(self, number: int, started_us: int, began_ns: int) -> None:
        self.number = number
        self.started_us = started_us
        self.began_ns = began_ns
        self.copies: list[list[bytes] | None] = [[], []]  # by side; None = truncated
        self.lengths = [0, 0]


class Tap:
    """Takes copies within the budget and hands each finished request over, or counts it."""

    def __init__(self, outbox: Outbox, cells: memoryview[int], max_body_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self.reads_http2 = False  # whether the reader does
        self._outbox = outbox
        self._budget = outbox.budget
        self._cells = cells
        self._open: dict[int, int] = {}  # number -> first byte, in order of arrival
        self._number = 0
        self._connections = 0

    @property
    def under_way(self) -> int:
        """Requests that have begun and are not over."""
        return len(self._open)

    def watermark_us(self) -> int:
        """No request to come began before this instant."""
        return min(next(iter(self._open.values()), _wall_ns() // 1_000), _wall_ns() // 1_000)

    def announce(self, started_us: int) -> int:
        """The first bytes of a request were seen; its number."""
        self._number = number = self._number + 1
        self._open[number] = started_us
        return number

    def withdraw(self, number: int) -> None:
        """It never became a request."""
        self._open.pop(number, None)

    def open(self, started_us: int, began_ns: int, head: bytes, body: bytes) -> Passage:
        """A request whose head came whole, with the beginning of its body: all at once."""
        self._number = number = self._number + 1
        self._open[number] = started_us
        self._cells[_BEGUN] += 1
        passage = Passage(number, started_us, began_ns)
        passage.request_head = head
        self.take(passage, REQUEST, head, body)
        return passage

    def begin(self, passage: Passage, size: int) -> None:
        """A request's head was seen, of at most ``size`` bytes."""
        self._cells[_BEGUN] += 1
        passage.reserved = size
        self._budget.held += size

    def take(self, passage: Passage, side: int, head: bytes, body: bytes) -> None:
        """A head was seen, and the beginning of its body: ``hold`` and ``copy`` in one."""
        length, budget = len(body), self._budget
        size = len(head) + length
        held, reserved = budget.held + size, passage.reserved + size
        if held > budget.limit or length > self.max_body_bytes or reserved > SPILL_BYTES:
            self.hold(passage, len(head))
            self.copy(passage, side, body)
        elif not passage.dropped:
            budget.held, passage.reserved = held, reserved
            passage.lengths[side] = length
            passage.copies[side] = [body]

    def hold(self, passage: Passage, size: int) -> None:
        """A head was seen: it is there already, whether there is room or not."""
        if not passage.dropped:
            passage.reserved += size
            self._budget.held += size

    def copy(self, passage: Passage, side: int, part: bytes) -> None:
        """A part of a body went by."""
        if passage.dropped:
            return
        size, budget = len(part), self._budget
        length = passage.lengths[side] = passage.lengths[side] + size
        copies = passage.copies[side]
        if copies is None:  # truncated
            return
        if length > self.max_body_bytes:
            self.truncate(passage, side)
        elif budget.held + size > budget.limit:
            self._drop(passage)
        else:
            budget.held += size
            passage.reserved += size
            copies.append(part)
            if passage.reserved > SPILL_BYTES:
                self._spill(passage)

    def truncate(self, passage: Passage, side: int) -> None:
        """Copy no more of this body, and let go of what was copied."""
        freed = sum(map(len, passage.copies[side] or ()))
        passage.copies[side] = None
        passage.reserved -= freed
        self._budget.held -= freed

    def finish(self, passage: Passage) -> None:
        """The request is over."""
        self._open.pop(passage.number, None)
        self._cells[_OBSERVED] += 1
        if not passage.dropped:
            if self._outbox.end(_fields(passage), passage.reserved):
                return
            passage.reserved = 0
            self._drop(passage)
        self._cells[Pump.DROPPED_FULL] += 1

    def forget(self, passage: Passage, cell: Pump) -> None:
        """The request is none of ours any more; ``cell`` counts it."""
        self._open.pop(passage.number, None)
        if not passage.dropped:
            self._drop(passage)
        self._cells[cell] += 1

    def connect(self) -> int:
        """An HTTP/2 connection begins; its number."""
        self._connections += 1
        return self._connections

    def connection_bytes(self, number: int, side: int, part: bytes) -> bool:
        """Bytes went by on it; False: no room, it is copied no more."""
        if self._outbox.copy(number, side, part, _wall_ns() // 1_000):
            return True
        self.disconnect(number)
        self._cells[_OPAQUE_HTTP2] += 1
        return False

    def disconnect(self, number: int) -> None:
        """It is over."""
        self._outbox.note(Kind.OVER, number, _wall_ns() // 1_000)

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
        self._open.pop(passage.number, None)  # no event of it will come
        passage.copies, passage.lengths = _NO_COPIES, _NO_LENGTHS  # it may be one of very many
        passage.request_head = b""
        self._budget.held -= passage.reserved
        passage.reserved = 0
        if passage.spilled:
            self._outbox.note(Kind.DROP, passage.number)


def _fields(passage: Passage) -> tuple[object, ...]:
    """The fields of ``End``, in its order."""
    request, response = passage.copies
    began_ns, ttft_ns = passage.began_ns, passage.ttft_ns
    return (
        passage.number,
        passage.request_head,
        request,
        passage.lengths[0],
        passage.status,
        passage.response_head,
        response,
        passage.lengths[1],
        passage.started_us,
        ((passage.ended_ns or _now_ns()) - began_ns) // 1_000,
        (ttft_ns - began_ns) // 1_000 if ttft_ns else None,
    )
