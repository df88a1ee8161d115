"""The records that Kafka has not acknowledged, in the order in which they were sent."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.bus.delivery import PendingDelivery
    from governance.bus.ports import Headers

_serials = itertools.count()


@dataclass(eq=False, slots=True)
class Entry:
    """A record on its way, and until when it is tried (monotonic seconds)."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: Headers
    delivery: PendingDelivery
    deadline: float
    serial: int = field(default_factory=lambda: next(_serials))


class Backlog:
    """Entries that wait for a client, and those that the present client has; not thread-safe."""

    def __init__(self) -> None:
        self._waiting: deque[Entry] = deque()
        self._handed: dict[int, Entry] = {}

    @property
    def waits(self) -> bool:
        """Whether an entry waits for a client."""
        return bool(self._waiting)

    def add(self, entry: Entry) -> None:
        """Put it behind all others."""
        self._waiting.append(entry)

    def hand_over(self) -> Entry | None:
        """The next entry that waits; it is with the client now."""
        while self._waiting:
            entry = self._waiting.popleft()
            if not entry.delivery.done:  # a client that was thrown away may have delivered it
                self._handed[entry.serial] = entry
                return entry
        return None

    def remove(self, entry: Entry) -> None:
        """Forget an entry that the client had."""
        self._handed.pop(entry.serial, None)

    def take_back(self) -> None:
        """What the client had waits again, in its old order, before all that waited."""
        self._waiting.extendleft(reversed(self._handed.values()))
        self._handed.clear()

    def first_deadline(self) -> float | None:
        """The earliest deadline, None without entries; deadlines go up in either list."""
        firsts = [*itertools.islice(self._handed.values(), 1), *itertools.islice(self._waiting, 1)]
        return min((entry.deadline for entry in firsts), default=None)

    def remove_overdue(self, now: float) -> tuple[list[Entry], list[Entry]]:
        """Forget the entries past their deadline: those the client had, those that waited."""
        handed = [entry for entry in self._handed.values() if entry.deadline <= now]
        for entry in handed:
            del self._handed[entry.serial]
        waiting = []
        while self._waiting and self._waiting[0].deadline <= now:
            waiting.append(self._waiting.popleft())
        return handed, waiting

    def clear(self) -> list[Entry]:
        """Forget everything and return it."""
        left = [*self._handed.values(), *self._waiting]
        self._handed.clear()
        self._waiting.clear()
        return left
