"""An open-addressing table of 64-bit keys in numpy: whole batches are looked up at once.

Collisions are resolved by double hashing over a prime number of slots. Keys are hashes already;
key 0 marks a free slot and never occurs (``keys_of`` maps it to 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Positions = NDArray[np.int64]
    Places = tuple[Positions, NDArray[np.bool_]]

LOAD = 0.86  # of the slots at most; 7.1 probes for a key that is absent
GROWTH = 2.0  # between rebuilds while the table is far from its limit
SMALLEST = 1_024
_AT_ONCE = 65_536  # keys of a rebuild

_MIX_LOW = np.uint64(0x9E3779B97F4A7C15)
_MIX_HIGH = np.uint64(0xC2B2AE3D27D4EB4F)
_MIX_LAST = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)


def keys_of(event_ids: NDArray[Any]) -> Keys:
    """64-bit keys of 16-byte ids, shape (n,); both halves count, also where ids are not random.

    An id of sixteen zero bytes means "no id" and gets key 0.
    """
    halves = np.ascontiguousarray(event_ids).view(np.uint64).reshape(-1, 2)
    low, high = halves[:, 0], halves[:, 1]
    mixed = low * _MIX_LOW ^ high * _MIX_HIGH
    mixed ^= mixed >> _SHIFT
    mixed *= _MIX_LAST
    mixed ^= mixed >> _SHIFT
    mixed[mixed == 0] = 1
    mixed[(low == 0) & (high == 0)] = 0
    return mixed


def last_of_each(keys: Keys) -> Positions:
    """Row of each key's last occurrence, ascending."""
    _, last = np.unique(keys[::-1], return_index=True)
    return np.sort(len(keys) - 1 - last)


class IdTable:
    """Keys with fixed-width columns beside them.

    Memory is ``8 + sum of the columns' widths`` bytes a slot; at most ``LOAD`` of the slots are
    taken. Positions that methods return hold until the next ``put`` or ``keep``.

    Parameters
    ----------
    columns
        Name and dtype of each column.
    limit
        Entries that the table is never asked to exceed; its last rebuild is sized for them.
    """

    def __init__(self, columns: Mapping[str, str], *, limit: int) -> None:
        self._dtypes = dict(columns)
        self.limit_to(limit)
        self.size = 0
        self._allocate(min(SMALLEST, self._largest))

    def limit_to(self, limit: int) -> None:
        """Size the last rebuild for another number of entries."""
        self._largest = _prime_from(int(limit / LOAD) + 2)

    @property
    def nbytes(self) -> int:
        """Bytes of all slots, free ones included."""
        return self.keys.nbytes + sum(column.nbytes for column in self.columns.values())

    @property
    def room(self) -> int:
        """Entries that still fit before the table is rebuilt."""
        return int(len(self.keys) * LOAD) - self.size

    @property
    def at_limit(self) -> bool:
        """True when the table does not grow any more."""
        return len(self.keys) >= self._largest

    def find(self, keys: Keys) -> Positions:
        """Slot of each key, -1 where it is absent; shape (n,)."""
        slots, there = self.locate(keys)
        slots[~there] = -1
        return slots

    def locate(self, keys: Keys) -> Places:
        """Slot of each key, or the free one that it would take; and which keys are there."""
        slots, steps = self._probe(keys)
        found, seen = slots.copy(), self.keys[slots]
        there = seen == keys
        rows = on = np.flatnonzero(~there & (seen != 0))
        while rows.size:
            keys, steps = keys[on], steps[on]
            slots = self._next(slots[on], steps)
            found[rows], seen = slots, self.keys[slots]
            there[rows] = hit = seen == keys
            on = np.flatnonzero(~hit & (seen != 0))
            rows = rows[on]
        return found, there

    def put(
        self, keys: Keys, values: Mapping[str, NDArray[Any]], places: Places | None = None
    ) -> None:
        """Insert distinct keys with their values; a key that is there already is replaced.

        ``places`` is what ``locate`` said of them, if nothing has been put in since.
        """
        if len(keys) > self.room:
            self._rebuild(self.size + len(keys), self.occupied())
            places = None
        slots = self._claim(keys, places or self.locate(keys))
        for name, column in self.columns.items():
            column[slots] = values[name]

    def occupied(self) -> Positions:
        """Slots of all entries."""
        return np.flatnonzero(self.keys)

    def keep(self, slots: Positions) -> None:
        """Forget every entry but those in ``slots``."""
        self._rebuild(len(slots), slots)

    def _claim(self, keys: Keys, places: Places) -> Positions:
        """The slots of keys, which are written there."""
        slots, there = places
        rows = np.flatnonzero(~there)
        while rows.size:
            # Of several keys that want one free slot the last one written stays; who reads its
            # own key back has it, the others look again.
            self.keys[slots[rows]] = keys[rows]
            lost = rows[self.keys[slots[rows]] != keys[rows]]
            self.size += len(rows) - len(lost)
            slots[lost], _ = self.locate(keys[lost])
            rows = lost
        return slots

    def _probe(self, keys: Keys) -> tuple[Positions, Positions]:
        count = np.uint64(len(self.keys))
        slots = (keys % count).astype(np.int64)
        steps = ((keys >> _SHIFT) % (count - np.uint64(1))).astype(np.int64) + 1
        return slots, steps

    def _next(self, slots: Positions, steps: Positions) -> Positions:
        slots = slots + steps
        slots[slots >= len(self.keys)] -= len(self.keys)
        return slots

    def _rebuild(self, entries: int, slots: Positions) -> None:
        wanted = max(SMALLEST, int(entries / LOAD * GROWTH))
        enough = int(entries / LOAD) + 2  # a caller that breaks its limit gets memory, not a loop
        keys, columns = self.keys, self.columns
        self._allocate(max(_prime_from(min(wanted, self._largest)), enough))
        moved = np.empty(len(slots), dtype=np.int64)
        for start in range(0, len(slots), _AT_ONCE):  # by pieces: few want one slot, little memory
            part = keys[slots[start : start + _AT_ONCE]]
            moved[start : start + _AT_ONCE] = self._claim(part, self.locate(part))
        for name in list(columns):
            self.columns[name][moved] = columns.pop(name)[slots]

    def _allocate(self, slots: int) -> None:
        count = _prime_from(slots)
        self.keys: Keys = np.zeros(count, dtype=np.uint64)
        self.columns = {name: np.zeros(count, dtype) for name, dtype in self._dtypes.items()}
        self.size = 0


def _prime_from(least: int) -> int:
    candidate = max(3, least) | 1
    while any(candidate % d == 0 for d in range(3, int(candidate**0.5) + 1, 2)):
        candidate += 2
    return candidate
