"""How the counts of features lie side by side, and what is read from them.

A feature that has pieces is counted by these; its fine bins are sums of pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.ragged import Ragged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.drift.yardstick import Yardstick

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Inside:
    """Where the rows of K windows lie in the pieces of all features that have some.

    ``rows`` are their counts, ``moved`` the sums of (value - mean) / sd over them, where the mean
    is that of the reference's rows in the piece; both have shape (K, features, P), where P is the
    largest number of pieces and the rest is filled up with zeros.
    """

    rows: Floats
    moved: Floats


class Layout:
    """Cells (pieces or fine bins, then the tail) of F features; immutable.

    ``within`` says where each feature's pieces are in arrays of the ``pieces`` of all of them.
    """

    def __init__(self, yardsticks: Sequence[Yardstick]) -> None:
        cut = [0 if y.pieces is None else len(y.pieces.mean) for y in yardsticks]
        self.cells = Ragged(
            tuple((n or len(y.fine)) + len(y.tail) for n, y in zip(cut, yardsticks, strict=True))
        )
        ends = list(accumulate(cut))
        self.within = [slice(end - n, end) for n, end in zip(cut, ends, strict=True)]
        self.pieces = ends[-1] if ends else 0
        starts = self.cells.starts
        known = [y.pieces for y in yardsticks if y.pieces is not None]
        # Of every piece its cell and its place among all pieces; behind the last one is a zero.
        self._cells_at = _table(cut, starts, len(self.cells.owner))
        self._places_at = _table(cut, [part.start for part in self.within], self.pieces)
        self._origin = _filled([p.origin for p in known])
        self._step = _filled([p.step / p.bins.sd for p in known])
        self._bins_at = _joined([s + _bins(y) for s, y in zip(starts, yardsticks, strict=True)])

    def folded(self, counts: Floats) -> Floats:
        """Counts of fine bins and tails from counts of cells, (K, cells) to (K, bins)."""
        folded: Floats = np.add.reduceat(counts, self._bins_at, axis=-1)
        return folded

    def inside(self, counts: Floats, places: Floats) -> Inside:
        """From counts of cells, shape (K, cells), and sums of places, shape (K, pieces)."""
        rows = _padded(counts)[:, self._cells_at]
        moved = _padded(places)[:, self._places_at]
        moved -= self._origin * rows
        moved *= self._step
        return Inside(rows, moved)


def _bins(yardstick: Yardstick) -> NDArray[np.intp]:
    """The first cell of each fine bin and of each bin of the tail."""
    pieces, bins = yardstick.pieces, len(yardstick.fine)
    if pieces is None:
        return np.arange(bins + len(yardstick.tail))
    return np.append(pieces.starts, len(pieces.mean) + np.arange(len(yardstick.tail)))


def _table(
    sizes: Sequence[int], starts: Sequence[int] | NDArray[np.intp], beyond: int
) -> NDArray[np.intp]:
    """Indices of every feature's pieces, a row each, filled up with ``beyond``."""
    place = np.arange(max(sizes, default=0))
    rows = [np.where(place < n, s + place, beyond) for n, s in zip(sizes, starts, strict=True) if n]
    return np.array(rows, dtype=np.intp).reshape(len(rows), len(place))


def _filled(features: Sequence[Floats]) -> Floats:
    longest = max(map(len, features), default=0)
    rows = [np.pad(each, (0, longest - len(each))) for each in features]
    return np.array(rows).reshape(len(rows), longest)


def _padded(sums: Floats) -> Floats:
    return np.concatenate([sums, np.zeros((len(sums), 1))], axis=1)


def _joined(parts: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    return np.concatenate([np.empty(0, dtype=np.intp), *parts])
