"""Panes that can still meet labels, by slot: a number given in log order.

Each slot has a level: its ids are kept with probability 2^-level, by key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

_CLOSED = -1


class Slots:
    """Levels and numbers of held entries per open slot, looked up for whole batches."""

    def __init__(self) -> None:
        self.next = 0
        self._first = 0  # slot of position 0; all before are closed
        self._levels = np.full(64, _CLOSED, dtype=np.int8)
        self._held = np.zeros(64, dtype=np.int64)

    @property
    def held(self) -> int:
        """Entries held in all open slots."""
        return int(self._held.sum())

    def open(self, level: int) -> int:
        """The next slot."""
        if self.next - self._first >= len(self._levels):
            self._make_room()
        self._levels[self.next - self._first] = level
        self.next += 1
        return self.next - 1

    def close(self, slot: int) -> None:
        """Nothing of this slot can meet a label any more."""
        if slot in self:
            self._levels[slot - self._first] = _CLOSED
            self._held[slot - self._first] = 0

    def __contains__(self, slot: int) -> bool:
        place = slot - self._first
        return 0 <= place < len(self._levels) and bool(self._levels[place] != _CLOSED)

    def levels(self, slots: NDArray[Any]) -> NDArray[np.int8]:
        """Level of each slot, shape (n,); -1 where it is closed."""
        places = np.asarray(slots, dtype=np.int64) - self._first
        inside = (places >= 0) & (places < len(self._levels))
        levels = self._levels[np.where(inside, places, 0)]
        return np.where(inside, levels, np.int8(_CLOSED))

    def highest_level(self) -> int:
        """Of all open slots; 0 without any."""
        return max(0, int(self._levels.max(initial=_CLOSED)))

    def raise_to(self, level: int) -> None:
        """No open slot keeps more than 2^-level of its ids."""
        is_open = self._levels != _CLOSED
        self._levels[is_open] = np.maximum(self._levels[is_open], level)

    def hold(self, slots: NDArray[Any], sign: int = 1) -> None:
        """Entries of open slots came (or went, with sign -1)."""
        places = np.asarray(slots, dtype=np.int64) - self._first
        self._held += sign * np.bincount(places, minlength=len(self._held))

    def hold_only(self, slots: NDArray[Any]) -> None:
        """Exactly these entries are held."""
        self._held[:] = 0
        self.hold(slots)

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs besides the entries themselves."""
        places = np.flatnonzero(self._levels != _CLOSED)
        return {
            "next": self.next,
            "slots": (places + self._first).tolist(),
            "levels": self._levels[places].tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` said."""
        self.next = state["next"]
        self._first = min(state["slots"], default=self.next)
        size = max(64, self.next - self._first)
        self._levels = np.full(size, _CLOSED, dtype=np.int8)
        self._held = np.zeros(size, dtype=np.int64)
        places = np.array(state["slots"], dtype=np.int64) - self._first
        self._levels[places] = state["levels"]

    def _make_room(self) -> None:
        open_places = np.flatnonzero(self._levels != _CLOSED)
        start = int(open_places[0]) if open_places.size else len(self._levels)
        levels, held = self._levels[start:], self._held[start:]
        self._first += start
        size = max(64, 2 * len(levels))
        self._levels = np.full(size, _CLOSED, dtype=np.int8)
        self._held = np.zeros(size, dtype=np.int64)
        self._levels[: len(levels)] = levels
        self._held[: len(held)] = held
