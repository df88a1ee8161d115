"""Several labels of one event, in order: the first wins, one that supersedes takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.id_table import Keys

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class Labels:
    """What one batch says of each of its events, shape (n,) each.

    ``first`` is the first label, ``correction`` the last that supersedes (-1 = none), ``seen``
    how many labels there are and ``corrections`` how many of them supersede.
    """

    keys: Keys
    first: NDArray[np.int8]
    first_supersedes: NDArray[np.bool_]
    correction: NDArray[np.int8]
    seen: NDArray[np.int64]
    corrections: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> Labels:
        """Only ``rows`` (an index or a mask)."""
        return Labels(*(getattr(self, name)[rows] for name in self.__slots__))

    def final(self, before: NDArray[np.int8]) -> NDArray[np.int8]:
        """The label that holds after the batch where ``before`` held (-1 = none yet)."""
        held = np.where(before == NO_LABEL, self.first, before)
        return np.where(self.correction == NO_LABEL, held, self.correction).astype(np.int8)

    def repeated(self, before: NDArray[np.int8]) -> int:
        """Labels that changed nothing because another was there before them."""
        accepted = (before == NO_LABEL) & ~self.first_supersedes
        return int((self.seen - self.corrections - accepted).sum())

    def corrected(self, before: NDArray[np.int8]) -> int:
        """Labels that took another back."""
        accepted = (before == NO_LABEL) & self.first_supersedes
        return int((self.corrections - accepted).sum())


def by_event(keys: Keys, labels: NDArray[np.int8], supersedes: NDArray[np.bool_]) -> Labels:
    """Put the labels (0 or 1) of one batch together by event, keys ascending."""
    unique, first, inverse, seen = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    correction = np.full(len(unique), NO_LABEL, dtype=np.int8)
    superseding = np.flatnonzero(supersedes)
    correction[inverse[superseding]] = labels[superseding]  # of several the last one stays
    return Labels(
        unique,
        labels[first].astype(np.int8),
        supersedes[first],
        correction,
        seen,
        np.bincount(inverse[superseding], minlength=len(unique)),
    )
