"""Batches that wait to become messages of a fitting size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collectors.batches import join, oldest_us, pieces, shape_of, size_of
from governance.event import EventBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.batches import Batch, Shape
    from governance.component.key import ComponentKey

_Kind = tuple["ComponentKey", str, "Shape"]  # what one message can hold; "" = labels
Ready = tuple["ComponentKey", "Batch"]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a message is cut, and how often an idle source speaks."""

    events: int = 500
    size: int = 256 * 1024  # bytes
    linger_seconds: float = 1.0
    heartbeat_seconds: float = 10.0


@dataclass(slots=True)
class _Group:
    since: float
    batches: list[Batch] = field(default_factory=list)
    events: int = 0
    size: int = 0
    oldest_us: int | None = None


class Pending:
    """Batches by component, version and shape; not thread-safe.

    What is ready is given out one by one, and stays in ``oldest_us`` until its turn.
    """

    def __init__(self, limits: Limits) -> None:
        self.events = 0
        self.size = 0
        self._limits = limits
        self._groups: dict[_Kind, _Group] = {}

    def add(self, component: ComponentKey, batch: Batch, size: int, now: float) -> Iterator[Ready]:
        """Take a batch of ``size`` bytes; what is full now."""
        version = batch.version if isinstance(batch, EventBatch) else ""
        kind = component, version, shape_of(batch)
        rows = max(1, min(self._limits.events, batch.n * self._limits.size // max(1, size)))
        for piece in pieces(batch, rows):
            group = self._groups.get(kind)
            if group is not None and group.events + piece.n > self._limits.events:
                yield self._cut(kind)
                group = None
            if group is None:
                group = self._groups[kind] = _Group(now)
            self._put(group, piece, size if piece is batch else size_of(piece))
            if self._full(group):
                yield self._cut(kind)

    def due(self, now: float) -> Iterator[Ready]:
        """All of each component of which something has waited long enough."""
        limit = now - self._limits.linger_seconds
        components = {kind[0] for kind, group in self._groups.items() if group.since <= limit}
        for kind in [kind for kind in self._groups if kind[0] in components]:
            yield self._cut(kind)

    def everything(self) -> Iterator[Ready]:
        """All there is."""
        for kind in list(self._groups):
            yield self._cut(kind)

    def next_due(self) -> float | None:
        """When ``due`` will have something; None if nothing waits."""
        since = min((group.since for group in self._groups.values()), default=None)
        return None if since is None else since + self._limits.linger_seconds

    def oldest_us(self, component: ComponentKey) -> int | None:
        """When the earliest event that waits here happened."""
        times = [
            group.oldest_us
            for kind, group in self._groups.items()
            if kind[0] == component and group.oldest_us is not None
        ]
        return min(times, default=None)

    def _put(self, group: _Group, batch: Batch, size: int) -> None:
        oldest = oldest_us(batch)
        group.batches.append(batch)
        group.events += batch.n
        group.size += size
        self.events += batch.n
        self.size += size
        if oldest is not None:
            group.oldest_us = oldest if group.oldest_us is None else min(group.oldest_us, oldest)

    def _full(self, group: _Group) -> bool:
        return group.events >= self._limits.events or group.size >= self._limits.size

    def _cut(self, kind: _Kind) -> Ready:
        group = self._groups.pop(kind)
        self.events -= group.events
        self.size -= group.size
        return kind[0], join(group.batches)
