"""Columns of the label join: events that wait, and events that have met their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detectors.id_table import Keys


@dataclass(frozen=True, slots=True)
class Entries:
    """Events that may meet labels, shape (n,) each.

    ``cells`` code whatever the caller wants back; ``scores`` are bins.
    """

    keys: Keys
    slots: NDArray[np.int32]
    cells: NDArray[np.uint32]
    scores: NDArray[np.uint8]
    weights: NDArray[np.float32]

    def take(self, rows: NDArray[Any]) -> Entries:
        """Only ``rows`` (an index or a mask)."""
        return Entries(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Labelled events, shape (n,) each; ``signs`` is -1 where an outcome is taken back.

    ``labels`` are outcomes: 0 or 1, or the bucket of an error (``number_cells``).
    """

    slots: NDArray[np.int32]
    cells: NDArray[np.uint32]
    scores: NDArray[np.uint8]
    weights: NDArray[np.float64]
    labels: NDArray[np.int32]
    signs: NDArray[np.int8]

    def by_slot(self) -> Iterator[tuple[int, Outcomes]]:
        """The outcomes of each slot, slots ascending."""
        order = np.argsort(self.slots, kind="stable")
        slots, starts = np.unique(self.slots[order], return_index=True)
        for slot, rows in zip(slots.tolist(), np.split(order, starts[1:]), strict=True):
            yield slot, Outcomes(*(getattr(self, name)[rows] for name in self.__slots__))
