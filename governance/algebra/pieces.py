"""Where in its bin a row lies: fine bins cut into pieces, and places within them as small integers.

A distance between two distribution functions needs more than counts: a row in a wide bin may lie at
either end of it. So the widest fine bins are split further, and rows beyond the reference's ends
have pieces of their own; of every piece a window keeps, beside the count, the sum of its rows'
places. A place is the distance from the mean of the reference's rows in the piece, in steps of 1/16
of its width, so that the sums of usual traffic lie around zero and fit into a byte; pieces that
are empty in usual traffic have finer ones.

Rounding to whole steps would move all rows alike if values lie on a lattice that has been shifted.
Each piece therefore rounds around an origin of its own (multiples of the golden ratio), and what it
adds is taken off again: errors cancel over the pieces.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.algebra.bins import NumericBins
from governance.algebra.cells import number_of_text
from governance.algebra.sums import (
    MAX_WEIGHT,
    SQUARED_WEIGHT_SCALE,
    WEIGHT_SCALE,
    weighted_counts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

PLACE_SCALE = SQUARED_WEIGHT_SCALE  # sums of places are int64 multiples of 1 / PLACE_SCALE
SPLITS = 28  # of the widest bins
STEPS = 16  # in a piece
EMPTY_STEPS = 1_024  # in a piece that no row of the reference lies in; per sd in the open ones
FARTHEST = 2.0**20  # steps; a row that lies farther out, 1,024 sd, counts as this far
ORDINARY = 1e-100, 1e100  # sizes of which squares and quotients stay real
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Pieces:
    """P pieces of the real line, cut at P - 1 edges, the first and the last without an end.

    ``bins`` counts into pieces as into bins. ``rows`` are the reference's, ``mean`` is theirs, the
    middle of a piece that has none. ``starts`` names the first piece of every fine bin.
    """

    bins: NumericBins
    rows: Integers  # (P,)
    mean: Floats  # (P,)
    starts: NDArray[np.intp]  # (E + 1,)
    step: Floats = field(init=False, repr=False, compare=False)  # (P,); 0 where all rows are equal
    origin: Floats = field(init=False, repr=False, compare=False)  # (P,), in steps
    # The same behind which missing and non-finite numbers have a place: 0.
    _mean: Floats = field(init=False, repr=False, compare=False)
    _per_step: Floats = field(init=False, repr=False, compare=False)
    _origin: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        edges, sd = self.bins.edges, self.bins.sd
        width = np.concatenate([[sd], np.diff(edges), [sd]])
        step = width / np.where(self.rows > 0, STEPS, EMPTY_STEPS)
        # Steps too small for a quotient: the rows of such a piece are equal but for rounding.
        object.__setattr__(self, "step", np.where(step > sd * 1e-12, step, 0.0))
        origin = np.arange(len(step)) * _GOLDEN % 1 - 0.5
        object.__setattr__(self, "origin", np.where(self.step > 0, origin, 0.0))
        per_step = np.where(self.step > 0, 1 / np.where(self.step > 0, self.step, 1.0), 0.0)
        for name, of_pieces in (
            ("_mean", self.mean),
            ("_per_step", per_step),
            ("_origin", self.origin),
        ):
            object.__setattr__(self, name, np.append(of_pieces, [0.0, 0.0]))

    def count(
        self,
        values: NDArray[Any],
        dictionary: Sequence[str] | None = None,
        weight: Floats | None = None,
    ) -> tuple[Integers, Integers]:
        """Sums of weights per piece, then missing, then non-finite; sums of places per piece.

        The first have shape (P + 2,) and scale ``WEIGHT_SCALE``, the second (P,) and scale
        ``PLACE_SCALE``. Parameters and errors are those of ``NumericBins.count``.
        """
        if dictionary is not None:
            return self._count_entries(values, dictionary, weight)
        return self.sums(*self.coded(values), weight)

    def coded(self, values: NDArray[Any]) -> tuple[NDArray[np.integer[Any]], Floats]:
        """Piece and place of each number, shape (n,): P is missing, P + 1 non-finite."""
        numbers = np.asarray(values, dtype=np.float64)
        codes = self.bins.codes(numbers)
        return codes, self._places(numbers, codes)

    def sums(
        self, codes: NDArray[np.integer[Any]], places: Floats, weight: Floats | None
    ) -> tuple[Integers, Integers]:
        """As ``count``, of numbers that are coded."""
        return weighted_counts(codes, self.bins.size, weight), self._sums(codes, places, weight)

    def _count_entries(
        self, values: NDArray[Any], dictionary: Sequence[str], weight: Floats | None
    ) -> tuple[Integers, Integers]:
        counts = self.bins.count(values, dictionary, weight)
        numbers = np.array([number_of_text(text) for text in dictionary], dtype=np.float64)
        codes, place = self.coded(numbers)
        places = place.astype(np.int64)
        of_entry = weighted_counts(values, len(dictionary), weight)
        sums = np.zeros(self.bins.size, dtype=np.int64)
        np.add.at(sums, codes, places * (of_entry // (WEIGHT_SCALE // PLACE_SCALE)))
        return counts, sums[:-2]

    def _places(self, numbers: Floats, codes: NDArray[np.integer[Any]]) -> Floats:
        """The place of every row, a whole number; 0 for missing and non-finite ones."""
        with np.errstate(over="ignore", invalid="ignore"):
            place = numbers - self._mean.take(codes, mode="clip")
            place *= self._per_step.take(codes, mode="clip")
        place += self._origin.take(codes, mode="clip")
        np.rint(place, out=place)
        if not np.isfinite(numbers).all():
            place[codes >= len(self.mean)] = 0.0
        return np.asarray(np.clip(place, -FARTHEST, FARTHEST, out=place))

    def _sums(
        self, codes: NDArray[np.integer[Any]], places: Floats, weight: Floats | None
    ) -> Integers:
        size = self.bins.size
        if weight is None:
            sums = np.bincount(codes, weights=places, minlength=size)
            return sums[:-2].astype(np.int64) * PLACE_SCALE
        fixed = np.rint(np.minimum(weight, MAX_WEIGHT) * PLACE_SCALE)
        added = np.zeros(size, dtype=np.int64)  # in integers: a float sum could round
        np.add.at(added, codes, (fixed * places).astype(np.int64))
        return added[:-2]


def make_pieces(values: Floats, bins: NumericBins) -> Pieces | None:
    """The pieces of a reference column; None where it is constant or out of ordinary sizes.

    ``values`` has shape (n,); missing and non-finite ones have no part in it. Cost: one sort.
    """
    ordered = np.sort(values[np.isfinite(values)])
    if not _is_ordinary(bins):
        return None
    first = np.nextafter(bins.minimum, -np.inf)
    edges = _split(np.unique(np.concatenate([bins.edges, [first, bins.maximum]])), ordered)
    ends = np.searchsorted(ordered, edges, side="right")
    rows = np.diff(ends, prepend=0, append=len(ordered))
    total = np.add.reduceat(np.append(ordered, 0.0), np.append(0, ends))
    bounds = np.concatenate([[edges[0]], edges, [edges[-1]]])
    middle = bounds[:-1] + (bounds[1:] - bounds[:-1]) / 2
    mean = np.where(rows > 0, total / np.maximum(rows, 1), middle)
    mean = np.clip(mean, bounds[:-1], bounds[1:])
    return fit_pieces(bins, edges, rows, mean)


def fit_pieces(bins: NumericBins, edges: Floats, rows: Integers, mean: Floats) -> Pieces:
    """Pieces of ``bins`` that are cut at ``edges``, which hold all of theirs."""
    cut = NumericBins(edges, bins.minimum, bins.maximum, bins.sd)
    starts = np.append(0, np.searchsorted(edges, bins.edges) + 1)
    return Pieces(cut, rows.astype(np.int64), mean, starts)


def _is_ordinary(bins: NumericBins) -> bool:
    low, high = ORDINARY
    farthest = max(abs(bins.minimum), abs(bins.maximum))
    return low < bins.sd < high and farthest < high and bins.sd > farthest * 1e-9


def _split(edges: Floats, ordered: Floats) -> Floats:
    """Halve the piece that costs most, again and again.

    Within a piece the gap between two samples wanders by about the root of its rows, over its
    width: the product is what it costs not to see inside.
    """

    def costing(low: float, high: float) -> tuple[float, float, float]:
        rows = np.subtract(*np.searchsorted(ordered, [high, low], side="right"))
        return -(high - low) * float(rows) ** 0.5, low, high

    costs = [costing(low, high) for low, high in pairwise(edges.tolist())]
    heapq.heapify(costs)
    found = []
    for _ in range(SPLITS):
        cost, low, high = costs[0]
        middle = low + (high - low) / 2
        if cost == 0 or not low < middle < high:
            break
        heapq.heapreplace(costs, costing(low, middle))
        heapq.heappush(costs, costing(middle, high))
        found.append(middle)
    return np.unique(np.concatenate([edges, found]))
