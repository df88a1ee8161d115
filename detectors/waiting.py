"""Labels that came before their events; they wait a while, then they are orphans and counted."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.id_table import IdTable, last_of_each
from detectors.label_order import NO_LABEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.id_table import Keys, Positions
    from detectors.segments import Columns

LEAST_LIMIT = 1_024


@dataclass(slots=True)
class _Wait:
    """What came at one instant and still waits; ``sampled`` of keys that may be sampled out."""

    number: int
    at_us: int
    orphans: int = 0
    sampled: int = 0


class WaitingLabels:
    """Labels by key, in memory for at most ``limit`` of them; more are orphans at once.

    Parameters
    ----------
    limit
        Labels that may wait at one time.
    wait_us
        How long each waits, on log time.
    """

    def __init__(self, limit: int, wait_us: int) -> None:
        self.counts: Counter[str] = Counter()
        self._limit = max(LEAST_LIMIT, limit)
        self.wait_us = wait_us
        columns = {"labels": "<i4", "sampled": "u1", "waits": "<i8"}
        self._table = IdTable(columns, limit=2 * self._limit)
        self._waits: deque[_Wait] = deque()
        self._next = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def held(self, keys: Keys) -> NDArray[np.int32]:
        """The label that waits for each key, -1 = none; shape (n,)."""
        places = self._find(keys)
        return np.where(places < 0, NO_LABEL, self._table.columns["labels"][places]).astype("<i4")

    def put(
        self, keys: Keys, labels: NDArray[np.int32], sampled: NDArray[np.bool_], at_us: int
    ) -> None:
        """Let labels wait for distinct keys; a key that waits already gets the new label."""
        places = self._find(keys)
        there = places >= 0
        self._table.columns["labels"][places[there]] = labels[there]
        fresh = np.flatnonzero(~there)
        room = max(0, self._limit - len(self))
        self._count(sampled[fresh[room:]])
        fresh = fresh[:room]
        wait = self._wait_at(at_us)
        wait.sampled += int(sampled[fresh].sum())
        wait.orphans += int((~sampled[fresh]).sum())
        self._size += len(fresh)
        self._reserve(len(fresh))
        waits = np.full(len(fresh), wait.number)
        columns = {"labels": labels[fresh], "sampled": sampled[fresh], "waits": waits}
        self._table.put(keys[fresh], columns)

    def take(self, keys: Keys) -> NDArray[np.int32]:
        """The label that waits for each of distinct keys (-1 = none); it waits no longer."""
        if not self._waits:
            return np.full(len(keys), NO_LABEL, dtype=np.int32)
        places = self._find(keys)
        taken = self.held(keys)
        self._forget(places[places >= 0])
        return taken

    def expires(self, now_us: int) -> bool:
        """Whether something has waited long enough."""
        return bool(self._waits) and self._waits[0].at_us + self.wait_us <= now_us

    def expire(self, now_us: int) -> None:
        """Count and forget what has waited long enough."""
        while self.expires(now_us):
            wait = self._waits.popleft()
            self.counts["labels_orphaned"] += wait.orphans
            self.counts["labels_sampled_out"] += wait.sampled
            self._size -= wait.orphans + wait.sampled

    def rows(self) -> Columns:
        """Everything that waits, in order of arrival: columns of a ``WAIT`` step."""
        places = self._live(self._table.occupied())
        waits = self._table.columns["waits"][places]
        order = np.lexsort((self._table.keys[places], waits))
        places, waits = places[order], waits[order]
        at = np.array([wait.at_us for wait in self._waits], dtype=np.int64)
        first = self._waits[0].number if self._waits else 0
        return {
            "keys": self._table.keys[places],
            "labels": self._table.columns["labels"][places],
            "sampled": self._table.columns["sampled"][places],
            "at_us": at[waits - first],
        }

    def redo(self, columns: Columns) -> None:
        """Let the rows of a ``WAIT`` step wait again."""
        instants, starts = np.unique(columns["at_us"], return_index=True)
        ends = [*starts[1:].tolist(), len(columns["keys"])]
        for at_us, start, end in zip(instants.tolist(), starts.tolist(), ends, strict=True):
            rows = start + last_of_each(columns["keys"][start:end])
            sampled = columns["sampled"][rows].astype(bool)
            self.expire(at_us)
            self.put(columns["keys"][rows], columns["labels"][rows], sampled, at_us)

    def _find(self, keys: Keys) -> Positions:
        places = self._table.find(keys)
        found = np.flatnonzero(places >= 0)
        gone = np.ones(len(found), dtype=bool)
        gone[self._is_live(places[found])] = False
        places[found[gone]] = -1
        return places

    def _live(self, places: Positions) -> Positions:
        return places[self._is_live(places)]

    def _is_live(self, places: Positions) -> NDArray[np.bool_]:
        first = self._waits[0].number if self._waits else self._next
        columns = self._table.columns
        live = (columns["waits"][places] >= first) & (columns["labels"][places] != NO_LABEL)
        return np.asarray(live, dtype=bool)

    def _forget(self, places: Positions) -> None:
        columns = self._table.columns
        columns["labels"][places] = NO_LABEL
        self._size -= len(places)
        first = self._waits[0].number if self._waits else 0
        sampled = columns["sampled"][places].astype(bool)
        for went, name in ((sampled, "sampled"), (~sampled, "orphans")):
            numbers, counts = np.unique(columns["waits"][places[went]], return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                wait = self._waits[number - first]
                setattr(wait, name, getattr(wait, name) - count)

    def _wait_at(self, at_us: int) -> _Wait:
        if not self._waits or self._waits[-1].at_us != at_us:
            self._waits.append(_Wait(self._next, at_us))
            self._next += 1
        return self._waits[-1]

    def _reserve(self, entries: int) -> None:
        if entries > self._table.room:
            self._table.keep(self._live(self._table.occupied()))

    def _count(self, sampled: NDArray[np.bool_]) -> None:
        self.counts["labels_orphaned"] += int((~sampled).sum())
        self.counts["labels_sampled_out"] += int(sampled.sum())
