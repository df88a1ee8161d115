"""Halves of exchanges, paired by id: a request and its response come as two events.

Bounded in memory and time: a half whose partner does not come in ``WAIT_SECONDS``, or that is the
oldest where ``WAITING_BYTES`` wait, is given up. For every component, at any time,

    taken = 2 * paired + again + request_alone + response_alone + waiting

A half that comes again (its sender did not hear our answer) takes the place of the first, or, where
its exchange is settled already, is counted and no more.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from governance.errors import Full

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collectors.cloud_events.event import CloudEvent

WAIT_SECONDS = 60.0
WAITING_BYTES = 32 * 1024 * 1024  # beyond them the oldest are given up, beyond twice nothing taken
REMEMBERED = 100_000  # settled exchanges that are known again

_OVERHEAD_BYTES = 2_048  # of an event beside its data


class Side(StrEnum):
    """Which half of an exchange."""

    REQUEST = "request"
    RESPONSE = "response"


PairKey = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Half:
    """One event of two; ``at`` is when it came, monotonic seconds."""

    key: PairKey
    side: Side
    event: CloudEvent
    at: float
    came_us: int  # UTC

    @property
    def size(self) -> int:
        """Bytes that it holds, about."""
        return len(self.event.data) + _OVERHEAD_BYTES


class Exchanged(NamedTuple):
    """What came of a request and a response; one of them may be missing."""

    request: Half | None
    response: Half | None
    newest: Half  # which of the two came last

    @property
    def halves(self) -> list[Half]:
        """Those that are there, the request first."""
        return [half for half in (self.request, self.response) if half is not None]


@dataclass(slots=True)
class Halves:
    """The halves of one component that wait; not thread-safe.

    What ``offer`` and ``due`` hand out is in hand until ``confirm`` or ``give_back``.
    """

    wait_seconds: float = WAIT_SECONDS
    waiting_bytes: int = WAITING_BYTES
    remembered: int = REMEMBERED
    counts: Counter[str] = field(default_factory=Counter)
    size: int = 0  # bytes that wait
    _in_hand: int = 0
    _waiting: OrderedDict[PairKey, Half] = field(default_factory=OrderedDict)
    _settled: OrderedDict[PairKey, frozenset[Side]] = field(default_factory=OrderedDict)

    @property
    def waiting(self) -> int:
        """Halves that were taken and are not settled."""
        return len(self._waiting) + self._in_hand

    def offer(self, halves: Sequence[Half]) -> list[Exchanged]:
        """Take halves; returns the exchanges that are whole now, in hand.

        Raises
        ------
        Full
            If as much waits as may; nothing was taken.
        """
        if self.size + sum(half.size for half in halves) > 2 * self.waiting_bytes:
            raise Full(f"{self.size} bytes of requests and responses wait for their partners")
        found = [self._take(half) for half in halves]
        return [exchanged for exchanged in found if exchanged is not None]

    def due(self, now: float) -> list[Exchanged]:
        """Halves that are given up, in hand: too old, or too many wait."""
        given_up = []
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            if oldest.at + self.wait_seconds > now and self.size <= self.waiting_bytes:
                break
            self._leave(oldest)
            self._settle(oldest.key, {oldest.side})
            self._in_hand += 1
            given_up.append(_alone(oldest))
        return given_up

    def next_due(self) -> float | None:
        """When the oldest half is given up; None while none waits."""
        if not self._waiting:
            return None
        if self.size > self.waiting_bytes:
            return -math.inf
        return next(iter(self._waiting.values())).at + self.wait_seconds

    def confirm(self, exchanged: Iterable[Exchanged]) -> None:
        """These are passed on."""
        for one in exchanged:
            self._in_hand -= 1
            if len(one.halves) == 2:
                self.counts["taken"] += 1
                self.counts["paired"] += 1
            else:
                self.counts[f"{one.newest.side}_alone"] += 1

    def give_back(self, exchanged: Iterable[Exchanged]) -> None:
        """These could not be passed on: they wait again, but for the half that came last.

        Its sender is told, and sends it again.
        """
        for one in exchanged:
            self._in_hand -= 1
            self._settled.pop(one.newest.key, None)
            halves = one.halves
            for half in halves:
                if len(halves) == 1 or half is not one.newest:
                    self._wait(half)

    def _take(self, half: Half) -> Exchanged | None:
        waiting = self._waiting.get(half.key)
        if waiting is not None and waiting.side is not half.side:
            return self._paired(waiting, half)
        self.counts["taken"] += 1
        if waiting is not None:
            self.counts["again"] += 1
            self._leave(waiting)
        elif half.side in self._settled.get(half.key, ()):
            self.counts["again"] += 1
            return None
        self._wait(half)
        return None

    def _paired(self, waiting: Half, half: Half) -> Exchanged:
        self._leave(waiting)
        self._settle(half.key, set(Side))
        self._in_hand += 1
        if half.side is Side.RESPONSE:
            return Exchanged(waiting, half, half)
        return Exchanged(half, waiting, half)

    def _wait(self, half: Half) -> None:
        self._waiting[half.key] = half
        self.size += half.size

    def _leave(self, half: Half) -> None:
        del self._waiting[half.key]
        self.size -= half.size

    def _settle(self, key: PairKey, sides: set[Side]) -> None:
        self._settled[key] = self._settled.pop(key, frozenset()) | sides
        while len(self._settled) > self.remembered:
            self._settled.popitem(last=False)


def _alone(half: Half) -> Exchanged:
    if half.side is Side.REQUEST:
        return Exchanged(half, None, half)
    return Exchanged(None, half, half)
