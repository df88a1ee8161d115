"""Several labels of one event, in order: the first wins, one that supersedes takes it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.id_table import Keys

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class Labels:
    """What one batch says of each of its events, shape (n,) each; labels are opaque codes.

    ``first`` is the first label, ``correction`` the last that supersedes (-1 = none), ``seen``
    how many labels there are and ``corrections`` how many of them supersede.
    """

    keys: Keys
    first: NDArray[np.int32]
    first_supersedes: NDArray[np.bool_]
    correction: NDArray[np.int32]
    seen: NDArray[np.int64]
    corrections: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> Labels:
        """Only ``rows`` (an index or a mask)."""
        return Labels(*(getattr(self, name)[rows] for name in self.__slots__))

    def coded(self, code: Callable[[NDArray[np.int32]], NDArray[np.int32]]) -> Labels:
        """The same with other codes; what is no label stays none."""
        corrected = self.correction != NO_LABEL
        correction = np.where(corrected, code(self.correction), np.int32(NO_LABEL))
        return replace(self, first=code(self.first), correction=correction)

    def final(self, before: NDArray[np.int32]) -> NDArray[np.int32]:
        """The label that holds after the batch where ``before`` held (-1 = none yet)."""
        held = np.where(before == NO_LABEL, self.first, before)
        return np.where(self.correction == NO_LABEL, held, self.correction).astype(np.int32)

    def repeated(self, before: NDArray[np.int32]) -> int:
        """Labels that changed nothing because another was there before them."""
        accepted = (before == NO_LABEL) & ~self.first_supersedes
        return int((self.seen - self.corrections - accepted).sum())

    def corrected(self, before: NDArray[np.int32]) -> int:
        """Labels that took another back."""
        accepted = (before == NO_LABEL) & self.first_supersedes
        return int((self.corrections - accepted).sum())


def by_event(keys: Keys, labels: NDArray[np.int32], supersedes: NDArray[np.bool_]) -> Labels:
    """Put the labels (codes, none of them -1) of one batch together by event, keys ascending."""
    unique, first, inverse, seen = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    correction = np.full(len(unique), NO_LABEL, dtype=np.int32)
    superseding = np.flatnonzero(supersedes)
    correction[inverse[superseding]] = labels[superseding]  # of several the last one stays
    return Labels(
        unique,
        labels[first].astype(np.int32),
        supersedes[first],
        correction,
        seen,
        np.bincount(inverse[superseding], minlength=len(unique)),
    )
